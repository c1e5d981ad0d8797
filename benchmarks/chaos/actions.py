"""What visitors do: each action looks at its space, chooses, and says what it would ask for before it does."""

import functools
import io
import random
import uuid
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.config import SCRATCH, StoppingConfig, TrainConfig
from core.datasets.exporting import export_path
from core.datasets.ingest.desk import ImportDesk
from core.datasets.library import Library
from core.datasets.purging import DatasetTrash
from core.datasets.records import DatasetView, ImageView, ImportState, OperationView, Review, Split
from core.datasets.sources.requests import ImportRequest, ServerFolder, Source, StagedArchive, StagedFiles
from core.datasets.tasks import CHECK_KIND, EXPORT_KIND, DatasetTasks
from core.errors import ArtefactDamagedError, ArtefactMissingError
from core.export.desk import ExportDesk
from core.jobs.queue import TaskQueue
from core.photos.store import PhotoStore, encode_photo
from core.projects.desk import ProjectDesk
from core.projects.places import project_path
from core.recipes import find_recipe
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.settings import Settings
from core.storage.db import Database

CLASSES = ("blue tit", "crow", "robin")
_COLOURS = ((60, 90, 200), (40, 40, 45), (190, 80, 50))
_SIDE_PX = 96
_THUMBNAIL_PX = 160
_MAX_DATASETS = 5  # of a space, in the trash or not
_MAX_PHOTOS = 250  # of a dataset, before the last import
_MAX_RUNS = 6  # of a space
_MAX_IMPORTS = 2  # at once
_EXPORTED = ("litert", "litert_float16")  # formats


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


# --- datasets ---------------------------------------------------------------------------------------------


def _create(bound: Bound, chance: random.Random) -> Asked | None:
    if len(bound.library.datasets.all()) + len(bound.library.datasets.in_trash()) >= _MAX_DATASETS:
        return None
    name = f"photos {uuid.uuid4().hex[:8]}"
    return Asked(
        kind="create",
        told={"name": name},
        do=lambda: {"number": bound.library.datasets.create(name, CLASSES).id},
    )


def _duplicate(bound: Bound, chance: random.Random) -> Asked | None:
    dataset = _some_dataset(bound, chance, is_quiet=True)
    if dataset is None or len(bound.library.datasets.all()) >= _MAX_DATASETS:
        return None
    name = f"copy {uuid.uuid4().hex[:8]}"
    return Asked(
        kind="duplicate",
        told={"dataset": dataset.id, "name": name},
        do=lambda: {"number": bound.library.datasets.duplicate(dataset.id, name).id},
    )


def _delete(bound: Bound, chance: random.Random) -> Asked | None:
    dataset = _some_dataset(bound, chance, is_quiet=True)
    if dataset is None or len(bound.library.datasets.all()) < 2:
        return None
    return Asked(
        kind="delete",
        told={"dataset": dataset.id},
        do=lambda: {"operation": bound.library.datasets.delete(dataset.id).id},
    )


def _purge(bound: Bound, chance: random.Random) -> Asked | None:
    trashed = bound.library.datasets.in_trash()
    if not trashed:
        return None
    dataset = chance.choice(trashed)

    def do() -> dict[str, Any]:
        bound.trash.purge(dataset.id)
        return {}

    return Asked(kind="purge", told={"dataset": dataset.id}, do=do)


# --- photos -----------------------------------------------------------------------------------------------


def _import(bound: Bound, chance: random.Random) -> Asked | None:
    dataset = _some_dataset(bound, chance)
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
        data, photo_hash = _photo(index, chance.randrange(400))
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


def _edit(bound: Bound, chance: random.Random) -> Asked | None:
    found = _some_photos(bound, chance)
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


def _restore(bound: Bound, chance: random.Random) -> Asked | None:
    dataset = _some_dataset(bound, chance)
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


