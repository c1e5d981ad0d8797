"""The kinds of background task: one row each, with the function that does the work."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from core.errors import UnknownTaskError

if TYPE_CHECKING:
    from core.jobs.context import TaskContext


class Lane(StrEnum):
    """Tasks of different lanes have workers of their own, so that photos never wait for a training."""

    NETWORKS = "networks"  # `max_workers` of them; they load TensorFlow
    PHOTOS = "photos"  # one worker; it loads no more than its handlers do


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """One kind of task."""

    name: str
    title: str  # for people
    handler: str  # "module:function", imported in the worker only: it may need TensorFlow
    lane: Lane
    max_attempts: int  # how often a task is begun in all, when its worker dies each time
    # What happens to a task whose worker died: begun again by itself, or left for a person to continue.
    on_worker_death: Literal["retry", "interrupt"]
    gives_way: bool = False  # whether tasks of other kinds are begun first, even if they came later


TASK_KINDS: Mapping[str, TaskKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            TaskKind(
                name="prepare_backbone",
                title="Prepare backbone",
                handler="core.networks.prepare:run_prepare_task",
                lane=Lane.NETWORKS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name="import_photos",
                title="Import photos",
                handler="core.datasets.ingest.importing:run_import_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name="check_dataset",
                title="Check photos",
                handler="core.datasets.checks.checking:run_check_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name="map_dataset",
                title="Draw the map of a dataset",
                handler="core.datasets.mapping:run_map_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name="export_dataset",
                title="Export a dataset",
                handler="core.datasets.exporting:run_export_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name="train_run",
                title="Train",
                handler="core.training.run:run_train_task",
                lane=Lane.NETWORKS,
                max_attempts=1,
                on_worker_death="interrupt",
            ),
            TaskKind(
                name="package_run",
                title="Package a model",
                handler="core.packaging.package:run_package_task",
                lane=Lane.NETWORKS,
                max_attempts=3,
                on_worker_death="retry",
                gives_way=True,  # people wait for the next training, seldom for files
            ),
            TaskKind(
                name="examine_run",
                title="Look closer at a model",
                handler="core.evaluation.examining:run_examine_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
                gives_way=True,  # photos that arrive are waited for
            ),
        )
    }
)

TASK_KINDS_PATH = "core.jobs.kinds:TASK_KINDS"  # how a worker's command line names the table


def kinds_of(lane: Lane, kinds: Mapping[str, TaskKind]) -> frozenset[str]:
    """The names of a lane's kinds."""
    return frozenset(kind.name for kind in kinds.values() if kind.lane == lane)


def find_kind(name: str, kinds: Mapping[str, TaskKind] = TASK_KINDS) -> TaskKind:
    """The row of a kind.

    Raises:
        UnknownTaskError: no kind has this name.
    """
    try:
        return kinds[name]
    except KeyError as exc:
        raise UnknownTaskError(f"No kind of task is named {name!r}; known are {', '.join(kinds)}.") from exc


def resolve_handler(kind: TaskKind) -> "Callable[[TaskContext], None]":
    """Import the function that does the work of a kind."""
    handler: Callable[[TaskContext], None] = import_attribute(kind.handler)
    return handler


def import_attribute(path: str) -> Any:
    """Import what "module:attribute" names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
