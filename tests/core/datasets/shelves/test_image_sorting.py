"""Many photos are put into classes as one change, which can be taken back whole or photo by photo."""

import pytest

from core.datasets.library import Library
from core.datasets.records import Split
from core.errors import DatasetError, UnknownDatasetError
from tests.core.datasets.library_samples import add, class_ids, contents, new_image


@pytest.fixture
def dataset_id(library: Library) -> int:
    """Six photos to sort, and two classes for them."""
    created = library.datasets.create("Web", ["crow", "tit", "to sort"]).id
    add(library, created, "to sort", range(6))
    return created


def ids_on(library: Library, dataset_id: int, class_name: str) -> list[int]:
    return [image.id for image in library.images.of(dataset_id, class_id=class_ids(library, dataset_id)[class_name])]


def test_each_goes_into_its_own_class(library: Library, dataset_id: int) -> None:
    """With one change, which says what was done; images in the trash are passed over."""
    pile, ids = ids_on(library, dataset_id, "to sort"), class_ids(library, dataset_id)
    library.images.trash(pile[5:])
    done = library.images.sort(
        dataset_id, {**dict.fromkeys(pile[:3], ids["crow"]), pile[3]: ids["tit"], pile[5]: ids["tit"]}
    )
    assert done.summary == "Sorted 4 photos into 2 classes"
    assert contents(library, dataset_id) == {
        "crow": ["0.jpg", "1.jpg", "2.jpg"],
        "tit": ["3.jpg"],
        "to sort": ["4.jpg"],
    }
    library.history.undo(done.id)
    assert len(ids_on(library, dataset_id, "to sort")) == 5


def test_one_photo_is_taken_back(library: Library, dataset_id: int) -> None:
    """As it was, with its mark; the rest of the change stays, and can be undone later."""
    pile, ids = ids_on(library, dataset_id, "to sort"), class_ids(library, dataset_id)
    done = library.images.sort(dataset_id, dict.fromkeys(pile[:3], ids["crow"]))
    before = library.images.get(pile[4:5])[0].review
    assert library.history.take_back(done.id, pile[1:2]).num_restored == 1
    assert library.images.get(pile[1:2])[0].review == before
    assert contents(library, dataset_id)["crow"] == ["0.jpg", "2.jpg"]
    result = library.history.undo(done.id)
    assert (result.num_restored, result.num_left_alone) == (2, 0)


def test_a_change_of_which_all_is_taken_back_is_undone(library: Library, dataset_id: int) -> None:
    """It cannot be undone once more."""
    pile, ids = ids_on(library, dataset_id, "to sort"), class_ids(library, dataset_id)
    done = library.images.sort(dataset_id, dict.fromkeys(pile[:2], ids["crow"]))
    library.history.take_back(done.id, pile[:2])
    assert library.history.latest(dataset_id)[0].undone_at is not None
    with pytest.raises(DatasetError, match="was undone already"):
        library.history.take_back(done.id, pile[:1])


def test_a_photo_that_was_moved_since_stays(library: Library, dataset_id: int) -> None:
    """Somebody else's decision is not overwritten."""
    pile, ids = ids_on(library, dataset_id, "to sort"), class_ids(library, dataset_id)
    done = library.images.sort(dataset_id, {pile[0]: ids["crow"]})
    library.images.move(pile[:1], ids["tit"])
    assert library.history.take_back(done.id, pile[:1]).num_left_alone == 1
    assert contents(library, dataset_id)["tit"] == ["0.jpg"]


def test_a_burst_stays_in_one_split(library: Library, dataset_id: int) -> None:
    """A split that is chosen takes the rest of the burst along, and taking it back brings all of them back."""
    burst = library.images.add(dataset_id, [new_image(number, "to sort", capture="burst") for number in (10, 11, 12)])
    crow = class_ids(library, dataset_id)["crow"]
    done = library.images.sort(dataset_id, dict.fromkeys(burst[:2], crow), split=Split.TEST)
    assert {image.split for image in library.images.get(burst)} == {Split.TEST}
    assert [image.class_id == crow for image in library.images.get(burst)] == [True, True, False]
    library.history.take_back(done.id, burst[:1])
    assert {image.split for image in library.images.get(burst)} == {None}
    assert [image.class_id == crow for image in library.images.get(burst)] == [False, True, False]


def test_classes_of_other_datasets_are_refused(library: Library, dataset_id: int) -> None:
    """Nothing is changed; neither where there is nothing to sort, nor where the class is not there."""
    other = library.datasets.create("Other", ["crow"]).id
    pile, foreign = ids_on(library, dataset_id, "to sort"), class_ids(library, other)["crow"]
    with pytest.raises(DatasetError, match="belongs to another dataset"):
        library.images.sort(dataset_id, {pile[0]: foreign})
    with pytest.raises(DatasetError, match="Choose at least one"):
        library.images.sort(dataset_id, {})
    with pytest.raises(UnknownDatasetError):
        library.images.sort(dataset_id, {pile[0]: 999})
    assert len(ids_on(library, dataset_id, "to sort")) == 6
