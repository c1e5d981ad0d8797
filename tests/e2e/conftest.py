"""The real app, and a real browser in which every error counts.

One browser, one app and one web server serve all tests of a process: starting them takes longer than most tests. So
each test works on datasets of its own, which have names of their own, and a test that restarts the app, or needs it in
another state, starts one for itself.
"""

import re
import shutil
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from core.backbones.catalog import Backbone
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.settings import Settings
from tests.conftest import SHARED_DIR, link_backbones
from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS, ClassifyPage
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.photos import as_jpeg, sample
from tests.e2e.running_app import RunningApp, running_app
from tests.file_server import FileServer
from tests.loopback_server import LoopbackServer

# The first is Chromium without windows, bars and extensions: the same pages take a third less of the processor.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
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

TIMEOUT_MILLISECONDS = 1000 * PAGE_TIMEOUT_SECONDS

# Long enough for a photo of this machine, and one test waits for it to end.
LINK_TIMEOUT_SECONDS = 2.0
SERVER_FOLDER_CLASSES = {"cat": "Cat", "coffee": "Coffee"}

StartApp = Callable[[Settings], RunningApp]
OpenTab = Callable[..., Page]
OpenPage = Callable[..., ClassifyPage]
OpenDataset = Callable[..., DatasetPage]
# By the number of the visitor in its test, and by the options.
Profiles = dict[tuple[int, str], BrowserContext]
Listener = Callable[[Any], None]

_FORGET_JS = """() => {
  localStorage.clear();
  sessionStorage.clear();
  window.name = "";
}"""

# Where a link leads to a page below the root, Streamlit looks for its server below that page first.
_PROBES = re.compile(r"://[^/]+/(?!photos/_stcore/)(\w+/)+_stcore/(health|host-config)$")

