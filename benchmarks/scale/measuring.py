"""The same work in clusters of several sizes, and clusters that lose nodes."""

import json
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.classify import wait_for_task
from benchmarks.scale.nodes import Nodes, first_core, kept_on
from benchmarks.scale.runs import (
    NETWORKS,
    begin,
    dataset_of,
    epochs_of,
    fresh,
    long_request,
    models_of,
    opened,
    overheads_of,
    pid_of,
    wait,
    wait_for_all,
    warm_up,
)
from benchmarks.train import import_photos, tell
from core.backbones.artefacts import find_artefact
from core.backbones.catalog import find_backbone, members_of
from core.datasets.sources.requests import DrawnShapes
from core.runs.begin import begin_runs
from core.runs.records import RunStatus, RunView
from core.runs.story import EpochStory
from core.services import Services
from core.settings import Settings, num_usable_cores

_NUM_LOCAL = 10  # of the runs, which are made without Ray too
_KILL_AT_EPOCH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one size of the cluster took."""

    seconds: float  # from the first run's wish to the last one's end
    overheads: tuple[float, ...]  # seconds between two tasks of a process
    models: dict[str, str]  # SHA-256 of each model, by what was asked for


def measure(
    settings: Settings, sizes: Sequence[int], *, num_runs: int, num_photos: int, has_losses: bool
) -> dict[str, Any]:
    """The figures, as they are printed; what the workspace has measured before is not measured again."""
    local = _kept(settings, "local", lambda: measure_local(settings, num_runs=num_runs, num_photos=num_photos))
    measured = {
        size: _kept(settings, f"{size}-nodes", lambda size=size: measure_nodes(settings, size, num_runs=num_runs))
        for size in sizes
    }
    lost = lose_a_node(settings) + lose_the_head(settings) if has_losses else None
    return figures(measured, local, num_cores=num_usable_cores(), lost=lost)


def _kept(settings: Settings, name: str, measure_it: Callable[[], Measured]) -> Measured:
    path = settings.workspace_dir / f"scale-{name}.json"
    if not path.exists():
        path.write_text(json.dumps(asdict(measure_it())))
    values = json.loads(path.read_text())
    return Measured(**{**values, "overheads": tuple(values["overheads"])})


def figures(measured: Mapping[int, Measured], local: Measured, *, num_cores: int, lost: int | None) -> dict[str, Any]:
    """The figures, as they are printed.

    Args:
        measured: by number of nodes, the first being what the others are compared with.
        local: a worker without Ray, and some of the same runs.
        num_cores: of this machine, on which all nodes are.
        lost: runs and epochs; None: not looked at.
    """
    fewest, first = next(iter(measured.items()))
    same = all(each.models == first.models for each in measured.values())
    same = same and all(first.models[name] == model for name, model in local.models.items())
    ideal = {size: first.seconds * fewest / min(size, num_cores) for size in measured}
    return {
        "nodes": list(measured),
        "makespan_seconds": [round(each.seconds, 2) for each in measured.values()],
        "makespan_share": [round(ideal[size] / each.seconds, 3) for size, each in measured.items()],
        "overhead_ms": [round(1e3 * statistics.mean(each.overheads), 1) for each in measured.values()],
        "overhead_ms_longest": [round(1e3 * max(each.overheads), 1) for each in measured.values()],
        "overhead_ms_without_ray": round(1e3 * statistics.mean(local.overheads), 1),
        "same_models": int(same),
        "lost": lost,
    }


def measure_local(settings: Settings, *, num_runs: int, num_photos: int) -> Measured:
    """Some of the runs by a worker without Ray, on one core; makes what everything is about."""
    alone = replace(settings, workers="local", inference_threads=1)
    with kept_on({first_core()}), opened(alone) as services:
        dataset_id = import_photos(services, DrawnShapes(num_per_class=num_photos), "drawn")
        members = [member for name in NETWORKS for member in members_of(find_backbone(name))]
        for backbone in {member.name: member for member in members}.values():
            if find_artefact(backbone, services.settings) is None:
                wait_for_task(services, services.request_preparation(backbone))
        return _train_all(services, dataset_id, min(num_runs, _NUM_LOCAL))


def _train_all(services: Services, dataset_id: int, num_runs: int) -> Measured:
    """Train the race and so many runs, the features being computed anew."""
    shutil.rmtree(services.settings.cache_path / "features", ignore_errors=True)
    start = time.monotonic()
    views = begin(services, dataset_id, num_runs)
    wait_for_all(services, views.values())
    seconds = time.monotonic() - start
    overheads = tuple(overheads_of(services, [view.task_id for view in views.values()]))
    tell(f"took {seconds:.1f} s, {1e3 * statistics.mean(overheads):.0f} ms between two tasks")
    return Measured(seconds=seconds, overheads=overheads, models=models_of(services, views))


def measure_nodes(settings: Settings, num_nodes: int, *, num_runs: int) -> Measured:
    """All of the runs in a cluster of so many nodes."""
    tell(f"{num_nodes} nodes")
    with Nodes(num_nodes), opened(settings) as services:
        dataset_id = dataset_of(services)
        warm_up(services, dataset_id, num_nodes)
        return _train_all(services, dataset_id, num_runs)


def lose_a_node(settings: Settings) -> int:
    """Kill the node that trains; what is lost, in runs and in finished epochs."""
    tell("a node is killed")
    with Nodes(2) as nodes, opened(settings) as services:
        dataset_id = dataset_of(services)
        warm_up(services, dataset_id, 2)
        (view,) = begin_runs(services.database, services.run_desk, [long_request(dataset_id)])
        others = begin(services, dataset_id, 4, has_race=False)
        wait(lambda: len(epochs_of(services, view)) >= _KILL_AT_EPOCH)
        nodes.kill_node_of(pid_of(services, view))
        before = epochs_of(services, view)
        return count_lost(services, [view, *others.values()], view, before)


def lose_the_head(settings: Settings) -> int:
    """Kill the whole cluster while something is trained and something waits, and bring another one to its address."""
    tell("the head node is killed")
    with opened(settings) as services:
        dataset_id = dataset_of(services)
        with Nodes(1) as nodes:
            port = int(nodes.address.rpartition(":")[2])
            (view,) = begin_runs(services.database, services.run_desk, [long_request(dataset_id)])
            others = begin(services, dataset_id, 3, has_race=False)
            wait(lambda: len(epochs_of(services, view)) >= _KILL_AT_EPOCH)
            before = epochs_of(services, view)
        wait(lambda: services.queue.place_in_queue(fresh(services, view).task_id or 0) is not None)
        place_of = services.queue.place_in_queue
        wait(lambda: (place := place_of(fresh(services, view).task_id or 0)) is not None and place.trouble is not None)
        tell("those who wait are told; the cluster comes back")
        with Nodes(1, port=port):
            return count_lost(services, [view, *others.values()], view, before)


def count_lost(services: Services, views: Sequence[RunView], long: RunView, before: Sequence[EpochStory]) -> int:
    """Runs that do not end well, and finished epochs of one that were trained again."""
    wait_for_all(services, views)
    after = {story.epoch: story for story in epochs_of(services, long)}
    num_repeated = sum(after.get(story.epoch) != story for story in before)
    num_failed = sum(fresh(services, view).status is not RunStatus.DONE for view in views)
    tell(f"{num_failed} runs failed, {num_repeated} epochs were repeated")
    return num_failed + num_repeated
