"""The train page, opened beside a worker that only pretends to train."""

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.environment import to_environment
from core.settings import Settings
from pages.server.services import close_services, get_services
from tests.conftest import PROJECT_DIR
from tests.pages.conftest import RUN_TIMEOUT_SECONDS
from tests.pages.train.pretend_training import PretendWorker, make_birds

Visit = Callable[..., AppTest]

PAGE = "pages/train/page.py"


@pytest.fixture
def worker(prepared_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendWorker]:
    """The services of an app whose default network is prepared and whose own workers have gone home."""
    close_services()
    for name, value in to_environment(prepared_settings).items():
        monkeypatch.setenv(name, value)
    services = get_services()
    services.supervisor.stop()
    yield PretendWorker(services)
    close_services()


@pytest.fixture
def birds(worker: PretendWorker) -> int:
    """Forty photos of two birds, none of them in a split."""
    return make_birds(worker.services.library)


@pytest.fixture
def visit(worker: PretendWorker) -> Visit:
    """A function that opens the page as a new visitor, with a run in the address if one is given."""

    def open_page(run: int | str | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
        if run is not None:
            app.query_params["run"] = str(run)
        for name, value in query.items():
            app.query_params[name] = value
        app.switch_page(PAGE).run()
        assert not app.exception, app.exception
        return app

    return open_page
