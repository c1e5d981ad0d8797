"""Imports into a space that has limits: what fits comes in, what others have sent stays theirs."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.ingest import desk as desk_module
from core.datasets.ingest.desk import ImportDesk, ImportStatus
from core.datasets.library import Library
from core.datasets.records import ImportState
from core.datasets.sources.requests import DrawnShapes, ImportRequest, ServerFolder, Source, StagedArchive, StagedFiles
from core.errors import LimitReachedError, NoSpaceError, SourceError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage import own_use
from core.storage.db import Database, open_database
from core.storage.own_use import bind_space
from core.storage.own_use import own_use as read_own_use
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.import_samples import photo, photos, work, write_files, zip_of

pytestmark = pytest.mark.both_databases


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    shared = write_files(tmp_path / "shared", photos("crow/1.jpg", "tit/2.jpg"))
    return replace(settings, access="class", import_dirs=(str(shared),), max_space_photos=20)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


class Corner:
    """What somebody in a space has to do with imports."""

    def __init__(self, database: Database, settings: Settings, kind: SpaceKind = SpaceKind.PUPIL) -> None:
        bound = bind_space(database, settings, SpaceRegistry(database).create(kind, "Quiet Otter").id)
        self.database, self.settings = bound.database, bound.settings
        self.library = Library(self.database)
        self.queue = TaskQueue(self.database, TASK_KINDS)
        supervisor = Supervisor(settings, self.queue, kinds=TASK_KINDS_PATH)
        self.desk = ImportDesk(self.settings, self.library, self.queue, supervisor)
        self.dataset_id = self.library.datasets.create("Birds").id

    def submit(self, source: Source, **values: object) -> int:
        return self.desk.submit(ImportRequest(dataset_id=self.dataset_id, source=source, **values))  # type: ignore[arg-type]

    def bring(self, source: Source, **values: object) -> ImportStatus:
        import_id = self.submit(source, **values)
        work(self.queue, self.settings)
        return self.desk.status(import_id)

    def num_images(self) -> int:
        return self.library.datasets.get(self.dataset_id).num_images


@pytest.fixture
def pupil(database: Database, settings: Settings) -> Corner:
    return Corner(database, settings)


def test_a_zip_of_too_many(pupil: Corner) -> None:
    """It is taken up to the limit, each photo whole, and the report says how many and why no more."""
    archive = zip_of({f"crow/{number:03d}.jpg": photo(number) for number in range(300)})
    status = pupil.bring(StagedArchive(folder=pupil.desk.stage_files([("birds.zip", archive)])))
    assert (status.view.state, status.view.num_accepted, pupil.num_images()) == (ImportState.DONE, 20, 20)
    assert [image.name for image in pupil.library.images.of(pupil.dataset_id)] == [f"{n:03d}.jpg" for n in range(20)]
    told = " ".join(status.view.notes)
    assert "20 photos were taken, and 280 files were left out: the space is full" in told
    assert "You may have 20 photos and have 20; 1 more would come. Delete some for good, or ask your teacher" in told


def test_a_full_space(pupil: Corner) -> None:
    """What was sent before it was full fails with the sentence and can be tried again; nothing more is queued."""
    first = StagedFiles(folder=pupil.desk.stage_files((f"{n}.jpg", photo(n)) for n in range(20)))
    late = StagedFiles(folder=pupil.desk.stage_files([("late.jpg", photo(99))]))
    numbers = [pupil.submit(source, target_class="crow") for source in (first, late)]
    for _ in numbers:
        work(pupil.queue, pupil.settings)
    done, failed = (pupil.desk.status(number) for number in numbers)
    assert (done.view.num_accepted, failed.view.state) == (20, ImportState.FAILED)
    assert failed.error is not None
    assert failed.error.startswith("You may have 20 photos and have 20; 1 more would come.")
    with pytest.raises(LimitReachedError, match="You may have 20 photos and have 20"):
        pupil.submit(DrawnShapes())
    pupil.library.images.trash([image.id for image in pupil.library.images.of(pupil.dataset_id)])
    pupil.library.images.purge_trash(pupil.dataset_id)
    pupil.desk.retry(numbers[1])
    work(pupil.queue, pupil.settings)
    assert pupil.num_images() == 1


def test_the_disk_is_counted_while_it_arrives(
    pupil: Corner, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that is larger than what is left is refused in the middle, and nothing of it is kept."""
    small = Corner(database, replace(settings, max_space_bytes=50_000))
    monkeypatch.setattr(desk_module, "_BYTES_BETWEEN_LOOKS", 10_000)
    sent = []

    def files() -> Iterator[tuple[str, bytes]]:
        for number in range(100):
            sent.append(number)
            yield f"{number}.jpg", b"x" * 11_000

    with pytest.raises(LimitReachedError, match="of the disk"):
        small.desk.stage_files(files())
    assert len(sent) < 10
    assert not settings.incoming_path.is_dir() or os.listdir(settings.incoming_path) == []


