"""What the page of a dataset hears of what others do to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from core.datasets.ingest.desk import ImportDesk
from core.datasets.library import Library
from core.datasets.sources.requests import ImportRequest, Links
from core.datasets.tasks import DatasetTasks
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import HOME_SPACE_ID
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from pages.server import dataset_routes
from pages.server.dataset_watch import DATASET_WATCH_ROUTES, dataset_progress_url
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.pages.server.route_visits import fetch


@dataclass(frozen=True)
class WatchServices:
    """The part of the services that the route asks for; no worker is at work."""

    database: Database
    library: Library
    imports: ImportDesk
    dataset_tasks: DatasetTasks
    space_id: int = HOME_SPACE_ID


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchServices]:
    opened = open_database(settings)
    database = opened.of_space(HOME_SPACE_ID)
    library, queue = Library(database), TaskQueue(database, TASK_KINDS)
    supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
    imports = ImportDesk(settings, library, queue, supervisor)
    made = WatchServices(database, library, imports, DatasetTasks(settings, library, queue, supervisor))
    monkeypatch.setattr(dataset_routes, "services_of", lambda _: made)
    yield made
    opened.close()


def ask(dataset_id: object, since: str = "") -> httpx.Response:
    address = f"/{dataset_progress_url(dataset_id)}?since={since}"  # type: ignore[arg-type]
    return fetch(address, DATASET_WATCH_ROUTES, cookie=f"{COOKIE_NAME}={new_secret()}")


def test_what_others_change_is_told(services: WatchServices) -> None:
    """A class, an import that begins, and one that is stopped: each has the page made anew."""
    dataset_id = services.library.datasets.create("Pets", ["cat"]).id
    told = [ask(dataset_id).json()]
    services.library.classes.create(dataset_id, "dog")
    told.append(ask(dataset_id, told[-1]["tag"]).json())
    import_id = services.imports.submit(
        ImportRequest(dataset_id=dataset_id, source=Links(urls=("http://localhost/",)), title="A link")
    )
    told.append(ask(dataset_id, told[-1]["tag"]).json())
    assert [(each["id"], each["title"]) for each in told[-1]["imports"]] == [(import_id, "A link")]
    services.imports.cancel(import_id)
    told.append(ask(dataset_id, told[-1]["tag"]).json())
    assert told[-1]["imports"] == []
    services.library.datasets.delete(dataset_id)
    told.append(ask(dataset_id, told[-1]["tag"]).json())
    assert len({each["state"] for each in told}) == len(told)


@pytest.mark.parametrize("dataset_id", [999, "x", -1, 10**30])
def test_of_no_dataset(services: WatchServices, dataset_id: object) -> None:
    """Nothing is told, whatever stands in the address."""
    assert ask(dataset_id).status_code == 404
