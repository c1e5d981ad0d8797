"""Pages run through `streamlit_app.py`, in a workspace of the test's own."""

import functools
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.components.v2.manifest_scanner import scan_component_manifests
from streamlit.runtime.context import ContextProxy
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core.environment import to_environment
from core.jobs.supervisor import Supervisor
from core.services import Services
from core.settings import Settings
from pages.server.services import close_services, whole_services
from pages.server.visitor import COOKIE_NAME
from tests.conftest import PROJECT_DIR

# The first run of a page opens the database and loads the network.
RUN_TIMEOUT_SECONDS = 300

PAGE_ADDRESSES = {
    "networks": "backbones",
    "board": "class",
}  # by folder; those of the others are called like their folders
VISITOR_SECRET = "test.visitor.secret"

OpenServices = Callable[[str], Services]


@pytest.fixture(autouse=True)
def _hashing_quickly(quick_hashes: None) -> None:
    """Classes are held by the dozen here."""


@pytest.fixture(scope="session", autouse=True)
def through_entry_point() -> Iterator[None]:
    """Other pages, too, run through `streamlit_app.py`, as they do in a server.

    A test takes an app with a folder `pages` for one of the old kind, before each run, and would run the file of the
    page that `switch_page` names alone. A server does so at most until the app has called `st.navigation` once. Nor
    does it know before the first run at which address a file is, and takes the file's name for it.
    """

    def page_hash(_: AppTest, path: str) -> str:
        folder = Path(path).parent.name
        return calc_hash(PAGE_ADDRESSES.get(folder, folder))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script_runner, "_mpa_v1", lambda path: runpy.run_path(path, run_name="__main__"))
        patch.setattr(AppTest, "_resolve_page_hash", page_hash)
        yield


@pytest.fixture(scope="session", autouse=True)
def installed_components() -> Iterator[None]:
    """What is installed does not change meanwhile; a server looks through it once, a test before each run of a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def without_keras() -> Iterator[None]:
    """Streamlit clears Keras and has all objects looked at after each run of a page, wherever Keras is loaded: in these
    processes for other tests' sake, in a server never."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script_runner, "_clean_problem_modules", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def cookies() -> Iterator[None]:
    """A test has no browser that keeps cookies: a visitor's secret stands in the state of the session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ContextProxy, "cookies", property(lambda _: {COOKIE_NAME: st.session_state.get(VISITOR_SECRET, "")})
        )
        yield


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Settings], AppTest]]:
    """A function that opens the app with given settings, as a new visitor or as one with a secret."""

    def open_with(settings: Settings, *, secret: str = "", **query: str) -> AppTest:
        for name, value in to_environment(settings).items():
            monkeypatch.setenv(name, value)
        app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
        app.session_state[VISITOR_SECRET] = secret
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    yield open_with
    close_services()


@pytest.fixture
def open_with(settings: Settings, no_workers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenServices]:
    """Opens the services with a kind of access, such as "class", for routes that are asked without a server."""

    def open_one(access: str) -> Services:
        for name, value in to_environment(replace(settings, access=access)).items():
            monkeypatch.setenv(name, value)
        return whole_services()

    yield open_one
    close_services()


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the app asks its workers for waits until the test does it: a real one takes half a minute to prepare."""
    monkeypatch.setattr(Supervisor, "start", lambda _: None)


@pytest.fixture
def without_keras_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras' own cache is empty, whatever this machine holds."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
