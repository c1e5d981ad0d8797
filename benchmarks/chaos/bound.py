"""The libraries of one space, as those who act in it have them."""

import functools
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from core.datasets.ingest.desk import ImportDesk
from core.datasets.library import Library
from core.datasets.purging import DatasetTrash
from core.datasets.records import DatasetView, ImageView, ImportState
from core.datasets.tasks import DatasetTasks
from core.export.desk import ExportDesk
from core.jobs.queue import TaskQueue
from core.photos.store import PhotoStore, encode_photo
from core.projects.desk import ProjectDesk
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database

_COLOURS = ((60, 90, 200), (40, 40, 45), (190, 80, 50))
_SIDE_PX = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The libraries of one space."""

    settings: Settings
    database: Database
    space_id: int
    queue: TaskQueue
    library: Library
    imports: ImportDesk
    trash: DatasetTrash
    dataset_tasks: DatasetTasks
    projects: ProjectDesk
    runs: RunLibrary
    run_desk: RunDesk
    exports: ExportDesk
    photo_store: PhotoStore
    looked_at: Callable[[], float] = lambda: float("inf")  # when promises were compared last, Unix seconds

    def is_quiet(self, dataset_id: int) -> bool:
        """Whether nothing is on its way into a dataset."""
        return all(view.state is ImportState.DONE for view in self.library.imports.of(dataset_id, 10_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An action that was chosen."""

    kind: str
    told: dict[str, Any]  # as `benchmarks.chaos.promises` reads it
    do: Callable[[], dict[str, Any]]  # does it and says what came back


def go_on(bound: Bound) -> None:
    """Take up again what a kill has stopped and only a person can continue."""
    for view in bound.runs.list_runs():
        if view.can_go_on:
            bound.run_desk.resume(view.id)
    for dataset in bound.library.datasets.all():
        for status in bound.imports.list_statuses(dataset.id, 10_000):
            if status.view.state is ImportState.FAILED and not status.is_active:
                bound.imports.retry(status.view.id)


Act = Callable[[Bound, random.Random], Asked | None]


def datasets_of(bound: Bound) -> list[DatasetView]:
    """All datasets of a space, those in the trash too."""
    return [*bound.library.datasets.all(), *bound.library.datasets.in_trash()]


def some_dataset(bound: Bound, chance: random.Random, *, is_quiet: bool = False) -> DatasetView | None:
    """A dataset out of the trash; with `is_quiet` one into which nothing is on its way."""
    found = [each for each in bound.library.datasets.all() if not is_quiet or bound.is_quiet(each.id)]
    return chance.choice(found) if found else None


def some_photos(bound: Bound, chance: random.Random) -> tuple[DatasetView, list[ImageView]] | None:
    """A few photos of a dataset."""
    dataset = some_dataset(bound, chance)
    images = [] if dataset is None else bound.library.images.of(dataset.id)
    if dataset is None or not images:
        return None
    return dataset, chance.sample(images, min(len(images), chance.randint(1, 12)))


@functools.lru_cache(2_000)
def painted(index: int, number: int) -> tuple[bytes, str]:
    """A JPEG in the colour of its class, and the hash under which it will be stored."""
    noise = np.random.default_rng([index, number]).normal(_COLOURS[index % len(_COLOURS)], 40, (_SIDE_PX, _SIDE_PX, 3))
    file = io.BytesIO()
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue(), encode_photo(file.getvalue(), f"{number}.jpg").record.hash