_has_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember for the fixtures whether the test failed, or could not even begin."""
    report = yield
    item.stash[_has_failed] = item.stash.get(_has_failed, False) or report.failed
    return report


# What all tests share


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Chromium as the system has it; of the package, for its event loop must not reach tests elsewhere."""
    paths = [path for path in map(shutil.which, CHROMIUM_NAMES) if path]
    if not paths:
        pytest.skip(f"needs Chromium: none of {', '.join(CHROMIUM_NAMES)} is installed")
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MILLISECONDS)
        browser = playwright.chromium.launch(executable_path=paths[0], args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def profiles(chromium: Browser) -> Iterator[Profiles]:
    """Profiles in the browser, each with the options it was opened with, and with what it has cached."""
    opened: Profiles = {}
    yield opened
    for context in opened.values():
        context.close()


@pytest.fixture(scope="session")
def keras_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where Keras looks for weights: the shared ones, or an empty folder."""
    shared = SHARED_DIR / "weights" / "keras"
    return {"KERAS_HOME": str(shared if shared.is_dir() else tmp_path_factory.mktemp("keras"))}


@pytest.fixture(scope="package")
def photo_server() -> Iterator[LoopbackServer]:
    """A web server that misbehaves on request; its photo is a cat."""
    with LoopbackServer() as running:
        running.photo = as_jpeg(sample("Cat"))
        yield running


@pytest.fixture(scope="package")
def dead_host() -> Iterator[str]:
    """A host and port where nobody listens, kept from others."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{reserved.getsockname()[1]}"


@pytest.fixture(scope="package")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the app may import, with a folder per class, of one photo each."""
    root = tmp_path_factory.mktemp("server") / "home"
    for name, title in SERVER_FOLDER_CLASSES.items():
        (root / name).mkdir(parents=True)
        (root / name / f"{name}.jpg").write_bytes(as_jpeg(sample(title)))
    return root


@pytest.fixture(scope="package")
def web(tmp_path_factory: pytest.TempPathFactory, server_folder: Path) -> Iterator[FileServer]:
    """A web server with one photo, and with the folder as a zip."""
    offered = tmp_path_factory.mktemp("web")
    shutil.copy(server_folder / "cat" / "cat.jpg", offered)
    with zipfile.ZipFile(offered / "home.zip", "w") as archive:
        for path in server_folder.rglob("*.jpg"):
            archive.write(path, path.relative_to(server_folder))
    with FileServer(offered) as running:
        yield running


@pytest.fixture(scope="package")
def app_settings(
    tmp_path_factory: pytest.TempPathFactory,
    prepared_cache: Path,
    photo_server: LoopbackServer,
    dead_host: str,
    server_folder: Path,
    web: FileServer,
) -> Settings:
    """Settings of the app that all tests share; the default backbone is prepared in its workspace."""
    settings = Settings(
        workspace_dir=tmp_path_factory.mktemp("workspace"),
        link_timeout_seconds=LINK_TIMEOUT_SECONDS,
        link_allowed_private_hosts=(photo_server.host_and_port, dead_host, web.url.removeprefix("http://")),
        import_dirs=(str(server_folder.parent),),
        inference_threads=1,  # so that a batch takes long enough to be interrupted
        package_after_training=False,  # which takes longer than all trainings here; one test asks for the files
    )
    link_backbones(prepared_cache, settings)
    return settings


@pytest.fixture(scope="package")
def app(chromium: Browser, app_settings: Settings, keras_environment: dict[str, str]) -> Iterator[RunningApp]:
    """The app that all tests share."""
    with running_app(app_settings, environment=keras_environment) as running:
        yield running


@pytest.fixture(scope="package")
def default_classifier(app_settings: Settings, lite0: Backbone) -> Classifier:
    """The default backbone, loaded in the test's own process."""
    return ClassifierCache(app_settings).get(lite0)


# What each test has for itself


@pytest.fixture
def start_app(keras_environment: dict[str, str]) -> Iterator[StartApp]:
    """Starts apps of the test's own."""
    with ExitStack() as running:
        yield lambda settings: running.enter_context(running_app(settings, environment=keras_environment))


@pytest.fixture
def open_tab(
    chromium: Browser,
    profiles: Profiles,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    start_app: StartApp,  # so that pages are closed before their app ends
) -> Iterator[OpenTab]:
    """Opens an empty tab for a new visitor; the test fails on any error in the browser.

    In a tab that `may_fail`, for the test has requests fail, only uncaught errors count. One that `is_altered`, for the
    test does something to it that stays (it comes between page and WebSocket, or slows the network), is closed
    afterwards. Size, colour scheme and routes of requests are put back for every test.

    Visitors of one test have profiles of their own. The next test's visitor gets one of these, and the tab in it, with
    nothing left but what the browser has read of scripts: reading them all again takes longer than most tests.
    """
    opened: dict[tuple[int, str], Page] = {}
    altered: set[tuple[int, str]] = set()
    listening: list[tuple[Page, Any, Listener]] = []
    errors: list[str] = []

    def listen(page: Page, event: Any, listener: Listener) -> None:
        page.on(event, listener)
        listening.append((page, event, listener))

    def open_one(*, may_fail: bool = False, is_altered: bool = False, **context_options: Any) -> Page:
        key = (len(opened), repr(sorted(context_options.items())))
        if key not in profiles:
            profiles[key] = chromium.new_context(**{"viewport": DESKTOP, **context_options})
            profiles[key].set_default_timeout(TIMEOUT_MILLISECONDS)
        page = opened[key] = next(iter(profiles[key].pages), None) or profiles[key].new_page()
        page.set_viewport_size(context_options.get("viewport", DESKTOP))
        page.emulate_media(color_scheme="light")
        if is_altered:
            altered.add(key)
        if not may_fail:
            listen(page, "console", lambda message: errors.extend(_console_errors(message)))
        listen(page, "pageerror", lambda error: errors.append(f"uncaught: {error}"))
        return page

    yield open_one
    for key, page in opened.items():
        has_failed = request.node.stash.get(_has_failed, False)
        if has_failed and not page.is_closed():
            picture = tmp_path / f"failed-{key[0]}.png"
            page.screenshot(path=picture)
            print(f"Address {page.url}, picture {picture}")
        if has_failed or page.is_closed():
            profiles.pop(key).close()  # nobody can empty it
        else:
            page.evaluate(_FORGET_JS)
            page.unroute_all()
            page.goto("about:blank")  # before its cookies are gone: it asks for what is new all the time
            page.context.clear_cookies()
            if key in altered:
                page.close()
    for page, event, listener in listening:
        page.remove_listener(event, listener)
    assert errors == []


@pytest.fixture
def open_page(open_tab: OpenTab) -> OpenPage:
    """Opens the classify page of an app as a new visitor."""

    def open_app(app: RunningApp, **options: Any) -> ClassifyPage:
        visited = ClassifyPage(open_tab(**options), app.url)
        visited.open()
        return visited

    return open_app


@pytest.fixture
def page(open_page: OpenPage, app: RunningApp) -> ClassifyPage:
    """The classify page of the shared app on a desktop, opened by a new visitor."""
    return open_page(app)


@pytest.fixture
def open_dataset(open_tab: OpenTab, app: RunningApp) -> OpenDataset:
    """Opens the dataset page of the shared app as a new visitor: with a dataset, or before one is chosen."""

    def open_one(dataset_id: int | None = None, **options: Any) -> DatasetPage:
        dataset = DatasetPage(ClassifyPage(open_tab(**options), app.url))
        dataset.visit(dataset_id)
        return dataset

    return open_one


def _console_errors(message: ConsoleMessage) -> list[str]:
    url = message.location.get("url", "")
    if message.type != "error" or _PROBES.search(url):
        return []
    return [f"{message.text} ({url})"]
