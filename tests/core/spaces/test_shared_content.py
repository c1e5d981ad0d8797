"""What spaces share on the disk or in the queue tells none of them anything about another."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import delete

from core.datasets.library import Library
from core.datasets.snapshots import load_snapshot, take_snapshot
from core.errors import UnknownDatasetError
from core.jobs.queue import TaskQueue
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database
from core.storage.own_keys import is_own_key, new_key
from core.storage.schema import HOME_SPACE_ID, Dataset, Run, Space
from core.task_kinds import TASK_KINDS
from tests.core.datasets.library_samples import add, photo_hash
from tests.core.runs.run_samples import config

pytestmark = pytest.mark.both_databases


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def two(database: Database) -> list[Database]:
    """Two spaces that had the same photos handed out, and called them otherwise."""
    spaces = [SpaceRegistry(database).create(SpaceKind.PUPIL, name) for name in ("Quiet Otter", "Brave Heron")]
    bound = [database.of_space(space.id) for space in spaces]
    for each, name in zip(bound, ("Mine", "Geheim-7f3a"), strict=True):
        add(Library(each), Library(each).datasets.create(name).id, "crow", range(3))
    return bound


def only_dataset(database: Database) -> int:
    return Library(database).datasets.all()[0].id


def test_a_snapshot_of_the_same_content_has_ones_own_name(two: list[Database]) -> None:
    """It is stored once; what the other calls its dataset, and which one it is, stays there."""
    ours, theirs = two
    taken = take_snapshot(theirs, only_dataset(theirs))
    with pytest.raises(UnknownDatasetError):
        load_snapshot(ours, taken.hash)
    with pytest.raises(UnknownDatasetError):
        RunLibrary(ours).create_run(config(taken.hash))
    own = take_snapshot(ours, only_dataset(ours))
    assert (own.hash, own.images) == (taken.hash, taken.images)
    assert (own.dataset_name, own.dataset_id) == ("Mine", only_dataset(ours))
    assert load_snapshot(ours, own.hash) == own
    assert load_snapshot(theirs, own.hash) == taken


def test_of_a_space_that_is_deleted_no_name_stays(two: list[Database], database: Database) -> None:
    """Not even in a snapshot that another space goes on using."""
    ours, theirs = two
    taken, _ = take_snapshot(theirs, only_dataset(theirs)), take_snapshot(ours, only_dataset(ours))
    with database.session() as session:
        for row in (Run, Dataset):
            session.execute(delete(row).where(row.space_id == theirs.space_id))
        session.execute(delete(Space).where(Space.id == theirs.space_id))
    assert load_snapshot(database, taken.hash).dataset_name == "Mine"


def test_keys_of_tasks_stand_in_nobodys_way(two: list[Database], database: Database) -> None:
    """Whoever guesses the key of another's task gets one of their own; what is done for all is done once."""
    ours, theirs = (TaskQueue(each, TASK_KINDS) for each in two)
    first = theirs.submit("check_dataset", {"dataset_id": 1}, key="check_dataset:1")
    second = ours.submit("check_dataset", {"dataset_id": 1}, key="check_dataset:1")
    assert first != second
    assert theirs.submit("check_dataset", {"dataset_id": 1}, key="check_dataset:1") == first
    shared = [queue.submit("prepare_backbone", {}, key="prepare_backbone:A") for queue in (ours, theirs)]
    assert shared[0] == shared[1]
    assert TaskQueue(database, TASK_KINDS).submit("prepare_backbone", {}, key="prepare_backbone:A") == shared[0]


def test_no_probing_by_hash(two: list[Database], database: Database) -> None:
    """A photo that only another has is, by its hash, as unknown as one that nobody has."""
    ours, theirs = (Library(each) for each in two)
    add(theirs, only_dataset(two[1]), "tit", range(10, 13))
    hashes = [photo_hash(number) for number in (0, 1, 10, 11, 99)]
    theirs.checks.save_pairs({tuple(sorted(pair)): 0.9 for pair in ((hashes[0], hashes[1]), (hashes[2], hashes[3]))})
    assert set(ours.photos.get(hashes)) == ours.photos.known(hashes) == set(hashes[:2])
    assert list(ours.checks.pairs(hashes).values()) == [0.9]
    before = theirs.photos.get(hashes)
    ours.photos.save_measurements({hashes[2]: {"version": 0}})
    assert theirs.photos.get(hashes) == before
    with pytest.raises(RuntimeError, match="Only the library of the whole database"):
        ours.photos.forget(hashes)


def test_names_are_taken_in_ones_own_space_only(two: list[Database]) -> None:
    """Or somebody could find out by trying which names others have."""
    ours, theirs = two
    assert Library(ours).datasets.free_name("Geheim-7f3a") == "Geheim-7f3a"
    Library(ours).datasets.rename(only_dataset(ours), "Geheim-7f3a")
    assert [len(Library(each).datasets.all()) for each in (ours, theirs)] == [1, 1]


def test_folders_of_what_arrives_are_named_for_a_space() -> None:
    """A key opens them for the one that it was made for; those of versions without spaces are home's."""
    keys = {space: new_key(space) for space in (HOME_SPACE_ID, 2, 3)}
    for space, key in keys.items():
        assert [other for other in keys if is_own_key(key, other)] == [space]
        assert is_own_key(key, None)
    of_before = "0123456789ab4def0123456789abcdef"
    assert is_own_key(of_before, HOME_SPACE_ID)
    assert not is_own_key(of_before, 2)
