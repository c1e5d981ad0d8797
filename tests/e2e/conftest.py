"""The real app, and a real browser in which every error counts."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from core.settings import Settings
from tests.conftest import SHARED_DIR
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.running_app import RunningApp, copy_cache, running_app

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # which needs rights that containers do not have
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",  # says yes when a page asks for the camera
    "--use-fake-device-for-media-stream",  # a green picture that moves
]
DESKTOP = {"width": 1280, "height": 900}

# Two cores are shared by browser, server and worker.
TIMEOUT_MILLISECONDS = 30_000

StartApp = Callable[[Settings], RunningApp]
OpenPage = Callable[..., ClassifyPage]
# By the number of the visitor in its test, and by the options.
Profiles = dict[tuple[int, str], BrowserContext]

_FORGET_JS = "() => localStorage.clear()"

_PROBES = re.compile(r"://[^/]+/\w+/_stcore/(health|host-config)$")

_has_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember for the fixtures whether the test failed, or could not even begin."""
    report = yield
    item.stash[_has_failed] = item.stash.get(_has_failed, False) or report.failed
    return report


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium as the system has it; of the module, for its event loop must not reach tests elsewhere."""
    paths = [path for path in map(shutil.which, CHROMIUM_NAMES) if path]
    if not paths:
        pytest.skip(f"needs Chromium: none of {', '.join(CHROMIUM_NAMES)} is installed")
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MILLISECONDS)
        browser = playwright.chromium.launch(executable_path=paths[0], args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def keras_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where Keras looks for weights: the shared ones, or an empty folder."""
    shared = SHARED_DIR / "weights" / "keras"
    return {"KERAS_HOME": str(shared if shared.is_dir() else tmp_path_factory.mktemp("keras"))}


@pytest.fixture(scope="module")
def app_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the module's app; modules override it."""
    return Settings(workspace_dir=tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def app(
    chromium: Browser, app_settings: Settings, prepared_cache: Path, keras_environment: dict[str, str]
) -> Iterator[RunningApp]:
    """The app in a workspace of the module's own, its default backbone prepared."""
    copy_cache(prepared_cache, app_settings)
    with running_app(app_settings, environment=keras_environment) as running:
        yield running


@pytest.fixture
def start_app(keras_environment: dict[str, str]) -> Iterator[StartApp]:
    """Starts apps of the test's own."""
    with ExitStack() as running:
        yield lambda settings: running.enter_context(running_app(settings, environment=keras_environment))


@pytest.fixture(scope="module")
def profiles(chromium: Browser) -> Iterator[Profiles]:
    """The module's profiles in the browser, each with the options it was opened with, and with what it has cached."""
    opened: Profiles = {}
    yield opened
    for context in opened.values():
        context.close()


@pytest.fixture
def open_page(
    chromium: Browser,
    profiles: Profiles,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    start_app: StartApp,  # so that pages are closed before their app ends
) -> Iterator[OpenPage]:
    """Opens the classify page of an app as a new visitor; the test fails on any error in the browser.

    Visitors of one test have profiles of their own. The next test's visitor gets one of these with nothing in it but
    the browser's cache of scripts: reading them all again takes longer than most tests.
    """
    opened: dict[tuple[int, str], Page] = {}
    errors: list[str] = []

    def open_app(app: RunningApp, **context_options: Any) -> ClassifyPage:
        key = (len(opened), repr(sorted(context_options.items())))
        if key not in profiles:
            profiles[key] = chromium.new_context(**{"viewport": DESKTOP, **context_options})
            profiles[key].set_default_timeout(TIMEOUT_MILLISECONDS)
        page = opened[key] = profiles[key].new_page()
        page.on("console", lambda message: errors.extend(_console_errors(message)))
        page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
        visited = ClassifyPage(page, app.url)
        visited.open()
        return visited

    yield open_app
    for key, page in opened.items():
        has_failed = request.node.stash.get(_has_failed, False)
        if has_failed:
            picture = tmp_path / f"failed-{key[0]}.png"
            page.screenshot(path=picture)
            print(f"Address {page.url}, picture {picture}")
        if has_failed or page.is_closed():
            profiles.pop(key).close()  # nobody can empty it
        else:
            page.evaluate(_FORGET_JS)
            page.context.clear_cookies()
            page.close()
    assert errors == []


@pytest.fixture
def page(open_page: OpenPage, app: RunningApp) -> ClassifyPage:
    """The classify page of the module's app on a desktop, opened by a new visitor."""
    return open_page(app)


def _console_errors(message: ConsoleMessage) -> list[str]:
    url = message.location.get("url", "")
    # Where a link leads to a page below the root, Streamlit looks for its server below that page first.
    if message.type != "error" or _PROBES.search(url):
        return []
    return [f"{message.text} ({url})"]
