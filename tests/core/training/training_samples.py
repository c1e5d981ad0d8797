"""Photos that are learned in no time, and runs of them through the real worker."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import psutil
from PIL import Image

from core.config import TrainConfig
from core.datasets.records import NewImage, Split
from core.datasets.snapshots import take_snapshot
from core.jobs.queue import TaskQueue
from core.photos.store import encode_photo
from core.runs.records import RunView
from core.runs.story import EpochStory
from core.services import Services
from core.task_kinds import TASK_KINDS
from tests.waiting import wait_until

TIMEOUT_SECONDS = 600.0
_SIDE_PX = 96
# Colour of the middle of each class' photos, RGB.
COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}


def paint(class_name: str, number: int) -> bytes:
    """A PNG of noise around the colour of its class."""
    chance = np.random.default_rng([number, *class_name.encode()])
    noise = chance.normal(COLOURS[class_name], 60, (_SIDE_PX, _SIDE_PX, 3)).clip(0, 255).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(noise).save(target, "PNG")
    return target.getvalue()


def add_photos(services: Services, dataset_id: int, counts: dict[tuple[str, Split | None], Iterable[int]]) -> None:
    """Put painted photos into a dataset; equal numbers of a class are equal photos."""
    images = []
    for (class_name, split), numbers in counts.items():
        for number in numbers:
            photo = encode_photo(paint(class_name, number), f"{class_name}{number}.png")
            services.photo_store.put(photo)
            images.append(NewImage(photo=photo.record, class_name=class_name, name=f"{number}.png", split=split))
    services.library.images.add(dataset_id, images)


def painted_dataset(services: Services, name: str = "Colours", *, num_train: int = 8) -> int:
    """A dataset of three classes with photos for training, validation and test; its number."""
    dataset_id = services.library.datasets.create(name).id
    add_photos(
        services,
        dataset_id,
        {
            (class_name, split): range(begin, begin + count)
            for class_name in COLOURS
            for split, begin, count in (
                (Split.TRAIN, 0, num_train),
                (Split.VALIDATION, 100, 3),
                (Split.TEST, 200, 3),
            )
        },
    )
    return dataset_id


def submit(services: Services, dataset_id: int, **values: Any) -> RunView:
    """Freeze the dataset and have a run of it trained, with EfficientNet-Lite0 unless said otherwise."""
    snapshot = take_snapshot(services.database, dataset_id)
    config = TrainConfig(**{"snapshot": snapshot.hash, "backbone": "EfficientNetLite0", **values})
    return services.run_desk.submit(config, dataset_id=dataset_id)


def wait_for_end(services: Services, run_id: int) -> RunView:
    """The run once it neither waits nor runs."""
    wait_until(lambda: not services.runs.get_run(run_id).is_active, TIMEOUT_SECONDS)
    return services.runs.get_run(run_id)


def wait_for_epochs(services: Services, run_id: int, number: int) -> None:
    """Until so many epochs are finished."""
    wait_until(lambda: len(epochs_of(services, run_id)) >= number, TIMEOUT_SECONDS)


def epochs_of(services: Services, run_id: int) -> list[EpochStory]:
    """The finished epochs of a run."""
    return [EpochStory.from_json(event.payload) for event in services.runs.events_after(run_id, 0, kinds=["epoch"])]


def kill_worker(services: Services, run_id: int) -> None:
    """Kill the worker that has this run, as the system does when memory is short."""
    task_id = services.runs.get_run(run_id).task_id
    assert task_id is not None
    queue = TaskQueue(services.database, TASK_KINDS)
    (worker,) = [found for found in queue.live_workers(60) if found.id == queue.get(task_id).worker_id]
    psutil.Process(worker.pid).kill()
