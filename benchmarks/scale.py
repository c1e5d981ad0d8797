"""Training in a Ray cluster against one computer: how much time nodes save, what each task costs more, what is lost.

    python -m benchmarks.scale [--nodes 1 2 4] [--runs 40] [--photos 20]

A cluster is simulated on this machine by Ray's own `ray.cluster_utils.Cluster`: nodes of one core each, kept on cores
of their own as long as there are enough. In each cluster a race of six kinds of network is begun, and after it so many
quick runs, each with another seed, on the same drawn pictures, with the features computed anew. Nodes are warm: each
has trained before. Then a node is killed in the middle of a run, and at the end the head node with all others, and a
new cluster comes back at its address.

makespan_share   of the ideal: the time on one node by nodes (or cores, where there are fewer), over the time
overhead_ms      from the end of a task to the beginning of the next in the same process, mean: what Ray and we need
same_models      1: the models are the same on any number of nodes and from a worker without Ray, to the bit
lost             runs that do not end well, and finished epochs that were trained again
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select

from benchmarks.classify import wait_for_task
from benchmarks.train import import_photos, tell
from core.backbones.artefacts import find_artefact
from core.backbones.catalog import ALL_THREE, find_backbone, members_of
from core.config import FineTuneConfig, PhaseConfig, TrainConfig
from core.datasets.sources.requests import DrawnShapes
from core.errors import BluetitError
from core.recipes import find_recipe
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.runs.story import EpochStory
from core.services import Services, open_services
from core.settings import Settings, num_usable_cores
from core.storage.schema import Task, Worker

_NETWORKS = ("EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2", ALL_THREE)
_FIRST_TUNED_LAYER = 120  # of EfficientNet-Lite0's 141
_OBJECT_STORE_BYTES = 80 * 2**20  # the least that Ray takes; nothing of ours goes through it
_POLL_SECONDS = 0.05
_LONGEST_SECONDS = 420.0
_NUM_LOCAL = 10  # of the runs, which are made without Ray too
_LONG_EPOCHS = 60  # of the run whose node is killed
_KILL_AT_EPOCH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one size of the cluster took."""

    seconds: float  # from the first run's wish to the last one's end
    overheads: tuple[float, ...]  # seconds between two tasks of a process
    models: dict[str, str]  # SHA-256 of each model, by what was asked for


