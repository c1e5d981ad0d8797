"""How trainings are told to whoever watches them, with a real database and a worker that only pretends to train."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from core.datasets.library import Library
from core.export.desk import EXPORT_MODEL_KIND, queue_export
from core.export.formats import find_format
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.recipes import RECIPES
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.desk import EXAMINE_KIND, RunDesk
from core.runs.library import RunLibrary
from core.runs.reader import RunReader
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import HOME_SPACE_ID
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from pages.server import run_routes, watching
from pages.server.run_routes import RUN_ROUTES, examination_url, export_progress_url, race_url, run_url, runs_url
from pages.server.visitor import COOKIE_NAME, new_secret
from pages.server.watching import WatchDesk
from tests.pages.train.pretend_training import PretendWorker, make_birds
from tests.statements import noted_statements

NBSP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class RunServices:
    """The part of the services that the routes ask for."""

    settings: Settings
    database: Database
    queue: TaskQueue
    library: Library
    runs: RunLibrary
    run_desk: RunDesk
    run_reader: RunReader
    space_id: int = HOME_SPACE_ID


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunServices]:
    database = open_database(settings)
    queue, runs = TaskQueue(database, TASK_KINDS), RunLibrary(database)
    supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)  # never started: the test is the worker
    opened = RunServices(
        settings=settings,
        database=database,
        queue=queue,
        library=Library(database),
        runs=runs,
        run_desk=RunDesk(runs, queue, supervisor, settings),
        run_reader=RunReader(runs, queue, database, settings),
    )
    monkeypatch.setattr(run_routes, "services_of", lambda _: opened)
    monkeypatch.setattr(run_routes, "_desk", WatchDesk())
    yield opened
    database.close()


@pytest.fixture
def worker(services: RunServices) -> PretendWorker:
    return PretendWorker(services)  # type: ignore[arg-type]  # it asks for no more of the services


@pytest.fixture
def birds(services: RunServices) -> int:
    return make_birds(services.library)


def submit(services: RunServices, dataset_id: int, **values: str) -> int:
    """A run as the page begins it."""
    config = RECIPES["quick"].config(NO_SNAPSHOT, backbone="EfficientNetLite0", num_layers=141)
    request = RunRequest(dataset_id=dataset_id, config=config, recipe="quick", **values)
    (view,) = begin_runs(services.database, services.run_desk, [request])  # type: ignore[arg-type]
    return view.id


@pytest.fixture
def run_id(services: RunServices, worker: PretendWorker, birds: int) -> int:
    """A run that has told of two epochs."""
    number = submit(services, birds)
    worker.begin()
    worker.report(number, 0.25, "Training the last layers, epoch 3 of 30")
    worker.train(number, 1, 2)
    return number


def visit(ask: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    """What somebody gets who asks the routes."""

    async def run() -> Any:
        transport = httpx.ASGITransport(Starlette(routes=RUN_ROUTES))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await ask(client)

    return asyncio.run(run())


async def get(client: httpx.AsyncClient, url: str, since: str = "") -> httpx.Response:
    headers = {"Cookie": f"{COOKIE_NAME}={new_secret()}"}
    return await client.get(f"/{url}", params={"since": since}, headers=headers)


def ask(url: str, since: str = "") -> httpx.Response:
    return visit(lambda client: get(client, url, since))


def test_what_a_training_tells(run_id: int, services: RunServices, worker: PretendWorker) -> None:
    """What the page draws: the curves, the step, how far it is, photos, remarks."""
    worker.show_photo(run_id, 2, is_right=True)
    worker.note(run_id, "Out of memory: batches of 16 <b>photos</b> now.", is_warning=True)
    answer = ask(run_url(run_id))
    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (told["state"], told["title"], told["term"]) == ("running", "Training the new last layers", "head phase")
    assert (told["epoch"], told["num_epochs"], told["fraction"]) == (3, 30, 0.25)
    assert told["chart"]["epochs"] == [1, 2]
    assert told["summary"].startswith("Epoch 2 of 30: training accuracy 90.0 %")
    assert told["text"].startswith("Training the last layers, epoch 3 of 30 · about")
    assert "321 photos per second" in told["facts"]
    assert [card["verdict"] for card in told["photos"]["cards"]] == ["✓ right"]
    assert told["notes"] == [{"text": "Out of memory: batches of 16 <b>photos</b> now.", "is_warning": True}]


def test_the_next_epoch_is_told_to_all_who_wait(run_id: int, services: RunServices, worker: PretendWorker) -> None:
    """Thirty people cost the database what one costs."""
    since = ask(run_url(run_id)).json()["tag"]

    async def watch(client: httpx.AsyncClient, num_watchers: int) -> list[dict[str, Any]]:
        waiting = [asyncio.create_task(get(client, run_url(run_id), since)) for _ in range(num_watchers)]
        return [answer.json() for answer in await asyncio.gather(*waiting)]

    counts = []
    for num_watchers, epoch in ((1, 3), (30, 4)):
        worker.train(run_id, epoch)
        run_routes._desk = WatchDesk()  # nothing is known from before
        with noted_statements(services.database) as statements:
            told = visit(lambda client, number=num_watchers: watch(client, number))
        assert {each["epoch"] for each in told} == {epoch + 1}
        counts.append(len([sql for sql in statements if sql.startswith("SELECT")]))
    assert counts[1] == counts[0] <= 3
    assert len({each["tag"] for each in told} | {since}) == 2


def test_who_knows_all_hears_of_the_end(run_id: int, worker: PretendWorker) -> None:
    """The state is another one, with which the page is made anew."""
    since = ask(run_url(run_id)).json()["tag"]

    async def watch(client: httpx.AsyncClient) -> httpx.Response:
        waiting = asyncio.create_task(get(client, run_url(run_id), since))
        await asyncio.sleep(0)
        worker.finish(run_id, validation=(5, 6))
        return await waiting

    told = visit(watch).json()
    assert (told["state"], told["text"]) == ("done", "")


def test_nothing_new(run_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while that is said without a body, and asked again."""
    since = ask(run_url(run_id)).json()["tag"]
    monkeypatch.setattr(watching, "WAIT_SECONDS", 0.02)
    answer = ask(run_url(run_id), since)
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_run_that_waits(run_id: int, services: RunServices, birds: int) -> None:
    """Where it stands in the queue; there is nothing to draw yet."""
    told = ask(run_url(submit(services, birds))).json()
    assert (told["state"], told["chart"], told["text"]) == ("queued", None, "Waiting for its turn. You are next")


