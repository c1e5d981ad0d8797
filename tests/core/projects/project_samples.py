"""A dataset with everything that a project takes along, and project files that somebody has tampered with."""

import hashlib
import io
import json
import shutil
import uuid
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import update

from core.datasets.ingest.parts import archive_limits
from core.datasets.library import Library
from core.datasets.records import NewImage, Review, Split, SplitOrigin
from core.datasets.snapshots import take_snapshot
from core.photos.store import PhotoStore, encode_photo
from core.projects.bringing_in import BringingIn
from core.projects.layout import CHECKSUMS, is_photo_path
from core.projects.project_file import open_project
from core.projects.writing import write_project
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import Run
from core.training.checkpoint import Checkpoint, write_checkpoint
from tests.core.runs.run_samples import config

CLASSES = ("crow", "blue tit", "empty")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A workspace with a dataset and an unfinished run, and its project."""

    settings: Settings
    dataset_id: int
    run_id: int
    project: Path


def make_source(folder: Path, new_database: Path) -> Source:
    """Make one in a folder, with a copy of an empty database."""
    settings = Settings(workspace_dir=folder / "workspace")
    settings.workspace_dir.mkdir()
    shutil.copy(new_database, settings.database_path)
    project = folder / "Birds.bluetit"
    with closing(open_database(settings)) as database:
        dataset_id = rich_dataset(database, settings)
        run_id = unfinished_run(database, settings, dataset_id)
        write_project(database, settings, dataset_id, [run_id], project)
    return Source(settings=settings, dataset_id=dataset_id, run_id=run_id, project=project)


def picture(number: int, file_format: str = "JPEG") -> bytes:
    """A small photo that no other number gives."""
    pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, file_format)
    return target.getvalue()


def new_image(settings: Settings, number: int, class_name: str, **values: Any) -> NewImage:
    """An image whose photo is in the store."""
    photo = encode_photo(picture(number, "PNG" if number % 2 else "JPEG"), f"{number}")
    PhotoStore(settings.photos_path, settings.cache_path).put(photo)
    return NewImage(photo=photo.record, class_name=class_name, name=f"IMG {number}.HEIC", **values)


def rich_dataset(database: Database, settings: Settings, name: str = "Birds") -> int:
    """Classes in an order of their own, splits, a capture, marks, something in the trash, something that is fine."""
    library = Library(database)
    dataset_id = library.datasets.create(name, CLASSES).id
    values: list[dict[str, Any]] = [
        {"split": Split.TRAIN, "split_origin": SplitOrigin.PERSON, "capture": "burst 1"},
        {"split": Split.TRAIN, "split_origin": SplitOrigin.AUTOMATIC, "capture": "burst 1"},
        {"split": Split.VALIDATION, "split_origin": SplitOrigin.IMPORTED, "source_url": "https://example.org/?a=1"},
        {"split": Split.TEST},
        {},
        {"split": Split.TRAIN},
    ]
    images = [new_image(settings, number, CLASSES[number % 2], **each) for number, each in enumerate(values)]
    ids = library.images.add(dataset_id, images)
    library.images.set_review([ids[0]], Review.RIGHT)
    library.images.set_review([ids[4]], Review.UNSURE)
    library.images.trash([ids[5]])
    library.checks.dismiss(dataset_id, ["duplicate:abc"])
    return dataset_id


def unfinished_run(database: Database, settings: Settings, dataset_id: int, name: str = "Half") -> int:
    """A run that was interrupted after its second epoch, with its checkpoint."""
    runs = RunLibrary(database)
    made = config(take_snapshot(database, dataset_id).hash, "EfficientNetLite0")
    run_id = runs.create_run(made, name=name, dataset_id=dataset_id, recipe="quick", race="r1").id
    runs.set_note(run_id, "one\ntwo")
    runs.set_started(run_id)
    runs.append_events(run_id, [("note", {"text": "Device: CPU", "is_warning": False})])
    runs.append_events(run_id, [("phase", {"phase": "head", "first_epoch": 1, "num_epochs": 3})])
    with database.session() as session:  # one that is young and has no task counts as one that waits
        session.execute(update(Run).where(Run.id == run_id).values(created_at=1e9))
    folder = RunFolder(settings, run_id)
    folder.create()
    folder.write_json(folder.config_path, made.to_json())
    weights = (np.arange(6, dtype=np.float32).reshape(2, 3),)
    write_checkpoint(
        Checkpoint(
            phase="head",
            epoch=2,
            last_sequence=2,
            stopping={},
            batch_size=8,
            weights=weights,
            optimizer=(),
            best_weights=weights,
        ),
        folder.checkpoints_path,
    )
    return run_id


def bring_in(
    path: Path, settings: Settings, *, key: str | None = None, report: Callable[..., None] | None = None
) -> int:
    """Bring a project into a workspace, as the task does; the number of its dataset."""
    with closing(open_database(settings)) as database, open_project(path, path.name, archive_limits(settings)) as file:
        attempt = BringingIn(database, settings, key or uuid.uuid4().hex, report=report or (lambda *_: None))
        return attempt.run(file)


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tampered(
    path: Path, target: Path, changes: Mapping[str, bytes | Callable[[bytes], bytes] | None], *, is_signed: bool = True
) -> Path:
    """The project with other entries; None takes one out.

    Args:
        path: of a whole project.
        target: where the other one is written.
        changes: by entry; a function makes the new content of the old one.
        is_signed: whether the list of checksums fits again, as a careful attacker's does.
    """
    entries = entries_of(path)
    for name, change in changes.items():
        if change is None:
            del entries[name]
        else:
            entries[name] = change(entries[name]) if callable(change) else change
    if is_signed and CHECKSUMS not in changes:
        signed = {
            name: hashlib.sha256(content).hexdigest()
            for name, content in entries.items()
            if name != CHECKSUMS and not is_photo_path(name)
        }
        entries[CHECKSUMS] = json.dumps(signed).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target


def edited(**values: Any) -> Callable[[bytes], bytes]:
    """A change of a JSON file: these values in place of its own."""
    return lambda content: json.dumps({**json.loads(content), **values}).encode()


def contents(settings: Settings) -> list[str]:
    """Every file of a workspace but the database, and what the database has."""
    files = sorted(
        path.relative_to(settings.workspace_dir).as_posix()
        for path in settings.workspace_dir.rglob("*")
        if path.is_file() and not path.name.startswith("bluetit.sqlite3")
    )
    with closing(open_database(settings)) as database:
        datasets = [f"dataset {each.name}" for each in Library(database).datasets.all()]
        runs = [f"run {each.name}" for each in RunLibrary(database).list_runs()]
    return [*files, *datasets, *runs]
