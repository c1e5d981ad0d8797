"""Datasets are deleted for good when somebody wants it or their time is over; what a run needs is never taken."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.config import TrainConfig
from core.datasets.exporting import export_path, remove_orphaned_exports
from core.datasets.garbage import run_clear_task
from core.datasets.ingest.desk import ImportDesk
from core.datasets.library import Library
from core.datasets.purging import DatasetTrash, PurgeOutlook
from core.datasets.records import NewImage
from core.datasets.snapshots import load_snapshot, take_snapshot
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.datasets.tasks import CLEAR_KIND
from core.errors import DatasetError, UnknownDatasetError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.photos.store import PhotoStore, StoredPhoto
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database
from core.storage.schema import Dataset
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.test_garbage import stored_photo

pytestmark = pytest.mark.both_databases

DAY_SECONDS = 24 * 3600.0


@pytest.fixture
def store(settings: Settings) -> PhotoStore:
    return PhotoStore(settings.photos_path, settings.cache_path)


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    return TaskQueue(database, TASK_KINDS)


@pytest.fixture
def desk(settings: Settings, library: Library, queue: TaskQueue) -> ImportDesk:
    return ImportDesk(settings, library, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))


@pytest.fixture
def trash(settings: Settings, database: Database, queue: TaskQueue, desk: ImportDesk) -> DatasetTrash:
    return make_trash(settings, database, queue, desk)


def make_trash(settings: Settings, database: Database, queue: TaskQueue, desk: ImportDesk) -> DatasetTrash:
    """Its supervisor is never started: tests do the work."""
    return DatasetTrash(settings, database, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH), desk)


@pytest.fixture
def photos(store: PhotoStore) -> list[StoredPhoto]:
    """Five different ones, which have only just arrived."""
    made = [stored_photo(store, shade) for shade in range(5)]
    for photo in made:
        os.utime(store.path(photo.record.hash, photo.record.suffix))
    return made


def dataset_of(library: Library, name: str, photos: Sequence[StoredPhoto], class_name: str = "crow") -> int:
    dataset_id = library.datasets.create(name).id
    images = [NewImage(photo=photo.record, class_name=class_name, name="a.png") for photo in photos]
    library.images.add(dataset_id, images)
    return dataset_id


def learn(database: Database, dataset_id: int, name: str) -> int:
    plan = TrainConfig(snapshot=take_snapshot(database, dataset_id).hash, backbone="MobileNetV2")
    return RunLibrary(database).create_run(plan, name=name, dataset_id=dataset_id).id


def clear(queue: TaskQueue, settings: Settings) -> None:
    """Do what the worker for photos was asked to do."""
    queue.register_worker("w", pid=1, host="elsewhere", lane=Lane.PHOTOS)
    task = queue.claim("w", [CLEAR_KIND])
    assert task is not None
    context = TaskContext(queue, settings, task)
    run_clear_task(context)
    context.flush()


def is_stored(store: PhotoStore, photos: Sequence[StoredPhoto]) -> list[bool]:
    return [store.has(photo.record.hash, photo.record.suffix) for photo in photos]


def test_what_is_foretold_happens(
    database: Database,
    library: Library,
    store: PhotoStore,
    trash: DatasetTrash,
    queue: TaskQueue,
    settings: Settings,
    photos: list[StoredPhoto],
):
    """Photos go at once, but for those of a run, in the trash or not, and those of other datasets, each told of."""
    doomed = dataset_of(library, "Doomed", photos[:2])
    runs = RunLibrary(database)
    run_id = learn(database, doomed, "quick")
    library.images.add(doomed, [NewImage(photo=photo.record, class_name="tit", name="b.png") for photo in photos[2:]])
    library.images.trash([image.id for image in library.images.of(doomed)][-1:])
    dataset_of(library, "Other", photos[1:3])
    library.datasets.delete(doomed)
    outlook = PurgeOutlook(
        num_photos=5,
        num_kept_for_runs=2,
        kept_by_class=(("crow", 2),),
        run_names=("quick",),
        num_kept_elsewhere=1,
        dataset_names=("Other",),
    )
    assert trash.foresee(doomed) == trash.purge(doomed) == outlook
    assert outlook.num_going == 2
    with pytest.raises(UnknownDatasetError):
        library.datasets.get(doomed)
    assert is_stored(store, photos) == [True] * 5
    clear(queue, settings)
    assert is_stored(store, photos) == [True, True, True, False, False]
    view = runs.get_run(run_id)
    assert view.dataset_id is None
    assert len(load_snapshot(database, view.snapshot_hash).images) == 2


def test_only_what_is_in_the_trash_can_go(library: Library, trash: DatasetTrash, photos: list[StoredPhoto]):
    """Whoever brings a dataset back while somebody else looks at the question keeps it."""
    dataset_id = dataset_of(library, "Loved", photos)
    with pytest.raises(DatasetError, match="not in the trash"):
        trash.purge(dataset_id)
    assert library.datasets.get(dataset_id).num_images == 5
    with pytest.raises(UnknownDatasetError):
        trash.purge(dataset_id + 1)


def test_what_belonged_to_it_goes_with_it(
    library: Library, trash: DatasetTrash, desk: ImportDesk, settings: Settings, queue: TaskQueue
):
    """Its exports and what waited to be imported into it leave the disk; nothing of it is imported later."""
    dataset = library.datasets.create("Doomed")
    folder = desk.stage_files([("a.png", b"content")])
    import_id = desk.submit(ImportRequest(dataset_id=dataset.id, source=StagedFiles(folder=folder)))
    task_id = library.imports.get(import_id).task_id
    assert task_id is not None
    export = export_path(settings, dataset)
    export.parent.mkdir(parents=True)
    export.write_bytes(b"photos")
    library.datasets.delete(dataset.id)
    trash.purge(dataset.id)
    assert not export.exists()
    assert list(settings.incoming_path.iterdir()) == []
    assert not queue.get(task_id).is_active


def test_a_photo_that_arrives_again_meanwhile_stays(
    library: Library,
    trash: DatasetTrash,
    store: PhotoStore,
    queue: TaskQueue,
    settings: Settings,
    photos: list[StoredPhoto],
):
    """An import that has stored a photo and not yet added it does not lose it."""
    doomed = dataset_of(library, "Doomed", photos)
    library.datasets.delete(doomed)
    trash.purge(doomed)
    library.photos.add([photos[0].record])
    clear(queue, settings)
    assert is_stored(store, photos) == [True, False, False, False, False]


def put_into_trash(database: Database, library: Library, name: str, days_ago: float) -> int:
    dataset_id = library.datasets.create(name).id
    library.datasets.delete(dataset_id)
    with database.session() as session:
        session.get_one(Dataset, dataset_id).trashed_at = time.time() - days_ago * DAY_SECONDS
    return dataset_id


def count_since(settings: Settings, days_ago: float) -> None:
    """Days have been counted in this workspace for so long."""
    mark = settings.workspace_dir / "trash_is_counted_since"
    mark.touch()
    os.utime(mark, (time.time() - days_ago * DAY_SECONDS,) * 2)


@pytest.mark.parametrize(
    ("days", "left"),
    [(30.0, ["new"]), (5.0, []), (0.0, ["old", "new"])],
    ids=["thirty days", "five days", "never"],
)
def test_the_trash_is_emptied_by_itself(
    settings: Settings,
    database: Database,
    library: Library,
    queue: TaskQueue,
    desk: ImportDesk,
    days: float,
    left: list[str],
):
    """What was deleted longer ago than the setting says goes; with 0 nothing does; what is in use never does."""
    settings = replace(settings, dataset_trash_days=days)
    trash = make_trash(settings, database, queue, desk)
    library.datasets.create("in use")
    put_into_trash(database, library, "new", 10)
    put_into_trash(database, library, "old", 31)
    count_since(settings, 100)
    assert trash.purge_overdue() == 2 - len(left)
    assert sorted(dataset.name for dataset in library.datasets.in_trash()) == sorted(left)
    assert [dataset.name for dataset in library.datasets.all()] == ["in use"]


def test_what_an_older_version_kept_does_not_go_on_the_day_of_the_update(
    settings: Settings, database: Database, library: Library, trash: DatasetTrash
):
    """Days are counted from the first start that counts them, and people can see how many are left."""
    dataset = library.datasets.get(put_into_trash(database, library, "old", 400))
    for _ in range(2):
        assert trash.purge_overdue() == 0
    assert trash.seconds_left(dataset) == pytest.approx(30 * DAY_SECONDS, abs=60)
    count_since(settings, 29)
    assert trash.seconds_left(dataset) == pytest.approx(DAY_SECONDS, abs=60)
    count_since(settings, 31)
    assert trash.seconds_left(dataset) == 0.0
    assert trash.purge_overdue() == 1


def test_a_dataset_out_of_the_trash_has_all_the_time(library: Library, trash: DatasetTrash):
    """Only deleted datasets go by themselves."""
    assert trash.seconds_left(library.datasets.create("in use")) is None


def test_killed_while_a_dataset_was_deleted_no_copy_of_it_stays(
    trash: DatasetTrash,
    library: Library,
    settings: Settings,
    photos: list[StoredPhoto],
    monkeypatch: pytest.MonkeyPatch,
):
    """Neither before it is gone nor afterwards, when its zip was written meanwhile; other datasets keep theirs."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    gone, other = (library.datasets.get(dataset_of(library, name, photos)) for name in ("gone", "other"))
    zips = [export_path(settings, dataset) for dataset in (gone, other)]
    for path in zips:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"photos")
    library.datasets.delete(gone.id)
    with monkeypatch.context() as patch:
        patch.setattr("core.datasets.purging.purge_dataset", die)
        with pytest.raises(KeyboardInterrupt):
            trash.purge(gone.id)
    assert [path.exists() for path in zips] == [False, True]
    trash.purge(gone.id)
    zips[0].write_bytes(b"photos")  # by a worker that had begun before
    present = library.datasets.all()
    remove_orphaned_exports(settings, present)
    assert zips[0].exists()  # others may share the cache, and be about to fetch what is theirs
    for path in zips:
        os.utime(path, (time.time() - 2 * DAY_SECONDS,) * 2)
    remove_orphaned_exports(settings, present)
    assert [path.exists() for path in zips] == [False, True]