def _rename(bound: Bound, chance: random.Random) -> Asked | None:
    dataset = _some_dataset(bound, chance, is_quiet=True)  # what is under way names the classes that it goes to
    if dataset is None:
        return None
    view = chance.choice(bound.library.classes.of(dataset.id))
    new = f"class {uuid.uuid4().hex[:6]}"

    def do() -> dict[str, Any]:
        operation = bound.library.classes.rename(view.id, new)
        return {"operation": None if operation is None else operation.id}

    return Asked(kind="rename", told={"dataset": dataset.id, "old": view.name, "new": new}, do=do)


def _undo(bound: Bound, chance: random.Random) -> Asked | None:
    datasets = [each for each in _datasets(bound) if bound.is_quiet(each.id)]
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


def _look(bound: Bound, chance: random.Random) -> Asked | None:
    """See photos as pages show them, which writes small copies."""
    found = _some_photos(bound, chance)
    if found is not None:
        for photo in bound.library.photos.get({image.photo_hash for image in found[1]}).values():
            bound.photo_store.thumbnail(photo, _THUMBNAIL_PX)
    return None


# --- runs -------------------------------------------------------------------------------------------------


def _train(bound: Bound, chance: random.Random) -> Asked | None:
    runs = bound.runs.list_runs()
    dataset = _some_dataset(bound, chance)
    if dataset is None or len(runs) >= _MAX_RUNS or any(view.is_active or view.can_go_on for view in runs):
        return None
    if not dataset.num_images or any(image.split is None for image in bound.library.images.of(dataset.id)):
        return None
    config = _config(bound.settings, chance)
    if config is None:
        return None
    name = f"run {uuid.uuid4().hex[:8]}"
    request = RunRequest(dataset_id=dataset.id, config=config, name=name)
    return Asked(
        kind="train",
        told={"dataset": dataset.id, "name": name},
        do=lambda: {"number": begin_runs(bound.database, bound.run_desk, [request])[0].id},
    )


def _config(settings: Settings, chance: random.Random) -> TrainConfig | None:
    """Something small to train: a head, a head and the last layers below it, or a network from scratch."""
    backbone = find_backbone(settings.default_backbone)
    try:
        num_layers = len(load_artefact(backbone, settings).read_layers())
    except (ArtefactMissingError, ArtefactDamagedError):
        return None  # not prepared yet
    kind = chance.randrange(3)
    recipe = find_recipe(("quick", "careful", "from_scratch")[kind])
    name = SCRATCH if kind == 2 else backbone.name
    config = recipe.config(NO_SNAPSHOT, backbone=name, num_layers=num_layers)
    num_epochs = (40, 4, 4)[kind]
    config = replace(
        config,
        augment=None,
        num_views=1,
        is_augmented_freely=False,
        image_size=(48, 48) if kind == 2 else None,
        head_phase=replace(config.head_phase, num_epochs=num_epochs),
        stopping=StoppingConfig(),
    )
    if config.fine_tune is None:
        return config
    phase = replace(config.fine_tune.phase, num_epochs=3)
    return replace(config, fine_tune=replace(config.fine_tune, first_layer=num_layers - 8, phase=phase))


def _cancel(bound: Bound, chance: random.Random) -> Asked | None:
    active = [view for view in bound.runs.list_runs() if view.is_active]
    return _of_run("cancel", active, chance, lambda number: bound.run_desk.cancel(number))


def _forget(bound: Bound, chance: random.Random) -> Asked | None:
    """Put a run into the trash and delete it for good."""
    over = [view for view in bound.runs.list_runs() if view.status in (RunStatus.DONE, RunStatus.CANCELLED)]

    def do(number: int) -> None:
        bound.runs.trash(number)
        bound.run_desk.purge(number)

    if len(over) < _MAX_RUNS // 2:
        return None
    return _of_run("forget", [*bound.runs.list_trashed(), *over][:1], chance, do)


def _of_run(kind: str, views: list[RunView], chance: random.Random, do: Callable[[int], None]) -> Asked | None:
    if not views:
        return None
    number = chance.choice(views).id

    def act() -> dict[str, Any]:
        do(number)
        return {}

    return Asked(kind=kind, told={"run": number}, do=act)


# --- what is taken away and comes back --------------------------------------------------------------------


