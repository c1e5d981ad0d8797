"""How trainings, races and closer looks go, for all who watch: `docs/routes.md` says what each answer holds.

What a page shows when it is made and what the browser is told afterwards come from the same functions here.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.errors import UnknownRunError
from core.export.desk import export_key
from core.export.formats import FORMATS
from core.jobs.views import TaskView
from core.runs.desk import TRAIN_KIND, examination_key, packaging_key, training_key
from core.runs.reader import RunNow
from core.runs.records import RunStatus, RunView
from core.runs.sweep import find_swept
from core.services import Services
from core.storage.notices import run_topic, runs_topic, task_topic, tasks_topic
from pages.server.json_routes import Rate, json_route
from pages.server.photo_routes import routes_prefix
from pages.server.services import services_of
from pages.server.watching import Ear, WatchDesk
from pages.words.examination_told import tell_examination
from pages.words.export_told import tell_export
from pages.words.race_told import ranked, tell_race
from pages.words.run_list_told import tell_runs
from pages.words.run_told import tell_run
from pages.words.sweep_told import tell_sweep
from pages.words.worth import caution

_RUN_SECONDS = 0.4  # from one look at a run to the next
_RUN_REST_SECONDS = 1.6  # of one that waits for its turn: twenty-nine of a class do while one is trained
_RACE_SECONDS = 1.0
_LIST_SECONDS = 2.0
_EXAMINATION_SECONDS = _EXPORT_SECONDS = 0.7
# An answer every 0.4 s in two windows, and pages that are loaded anew.
_RATE = Rate(per_second=10, burst=40)

_MAX_ROW_ID = 2**63 - 1  # of a database

_desk = WatchDesk()


def run_url(run_id: int) -> str:
    """Address of how a run goes, relative to the page."""
    return f"{routes_prefix()}/runs/{run_id}/progress"


def runs_url() -> str:
    """Address of the list of runs."""
    return f"{routes_prefix()}/runs/progress"


def race_url(race: str) -> str:
    """Address of how a race goes."""
    return f"{routes_prefix()}/races/{race}/progress"


def examination_url(run_id: int) -> str:
    """Address of how the closer look at a model goes."""
    return f"{routes_prefix()}/runs/{run_id}/examination"


def export_progress_url(run_id: int, name: str) -> str:
    """Address of how far an export in a format is."""
    return f"{routes_prefix()}/runs/{run_id}/exports/{name}"


def read_run(run_id: int, services: Services) -> RunNow:
    """A run that is not in the trash, as it is now.

    Raises:
        UnknownRunError: there is none.
    """
    return services.run_reader.read(_find_run(run_id, services))


def read_race(race: str, services: Services) -> list[RunView]:
    """The runs of a race, or of a sweep, that are not in the trash, ranked."""
    return ranked([view for view in services.runs.list_runs() if view.race == race])


def tell_race_now(views: Sequence[RunView], services: Services) -> dict[str, Any]:
    """The table of a race, or table and chart of a sweep, with how far those are that have not arrived."""
    waiting = {view.id: view.task_id for view in views if view.status is RunStatus.QUEUED and view.task_id is not None}
    found = services.queue.places_in_queue(set(waiting.values()))
    places = {run_id: found[task_id] for run_id, task_id in waiting.items()}
    progress = {
        view.id: services.queue.progress(view.task_id)
        for view in views
        if view.is_active and view.id not in places and view.task_id is not None
    }
    swept = find_swept([view.config_values for view in views])
    if swept is not None:
        return tell_sweep(views, swept, places, progress)
    return tell_race(views, places, progress)


def tell_runs_now(views: list[RunView], datasets: Mapping[int, str], services: Services) -> dict[str, Any]:
    """The list of runs; names of datasets by number."""
    return tell_runs(
        views,
        accuracies={view.id: services.run_reader.accuracies(view) for view in views},
        cautions={view.id: caution(view, services) for view in views},
        datasets=datasets,
        now=time.time(),
    )


def tell_examination_now(task: TaskView | None, services: Services) -> dict[str, Any]:
    """How far the closer look at a model is."""
    is_active = task is not None and task.is_active
    return tell_examination(task, services.queue.progress(task.id) if task is not None and is_active else None)


def tell_export_now(task: TaskView | None, services: Services) -> dict[str, Any]:
    """How far an export is."""
    is_active = task is not None and task.is_active
    return tell_export(task, services.queue.progress(task.id) if task is not None and is_active else None)


def _find_run(run_id: int, services: Services) -> RunView:
    view = services.runs.get_run(run_id)
    if view.trashed_at is not None:
        raise UnknownRunError(f"The run “{view.name}” was deleted. It can be brought back on the Train page.")
    return view


def _run_id(request: Request) -> int:
    run_id: int = request.path_params["run_id"]
    if run_id > _MAX_ROW_ID:
        raise UnknownRunError("No run has a number as large as that.")
    return run_id


def _ear(services: Services, *topics: str) -> Ear:
    """How it is heard that something has changed of what topics are of.

    That others have come or gone in the queue is looked at from time to time: all who wait would look at once.
    """
    return Ear(notices=services.database.notices, topics=frozenset(topics))


def _runs_ear(services: Services) -> Ear:
    """The same of all runs of a space."""
    return _ear(services, runs_topic(services.space_id), tasks_topic(services.space_id, TRAIN_KIND))


async def _send_run(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)
    run_id = _run_id(request)

    def read() -> dict[str, Any]:
        return tell_run(read_run(run_id, services))

    key = ("run", services.space_id, run_id)
    topics = (run_topic(run_id), task_topic(training_key(run_id)), task_topic(packaging_key(run_id)))
    ear = _ear(services, *topics)
    return await _desk.answer(
        request, visitor, key, read, every_seconds=_RUN_SECONDS, rest_seconds=_RUN_REST_SECONDS, ear=ear
    )


async def _send_runs(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)

    def read() -> dict[str, Any]:
        datasets = {dataset.id: dataset.name for dataset in services.library.datasets.all()}
        return tell_runs_now(services.runs.list_runs(), datasets, services)

    key = ("runs", services.space_id)
    return await _desk.answer(request, visitor, key, read, every_seconds=_LIST_SECONDS, ear=_runs_ear(services))


async def _send_race(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)
    race: str = request.path_params["race"]

    def read() -> dict[str, Any]:
        views = read_race(race, services)
        if not views:
            raise UnknownRunError("No run of this race is left.")
        return tell_race_now(views, services)

    key = ("race", services.space_id, race)
    return await _desk.answer(request, visitor, key, read, every_seconds=_RACE_SECONDS, ear=_runs_ear(services))


async def _send_examination(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)
    run_id = _run_id(request)

    def read() -> dict[str, Any]:
        _find_run(run_id, services)
        return tell_examination_now(services.queue.latest(examination_key(run_id)), services)

    key = ("examination", services.space_id, run_id)
    ear = _ear(services, run_topic(run_id), task_topic(examination_key(run_id)))
    return await _desk.answer(request, visitor, key, read, every_seconds=_EXAMINATION_SECONDS, ear=ear)


async def _send_export(request: Request, visitor: str) -> Response:
    services = await asyncio.to_thread(services_of, visitor)
    run_id, name = _run_id(request), str(request.path_params["name"])

    def read() -> dict[str, Any]:
        _find_run(run_id, services)
        if name not in {row.name for row in FORMATS}:
            raise UnknownRunError(f"There is no format {name}; there are {', '.join(row.name for row in FORMATS)}.")
        return tell_export_now(services.queue.latest(export_key(run_id, name)), services)

    key = ("export", services.space_id, run_id, name)
    ear = _ear(services, run_topic(run_id), task_topic(export_key(run_id, name)))
    return await _desk.answer(request, visitor, key, read, every_seconds=_EXPORT_SECONDS, ear=ear)


RUN_ROUTES = [
    json_route("/runs/progress", _send_runs, rate=_RATE),
    json_route("/runs/{run_id:int}/progress", _send_run, rate=_RATE),
    json_route("/runs/{run_id:int}/examination", _send_examination, rate=_RATE),
    json_route("/runs/{run_id:int}/exports/{name}", _send_export, rate=_RATE),
    json_route("/races/{race}/progress", _send_race, rate=_RATE),
]
