"""What visitors do with datasets and photos."""

import functools
import io
import random
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.chaos.bound import Asked, Bound, datasets_of, painted, some_dataset, some_photos
from core.datasets.records import DatasetView, ImageView, OperationView, Review, Split
from core.datasets.sources.requests import ImportRequest, ServerFolder, Source, StagedArchive, StagedFiles

_CLASSES = ("blue tit", "crow", "robin")
_THUMBNAIL_PX = 160
MAX_DATASETS = 5  # of a space, in the trash or not
_MAX_PHOTOS = 250  # of a dataset, before the last import
_MAX_IMPORTS = 2  # at once


# --- datasets ---------------------------------------------------------------------------------------------


def create(bound: Bound, chance: random.Random) -> Asked | None:
    """Make a dataset."""
    if len(bound.library.datasets.all()) + len(bound.library.datasets.in_trash()) >= MAX_DATASETS:
        return None
    name = f"photos {uuid.uuid4().hex[:8]}"
    return Asked(
        kind="create",
        told={"name": name},
        do=lambda: {"number": bound.library.datasets.create(name, _CLASSES).id},
    )


def duplicate(bound: Bound, chance: random.Random) -> Asked | None:
    """Copy a dataset."""
    dataset = some_dataset(bound, chance, is_quiet=True)
    if dataset is None or len(bound.library.datasets.all()) >= MAX_DATASETS:
        return None
    name = f"copy {uuid.uuid4().hex[:8]}"
    return Asked(
        kind="duplicate",
        told={"dataset": dataset.id, "name": name},
        do=lambda: {"number": bound.library.datasets.duplicate(dataset.id, name).id},
    )


def delete(bound: Bound, chance: random.Random) -> Asked | None:
    """Put a dataset into the trash."""
    dataset = some_dataset(bound, chance, is_quiet=True)
    if dataset is None or len(bound.library.datasets.all()) < 2:
        return None
    return Asked(
        kind="delete",
        told={"dataset": dataset.id},
        do=lambda: {"operation": bound.library.datasets.delete(dataset.id).id},
    )


def purge(bound: Bound, chance: random.Random) -> Asked | None:
    """Delete a dataset for good."""
    looked_at = bound.looked_at()
    # What is gone cannot be compared with what was promised of it: so only what has been, in the trash as it is.
    trashed = [each for each in bound.library.datasets.in_trash() if (each.trashed_at or looked_at) < looked_at]
    if not trashed:
        return None
    dataset = chance.choice(trashed)

    def do() -> dict[str, Any]:
        bound.trash.purge(dataset.id)
        return {}

    return Asked(kind="purge", told={"dataset": dataset.id}, do=do)


# --- photos -----------------------------------------------------------------------------------------------


