"""Undo puts back what nobody has changed since, and leaves the rest alone."""

import random

import pytest

from core.datasets.library import Library
from core.datasets.records import ImageView, OperationView, Review, Split, SplitOrigin
from core.datasets.shelves import history
from core.errors import DatasetError, UnknownDatasetError
from tests.core.datasets.library_samples import add, class_ids, contents, in_threads, new_image

pytestmark = pytest.mark.both_databases


@pytest.fixture
def birds(library: Library) -> int:
    """Two classes with photos in two splits."""
    dataset_id = library.datasets.create("Birds").id
    library.images.add(
        dataset_id,
        [
            new_image(1, "crow", split=Split.TRAIN),
            new_image(2, "crow", split=Split.TEST),
            new_image(3, "crow"),
            new_image(4, "tit", split=Split.TRAIN),
            new_image(5, "tit"),
        ],
    )
    return dataset_id


@pytest.fixture
def ids(library: Library, birds: int) -> list[int]:
    return [image.id for image in library.images.of(birds)]


def everything(library: Library, dataset_id: int) -> tuple[object, ...]:
    """All that a person can see of a dataset."""
    return library.classes.of(dataset_id), library.images.of(dataset_id), library.images.in_trash(dataset_id)


def image_of(library: Library, image_id: int) -> ImageView:
    return library.images.get([image_id])[0]


def delete_crow(library: Library, dataset_id: int) -> OperationView:
    return library.classes.delete(class_ids(library, dataset_id)["crow"])


def merge_crow(library: Library, dataset_id: int) -> OperationView:
    classes = class_ids(library, dataset_id)
    return library.classes.merge([classes["crow"]], classes["tit"])


