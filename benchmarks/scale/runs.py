"""The runs that are trained, and what is known of them afterwards."""

import hashlib
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import select

from benchmarks.train import tell
from core.backbones.catalog import ALL_THREE
from core.config import FineTuneConfig, PhaseConfig, TrainConfig
from core.recipes import find_recipe
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.runs.story import EpochStory
from core.services import Services, open_services
from core.settings import Settings
from core.storage.schema import Task, Worker

NETWORKS = ("EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2", ALL_THREE)
_FIRST_TUNED_LAYER = 120  # of EfficientNet-Lite0's 141
_POLL_SECONDS = 0.05
_LONGEST_SECONDS = 420.0
_LONG_EPOCHS = 20  # of the run whose node is killed
_FEW_EPOCHS = 2  # of what is dear in the race
_WARM_UP_EPOCHS = 4


def race_configs() -> dict[str, tuple[str, TrainConfig]]:
    """Six kinds of network, by what they are called: recipe and config."""
    quick, scratch = find_recipe("quick"), find_recipe("from_scratch")
    race = {name: ("quick", quick.config(NO_SNAPSHOT, backbone=name)) for name in NETWORKS}
    phase = PhaseConfig(optimizer="adam", learning_rate=1e-4, num_epochs=_FEW_EPOCHS)
    tuned = replace(race[NETWORKS[0]][1], fine_tune=FineTuneConfig(first_layer=_FIRST_TUNED_LAYER, phase=phase))
    config = scratch.config(NO_SNAPSHOT)
    few = replace(config, head_phase=replace(config.head_phase, num_epochs=_FEW_EPOCHS))
    return {**race, "fine-tuned": ("quick", tuned), "scratch": ("from_scratch", few)}


def begin(services: Services, dataset_id: int, num_runs: int, *, has_race: bool = True) -> dict[str, RunView]:
    """Ask for a race and so many quick runs with seeds of their own; by what was asked for."""
    wanted = race_configs() if has_race else {}
    quick = find_recipe("quick").config(NO_SNAPSHOT, backbone=NETWORKS[0])
    wanted |= {f"seed {seed}": ("quick", replace(quick, seed=seed)) for seed in range(num_runs)}
    requests = [RunRequest(dataset_id=dataset_id, config=config, recipe=recipe) for recipe, config in wanted.values()]
    return dict(zip(wanted, begin_runs(services.database, services.run_desk, requests), strict=True))


def dataset_of(services: Services) -> int:
    """The dataset that everything is about."""
    return services.library.datasets.all()[0].id


def long_request(dataset_id: int) -> RunRequest:
    """A run of many epochs, each of which takes a moment."""
    config = find_recipe("from_scratch").config(NO_SNAPSHOT)
    phase = replace(config.head_phase, num_epochs=_LONG_EPOCHS)
    stopping = replace(config.stopping, patience=None)
    return RunRequest(dataset_id=dataset_id, config=replace(config, head_phase=phase, stopping=stopping))


def warm_up(services: Services, dataset_id: int, num_nodes: int) -> None:
    """Have each node train for a while, so that all have loaded what a training needs."""
    request = long_request(dataset_id)
    few = replace(request.config, head_phase=replace(request.config.head_phase, num_epochs=_WARM_UP_EPOCHS))
    for _ in range(2):
        requests = [replace(request, config=few)] * num_nodes
        wait_for_all(services, begin_runs(services.database, services.run_desk, requests))


def models_of(services: Services, views: dict[str, RunView]) -> dict[str, str]:
    """SHA-256 of everything that a model is made of, by what was asked for."""
    found = {}
    for name, view in views.items():
        folder = RunFolder(services.settings, view.id)
        digest = hashlib.sha256()
        for path in (folder.head_path, folder.trained_path):
            if path.is_file():
                digest.update(path.read_bytes())
        found[name] = digest.hexdigest()
    return found


def epochs_of(services: Services, view: RunView) -> list[EpochStory]:
    """The finished epochs of a run."""
    events = services.runs.events_after(view.id, 0, kinds=["epoch"])
    return [EpochStory.from_json(event.payload) for event in events]


def fresh(services: Services, view: RunView) -> RunView:
    """A run as it is now."""
    return services.runs.get_run(view.id)


def pid_of(services: Services, view: RunView) -> int:
    """The process that trains a run."""
    task = services.queue.get(fresh(services, view).task_id or 0)
    return next(worker.pid for worker in services.queue.live_workers(60) if worker.id == task.worker_id)


def overheads_of(services: Services, task_ids: Sequence[int | None]) -> Iterator[float]:
    """Seconds between one task and the next in the same process."""
    statement = select(Worker.pid, Task.started_at, Task.finished_at).join(Worker, Worker.id == Task.worker_id)
    spans: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    with services.database.read_session() as session:
        for pid, started_at, finished_at in session.execute(statement.where(Task.id.in_(task_ids))):
            spans[pid].append((started_at, finished_at))
    for each in spans.values():
        ordered = sorted(each)
        yield from (later[0] - earlier[1] for earlier, later in itertools.pairwise(ordered))


def wait_for_all(services: Services, views: Iterable[RunView]) -> None:
    """Wait until none of the runs is active any more; tell what one that failed says."""
    views = list(views)
    wait(lambda: not any(fresh(services, view).is_active for view in views))
    for view in views:
        ended = fresh(services, view)
        if ended.status is not RunStatus.DONE:
            tell(f"{ended.name} ended as {ended.status}: {ended.error}")


def wait(predicate: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not predicate():
        if time.monotonic() > deadline:
            raise SystemExit("What was waited for did not come.")
        time.sleep(_POLL_SECONDS)


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    """The services of a server."""
    services = open_services(settings)
    try:
        yield services
    finally:
        services.close()
