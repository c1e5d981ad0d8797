"""Images for tests of the library: photos are only named, their bytes do not matter there."""

import hashlib
import threading
from collections.abc import Callable
from typing import Any

from core.datasets.library import Library
from core.datasets.records import NewImage
from core.photos.record import PhotoRecord


def photo_hash(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def photo(number: int) -> PhotoRecord:
    return PhotoRecord(
        hash=photo_hash(number),
        suffix=".jpg",
        width=640,
        height=480,
        original_width=4000,
        original_height=3000,
        num_bytes=1000 + number,
        measurements={"version": 1, "brightness": 0.5},
    )


def new_image(number: int, class_name: str = "crow", **values: Any) -> NewImage:
    return NewImage(photo=photo(number), class_name=class_name, name=f"{number}.jpg", **values)


def add(library: Library, dataset_id: int, class_name: str, numbers: range) -> list[int]:
    """Add one image to a class for each photo number."""
    return library.images.add(dataset_id, [new_image(number, class_name) for number in numbers])


def class_ids(library: Library, dataset_id: int) -> dict[str, int]:
    return {found.name: found.id for found in library.classes.of(dataset_id)}


def contents(library: Library, dataset_id: int) -> dict[str, list[str]]:
    """The names of the images out of the trash, by the name of their class."""
    names = {found.id: found.name for found in library.classes.of(dataset_id)}
    found: dict[str, list[str]] = {name: [] for name in names.values()}
    for image in library.images.of(dataset_id):
        found[names[image.class_id]].append(image.name)
    return found


def in_threads(*functions: Callable[[], object]) -> list[Exception]:
    """Run functions at the same moment, each in a thread of its own; returns what they raise."""
    barrier = threading.Barrier(len(functions))
    errors: list[Exception] = []

    def run(function: Callable[[], object]) -> None:
        barrier.wait()
        try:
            function()
        except Exception as exc:  # noqa: BLE001  # handed to the test's own thread
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