def test_a_run_that_is_stopped(run_id: int, services: RunServices) -> None:
    """Everybody sees it, whoever pressed the button; discarding it is another thing than stopping it."""
    services.run_desk.stop(run_id)
    told = ask(run_url(run_id)).json()
    assert (told["state"], told["text"]) == ("stopping", "Stopping: the best epoch so far is kept …")
    services.run_desk.cancel(run_id)
    run_routes._desk = WatchDesk()
    told = ask(run_url(run_id)).json()
    assert (told["state"], told["text"]) == ("stopping-discarding", "Discarding it …")


def test_a_run_that_is_packaged(run_id: int, services: RunServices, worker: PretendWorker) -> None:
    """Its files are on their way, which the same bar shows."""
    worker.finish(run_id, validation=(5, 6))
    task_id = worker.begin_packaging(run_id)
    payload = {"fraction": 0.5, "message": "Keras"}
    services.queue.append_event(task_id, "pretender", kind="progress", payload=payload)
    told = ask(run_url(run_id)).json()
    assert (told["state"], told["fraction"]) == ("done-packaging", 0.5)
    assert told["text"].startswith("Packaging: Keras · about")


@pytest.mark.parametrize("number", [99, 2**63, 10**300], ids=["none", "too large", "enormous"])
def test_a_run_that_is_not_there(services: RunServices, number: int) -> None:
    """Typed addresses end in a sentence."""
    answer = ask(run_url(number))
    assert answer.status_code == 404
    assert "No run has" in answer.json()["error"]


def test_a_run_that_is_deleted_while_somebody_watches(
    run_id: int, services: RunServices, worker: PretendWorker
) -> None:
    """Whoever waits is told; so is whoever asks for one in the trash."""
    worker.finish(run_id, validation=(5, 6))
    since = ask(run_url(run_id)).json()["tag"]

    async def watch(client: httpx.AsyncClient) -> httpx.Response:
        waiting = asyncio.create_task(get(client, run_url(run_id), since))
        await asyncio.sleep(0)
        services.runs.trash(run_id)
        return await waiting

    answer = visit(watch)
    assert answer.status_code == 404
    assert "was deleted" in answer.json()["error"]
    services.run_desk.purge(run_id)
    assert ask(run_url(run_id)).status_code == 404


