"""The cells of the few-shot benchmark: draw photos, learn, be judged; each for itself, on whatever has room."""

import concurrent.futures
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.train import tell
from core.errors import ClusterError
from core.jobs.cluster.connection import NODE_FAILS, connect
from core.jobs.cluster.node import app_version
from core.recipes import find_recipe
from core.settings import Settings, num_usable_cores

_MAX_STEPS = 150  # of L-BFGS: the epochs of the recipe *Few photos*
_TOLD_CELLS = 20  # so many more are done from one word to the next

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
# Features (photos, channels) → scores (photos, classes), the largest being the answer.
Answer = Callable[[Features], npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a network makes of both folders."""

    train: Features  # (photos, channels)
    judging: Features


class Cell(NamedTuple):
    """What is learned once."""

    network: str
    solver: str  # of `SOLVERS`
    num_photos: int  # of each class
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What all cells learn from and are judged by."""

    seen: Mapping[str, Seen]  # by network
    train_labels: Labels
    judging_labels: Labels


def run_cells(cells: Sequence[Cell], material: Material, settings: Settings) -> list[float]:
    """The accuracy of each cell, in percent.

    Args:
        cells: in any order.
        material: of all of them.
        settings: whether they run on the cores of this computer or in a cluster; a core each.

    Raises:
        ClusterError: the cluster cannot be reached, or a node cannot work.
    """
    run = _run_here if settings.workers == "local" else _run_in_cluster
    found: dict[Cell, float] = {}
    for cell, accuracy in run(cells, material, settings):
        found[cell] = accuracy
        if len(found) % _TOLD_CELLS == 0 or len(found) == len(cells):
            tell(f"{len(found)} of {len(cells)} cells")
    return [found[cell] for cell in cells]


def _run_here(cells: Sequence[Cell], material: Material, _: Settings) -> Iterator[tuple[Cell, float]]:
    num_processes = min(num_usable_cores(), len(cells))
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with concurrent.futures.ProcessPoolExecutor(num_processes, context, _begin_process, (material,)) as pool:
        waiting = {pool.submit(_run_cell_of_process, cell): cell for cell in cells}
        for done in concurrent.futures.as_completed(waiting):
            yield waiting[done], done.result()


_material: Material | None = None  # of a process of `_run_here`, which would else be sent with each cell


def _begin_process(material: Material) -> None:
    global _material  # a process has no other place for it
    _material = material


def _run_cell_of_process(cell: Cell) -> float:
    assert _material is not None
    return run_cell(cell, _material)


def _run_in_cluster(cells: Sequence[Cell], material: Material, settings: Settings) -> Iterator[tuple[Cell, float]]:
    ray = connect(settings.workers)
    try:
        held = ray.put(material)
        remote = ray.remote(num_cpus=1)(_run_cell_on_node)  # one that is lost with its node is tried again by Ray
        waiting = {remote.remote(cell, held, app_version()): cell for cell in cells}
        left = list(waiting)
        while left:
            done, left = ray.wait(left)
            for reference in done:
                yield waiting[reference], ray.get(reference)
    except ray.exceptions.RayError as exc:
        raise ClusterError(f"A node of the cluster cannot work: {exc}", told=NODE_FAILS) from exc
    finally:
        ray.shutdown()


def _run_cell_on_node(cell: Cell, material: Material, version: str) -> float:
    if app_version() != version:
        raise ClusterError(
            f"The node {socket.gethostname()} has Bluetit {app_version()}, and this computer {version}. Install the "
            "same on both.",
            told=NODE_FAILS,
        )
    return run_cell(cell, material)


def run_cell(cell: Cell, material: Material) -> float:
    """The accuracy of a cell, in percent, computed on one core: on several, sums are formed in another order."""
    # TensorFlow reads these once, at its first sum in this process.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    features = material.seen[cell.network]
    chosen = draw(material.train_labels, cell.num_photos, cell.seed)
    with threadpool_limits(1):
        answer = SOLVERS[cell.solver](features.train[chosen], material.train_labels[chosen], cell.seed)
        answered = answer(features.judging).argmax(axis=1)
    return 100 * float((answered == material.judging_labels).mean())


def draw(labels: Labels, number: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows of so many photos of each class."""
    rng = np.random.default_rng(seed)
    classes = range(int(labels.max()) + 1)
    return np.concatenate([rng.choice(np.flatnonzero(labels == label), number, replace=False) for label in classes])


# --- solvers ---------------------------------------------------------------------------------------------


def by_adam(features: Features, labels: Labels, seed: int) -> Answer:
    """The head phase of the recipe *quick*, as a run has it."""
    import keras

    from core.runs.story import PhaseName
    from core.training.heads import build_head
    from core.training.inputs import CachedInputs, PhaseDataset, make_targets
    from core.training.phase import Phase
    from core.training.phases import compile_model

    recipe = find_recipe("quick")
    num_classes = int(labels.max()) + 1
    keras.utils.set_random_seed(seed)
    head = build_head(recipe.head, features.shape[1], num_classes, seed=seed)
    targets = make_targets(labels, num_classes, has_one_unit=False)
    config = recipe.head_phase
    phase = Phase(
        name=PhaseName.HEAD,
        config=config,
        stopping=recipe.stopping,
        label_smoothing=recipe.label_smoothing,
        num_epochs_before=0,
        batch_size=config.batch_size,
        jit_compile=False,
        seed=seed,
        train=CachedInputs(values=features[:, np.newaxis], seed=seed),
        train_targets=targets,
        sample_weights=None,
        validation=None,
        validation_targets=targets[:0],
    )
    compile_model(head, phase.objective, learning_rate=config.learning_rate)
    dataset = PhaseDataset(phase.train, targets, batch_size=config.batch_size, seed=seed)
    head.fit(dataset, epochs=config.num_epochs, shuffle=False, verbose=0)
    kernel, bias = head.layers[-1].get_weights()
    return lambda rows: rows @ kernel + bias


def by_lbfgs(features: Features, labels: Labels, _seed: int) -> Answer:
    """Logistic regression, solved by L-BFGS, as runs have it whose optimizer that is."""
    from core.training.inputs import make_targets
    from core.training.solving import solve

    targets = make_targets(labels, int(labels.max()) + 1, has_one_unit=False)
    kernel, bias = solve(features, targets, np.ones(len(labels), np.float32), max_steps=_MAX_STEPS)
    return lambda rows: rows @ kernel + bias


def by_prototypes(features: Features, labels: Labels, _seed: int) -> Answer:
    """The nearest class mean, by cosine."""
    directions = _unit(features)
    means = _unit(np.stack([directions[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)]))
    return lambda rows: _unit(rows) @ means.T


def _unit(rows: Features) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


SOLVERS: Mapping[str, Callable[[Features, Labels, int], Answer]] = {
    "adam": by_adam,
    "lbfgs": by_lbfgs,
    "prototypes": by_prototypes,
}
