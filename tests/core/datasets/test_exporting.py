"""Datasets leave as a zip and come back as they were."""

import io
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.datasets.archives.archive import open_archive
from core.datasets.archives.rules import ArchiveLimits
from core.datasets.exporting import export_dataset, export_path, forget_exports, run_export_task, safe_file_name
from core.datasets.ingest.importing import run_import_task
from core.datasets.library import Library
from core.datasets.manifest import read_manifest
from core.datasets.readings.listing import MANIFEST_NAME
from core.datasets.readings.plan import plan_import
from core.datasets.records import ImageView, ImportState, NewImage, Review, Split, SplitOrigin
from core.datasets.sources.requests import ImportRequest, ServerFolder
from core.errors import DatasetError, TaskCancelledError, UnknownDatasetError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.photos.record import PhotoRecord
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS

CLASS_NAMES = ["blue tit", "a/b", "a:b", "CON", "🐦", "ציפור", "train", ".hidden", "Thumbs.db", "=1+1", "x" * 100]


@pytest.fixture
def store(settings: Settings) -> PhotoStore:
    return PhotoStore(settings.photos_path, settings.cache_path)


@pytest.fixture
def put(store: PhotoStore) -> Callable[..., PhotoRecord]:
    def put_photo(number: int, file_format: str = "JPEG") -> PhotoRecord:
        pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)
        target = io.BytesIO()
        Image.fromarray(pixels).save(target, file_format)
        stored = encode_photo(target.getvalue(), "photo")
        store.put(stored)
        return stored.record

    return put_photo


@pytest.fixture
def rich_dataset(library: Library, put: Callable[..., PhotoRecord]) -> int:
    """A dataset with everything that an export must keep."""
    dataset_id = library.datasets.create("Birds").id
    images = []
    for number, class_name in enumerate(CLASS_NAMES):
        split = (*Split, None)[number % 4]
        origin = None if split is None else list(SplitOrigin)[number % 3]
        image = NewImage(photo=put(number), class_name=class_name, name=f"IMG {number}.HEIC", split=split)
        review = (*Review, None)[number % 3]
        images.append(
            replace(image, split_origin=origin, source_url=f"https://example.org/{number}?a=1,2", review=review)
        )
    blue = images[0]
    images += [
        replace(blue, photo=put(100, "PNG"), name="IMG 0.HEIC", capture="burst 1"),
        replace(blue, photo=put(101), name="img 0.png", capture="burst 1"),
        replace(blue, name="..\\evil?.jpg", source_url=None),
        replace(blue, name="no ending"),
        blue,
    ]
    library.images.add(dataset_id, images)
    return dataset_id


def export(library: Library, store: PhotoStore, dataset_id: int, target: Path) -> bytes:
    export_dataset(library, store, dataset_id, target)
    return target.read_bytes()


def import_again(path: Path, library: Library, name: str) -> int:
    """What an import does with an export: every photo as its line of the manifest says."""
    with open_archive(path, path.name, ArchiveLimits()) as archive:
        content = [(entry.path, data) for entry, data in archive.read_all()]
    manifest = read_manifest(dict(content)[MANIFEST_NAME].decode())
    images = []
    for photo_path, data in content[1:]:
        row = manifest.rows[photo_path]
        images.append(
            NewImage(
                photo=encode_photo(data, photo_path).record,
                class_name=row.class_name,
                name=row.name,
                split=row.split,
                split_origin=row.split_origin,
                capture=row.capture,
                source_url=row.source_url,
                review=row.review,
            )
        )
    dataset_id = library.datasets.create(name, manifest.class_names).id
    library.images.add(dataset_id, images[::-1])  # the order in which photos come in must not count
    return dataset_id


def test_an_imported_export_exports_to_the_same_bytes(
    tmp_path: Path, library: Library, store: PhotoStore, rich_dataset: int
):
    """Nothing is lost or changed on the way out and back in, with any name of a class or photo."""
    first = export(library, store, rich_dataset, tmp_path / "first.zip")
    copy_id = import_again(tmp_path / "first.zip", library, "Copy")
    assert export(library, store, copy_id, tmp_path / "second.zip") == first
    assert len(library.images.of(copy_id)) == len(CLASS_NAMES) + 5
    assert {found.name for found in library.classes.of(copy_id)} == set(CLASS_NAMES)


def test_the_zip_is_the_same_every_time(tmp_path: Path, library: Library, store: PhotoStore, rich_dataset: int):
    """Neither the clock nor an image that came and went leaves a trace."""
    first = export(library, store, rich_dataset, tmp_path / "first.zip")
    image = library.images.of(rich_dataset)[0]
    operation = library.images.trash([image.id])
    assert export(library, store, rich_dataset, tmp_path / "second.zip") != first
    library.history.undo(operation.id)
    assert export(library, store, rich_dataset, tmp_path / "second.zip") == first