def test_a_race(services: RunServices, worker: PretendWorker, birds: int) -> None:
    """The table as the page shows it: the best first, the others with how far they are."""
    first, second = (submit(services, birds, race="r1") for _ in range(2))
    worker.begin()
    worker.report(first, 0.5, "Half of it")
    told = ask(race_url("r1")).json()
    assert (told["fraction"], told["text"], told["caption"]) == (0.0, "0 of 2 have arrived", "2 networks")
    assert [row[2] for row in told["rows"]] == ["training, 50 % · about a second left", "waiting, next"]
    worker.finish(first, validation=(4, 6))
    worker.begin()
    worker.finish(second, validation=(6, 6))
    run_routes._desk = WatchDesk()
    done = ask(race_url("r1")).json()
    assert done["fraction"] is None
    assert [row[0] for row in done["rows"]] == ["1", "2"]
    assert done["rows"][0][1] == services.runs.get_run(second).name
    assert done["state"] != told["state"]
    assert ask(race_url("nobody")).status_code == 404


def test_the_list_of_runs(run_id: int, services: RunServices, worker: PretendWorker, birds: int) -> None:
    """Each with how it stands, with what it got to so far; what has ended is told as well."""
    told = ask(runs_url()).json()
    assert told["heading"] == "1 run"
    (line,) = told["runs"]
    assert (line["id"], line["icon"], line["dataset_id"]) == (run_id, "play_circle", birds)
    assert line["text"].startswith("training · ")
    assert line["shape"].startswith("polygon(")
    worker.finish(run_id, validation=(5, 6))
    run_routes._desk = WatchDesk()
    (done,) = ask(runs_url()).json()["runs"]
    assert (done["id"], done["icon"]) == (run_id, "check_circle")
    assert done["text"].startswith(f"83.3{NBSP}% right")


def test_a_closer_look(run_id: int, services: RunServices, worker: PretendWorker) -> None:
    """How far it is, until it is done."""
    worker.finish(run_id, validation=(5, 6))
    assert ask(examination_url(run_id)).json()["state"] == "nobody"
    services.run_desk.request_examination(run_id)
    services.queue.register_worker("examiner", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    task = services.queue.claim("examiner", [EXAMINE_KIND])
    assert task is not None
    payload = {"fraction": 0.5, "message": "Similar photos"}
    services.queue.append_event(task.id, "examiner", kind="progress", payload=payload)
    run_routes._desk = WatchDesk()
    told = ask(examination_url(run_id)).json()
    assert (told["fraction"], told["text"].partition(" · ")[0]) == (0.5, "Looking closer at the model: Similar photos")
    services.queue.finish(task.id, "examiner", status=TaskStatus.DONE)
    run_routes._desk = WatchDesk()
    assert ask(examination_url(run_id)).json()["state"] != told["state"]


def test_an_export(run_id: int, services: RunServices, worker: PretendWorker) -> None:
    """How far it is, until it is done; formats that do not exist are told."""
    worker.finish(run_id, validation=(5, 6))
    assert ask(export_progress_url(run_id, "onnx")).json()["state"] == "nobody"
    queue_export(services.queue, run_id, find_format("onnx"))
    run_routes._desk = WatchDesk()
    assert ask(export_progress_url(run_id, "onnx")).json()["text"] == "Waiting for its turn"
    services.queue.register_worker("exporter", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    task = services.queue.claim("exporter", [EXPORT_MODEL_KIND])
    assert task is not None
    payload = {"fraction": 0.5, "message": "Proving it: 5 of 9 photos"}
    services.queue.append_event(task.id, "exporter", kind="progress", payload=payload)
    run_routes._desk = WatchDesk()
    told = ask(export_progress_url(run_id, "onnx")).json()
    assert (told["fraction"], told["text"].partition(" · ")[0]) == (0.5, "Proving it: 5 of 9 photos")
    services.queue.finish(task.id, "exporter", status=TaskStatus.DONE)
    run_routes._desk = WatchDesk()
    assert ask(export_progress_url(run_id, "onnx")).json()["state"] != told["state"]
    answer = ask(export_progress_url(run_id, "floppy"))
    assert answer.status_code == 404
    assert "litert_int8" in answer.json()["error"]