class Nodes:
    """A cluster on this machine; as a context it is gone afterwards."""

    def __init__(self, num_nodes: int, *, port: int | None = None) -> None:
        from ray.cluster_utils import Cluster

        head: dict[str, Any] = {"num_cpus": 0, **self._size()} | ({"port": port} if port else {})
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        cores = sorted(os.sched_getaffinity(0))
        self.nodes = [self._add(cores[number % len(cores)]) for number in range(num_nodes)]
        os.environ["RAY_ADDRESS"] = self.address

    @property
    def address(self) -> str:
        """Where its head node answers."""
        return str(self.cluster.address)

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.shutdown()

    def kill_node_of(self, pid: int) -> None:
        """Kill the node that a worker's process belongs to, the process included."""
        process = psutil.Process(pid)
        above = {parent.pid for parent in process.parents()}
        node = next(each for each in self.nodes if above & _raylets(each))
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)
        with contextlib.suppress(psutil.NoSuchProcess):  # it has noticed by itself
            process.kill()

    def _add(self, core: int) -> Any:
        with kept_on({core}):
            return self.cluster.add_node(num_cpus=1, **self._size())

    def _size(self) -> dict[str, Any]:
        return {"object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}


def _raylets(node: Any) -> set[int]:
    return {each.process.pid for each in node.all_processes["raylet"]}


@contextmanager
def kept_on(cores: set[int]) -> Iterator[None]:
    """Have processes that are begun meanwhile run on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4], help="sizes of the cluster")
    parser.add_argument("--runs", type=int, default=40, help="quick runs besides the race")
    parser.add_argument("--photos", type=int, default=20, help="pictures of each of the two classes")
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = Settings(
            workspace_dir=Path(folder), workers="auto", package_after_training=False, worker_dead_after_seconds=5.0
        )
        print(json.dumps(measure(settings, options.nodes, num_runs=options.runs, num_photos=options.photos)))


def measure(settings: Settings, sizes: Sequence[int], *, num_runs: int, num_photos: int) -> dict[str, Any]:
    """The figures, as they are printed."""
    local, dataset_id = measure_local(settings, num_runs=min(num_runs, _NUM_LOCAL), num_photos=num_photos)
    measured = {size: measure_nodes(settings, size, dataset_id, num_runs=num_runs) for size in sizes}
    lost = lose_a_node(settings, dataset_id) + lose_the_head(settings, dataset_id)
    return figures(measured, local, num_cores=num_usable_cores(), lost=lost)


def figures(measured: Mapping[int, Measured], local: Mapping[str, str], *, num_cores: int, lost: int) -> dict[str, Any]:
    """The figures, as they are printed.

    Args:
        measured: by number of nodes, the first being what the others are compared with.
        local: models of a worker without Ray, by what was asked for.
        num_cores: of this machine, on which all nodes are.
        lost: runs and epochs.
    """
    fewest, first = next(iter(measured.items()))
    same = all(each.models == first.models for each in measured.values())
    same = same and all(first.models[name] == model for name, model in local.items())
    ideal = {size: first.seconds * fewest / min(size, num_cores) for size in measured}
    return {
        "nodes": list(measured),
        "makespan_seconds": [round(each.seconds, 2) for each in measured.values()],
        "makespan_share": [round(ideal[size] / each.seconds, 3) for size, each in measured.items()],
        "overhead_ms": [round(1e3 * statistics.mean(each.overheads), 1) for each in measured.values()],
        "overhead_ms_longest": [round(1e3 * max(each.overheads), 1) for each in measured.values()],
        "same_models": int(same),
        "lost": lost,
    }


def measure_local(settings: Settings, *, num_runs: int, num_photos: int) -> tuple[dict[str, str], int]:
    """The models of a worker without Ray, on one core, and the dataset that everything is about."""
    alone = replace(settings, workers="local", inference_threads=1)
    with kept_on({min(os.sched_getaffinity(0))}), opened(alone) as services:
        dataset_id = import_photos(services, DrawnShapes(num_per_class=num_photos), "drawn")
        members = [member for name in _NETWORKS for member in members_of(find_backbone(name))]
        for backbone in {member.name: member for member in members}.values():
            if find_artefact(backbone, services.settings) is None:
                wait_for_task(services, services.request_preparation(backbone))
        views = begin(services, dataset_id, num_runs)
        wait_for_all(services, views.values())
        return models_of(services, views), dataset_id


def measure_nodes(settings: Settings, num_nodes: int, dataset_id: int, *, num_runs: int) -> Measured:
    """The same in a cluster of so many nodes."""
    tell(f"{num_nodes} nodes")
    with Nodes(num_nodes), opened(settings) as services:
        warm_up(services, dataset_id, num_nodes)
        shutil.rmtree(services.settings.cache_path / "features")
        start = time.monotonic()
        views = begin(services, dataset_id, num_runs)
        wait_for_all(services, views.values())
        seconds = time.monotonic() - start
        tell(f"took {seconds:.1f} s")
        overheads = tuple(overheads_of(services, [view.task_id for view in views.values()]))
        return Measured(seconds=seconds, overheads=overheads, models=models_of(services, views))


def lose_a_node(settings: Settings, dataset_id: int) -> int:
    """Kill the node that trains; what is lost, in runs and in finished epochs."""
    tell("a node is killed")
    with Nodes(2) as nodes, opened(settings) as services:
        warm_up(services, dataset_id, 2)
        (view,) = begin_runs(services.database, services.run_desk, [long_request(dataset_id)])
        others = begin(services, dataset_id, 4, has_race=False)
        wait(lambda: len(epochs_of(services, view)) >= _KILL_AT_EPOCH)
        nodes.kill_node_of(pid_of(services, view))
        before = epochs_of(services, view)
        return count_lost(services, [view, *others.values()], view, before)


def lose_the_head(settings: Settings, dataset_id: int) -> int:
    """Kill the whole cluster while something is trained and something waits, and bring another one to its address."""
    tell("the head node is killed")
    with opened(settings) as services:
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


# --- runs ------------------------------------------------------------------------------------------------


def race_configs() -> dict[str, tuple[str, TrainConfig]]:
    """Six kinds of network, by what they are called: recipe and config."""
    quick, scratch = find_recipe("quick"), find_recipe("from_scratch")
    race = {name: ("quick", quick.config(NO_SNAPSHOT, backbone=name)) for name in _NETWORKS}
    phase = PhaseConfig(optimizer="adam", learning_rate=1e-4, num_epochs=3)
    tuned = replace(race[_NETWORKS[0]][1], fine_tune=FineTuneConfig(first_layer=_FIRST_TUNED_LAYER, phase=phase))
    config = scratch.config(NO_SNAPSHOT)
    few = replace(config, head_phase=replace(config.head_phase, num_epochs=3))
    return {**race, "fine-tuned": ("quick", tuned), "scratch": ("from_scratch", few)}


def begin(services: Services, dataset_id: int, num_runs: int, *, has_race: bool = True) -> dict[str, RunView]:
    """Ask for a race and so many quick runs with seeds of their own; by what was asked for."""
    wanted = race_configs() if has_race else {}
    quick = find_recipe("quick").config(NO_SNAPSHOT, backbone=_NETWORKS[0])
    wanted |= {f"seed {seed}": ("quick", replace(quick, seed=seed)) for seed in range(num_runs)}
    requests = [RunRequest(dataset_id=dataset_id, config=config, recipe=recipe) for recipe, config in wanted.values()]
    return dict(zip(wanted, begin_runs(services.database, services.run_desk, requests), strict=True))


def long_request(dataset_id: int) -> RunRequest:
    """A run of many epochs, each of which takes a moment."""
    config = find_recipe("from_scratch").config(NO_SNAPSHOT)
    phase = replace(config.head_phase, num_epochs=_LONG_EPOCHS)
    stopping = replace(config.stopping, patience=None)
    return RunRequest(dataset_id=dataset_id, config=replace(config, head_phase=phase, stopping=stopping))


def warm_up(services: Services, dataset_id: int, num_nodes: int) -> None:
    """Have each node train for a while, so that all have loaded what a training needs."""
    request = long_request(dataset_id)
    few = replace(request.config, head_phase=replace(request.config.head_phase, num_epochs=4))
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


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