def import_photos(bound: Bound, chance: random.Random) -> Asked | None:
    """Bring photos in."""
    dataset = some_dataset(bound, chance)
    if dataset is None or dataset.num_images > _MAX_PHOTOS:
        return None
    if len(bound.library.imports.all_open()) >= _MAX_IMPORTS:
        return None
    mark = uuid.uuid4().hex[:8]
    names = [view.name for view in bound.library.classes.of(dataset.id)]
    files, told = {}, {}
    for number in range(chance.randint(6, 36)):
        index = number % len(names)
        split = (Split.TRAIN, Split.TRAIN, Split.VALIDATION)[number // len(names) % 3]
        name = f"{mark}-{number}.jpg"
        # Of few kinds, so that spaces have some in common: on the disk those are one file.
        data, photo_hash = painted(index, chance.randrange(400))
        files[f"{split}/{names[index]}/{name}"] = data
        told[name] = (photo_hash, names[index], split.value)

    def do() -> dict[str, Any]:
        source = _arrive(bound, files, chance)
        request = ImportRequest(dataset_id=dataset.id, source=source, title=mark)
        return {"import": bound.imports.submit(request)}

    return Asked(kind="import", told={"dataset": dataset.id, "title": mark, "photos": told}, do=do)


def _arrive(bound: Bound, files: Mapping[str, bytes], chance: random.Random) -> Source:
    """Bring files to the server by one of the ways that there are."""
    way = chance.randrange(3)
    if way == 0:
        return StagedFiles(folder=bound.imports.stage_files(files.items()))
    if way == 1:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as target:
            for path, data in files.items():
                target.writestr(path, data)
        return StagedArchive(folder=bound.imports.stage_files([("photos.zip", archive.getvalue())]))
    folder = Path(bound.settings.import_dirs[0]) / uuid.uuid4().hex
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return ServerFolder(path=str(folder))


def edit(bound: Bound, chance: random.Random) -> Asked | None:
    """Change class, split or mark of some photos, or put them into the trash."""
    found = some_photos(bound, chance)
    if found is None:
        return None
    dataset, images = found
    numbers = [image.id for image in images]
    kind = chance.randrange(4)
    if kind == 0:
        target = chance.choice(bound.library.classes.of(dataset.id))
        images = [image for image in images if image.class_id != target.id]  # those in it already keep their marks
        fields: dict[str, Any] = {"class_name": target.name, "review": None}
        change = functools.partial(bound.library.images.move, numbers, target.id)
    elif kind == 1:
        split = chance.choice((Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST))
        fields, change = {"split": split}, functools.partial(bound.library.images.set_split, numbers, split)
    elif kind == 2:
        review = chance.choice((Review.RIGHT, Review.UNSURE, None))
        fields, change = {"review": review}, functools.partial(bound.library.images.set_review, numbers, review)
    else:
        fields, change = {"is_trashed": True}, functools.partial(bound.library.images.trash, numbers)
    return _change(dataset, images, fields, change)


def restore(bound: Bound, chance: random.Random) -> Asked | None:
    """Take photos out of the trash."""
    dataset = some_dataset(bound, chance)
    images = [] if dataset is None else bound.library.images.in_trash(dataset.id)
    if dataset is None or not images:
        return None
    images = chance.sample(images, min(len(images), 5))
    numbers = [image.id for image in images]
    return _change(dataset, images, {"is_trashed": False}, lambda: bound.library.images.restore(numbers))


def _change(
    dataset: DatasetView, images: list[ImageView], fields: dict[str, Any], change: Callable[[], OperationView]
) -> Asked:
    return Asked(
        kind="edit",
        told={"dataset": dataset.id, "names": [image.name for image in images], "fields": fields},
        do=lambda: {"operation": change().id},
    )


def rename(bound: Bound, chance: random.Random) -> Asked | None:
    """Rename a class."""
    dataset = some_dataset(bound, chance, is_quiet=True)  # what is under way names the classes that it goes to
    if dataset is None:
        return None
    view = chance.choice(bound.library.classes.of(dataset.id))
    new = f"class {uuid.uuid4().hex[:6]}"

    def do() -> dict[str, Any]:
        operation = bound.library.classes.rename(view.id, new)
        return {"operation": None if operation is None else operation.id}

    return Asked(kind="rename", told={"dataset": dataset.id, "old": view.name, "new": new}, do=do)


def undo(bound: Bound, chance: random.Random) -> Asked | None:
    """Undo the latest change."""
    datasets = [each for each in datasets_of(bound) if bound.is_quiet(each.id)]
    if not datasets:
        return None
    dataset = chance.choice(datasets)
    operation = next((each for each in bound.library.history.latest(dataset.id, 200) if each.undone_at is None), None)
    if operation is None:
        return None

    def do() -> dict[str, Any]:
        result = bound.library.history.undo(operation.id)
        return {"restored": result.num_restored, "left_alone": result.num_left_alone}

    return Asked(kind="undo", told={"dataset": dataset.id, "operation": operation.id}, do=do)


def look(bound: Bound, chance: random.Random) -> Asked | None:
    """See photos as pages show them, which writes small copies."""
    found = some_photos(bound, chance)
    if found is not None:
        for photo in bound.library.photos.get({image.photo_hash for image in found[1]}).values():
            bound.photo_store.thumbnail(photo, _THUMBNAIL_PX)
    return None