def test_what_was_abandoned_counts(pupil: Corner) -> None:
    """An upload that nobody imports takes room until it is swept."""
    pupil.desk.stage_files([("a.jpg", photo(1))])
    assert read_own_use(pupil.database).incoming_bytes > 0


def test_too_many_uploads(database: Database, settings: Settings) -> None:
    """Beyond so many a minute they are refused before anything is written; others are not concerned."""
    hasty, other = (Corner(database, replace(settings, max_space_uploads_per_minute=3)) for _ in range(2))
    for number in range(3):
        hasty.desk.stage_files([("a.jpg", photo(number))])
    with pytest.raises(LimitReachedError, match="3 uploads a minute"):
        hasty.desk.stage_files([("a.jpg", photo(4))])
    other.desk.stage_files([("a.jpg", photo(4))])


def test_a_stolen_upload(pupil: Corner, database: Database, settings: Settings) -> None:
    """Whoever gets to know the name of what another has sent cannot import it, and does not learn that it is there."""
    staged = pupil.desk.stage_files([("a.jpg", photo(1))])
    thief = Corner(database, settings)
    for name in (staged, staged.partition("-")[2]):
        with pytest.raises(SourceError, match="not on the server any more"):
            thief.submit(StagedFiles(folder=name), target_class="mine")
    assert pupil.bring(StagedFiles(folder=staged), target_class="crow").view.num_accepted == 1


@pytest.mark.parametrize("kind", [SpaceKind.PUPIL, SpaceKind.ACCOUNT])
def test_folders_of_the_server(database: Database, settings: Settings, kind: SpaceKind) -> None:
    """Guests import none, whatever path they name; the teacher may."""
    folder = settings.import_dirs[0]
    with pytest.raises(SourceError, match="none is allowed"):
        Corner(database, settings, kind).submit(ServerFolder(path=folder))
    teacher = Corner(database, settings, SpaceKind.TEACHER)
    assert teacher.bring(ServerFolder(path=folder)).view.num_accepted == 2


def test_the_worker_asks_again(pupil: Corner, settings: Settings) -> None:
    """A request that came into the database in another way is refused by the worker, which has a guest's settings."""
    request = ImportRequest(dataset_id=pupil.dataset_id, source=ServerFolder(path=settings.import_dirs[0]))
    import_id = pupil.library.imports.create(pupil.dataset_id, request.to_json())
    pupil.library.imports.set_task(import_id, pupil.queue.submit("import_photos", {"import_id": import_id}))
    work(pupil.queue, pupil.settings)
    status = pupil.desk.status(import_id)
    assert (status.view.state, pupil.num_images()) == (ImportState.FAILED, 0)


def test_a_full_disk_in_the_middle(pupil: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends then is told; what was there stays, and what was sent before is imported."""
    staged = pupil.desk.stage_files([("a.jpg", photo(1))])
    monkeypatch.setattr(own_use, "free_bytes", lambda settings: 1_000_000)
    with pytest.raises(NoSpaceError, match="nearly full"):
        pupil.desk.stage_files([("b.jpg", photo(2))])
    assert pupil.bring(StagedFiles(folder=staged), target_class="crow").view.num_accepted == 1
