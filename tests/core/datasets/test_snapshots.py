"""A snapshot is named by its content alone, and nothing that happens later touches it or its photos."""

import hashlib
import random
import re

import pytest

from core.datasets.library import Library
from core.datasets.records import Review, SnapshotImageView, SnapshotView, Split
from core.datasets.snapshots import load_snapshot, take_snapshot
from core.errors import DatasetError, UnknownDatasetError
from core.storage.db import Database
from tests.core.datasets.library_samples import add, class_ids, in_threads, new_image, photo_hash


@pytest.fixture
def birds(library: Library) -> int:
    return library.datasets.create("Birds").id


def rows(snapshot: SnapshotView) -> list[tuple[str, Split | None, str]]:
    return [(snapshot.class_names[image.class_index], image.split, image.photo_hash) for image in snapshot.images]


def test_what_a_snapshot_holds(library: Library, database: Database, birds: int) -> None:
    """The photos out of the trash with class and split; classes without any are left out."""
    ids = library.images.add(
        birds,
        [
            new_image(3, "tit", split=Split.TEST),
            new_image(1, "Crow", split=Split.TRAIN),
            new_image(2, "tit"),
            new_image(4, "tit"),
            new_image(5, "gone"),
        ],
    )
    library.classes.create(birds, "empty")
    library.images.trash(ids[3:4])
    library.classes.delete(class_ids(library, birds)["gone"])
    snapshot = take_snapshot(database, birds)
    assert re.fullmatch(r"[0-9a-f]{64}", snapshot.hash)
    assert (snapshot.dataset_id, snapshot.dataset_name) == (birds, "Birds")
    assert snapshot.class_names == ("Crow", "tit")
    assert snapshot.images == (
        SnapshotImageView(photo_hash=photo_hash(1), class_index=0, split=Split.TRAIN),
        SnapshotImageView(photo_hash=photo_hash(2), class_index=1, split=None),
        SnapshotImageView(photo_hash=photo_hash(3), class_index=1, split=Split.TEST),
    )
    assert load_snapshot(database, snapshot.hash) == snapshot


def test_the_hash_never_changes(library: Library, database: Database, birds: int) -> None:
    """Runs refer to snapshots by this hash for years: the same content has it in every version."""
    library.images.add(birds, [new_image(2, "ציפור"), new_image(1, "crow", split=Split.TRAIN)])
    bird = r"\u05e6\u05d9\u05e4\u05d5\u05e8"
    text = (
        f'{{"classes":["crow","{bird}"],'
        f'"images":[["crow","train","{photo_hash(1)}"],["{bird}",null,"{photo_hash(2)}"]],"version":1}}'
    )
    assert take_snapshot(database, birds).hash == hashlib.sha256(text.encode("ascii")).hexdigest()


@pytest.mark.parametrize("seed", range(5))
def test_the_same_content_has_the_same_hash(library: Library, database: Database, seed: int) -> None:
    """Order of arrival, numbers, file names, captures, detours and the dataset itself do not count."""
    rng = random.Random(seed)
    images = [
        new_image(rng.randrange(20), rng.choice(["crow", "tit", "ציפור", "🐦"]), split=rng.choice([*Split, None]))
        for _ in range(40)
    ]
    first = library.datasets.create("First").id
    library.images.add(first, images)
    second = library.datasets.create("Second").id
    rng.shuffle(images)
    for image in images:
        library.images.add(second, [image])
    wander(rng, library, second)
    taken = take_snapshot(database, first)
    assert take_snapshot(database, second) == taken
    assert take_snapshot(database, library.datasets.duplicate(first, "Third").id) == taken
    assert len(taken.images) == 40