# A preparation, and the operation that is undone.
PREPARATIONS = {
    "restore": lambda library, birds, ids: library.images.trash(ids[:3]),
    "restore with its class": lambda library, birds, ids: delete_crow(library, birds),
    "trash what is in the trash": lambda library, birds, ids: library.images.trash(ids),
    "mark": lambda library, birds, ids: library.images.set_review(ids[:2], Review.RIGHT),
    "move what is marked": lambda library, birds, ids: library.images.set_review(ids, Review.RIGHT),
}
OPERATIONS = {
    "move": lambda library, birds, ids: library.images.move(ids, class_ids(library, birds)["tit"]),
    "split by hand": lambda library, birds, ids: library.images.set_split(ids, Split.VALIDATION),
    "split away": lambda library, birds, ids: library.images.set_split(ids, None),
    "split by fractions": lambda library, birds, ids: library.images.assign_splits(
        birds, {image_id: [*Split, None][image_id % 4] for image_id in ids}
    ),
    "mark": lambda library, birds, ids: library.images.set_review(ids[1:4], Review.UNSURE),
    "move what is marked": lambda library, birds, ids: library.images.move(ids, class_ids(library, birds)["tit"]),
    "trash": lambda library, birds, ids: library.images.trash(ids[1:4]),
    "trash what is in the trash": lambda library, birds, ids: library.images.trash(ids),
    "restore": lambda library, birds, ids: library.images.restore(ids[:2]),
    "restore with its class": lambda library, birds, ids: library.images.restore(ids[:1]),
    "rename": lambda library, birds, ids: library.classes.rename(class_ids(library, birds)["crow"], "CROW"),
    "merge": lambda library, birds, ids: merge_crow(library, birds),
    "delete class": lambda library, birds, ids: delete_crow(library, birds),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_undo_restores_everything(library: Library, birds: int, ids: list[int], name: str) -> None:
    """Done and undone, the dataset looks as before, and others see by the revision that it changed."""
    if name in PREPARATIONS:
        PREPARATIONS[name](library, birds, ids)
    before = everything(library, birds)
    operation = OPERATIONS[name](library, birds, ids)
    assert library.history.latest(birds)[0] == operation
    revision = library.datasets.get(birds).revision
    result = library.history.undo(operation.id)
    assert (result.summary, result.num_left_alone) == (operation.summary, 0)
    assert everything(library, birds) == before
    assert library.datasets.get(birds).revision == revision + 1
    assert library.history.latest(birds)[0].undone_at is not None


def test_undo_of_a_deleted_dataset(library: Library, birds: int) -> None:
    """The dataset is back with everything, under a numbered name when another has its name meanwhile."""
    before = everything(library, birds)
    first = library.datasets.delete(birds)
    library.history.undo(first.id)
    assert everything(library, birds) == before
    second = library.datasets.delete(birds)
    library.datasets.create("BIRDS")
    assert library.history.undo(second.id).num_restored == 1
    assert library.datasets.get(birds).name == "Birds 2"
    assert library.datasets.in_trash() == []


def test_an_older_deletion_is_not_undone_again(library: Library, birds: int) -> None:
    """A dataset or image restored and deleted again stays deleted; the first deletion cannot bring it back."""
    image_id = library.images.of(birds)[0].id
    first = library.images.trash([image_id])
    library.images.restore([image_id])
    library.images.trash([image_id])
    assert (library.history.undo(first.id).num_restored, image_of(library, image_id).trashed_at is None) == (0, False)
    deletion = library.datasets.delete(birds)
    library.datasets.restore(birds)
    library.datasets.delete(birds)
    with pytest.raises(DatasetError, match="“Deleted the dataset “Birds”” was undone already"):
        library.history.undo(deletion.id)
    assert [dataset.id for dataset in library.datasets.in_trash()] == [birds]


def test_a_restored_dataset_has_no_deletion_to_undo(library: Library, birds: int, ids: list[int]) -> None:
    """Bringing a dataset back undoes its deletion, and no other change of it."""
    library.images.trash(ids[:1])
    library.datasets.delete(birds)
    library.datasets.restore(birds)
    deletion, trashing = library.history.latest(birds)
    assert deletion.undone_at == library.datasets.get(birds).changed_at
    assert trashing.undone_at is None


def test_what_others_changed_stays(library: Library, other_library: Library, birds: int, ids: list[int]) -> None:
    """Undoing a move leaves alone the photo that somebody else has moved on, and says so."""
    tit = class_ids(library, birds)["tit"]
    operation = library.images.move(ids[:3], tit)
    raven = other_library.classes.create(birds, "raven").id
    other_library.images.move(ids[:1], raven)
    result = library.history.undo(operation.id)
    assert (result.num_restored, result.num_left_alone) == (2, 1)
    assert contents(library, birds) == {"crow": ["2.jpg", "3.jpg"], "tit": ["4.jpg", "5.jpg"], "raven": ["1.jpg"]}


def test_other_changes_to_the_same_photo_survive(library: Library, birds: int, ids: list[int]) -> None:
    """A photo that got another class and split while in the trash comes back with both."""
    operation = library.images.trash(ids[:1])
    library.images.set_split(ids[:1], Split.VALIDATION)
    library.images.move(ids[:1], class_ids(library, birds)["tit"])
    assert library.history.undo(operation.id).num_restored == 1
    image = image_of(library, ids[0])
    assert (image.trashed_at, image.split, image.split_origin) == (None, Split.VALIDATION, SplitOrigin.PERSON)
    assert image.class_id == class_ids(library, birds)["tit"]


def test_what_was_purged_stays_away(library: Library, birds: int, ids: list[int]) -> None:
    """Photos and classes deleted for good are counted as left alone, and nothing else is harmed."""
    moved = library.images.move(ids[:2], class_ids(library, birds)["tit"])
    deleted = delete_crow(library, birds)
    library.images.purge_trash(birds)
    assert library.history.undo(deleted.id).num_left_alone == 2  # the class and its last photo
    assert library.history.undo(moved.id).num_left_alone == 2  # their class is gone
    assert contents(library, birds) == {"tit": ["1.jpg", "2.jpg", "4.jpg", "5.jpg"]}


def test_a_class_comes_back_under_a_free_name(library: Library, birds: int) -> None:
    """When its name is taken meanwhile, a restored class is numbered, and both keep their photos."""
    operation = delete_crow(library, birds)
    add(library, birds, "Crow", range(6, 7))
    assert library.history.undo(operation.id).num_restored == 4
    assert contents(library, birds) == {
        "crow 2": ["1.jpg", "2.jpg", "3.jpg"],
        "tit": ["4.jpg", "5.jpg"],
        "Crow": ["6.jpg"],
    }


def test_a_renamed_class_keeps_its_name_when_the_old_one_is_taken(library: Library, birds: int) -> None:
    """Undoing a renaming never makes two classes of one name."""
    operation = library.classes.rename(class_ids(library, birds)["crow"], "raven")
    library.classes.create(birds, "crow")
    assert library.history.undo(operation.id).num_left_alone == 1
    assert list(class_ids(library, birds)) == ["raven", "tit", "crow"]


def test_a_photo_never_comes_back_without_its_class(library: Library, birds: int, ids: list[int]) -> None:
    """Undoing a move or a deletion brings the class back with the photo when it was deleted since."""
    moved = library.images.move(ids[:1], class_ids(library, birds)["tit"])
    trashed = library.images.trash(ids[1:2])
    delete_crow(library, birds)
    library.history.undo(moved.id)
    assert contents(library, birds) == {"crow": ["1.jpg"], "tit": ["4.jpg", "5.jpg"]}
    delete_crow(library, birds)
    library.history.undo(trashed.id)
    assert contents(library, birds) == {"crow": ["2.jpg"], "tit": ["4.jpg", "5.jpg"]}


def test_restoring_undone_keeps_others_photos(library: Library, birds: int, ids: list[int]) -> None:
    """A class that came back with a photo, and got another since, stays when that restoring is undone."""
    delete_crow(library, birds)
    operation = library.images.restore(ids[:1])
    add(library, birds, "crow", range(6, 7))
    library.history.undo(operation.id)
    assert contents(library, birds) == {"crow": ["6.jpg"], "tit": ["4.jpg", "5.jpg"]}


def test_undo_happens_once(library: Library, other_library: Library, birds: int, ids: list[int]) -> None:
    """Two people who press undo at once undo once; the other is told."""
    operation = library.images.trash(ids)
    errors = in_threads(*(lambda own=own: own.history.undo(operation.id) for own in (library, other_library) * 2))
    assert [type(error) for error in errors] == [DatasetError] * 3
    assert "“Deleted 5 photos” was undone already" in str(errors[0])
    assert len(library.images.of(birds)) == 5


def test_undo_in_a_deleted_dataset(library: Library, birds: int, ids: list[int]) -> None:
    """A change inside a dataset in the trash can be undone only once the dataset is back."""
    operation = library.images.trash(ids)
    library.datasets.delete(birds)
    with pytest.raises(UnknownDatasetError, match=r"“Birds” was deleted\. Restore it first"):
        library.history.undo(operation.id)
    library.datasets.restore(birds)
    assert library.history.undo(operation.id).num_restored == 5


def test_only_the_latest_operations_are_kept(
    library: Library, birds: int, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are forgotten, so that the history of a busy dataset does not grow for ever."""
    monkeypatch.setattr(history, "MAX_OPERATIONS", 3)
    operations = [library.images.set_split(ids, split) for split in (*Split, None, Split.TRAIN)]
    assert library.history.latest(birds) == operations[:1:-1]
    assert library.history.latest(birds, limit=1) == operations[-1:]
    with pytest.raises(UnknownDatasetError, match="only the latest can be undone"):
        library.history.undo(operations[0].id)


@pytest.mark.parametrize("seed", range(6))
def test_undoing_all_in_reverse_is_the_beginning(library: Library, birds: int, seed: int) -> None:
    """Any edits, undone from the last to the first, leave the dataset as it was, with nothing left alone."""
    rng = random.Random(seed)
    before = everything(library, birds)
    for _ in range(25):
        random_operation(rng, library, birds)
    for operation in library.history.latest(birds, limit=100):
        assert library.history.undo(operation.id).num_left_alone == 0
    assert everything(library, birds) == before


def random_operation(rng: random.Random, library: Library, dataset_id: int) -> None:
    images = [image.id for image in library.images.of(dataset_id) + library.images.in_trash(dataset_id)]
    chosen = rng.sample(images, k=min(rng.randint(1, 3), len(images)))  # some may have moved between the two readings
    classes = list(class_ids(library, dataset_id).values())
    match rng.randrange(8):
        case 7:
            library.images.set_review(chosen, rng.choice([*Review, None]))
        case 0 if classes:
            library.images.move(chosen, rng.choice(classes))
        case 1:
            library.images.set_split(chosen, rng.choice([*Split, None]))
        case 2:
            library.images.trash(chosen)
        case 3 if classes:
            library.classes.delete(rng.choice(classes))
        case 4 if len(classes) > 1:
            library.classes.merge(classes[:1], classes[1])
        case 5 if classes:
            library.classes.rename(rng.choice(classes), f"class {rng.random()}")
        case _:
            library.images.restore(chosen)


@pytest.mark.parametrize("seed", range(3))
def test_undo_while_others_edit(library: Library, other_library: Library, birds: int, seed: int) -> None:
    """Whatever two sessions do and undo at once, no photo is lost and none is without its class."""

    def edit(own: Library, rng: random.Random) -> None:
        for _ in range(25):
            try:
                random_operation(rng, own, birds)
                own.history.undo(rng.choice(own.history.latest(birds)).id)
            except DatasetError:
                continue  # the other deleted the class or undid the operation first

    errors = in_threads(
        lambda: edit(library, random.Random(seed)), lambda: edit(other_library, random.Random(seed + 100))
    )
    assert errors == []
    live, in_trash = library.images.of(birds), library.images.in_trash(birds)
    assert len(live) + len(in_trash) == 5
    assert {image.class_id for image in live} <= set(class_ids(library, birds).values())