def test_paths_inside_are_safe_and_unique_everywhere(
    tmp_path: Path, library: Library, store: PhotoStore, rich_dataset: int
):
    """Folders say split and class; Windows can unpack them, and an import without the manifest loses no photo."""
    export(library, store, rich_dataset, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        manifest, *names = archive.namelist()
    assert manifest == MANIFEST_NAME
    assert len({name.casefold() for name in names}) == len(CLASS_NAMES) + 5
    assert {name.split("/")[0] for name in names} == {"train", "validation", "test", "unsplit"}
    assert all(len(name) < 230 and not set(name) & set('<>:"\\|?*') for name in names)
    assert len(plan_import(names, "a.zip").readings[0].placements) == len(names)


def test_the_trash_stays_behind(tmp_path: Path, library: Library, store: PhotoStore, rich_dataset: int):
    """An export has what the page shows, empty classes too."""
    library.classes.create(rich_dataset, "empty")
    doomed = next(found for found in library.classes.of(rich_dataset) if found.name == "🐦")
    library.classes.delete(doomed.id)
    export(library, store, rich_dataset, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        manifest = read_manifest(archive.read(MANIFEST_NAME).decode())
    assert {row.class_name for row in manifest.rows.values()} == set(CLASS_NAMES) - {"🐦"}
    assert manifest.class_names == (*(name for name in CLASS_NAMES if name != "🐦"), "empty")


def test_an_empty_dataset_is_exported(tmp_path: Path, library: Library, store: PhotoStore):
    """The zip has a manifest without rows."""
    export(library, store, library.datasets.create("Empty").id, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == [MANIFEST_NAME]
        assert read_manifest(archive.read(MANIFEST_NAME).decode()).rows == {}


def test_a_damaged_photo_is_named_and_no_zip_appears(
    tmp_path: Path, library: Library, store: PhotoStore, rich_dataset: int
):
    """The person learns which image of which class to remove."""
    image = library.images.of(rich_dataset)[1]
    photo = library.photos.get([image.photo_hash])[image.photo_hash]
    store.path(photo.hash, photo.suffix).write_bytes(b"gone")
    with pytest.raises(DatasetError, match=r"“IMG 1\.HEIC” of the class “a/b” cannot be exported"):
        export(library, store, rich_dataset, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_an_export_can_be_stopped(tmp_path: Path, library: Library, store: PhotoStore, rich_dataset: int):
    """Nothing is left of it, not even a draft."""

    def stop(fraction: float | None, message: str) -> None:
        if fraction is not None and fraction > 0.5:
            raise TaskCancelledError(message)

    with pytest.raises(TaskCancelledError):
        export_dataset(library, store, rich_dataset, tmp_path / "out" / "a.zip", report=stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_unknown_dataset_is_said(tmp_path: Path, library: Library, store: PhotoStore):
    """There is nothing to write."""
    with pytest.raises(UnknownDatasetError):
        export_dataset(library, store, 7, tmp_path / "a.zip")


def test_a_dataset_that_never_rests_is_not_exported(
    tmp_path: Path, database: Database, store: PhotoStore, rich_dataset: int, monkeypatch: pytest.MonkeyPatch
):
    """An export of two moments at once would be of no use, so there is none."""

    library = Library(database)
    list_them = library.images.of

    def rename_and_list(dataset_id: int, **options: Any) -> list[ImageView]:
        """Somebody else renames the dataset whenever it is listed."""
        library.datasets.rename(dataset_id, library.datasets.get(dataset_id).name + "!")
        return list_them(dataset_id, **options)

    monkeypatch.setattr(library.images, "of", rename_and_list)
    with pytest.raises(DatasetError, match="being changed all the time"):
        export_dataset(library, store, rich_dataset, tmp_path / "a.zip")


# --- in the worker ----------------------------------------------------------------------------------------


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("worker", pid=1, host="here", lane=Lane.PHOTOS)
    return queue


def claim_export(queue: TaskQueue, settings: Settings, dataset_id: int) -> TaskContext:
    queue.submit("export_dataset", {"dataset_id": dataset_id})
    task = queue.claim("worker", ["export_dataset"])
    assert task is not None
    return TaskContext(queue, settings, task)


def run_task(queue: TaskQueue, settings: Settings, dataset_id: int) -> None:
    context = claim_export(queue, settings, dataset_id)
    run_export_task(context)
    context.flush()


def test_the_task_writes_the_zip_of_the_latest_revision(
    library: Library, queue: TaskQueue, settings: Settings, rich_dataset: int
):
    """The page finds it by the dataset as it is; that of an older revision is deleted, other datasets' are not."""
    first = export_path(settings, library.datasets.get(rich_dataset))
    other = export_path(settings, library.datasets.create("Other"))
    run_task(queue, settings, rich_dataset)
    assert zipfile.is_zipfile(first)
    other.write_bytes(b"another dataset's")
    library.classes.create(rich_dataset, "new")
    run_task(queue, settings, rich_dataset)
    second = export_path(settings, library.datasets.get(rich_dataset))
    assert set(first.parent.iterdir()) == {second, other}


def test_no_export_of_another_workspace_is_found(settings: Settings, tmp_path: Path):
    """Workspaces that share a cache, and a new database over an old cache, count alike and never meet."""
    paths = set()
    for number in range(3):
        own = replace(settings, workspace_dir=tmp_path / str(number), cache_dir=tmp_path / "cache")
        with closing(open_database(own)) as database:
            dataset = Library(database).datasets.create("birds")
        assert (dataset.id, dataset.revision) == (1, 1)
        paths.add(export_path(own, dataset))
    assert len(paths) == 3
    assert len({path.parent for path in paths}) == 1


def test_a_restored_backup_does_not_find_the_exports_of_the_time_after_it(library: Library, settings: Settings):
    """The same revision reached twice, on different ways, has two names."""
    dataset = library.datasets.create("birds")
    other_way = replace(dataset, changed_at=dataset.changed_at + 1e-3)
    assert export_path(settings, dataset) != export_path(settings, other_way)


def test_zips_that_do_not_say_whose_they_are_go(
    library: Library, queue: TaskQueue, settings: Settings, rich_dataset: int
):
    """What an older version called by two numbers is neither handed out nor kept."""
    path = export_path(settings, library.datasets.get(rich_dataset))
    path.parent.mkdir(parents=True)
    old = path.with_name(f"{rich_dataset}-{library.datasets.get(rich_dataset).revision}.zip")
    old.write_bytes(b"who knows whose")
    run_task(queue, settings, rich_dataset)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert zipfile.is_zipfile(path)


def test_the_exports_of_a_dataset_can_be_forgotten(
    library: Library, queue: TaskQueue, settings: Settings, rich_dataset: int
):
    """None of a dataset that is deleted for good stays in the cache, those of others do."""
    dataset, other = library.datasets.get(rich_dataset), library.datasets.create("Other")
    run_task(queue, settings, rich_dataset)
    export_path(settings, other).write_bytes(b"another dataset's")
    forget_exports(settings, dataset)
    assert list(export_path(settings, other).parent.iterdir()) == [export_path(settings, other)]


def test_the_task_does_not_write_twice(library: Library, queue: TaskQueue, settings: Settings, rich_dataset: int):
    """The zip of a revision is written once."""
    path = export_path(settings, library.datasets.get(rich_dataset))
    run_task(queue, settings, rich_dataset)
    path.write_bytes(b"marked")
    run_task(queue, settings, rich_dataset)
    assert path.read_bytes() == b"marked"


def test_what_the_worker_exports_the_worker_imports_again(
    library: Library, queue: TaskQueue, settings: Settings, rich_dataset: int
):
    """The whole way, as a person goes it: the second export has the bytes of the first, and classes their order."""
    library.classes.create(rich_dataset, "An empty one")
    settings = replace(settings, import_dirs=(str(settings.cache_path),))
    run_task(queue, settings, rich_dataset)
    first = export_path(settings, library.datasets.get(rich_dataset))
    copy_id = library.datasets.create("Copy").id
    request = ImportRequest(dataset_id=copy_id, source=ServerFolder(path=str(first)))
    queue.submit("import_photos", {"import_id": library.imports.create(copy_id, request.to_json())})
    task = queue.claim("worker", ["import_photos"])
    assert task is not None
    context = TaskContext(queue, settings, task)
    run_import_task(context)
    context.flush()
    (done,) = library.imports.of(copy_id)
    assert (done.state, done.num_accepted, done.num_refused) == (ImportState.DONE, len(CLASS_NAMES) + 5, 0)
    run_task(queue, settings, copy_id)
    second = export_path(settings, library.datasets.get(copy_id))
    assert second.read_bytes() == first.read_bytes()
    assert [found.name for found in library.classes.of(copy_id)] == [*CLASS_NAMES, "An empty one"]


def test_a_cancelled_task_leaves_nothing(queue: TaskQueue, settings: Settings, rich_dataset: int):
    """Somebody's wish to stop is heard between two photos."""
    context = claim_export(queue, settings, rich_dataset)
    queue.request_cancel(context.task_id)
    with pytest.raises(TaskCancelledError):
        run_export_task(context)
    assert list((settings.cache_path / "exports").iterdir()) == []


# --- names of files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("blue tit", "blue tit"),
        ("Vögel 🐦", "Vögel 🐦"),
        ("a/b\\c:d", "a_b_c_d"),
        ("../../etc", "_.._.._etc"),
        ("con", "_con"),
        ("NUL.x", "_NUL.x"),
        ("console", "console"),
        ("COM1", "_COM1"),
        (".hidden", "_.hidden"),
        ("__MACOSX", "___MACOSX"),
        ("Thumbs.db", "_Thumbs.db"),
        ("ends with dot.", "ends with dot"),
        (" spaces ", "spaces"),
        ("...", "_"),
        ("", "_"),
        ("a\0b\nc", "a_b_c"),
        ("gpj.\u202eexe", "gpj._exe"),
        ("half \ud83d", "half _"),
        ("x" * 300, "x" * 80),
        ("🐦" * 300, "🐦" * 40),
    ],
    ids=ascii,
)
def test_names_of_files_are_safe_on_every_system(name: str, expected: str):
    """What Windows, an import or a terminal would stumble over is replaced, the rest stays readable."""
    assert safe_file_name(name) == expected