def wander(rng: random.Random, library: Library, dataset_id: int) -> None:
    """Change a dataset in many ways, and back."""
    ids = [image.id for image in library.images.of(dataset_id)]
    name, class_id = rng.choice(list(class_ids(library, dataset_id).items()))
    library.classes.rename(class_id, "for a while")
    library.classes.rename(class_id, name)
    library.history.undo(library.images.trash(rng.sample(ids, k=10)).id)
    library.history.undo(library.classes.delete(class_id).id)
    library.history.undo(library.images.set_split(rng.sample(ids, k=10), Split.TEST).id)
    library.images.trash(add(library, dataset_id, "other", range(100, 103)))
    library.classes.delete(class_ids(library, dataset_id)["other"])
    library.datasets.rename(dataset_id, "Another name")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda library, ids, crow: library.images.trash(ids[:1]), id="fewer photos"),
        pytest.param(lambda library, ids, crow: library.images.set_split(ids[:1], Split.TEST), id="split"),
        pytest.param(lambda library, ids, crow: library.classes.rename(crow, "Crow"), id="class name"),
        pytest.param(
            lambda library, ids, crow: library.images.add(
                library.images.get(ids)[0].dataset_id, [new_image(1, "crow")]
            ),
            id="a photo twice",
        ),
        pytest.param(
            lambda library, ids, crow: library.images.move(
                ids[:1], library.classes.create(library.images.get(ids)[0].dataset_id, "tit").id
            ),
            id="class of a photo",
        ),
    ],
)
def test_other_content_has_another_hash(library: Library, database: Database, birds: int, change) -> None:
    """Each thing that a training can notice makes another snapshot, and leaves the old one as it was."""
    ids = add(library, birds, "crow", range(1, 4))
    before = take_snapshot(database, birds)
    change(library, ids, class_ids(library, birds)["crow"])
    assert take_snapshot(database, birds).hash != before.hash
    assert load_snapshot(database, before.hash) == before


def test_nothing_to_freeze(library: Library, database: Database, birds: int) -> None:
    """A dataset without photos, one in the trash and an unknown hash are refused with a word on what to do."""
    library.classes.create(birds, "crow")
    with pytest.raises(DatasetError, match="“Birds” has no photos; add some first"):
        take_snapshot(database, birds)
    library.datasets.delete(birds)
    with pytest.raises(UnknownDatasetError, match="was deleted"):
        take_snapshot(database, birds)
    with pytest.raises(UnknownDatasetError, match="No snapshot has the hash abc"):
        load_snapshot(database, "abc")


def test_unsure_photos_stay_out(library: Library, database: Database, birds: int) -> None:
    """A snapshot is the same as if they were deleted; when there are no others, that is said."""
    ids = library.images.add(birds, [new_image(1, "crow"), new_image(2, "tit"), new_image(3, "tit"), new_image(4)])
    library.images.set_review(ids[:2], Review.UNSURE)
    library.images.set_review(ids[2:], Review.RIGHT)
    taken = take_snapshot(database, birds)
    assert [photo for _, _, photo in rows(taken)] == [photo_hash(4), photo_hash(3)]
    library.images.trash(ids[:2])
    assert take_snapshot(database, birds) == taken
    library.images.set_review(ids, Review.UNSURE)
    with pytest.raises(DatasetError, match="All photos of the dataset “Birds” are marked as unsure"):
        take_snapshot(database, birds)


@pytest.mark.parametrize("seed", range(4))
def test_later_edits_never_touch_a_snapshot(library: Library, database: Database, birds: int, seed: int) -> None:
    """After any edits and purges, every snapshot taken on the way loads as it was, and its photos are known."""
    rng = random.Random(seed)
    taken = []
    for step in range(15):
        add(library, birds, rng.choice(["crow", "tit"]), range(step * 3, step * 3 + 3))
        ids = [image.id for image in library.images.of(birds)]
        library.images.set_split(rng.sample(ids, k=2), rng.choice(list(Split)))
        taken.append(take_snapshot(database, birds))
        library.images.trash(rng.sample(ids, k=2))
        if rng.random() < 0.5:
            library.images.purge_trash(birds)
        library.photos.forget([photo_hash(number) for number in range(50)])
    library.datasets.delete(birds)
    for snapshot in taken:
        assert load_snapshot(database, snapshot.hash) == snapshot
        hashes = {image.photo_hash for image in snapshot.images}
        assert library.photos.known(hashes) == hashes


def test_every_image_is_there_once(library: Library, database: Database, birds: int) -> None:
    """Ten thousand images, some photos twice in one class, are each frozen exactly once."""
    images = [
        new_image(number % 9000, f"class {number % 13}", split=list(Split)[number % 3]) for number in range(10_000)
    ]
    library.images.add(birds, images)
    expected = [(image.class_name, image.split, image.photo.hash) for image in images]
    assert sorted(rows(take_snapshot(database, birds))) == sorted(expected)


def test_one_content_from_many_threads(
    library: Library, other_library: Library, database: Database, birds: int
) -> None:
    """Taking snapshots of equal datasets at once gives one snapshot and no error."""
    datasets = [birds, *(library.datasets.create(f"Birds {number}").id for number in range(3))]
    for dataset_id in datasets:
        add(library, dataset_id, "crow", range(30))
    taken: list[SnapshotView] = []
    errors = in_threads(*(lambda own=own: taken.append(take_snapshot(database, own)) for own in datasets))
    assert errors == []
    assert [snapshot.hash for snapshot in taken] == [taken[0].hash] * 4
