"""What has changed in a dataset since a run froze it is counted once, and as what it is."""

from collections.abc import Callable

import pytest

from core.datasets.library import Library
from core.datasets.records import Review, Split
from core.datasets.snapshots import take_snapshot
from core.runs.changes import DatasetChanges, changes_since, find_renamed
from core.storage.db import Database
from tests.core.datasets.library_samples import add, class_ids, new_image

NUM_PHOTOS = 6  # of each class


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


@pytest.fixture
def birds(library: Library) -> int:
    """Crows 1-6 and tits 7-12, for training."""
    dataset_id = library.datasets.create("Crows and tits").id
    classes = {"crow": range(1, 1 + NUM_PHOTOS), "tit": range(1 + NUM_PHOTOS, 1 + 2 * NUM_PHOTOS)}
    images = [new_image(number, name, split=Split.TRAIN) for name, numbers in classes.items() for number in numbers]
    library.images.add(dataset_id, images)
    return dataset_id


def changes(*numbers: int, renamed: tuple[tuple[str, str], ...] = ()) -> DatasetChanges:
    relabelled, removed, added, moved_split = numbers
    return DatasetChanges(
        num_relabelled=relabelled,
        num_removed=removed,
        num_added=added,
        num_moved_split=moved_split,
        renamed_classes=renamed,
    )


def merge(library: Library, dataset_id: int) -> None:
    ids = class_ids(library, dataset_id)
    library.classes.merge([ids["crow"]], ids["tit"])


def split_in_two(library: Library, dataset_id: int, ids: list[int], num_ravens: int) -> None:
    """Two new classes in place of the crows."""
    library.images.move(ids[:num_ravens], library.classes.create(dataset_id, "raven").id)
    library.images.move(ids[num_ravens:NUM_PHOTOS], library.classes.create(dataset_id, "jackdaw").id)
    library.classes.delete(class_ids(library, dataset_id)["crow"])


def relabel_and_split(library: Library, dataset_id: int, ids: list[int]) -> None:
    library.images.move(ids[:2], class_ids(library, dataset_id)["tit"])
    library.images.set_split(ids[:2], Split.TEST)


def replace_photo(library: Library, dataset_id: int, ids: list[int]) -> None:
    """Crow 1 goes, and comes back as two new images of the same photo, one of them a tit."""
    library.images.trash(ids[:1])
    library.images.add(dataset_id, [new_image(1, name, split=Split.TRAIN) for name in ("crow", "tit")])


EDITS: dict[str, tuple[Callable[[Library, int, list[int]], object], DatasetChanges]] = {
    "nothing": (lambda library, birds, ids: None, changes(0, 0, 0, 0)),
    "marked as right": (lambda library, birds, ids: library.images.set_review(ids, Review.RIGHT), changes(0, 0, 0, 0)),
    "relabelled": (
        lambda library, birds, ids: library.images.move(ids[:3], class_ids(library, birds)["tit"]),
        changes(3, 0, 0, 0),
    ),
    "relabelled and moved": (relabel_and_split, changes(2, 0, 0, 0)),
    "moved to another split": (
        lambda library, birds, ids: library.images.set_split(ids[:4], Split.TEST),
        changes(0, 0, 0, 4),
    ),
    "in the trash": (lambda library, birds, ids: library.images.trash(ids[:2]), changes(0, 2, 0, 0)),
    "marked as unsure": (
        lambda library, birds, ids: library.images.set_review(ids[:2], Review.UNSURE),
        changes(0, 2, 0, 0),
    ),
    "added": (lambda library, birds, ids: add(library, birds, "owl", range(90, 95)), changes(0, 0, 5, 0)),
    "one more of the same photo": (replace_photo, changes(0, 0, 1, 0)),
    "class renamed": (
        lambda library, birds, ids: library.classes.rename(class_ids(library, birds)["crow"], "Krähe"),
        changes(0, 0, 0, 0, renamed=(("crow", "Krähe"),)),
    ),
    "class deleted": (
        lambda library, birds, ids: library.classes.delete(class_ids(library, birds)["crow"]),
        changes(0, 6, 0, 0),
    ),
    "classes merged": (lambda library, birds, ids: merge(library, birds), changes(6, 0, 0, 0)),
    "class split in two": (
        lambda library, birds, ids: split_in_two(library, birds, ids, 3),
        changes(6, 0, 0, 0),
    ),
    "most of a class in a new one": (
        lambda library, birds, ids: split_in_two(library, birds, ids, 4),
        changes(2, 0, 0, 0, renamed=(("crow", "raven"),)),
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_change_is_counted_once(library: Library, database: Database, birds: int, edit: str) -> None:
    """Each edit is counted as what it is; a class with another name is no change of its photos."""
    snapshot = take_snapshot(database, birds)
    change, expected = EDITS[edit]
    change(library, birds, [image.id for image in library.images.of(birds)])
    found = changes_since(snapshot, library.images.of(birds), library.classes.of(birds))
    assert found == expected
    is_same = take_snapshot(database, birds).hash == snapshot.hash
    assert is_same == (found.total == 0 and not found.renamed_classes)


def test_a_new_name_is_not_taken_twice() -> None:
    """Of two classes that became one new class the larger was renamed; photos that are gone do not count."""
    then = {"1": "crow", "2": "crow", "3": "tit", "4": "tit", "5": "tit", "6": "owl"}
    now = dict.fromkeys("1234", "bird")
    assert find_renamed(then, now, (("crow", "tit", "owl"), ("bird",))) == {"crow": "bird"}
    assert find_renamed(then, now | {"5": "bird"}, (("crow", "tit", "owl"), ("bird",))) == {"tit": "bird"}