def _ask(bound: Bound, chance: random.Random) -> Asked | None:
    """Have something made: files of a model, a zip or project of a dataset, a check of it."""
    done = [view for view in bound.runs.list_runs() if view.status is RunStatus.DONE]
    if done and chance.random() < 0.15:
        number = chance.choice(done).id
        if chance.random() < 0.3:
            return _task(f"package {number}", lambda: bound.run_desk.request_packaging(number))
        if chance.random() < 0.3:
            return _task(f"examine {number}", lambda: bound.run_desk.request_examination(number))
        row = chance.choice(_EXPORTED)
        return _task(f"{row} of {number}", lambda: bound.exports.request(number, row))
    dataset = _some_dataset(bound, chance)
    if dataset is None or not dataset.num_images:
        return None
    if chance.random() < 0.5:
        runs = [view.id for view in bound.projects.runs_to_take(dataset.id)]
        return _task(f"project {dataset.id}", lambda: bound.projects.request_writing(dataset, runs))
    kind = chance.choice((CHECK_KIND, EXPORT_KIND, EXPORT_KIND))
    if kind == EXPORT_KIND and export_path(bound.settings, dataset).is_file():
        return None
    return _task(f"{kind} {dataset.id}", lambda: bound.dataset_tasks.request(kind, dataset.id))


def _task(what: str, request: Callable[[], int]) -> Asked:
    return Asked(kind="ask", told={"what": what}, do=lambda: {"task": request()})


def _bring(bound: Bound, chance: random.Random) -> Asked | None:
    """Bring a project in that was written here."""
    dataset = _some_dataset(bound, chance, is_quiet=True)
    if dataset is None or len(bound.library.datasets.all()) >= _MAX_DATASETS:
        return None
    runs = [view.id for view in bound.projects.runs_to_take(dataset.id)]
    path = project_path(bound.settings, bound.projects.file_name(dataset, runs))
    if not path.is_file():
        return None
    names = {view.id: view.name for view in bound.library.classes.of(dataset.id)}
    photos = {
        image.name: (image.photo_hash, names[image.class_id], image.split, image.review)
        for image in bound.library.images.of(dataset.id)
    }
    with path.open("rb") as file:
        source = bound.projects.receive(path.name, file, path.stat().st_size)
    return Asked(
        kind="bring",
        told={"key": source.key, "photos": photos},
        do=lambda: {"task": bound.projects.request_reading(source)},
    )


ACTIONS: Mapping[Callable[[Bound, random.Random], Asked | None], float] = {
    _create: 2,
    _duplicate: 0.5,
    _delete: 0.5,
    _purge: 0.7,
    _import: 12,
    _edit: 8,
    _restore: 1,
    _rename: 0.5,
    _undo: 3,
    _look: 1,
    _train: 1,
    _cancel: 0.05,
    _forget: 0.5,
    _ask: 3,
    _bring: 3,
}


def _datasets(bound: Bound) -> list[DatasetView]:
    return [*bound.library.datasets.all(), *bound.library.datasets.in_trash()]


def _some_dataset(bound: Bound, chance: random.Random, *, is_quiet: bool = False) -> DatasetView | None:
    """A dataset out of the trash; with `is_quiet` one into which nothing is on its way."""
    found = [each for each in bound.library.datasets.all() if not is_quiet or bound.is_quiet(each.id)]
    return chance.choice(found) if found else None


def _some_photos(bound: Bound, chance: random.Random) -> tuple[DatasetView, list[ImageView]] | None:
    dataset = _some_dataset(bound, chance)
    images = [] if dataset is None else bound.library.images.of(dataset.id)
    if dataset is None or not images:
        return None
    return dataset, chance.sample(images, min(len(images), chance.randint(1, 12)))


@functools.lru_cache(2_000)
def _photo(index: int, number: int) -> tuple[bytes, str]:
    """A JPEG in the colour of its class, and the hash under which it will be stored."""
    noise = np.random.default_rng([index, number]).normal(_COLOURS[index % len(_COLOURS)], 40, (_SIDE_PX, _SIDE_PX, 3))
    file = io.BytesIO()
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue(), encode_photo(file.getvalue(), f"{number}.jpg").record.hash
