"""The server itself, started as the README says."""

import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.config import get_config_options

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.settings import Settings
from pages.server.headers import SECURITY_HEADERS
from tests.conftest import PROJECT_DIR
from tests.e2e.running_app import running_app


@pytest.fixture
def url(prepared_settings: Settings) -> Iterator[str]:
    """Address of a server."""
    with running_app(prepared_settings) as app:
        yield app.url


def test_the_default_network_is_prepared_before_anybody_visits(first_workspace: Path, lite0: Backbone):
    """Starting the server is enough: the first visitor finds the network ready; libraries write into the workspace,
    where there is no home folder."""
    load_artefact(lite0, Settings(workspace_dir=first_workspace))
    assert (first_workspace / "home" / ".keras" / "keras.json").is_file()
    assert not (first_workspace.parent / "missing").exists()


def test_every_answer_carries_the_security_headers(url: str):
    """No other site can frame the app, and files are never taken for something else."""
    for path in ("/", "/_stcore/health", "/no-such-page"):
        with urllib.request.urlopen(url + path, timeout=60) as response:
            assert all(response.headers[name] == value for name, value in SECURITY_HEADERS.items())


def test_nobody_waits_while_all_objects_are_looked_at():
    """Streamlit would do so after each run of a page, and know the setting by this name."""
    settings = tomllib.loads((PROJECT_DIR / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
    assert "runner.postScriptGC" in get_config_options()


def test_nobody_waits_while_a_traceback_is_drawn():
    """Streamlit would do so in colours and frames wherever a page fails, and know the setting by this name."""
    settings = tomllib.loads((PROJECT_DIR / ".streamlit" / "config.toml").read_text())
    assert settings["logger"]["enableRich"] is False
    assert "logger.enableRich" in get_config_options()
