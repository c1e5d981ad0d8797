"""How much a space has is counted from its rows and files, and more than it may have does not come in."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.library import Library
from core.errors import LimitReachedError, NoSpaceError
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.limits import usage_of, usage_of_all
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage import own_use
from core.storage.db import Database, open_database
from core.storage.limits import SpaceUse
from core.storage.own_use import RoomForPhotos, bind_space, refuse_without_room
from core.storage.schema import HOME_SPACE_ID
from tests.core.datasets.library_samples import add, photo_hash
from tests.core.runs.run_samples import config, take

pytestmark = pytest.mark.both_databases


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, access="class", max_space_photos=5, max_space_runs=2, max_space_bytes=100_000)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


def new_space(database: Database, settings: Settings, kind: SpaceKind = SpaceKind.PUPIL) -> Database:
    return bind_space(database, settings, SpaceRegistry(database).create(kind, "Quiet Otter").id).database


@pytest.fixture
def pupil(database: Database, settings: Settings) -> Database:
    return new_space(database, settings)


def write(path: Path, num_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * num_bytes)


def test_nothing(database: Database, settings: Settings, pupil: Database) -> None:
    """Who has nothing uses nothing, and is not among those who do."""
    assert pupil.space_id is not None
    assert usage_of(database, settings, pupil.space_id) == SpaceUse()
    assert usage_of_all(database, settings) == {}


def test_what_is_counted(database: Database, settings: Settings, pupil: Database) -> None:
    """Photos and runs with those in the trash, each photo's bytes once, files of runs, exports and uploads."""
    library, space_id = Library(pupil), pupil.space_id
    assert space_id is not None
    dataset_id, snapshot = take(pupil, "Birds", range(2))
    copy = library.datasets.duplicate(dataset_id, "Copy")
    library.datasets.delete(copy.id)
    library.images.trash([library.images.of(dataset_id)[0].id])
    runs = RunLibrary(pupil)
    first, second = (runs.create_run(config(snapshot)) for _ in range(2))
    for view in (first, second):
        write(RunFolder(settings, view.id).path / "exports" / "model.tflite", 300)
    write(settings.cache_path / "exports" / f"{dataset_id}-abc-1-def.zip", 40)
    write(settings.incoming_path / f"{space_id}-{'a' * 32}" / "000000", 7)
    write(settings.incoming_path / f"import-{space_id}-{'b' * 32}" / "000000", 8)
    write(settings.incoming_path / f".tmp-0123456789ab-{space_id}-{'c' * 32}" / "000000", 9)
    write(settings.incoming_path / f"{space_id + 1}-{'d' * 32}" / "000000", 1_000)
    write(settings.incoming_path / ("e" * 32) / "000000", 1_000)
    use = usage_of(database, settings, space_id)
    assert (use.photos, use.trashed_photos) == (4, 3)
    assert use.photo_bytes == 1000 + 1001
    assert (use.runs, use.trashed_runs) == (2, 0)
    assert (use.run_bytes, use.export_bytes, use.incoming_bytes) == (600, 40, 24)
    assert use.num_bytes == 2001 + 664
    assert usage_of_all(database, settings)[space_id] == use


def test_each_counts_by_itself(database: Database, settings: Settings, pupil: Database) -> None:
    """What others have takes nothing from anybody, although photos of one content are one file."""
    other = new_space(database, settings)
    for space in (pupil, other):
        add(Library(space), Library(space).datasets.create("Birds").id, "crow", range(5))
    uses = usage_of_all(database, settings)
    assert {space_id: use.photos for space_id, use in uses.items()} == {pupil.space_id: 5, other.space_id: 5}
    assert len({use.photo_bytes for use in uses.values()}) == 1


def test_photos_beyond_the_limit(pupil: Database) -> None:
    """All or none come in, however they come; what is in the trash counts until it is deleted for good."""
    library = Library(pupil)
    dataset_id = library.datasets.create("Birds").id
    add(library, dataset_id, "crow", range(3))
    with pytest.raises(LimitReachedError, match="You may have 5 photos and have 3; 3 more would come"):
        add(library, dataset_id, "tit", range(3, 6))
    with pytest.raises(LimitReachedError, match="3 more"):
        library.datasets.duplicate(dataset_id, "Copy")
    assert [dataset.num_images for dataset in library.datasets.all()] == [3]
    library.images.trash([image.id for image in library.images.of(dataset_id)])
    with pytest.raises(LimitReachedError, match="3 of them in the trash"):
        add(library, dataset_id, "tit", range(3, 6))
    library.images.purge_trash(dataset_id)
    assert len(add(library, dataset_id, "tit", range(3, 6))) == 3


def test_runs_beyond_the_limit(pupil: Database) -> None:
    """Runs in the trash count until they are deleted for good."""
    runs = RunLibrary(pupil)
    _, snapshot = take(pupil, "Birds", range(2))
    for _ in range(2):
        runs.create_run(config(snapshot))
    with pytest.raises(LimitReachedError, match="You may keep 2 runs and have 2; 1 more"):
        runs.create_run(config(snapshot))


def test_bytes_beyond_the_limit(database: Database, settings: Settings) -> None:
    """A photo that is there already takes no room once more."""
    pupil = new_space(database, replace(settings, max_space_bytes=2_500))
    library = Library(pupil)
    dataset_id = library.datasets.create("Birds").id
    add(library, dataset_id, "crow", range(2))
    add(library, dataset_id, "tit", range(2))
    with pytest.raises(LimitReachedError, match="of the disk"):
        add(library, dataset_id, "tit", range(2, 3))


def test_teachers_and_home(database: Database, settings: Settings) -> None:
    """Nothing is measured for those who have no limits."""
    teacher = new_space(database, settings, SpaceKind.TEACHER)
    home = bind_space(database, settings, HOME_SPACE_ID).database
    assert (teacher.room, home.room, bind_space(database, settings, None).database.room) == (None, None, None)
    for space in (teacher, home):
        add(Library(space), Library(space).datasets.create("Birds").id, "crow", range(9))
        refuse_without_room(space, photos=10**6, runs=10**6, num_bytes=10**15)


def test_a_space_that_is_gone(database: Database, settings: Settings) -> None:
    """Whoever works for one that was deleted meanwhile has the limits of a guest."""
    bound = bind_space(database, settings, 4711)
    assert bound.is_guest
    assert bound.database.room is not None
    assert bound.settings.import_dirs == ()


def test_what_fits_of_an_import(pupil: Database) -> None:
    """Photos are taken until the first that does not fit, and none after it."""
    add(Library(pupil), Library(pupil).datasets.create("Birds").id, "crow", range(3))
    room = RoomForPhotos(pupil)
    assert [room.take(photo_hash(number), 1_000) for number in (0, 7, 8, 9)] == [True, True, False, False]
    assert room.is_full
    assert "You may have 5 photos and have 5; 1 more" in room.reason
    room.refuse_if_nothing_came(2)
    with pytest.raises(LimitReachedError):
        room.refuse_if_nothing_came(0)


def test_a_disk_that_is_nearly_full(pupil: Database, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guests leave the rest to the database and to what is under way; the teacher may use it."""
    monkeypatch.setattr(own_use, "free_bytes", lambda settings: 300_000_000)
    with pytest.raises(NoSpaceError, match="nearly full"):
        refuse_without_room(pupil, num_bytes=1)
    refuse_without_room(pupil, photos=1)
    refuse_without_room(database, num_bytes=1)
