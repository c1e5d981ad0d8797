"""The pile: photos come onto it as unsure, and leave it for a class without that mark."""

import pytest

from core.datasets.library import Library
from core.datasets.pile import PILE_NAME, is_pile
from core.datasets.records import Review
from core.datasets.snapshots import take_snapshot
from core.storage.db import Database
from tests.core.datasets.library_samples import add, class_ids, new_image


@pytest.mark.parametrize(("name", "expected"), [("to sort", True), ("  To  Sort", True), ("sort", False)])
def test_it_is_known_by_its_name(name: str, expected: bool) -> None:
    """As people may type it."""
    assert is_pile(name) is expected


def test_nothing_is_learned_from_it(library: Library, database: Database) -> None:
    """However photos come onto it; a mark that an image brings along stays."""
    dataset_id = library.datasets.create("Web").id
    crows = add(library, dataset_id, "crow", range(3))
    add(library, dataset_id, PILE_NAME, range(3, 6))
    library.images.add(dataset_id, [new_image(7, PILE_NAME, review=Review.RIGHT)])
    ids = class_ids(library, dataset_id)
    library.images.move(crows[:1], ids[PILE_NAME])
    on_pile = library.images.of(dataset_id, class_id=ids[PILE_NAME])
    assert sorted(str(image.review) for image in on_pile) == ["right", *["unsure"] * 4]
    assert len(take_snapshot(database, dataset_id).images) == 3
    library.images.move([image.id for image in on_pile], ids["crow"])
    assert {image.review for image in library.images.of(dataset_id)} == {None}


def test_a_class_that_becomes_the_pile_or_ceases_to_be_it(library: Library) -> None:
    """By another name, or merged with one: the marks change with what the class means, and come back with an undo."""
    dataset_id = library.datasets.create("Web", ["crow"]).id
    add(library, dataset_id, "crow", range(2))
    crow = class_ids(library, dataset_id)["crow"]

    def marks() -> set[Review | None]:
        return {image.review for image in library.images.of(dataset_id)}

    renamed = library.classes.rename(crow, PILE_NAME)
    assert marks() == {Review.UNSURE}
    assert renamed is not None
    library.history.undo(renamed.id)
    assert marks() == {None}
    library.images.move(
        [image.id for image in library.images.of(dataset_id)], library.classes.create(dataset_id, PILE_NAME).id
    )
    merged = library.classes.merge([class_ids(library, dataset_id)[PILE_NAME]], crow)
    assert marks() == {None}
    library.history.undo(merged.id)
    assert marks() == {Review.UNSURE}
