"""The library keeps every image, whoever edits at the same time, and says clearly what it cannot do."""

import random
import time

import pytest
from sqlalchemy import update

from core.datasets.checks.photo_checks import checks_version
from core.datasets.library import Library
from core.datasets.records import ImportState, NewImage, OperationView, Review, Split, SplitOrigin
from core.datasets.shelves.check_log import StoredCheck
from core.datasets.snapshots import take_snapshot
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import items_of
from core.datasets.split.splitting import split_items
from core.errors import DatasetError, NameRefusedError, UnknownDatasetError
from core.storage.db import Database
from core.storage.schema import Photo
from tests.core.datasets.library_samples import add, class_ids, contents, in_threads, new_image, photo, photo_hash
from tests.statements import noted_statements

pytestmark = pytest.mark.both_databases


@pytest.fixture
def birds(library: Library) -> int:
    return library.datasets.create("Birds").id


# --- datasets --------------------------------------------------------------------------------------------


def test_a_new_dataset(library: Library) -> None:
    """It is empty, has the cleaned name, and is found by number and by any spelling of its name."""
    created = library.datasets.create("  Blue\tTits ")
    assert (created.name, created.num_classes, created.num_images, created.trashed_at) == ("Blue Tits", 0, 0, None)
    assert library.datasets.get(created.id) == created
    assert library.datasets.find("ｂlue  tits") == created
    assert library.datasets.find("crows") is None
    assert library.datasets.all() == [created]


def test_a_new_dataset_with_classes(library: Library) -> None:
    """They are there from the first revision, clean, empty and in the order given."""
    created = library.datasets.create("Birds", ["tit ", "Crow", "🐦"])
    assert (created.num_classes, created.revision) == (3, 1)
    assert contents(library, created.id) == {"tit": [], "Crow": [], "🐦": []}


@pytest.mark.parametrize(
    ("name", "class_names", "message"),
    [
        ("New", ["owl", "finch", " OWL"], "The class “OWL” is listed twice"),
        ("New", ["owl", "\u200b"], "The class has no name"),
        ("New", ["owl", "y" * 300], "has 300 characters"),
        ("birds", ["owl"], "There is a dataset named “birds” already"),
        ("", ["owl"], "The dataset has no name"),
    ],
    ids=["twice", "invisible", "too long", "taken", "no name"],
)
def test_a_refused_name_makes_nothing(
    library: Library, birds: int, name: str, class_names: list[str], message: str
) -> None:
    """Neither the dataset nor a class is made when one of the names cannot be."""
    before = library.datasets.all()
    with pytest.raises(NameRefusedError, match=message):
        library.datasets.create(name, class_names)
    assert library.datasets.all() == before


@pytest.mark.parametrize("same", ["Birds", "birds", "ＢＩＲＤＳ", " Birds "])
def test_two_datasets_of_one_name(library: Library, birds: int, same: str) -> None:
    """A name that looks the same is refused for new, renamed and duplicated datasets; a free one is offered."""
    other = library.datasets.create("Fish").id
    for attempt in (
        lambda: library.datasets.create(same),
        lambda: library.datasets.rename(other, same),
        lambda: library.datasets.duplicate(other, same),
    ):
        with pytest.raises(NameRefusedError, match=r"There is a dataset named .* already; .* Choose another"):
            attempt()
    assert library.datasets.free_name(same).endswith(" 2")
    library.datasets.create(library.datasets.free_name(same))
    assert {dataset.name for dataset in library.datasets.all()} >= {"Birds", "Fish"}


def test_a_dataset_is_renamed(library: Library, birds: int) -> None:
    """Another name, or the same in other capitals, is taken over and changes the revision; the very same does not."""
    library.datasets.rename(birds, "BIRDS")
    library.datasets.rename(birds, "Vögel/Ptaki 🐦")
    library.datasets.rename(birds, " Vögel/Ptaki  🐦")
    assert library.datasets.get(birds).name == "Vögel/Ptaki 🐦"
    assert library.datasets.get(birds).revision == 3


def test_the_latest_changed_dataset_comes_first(library: Library, birds: int) -> None:
    """A change to a dataset's images counts as a change to the dataset."""
    fish = library.datasets.create("Fish").id
    assert [dataset.id for dataset in library.datasets.all()] == [fish, birds]
    add(library, birds, "crow", range(1))
    assert [dataset.id for dataset in library.datasets.all()] == [birds, fish]


def test_a_duplicate_has_everything_but_the_trash(library: Library, birds: int) -> None:
    """Classes, images, captures, splits, marks and dismissals are copied; changing the copy leaves the rest alone."""
    images = [
        new_image(1, "crow", split=Split.TEST, split_origin=SplitOrigin.PERSON, capture="burst"),
        new_image(2, "crow", capture="burst", source_url="https://example.org/2.jpg"),
        new_image(3, "tit", split=Split.TRAIN),
        new_image(4, "gone"),
        new_image(5, "tit"),
    ]
    ids = library.images.add(birds, images)
    library.checks.dismiss(birds, ["blurred:1"])
    library.images.set_review(ids[1:3], Review.UNSURE)
    library.images.trash([ids[4]])
    library.classes.delete(class_ids(library, birds)["gone"])
    library.classes.create(birds, "empty")

    copy = library.datasets.duplicate(birds, "Copy")
    assert (copy.num_classes, copy.num_images) == (3, 3)
    assert contents(library, copy.id) == {"crow": ["1.jpg", "2.jpg"], "tit": ["3.jpg"], "empty": []}
    first, second, third = library.images.of(copy.id)
    assert (first.split, first.split_origin) == (Split.TEST, SplitOrigin.PERSON)
    assert (third.split, third.split_origin) == (Split.TRAIN, SplitOrigin.IMPORTED)
    assert second.source_url == "https://example.org/2.jpg"
    assert [image.review for image in (first, second, third)] == [None, Review.UNSURE, Review.UNSURE]
    assert library.images.captures(copy.id) == {first.capture_id: "burst"}
    assert first.capture_id == second.capture_id != library.images.get(ids)[0].capture_id
    assert library.checks.dismissed(copy.id) == {"blurred:1"}

    library.images.trash([first.id])
    assert len(library.images.of(birds)) == 3


def test_a_deleted_dataset_waits_in_the_trash(library: Library, birds: int) -> None:
    """It leaves the list, can be read but not changed, and comes back whole, under another name when need be."""
    ids = add(library, birds, "crow", range(3))
    library.datasets.delete(birds)
    assert library.datasets.all() == []
    assert library.datasets.find("Birds") is None
    assert [dataset.id for dataset in library.datasets.in_trash()] == [birds]
    assert library.datasets.get(birds).trashed_at is not None
    for change in (
        lambda: library.images.trash(ids),
        lambda: library.classes.create(birds, "tit"),
        lambda: library.datasets.delete(birds),
        lambda: add(library, birds, "crow", range(1)),
        lambda: library.classes.rename(library.classes.of(birds)[0].id, "tit"),
    ):
        with pytest.raises(UnknownDatasetError, match=r"“Birds” was deleted\. Restore it first"):
            change()
    library.datasets.create("birds")
    restored = library.datasets.restore(birds)
    assert (restored.name, restored.num_images, restored.trashed_at) == ("Birds 2", 3, None)
    assert library.datasets.restore(birds) == restored


def test_numbers_that_nothing_has(library: Library, birds: int) -> None:
    """A number of no dataset, class, image, operation or import is refused by every method that needs one."""
    for method in (
        library.datasets.get,
        library.datasets.delete,
        library.datasets.restore,
        library.images.purge_trash,
        library.classes.delete,
        library.history.undo,
        library.imports.get,
        lambda number: library.datasets.rename(number, "x"),
        lambda number: library.datasets.duplicate(number, "x"),
        lambda number: library.classes.create(number, "x"),
        lambda number: library.classes.rename(number, "x"),
        lambda number: library.classes.merge([number], number),
        lambda number: library.images.add(number, [new_image(1)]),
        lambda number: library.images.move([number], number),
        lambda number: library.images.trash([number]),
        lambda number: library.images.restore([number]),
        lambda number: library.images.set_split([number], None),
        lambda number: library.images.assign_splits(number, {}),
        lambda number: library.imports.create(number, {}),
        lambda number: library.imports.set_task(number, 1),
        lambda number: library.imports.reopen(number, {}),
        lambda number: library.imports.finish(number, state=ImportState.FAILED, refused=[], num_refused=0),
        lambda number: library.checks.save(number, 1, []),
        lambda number: library.checks.dismiss(number, ["x"]),
        lambda number: library.images.add(birds, [new_image(1)], import_id=number),
    ):
        with pytest.raises(UnknownDatasetError):
            method(77)
    assert library.photos.known([photo_hash(1)]) == set()
    assert [dataset.name for dataset in library.datasets.all()] == ["Birds"]


# --- classes ---------------------------------------------------------------------------------------------


def test_classes_keep_their_order_and_count(library: Library, birds: int) -> None:
    """Classes stand in the order they were made, with the number of images out of the trash."""
    for name in ("tit", "crow", "ציפור"):
        library.classes.create(birds, name)
    ids = add(library, birds, "crow", range(3))
    library.images.trash(ids[:1])
    assert [(found.name, found.num_images) for found in library.classes.of(birds)] == [
        ("tit", 0),
        ("crow", 2),
        ("ציפור", 0),
    ]


def test_two_classes_of_one_name(library: Library, birds: int) -> None:
    """A class that looks the same is refused in one dataset and possible in another; renaming only case is too."""
    crow = library.classes.create(birds, "Crow").id
    tit = library.classes.create(birds, "tit").id
    revision = library.datasets.get(birds).revision
    for attempt in (lambda: library.classes.create(birds, "crow"), lambda: library.classes.rename(tit, "ＣＲＯＷ")):
        with pytest.raises(NameRefusedError, match="There is a class named"):
            attempt()
    assert library.datasets.get(birds).revision == revision
    library.classes.rename(crow, "crow")
    library.classes.create(library.datasets.create("Fish").id, "Crow")
    assert [found.name for found in library.classes.of(birds)] == ["crow", "tit"]


def test_a_class_renamed_to_its_own_name_stays_untouched(library: Library, birds: int) -> None:
    """Nothing is recorded, and others need not look again."""
    crow = library.classes.create(birds, "crow").id
    revision = library.datasets.get(birds).revision
    assert library.classes.rename(crow, " crow ") is None
    assert library.history.latest(birds) == []
    assert library.datasets.get(birds).revision == revision


def test_a_name_is_free_again_after_deletion(library: Library, birds: int) -> None:
    """A class in the trash does not hold its name."""
    library.classes.delete(library.classes.create(birds, "crow").id)
    library.classes.create(birds, "crow")
    assert list(class_ids(library, birds)) == ["crow"]


def test_classes_are_merged(library: Library, birds: int) -> None:
    """All images of the merged classes are in the one that stays, those in the trash too."""
    for index, name in enumerate(("crow", "crows", "Corvus")):
        add(library, birds, name, range(10 * index, 10 * index + 2))
    ids = class_ids(library, birds)
    library.images.trash([library.images.of(birds, class_id=ids["crows"])[0].id])
    library.classes.merge(list(ids.values()), ids["crow"])
    assert contents(library, birds) == {"crow": ["0.jpg", "1.jpg", "11.jpg", "20.jpg", "21.jpg"]}
    assert library.images.in_trash(birds)[0].class_id == ids["crow"]


def test_classes_that_cannot_be_merged(library: Library, birds: int) -> None:
    """A class alone, classes of two datasets, and a deleted class are refused, and nothing changes."""
    crow, tit = library.classes.create(birds, "crow").id, library.classes.create(birds, "tit").id
    cod = library.classes.create(library.datasets.create("Fish").id, "cod").id
    library.classes.delete(tit)
    with pytest.raises(DatasetError, match="nothing to merge"):
        library.classes.merge([crow], crow)
    with pytest.raises(DatasetError, match="several datasets"):
        library.classes.merge([cod], crow)
    with pytest.raises(UnknownDatasetError, match="“tit” was deleted"):
        library.classes.merge([tit], crow)
    assert list(class_ids(library, birds)) == ["crow"]


# --- images ----------------------------------------------------------------------------------------------


def test_images_are_added_as_given(library: Library, birds: int) -> None:
    """Each image has its photo, class, name, split, capture and link; the numbers come in the order given."""
    images = [
        new_image(2, "Tit", split=Split.VALIDATION),
        new_image(1, "tit", capture="burst 1"),
        new_image(1, " TIT ", source_url="https://example.org/a.jpg"),
        NewImage(photo=photo(3), class_name="crow", name="a\x00b\u202e.jpg", split_origin=SplitOrigin.PERSON),
    ]
    found = library.images.get(library.images.add(birds, images))
    assert [image.photo_hash for image in found] == [photo_hash(number) for number in (2, 1, 1, 3)]
    assert list(class_ids(library, birds)) == ["Tit", "crow"]
    assert [(image.split, image.split_origin) for image in found] == [
        (Split.VALIDATION, SplitOrigin.IMPORTED),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert library.images.captures(birds) == {found[1].capture_id: "burst 1"}
    assert found[2].source_url == "https://example.org/a.jpg"
    assert found[3].name == "ab.jpg"
    assert library.photos.get([photo_hash(3), "unknown"]) == {photo_hash(3): photo(3)}


def test_a_bad_image_adds_nothing(library: Library, birds: int) -> None:
    """When one class name is refused, no image, class or photo is added and the revision stays."""
    before = library.datasets.get(birds)
    with pytest.raises(NameRefusedError, match="300 characters"):
        library.images.add(birds, [new_image(1, "crow"), new_image(2, "x" * 300)])
    assert library.datasets.get(birds) == before
    assert library.classes.of(birds) == []
    assert library.photos.known([photo_hash(1)]) == set()


def test_images_are_listed_by_class_and_split(library: Library, birds: int) -> None:
    """Class and split narrow the list, offset and limit page it, and the counts agree with it."""
    splits = [Split.TRAIN, Split.TEST, None]
    images = [new_image(number, ("crow", "tit")[number % 2], split=splits[number % 3]) for number in range(30)]
    ids = library.images.add(birds, images)
    crow = class_ids(library, birds)["crow"]
    assert [image.id for image in library.images.of(birds)] == ids
    assert [image.id for image in library.images.of(birds, offset=10, limit=5)] == ids[10:15]
    assert [image.name for image in library.images.of(birds, class_id=crow, split=None)] == [
        f"{number}.jpg" for number in (2, 8, 14, 20, 26)
    ]
    assert len(library.images.of(birds, split=Split.TEST)) == 10
    counts = library.images.count(birds)
    assert counts[crow, Split.TRAIN] == 5
    assert sum(counts.values()) == 30


def test_images_move_within_their_dataset(library: Library, birds: int) -> None:
    """Moving changes the class only; nothing selected, another dataset's class or a deleted class is refused."""
    ids = add(library, birds, "crow", range(3))
    tit = library.classes.create(birds, "tit").id
    operation = library.images.move([*ids[:2], 999], tit)
    assert operation.summary == "Moved 2 photos to “tit”"
    assert contents(library, birds) == {"crow": ["2.jpg"], "tit": ["0.jpg", "1.jpg"]}
    fish = library.datasets.create("Fish").id
    cod = library.classes.create(fish, "cod").id
    with pytest.raises(DatasetError, match="No photos are selected"):
        library.images.move([], tit)
    with pytest.raises(DatasetError, match="belong to 2 datasets"):
        library.images.move(ids, cod)
    with pytest.raises(DatasetError, match="belong to 2 datasets"):
        library.images.trash([*ids, *add(library, fish, "cod", range(1))])
    library.classes.delete(tit)
    with pytest.raises(UnknownDatasetError, match="“tit” was deleted"):
        library.images.move(ids, tit)


def test_splits_remember_who_made_them(library: Library, birds: int) -> None:
    """By hand is by a person, by assignment automatic, and no split has no origin; others' images are passed over."""
    ids = add(library, birds, "crow", range(4))
    strangers = add(library, library.datasets.create("Fish").id, "cod", range(1))
    library.images.set_split(ids[:1], Split.TEST)
    assignment = {ids[1]: Split.TRAIN, ids[2]: None, strangers[0]: Split.TRAIN, 999: Split.TRAIN}
    library.images.assign_splits(birds, assignment)
    found = library.images.get([*ids, *strangers])
    assert [(image.split, image.split_origin) for image in found] == [
        (Split.TEST, SplitOrigin.PERSON),
        (Split.TRAIN, SplitOrigin.AUTOMATIC),
        (None, None),
        (None, None),
        (None, None),
    ]
    library.images.set_split(ids[:1], None)
    assert library.images.get(ids[:1])[0].split_origin is None


def test_splitting_leaves_alone_what_is_where_it_belongs(library: Library, birds: int) -> None:
    """Only images that change their split lose who put them there, and only they are counted and undone."""
    ids = library.images.add(birds, [new_image(number, split=Split.TRAIN) for number in range(3)])
    library.images.set_split(ids[1:2], Split.TRAIN)
    operation = library.images.assign_splits(birds, {ids[0]: Split.TRAIN, ids[1]: Split.TRAIN, ids[2]: Split.TEST})
    assert operation is not None
    assert operation.summary == "Changed the split of 1 photo"
    origins = [image.split_origin for image in library.images.get(ids)]
    assert origins == [SplitOrigin.IMPORTED, SplitOrigin.PERSON, SplitOrigin.AUTOMATIC]
    assert library.history.undo(operation.id).num_restored == 1


@pytest.mark.parametrize("keep", [True, False])
def test_splitting_again_changes_nothing(library: Library, birds: int, keep: bool) -> None:
    """The same shares twice are one change: the second time nothing is written, recorded or counted."""
    splits = (Split.TRAIN, Split.TEST, None, None)
    ids = library.images.add(birds, [new_image(number, split=splits[number % 4]) for number in range(40)])
    library.images.set_split(ids[:8], Split.VALIDATION)
    config = SplitConfig(keep_imported=keep, keep_by_hand=keep)

    def split() -> OperationView | None:
        images = library.images.of(birds)
        return library.images.assign_splits(birds, split_items(items_of(images, {}, config), config).to_assign)

    first, before = library.images.of(birds), library.datasets.get(birds).revision
    assert split() is not None
    second, revision = library.images.of(birds), library.datasets.get(birds).revision
    kept = [old.id for old, new in zip(first, second, strict=True) if old.split_origin and old == new]
    assert revision == before + 1
    assert len(kept) == 24 if keep else 0 < len(kept) < 24
    assert split() is None
    assert library.images.of(birds) == second
    assert library.datasets.get(birds).revision == revision
    assert len(library.history.latest(birds)) == 2


def test_marks_belong_to_the_class_of_an_image(library: Library, birds: int) -> None:
    """A mark stays in trash and merged classes, is gone in another class, and is counted and found where it is."""
    ids = add(library, birds, "crow", range(4))
    classes = class_ids(library, birds) | {"tit": library.classes.create(birds, "tit").id}
    revision = library.datasets.get(birds).revision
    assert library.images.set_review(ids[:3], Review.RIGHT).summary == "Marked 3 photos as right"
    assert library.images.set_review(ids[2:], Review.UNSURE).summary == "Marked 2 photos as unsure"
    assert library.datasets.get(birds).revision == revision + 2
    assert library.images.count_reviews(birds) == {Review.RIGHT: 2, Review.UNSURE: 2}
    assert [image.id for image in library.images.of(birds, review=Review.UNSURE)] == ids[2:]
    library.images.move(ids[:1], classes["crow"])
    library.images.move(ids[1:2], classes["tit"])
    library.classes.merge([classes["crow"]], classes["tit"])
    library.images.trash(ids[2:])
    library.images.restore(ids[2:])
    assert [image.review for image in library.images.get(ids)] == [Review.RIGHT, None, Review.UNSURE, Review.UNSURE]
    assert library.images.set_review(ids, None).summary == "Cleared the marks of 3 photos"
    assert library.images.count_reviews(birds) == {}
    with pytest.raises(DatasetError, match="No photos are selected"):
        library.images.set_review([], Review.RIGHT)


def test_trash_and_back(library: Library, birds: int) -> None:
    """A trashed image is nowhere but in the trash, comes back with its class, and twice in the trash is once."""
    ids = add(library, birds, "crow", range(4))
    library.images.trash(ids[:1])
    trashed_at = library.images.in_trash(birds)[0].trashed_at
    library.images.trash(ids[:2])
    assert [image.id for image in library.images.in_trash(birds)] == [ids[1], ids[0]]
    assert library.images.get(ids[:1])[0].trashed_at == trashed_at
    library.classes.delete(class_ids(library, birds)["crow"])
    library.classes.create(birds, "CROW")
    library.images.restore(ids[:1])
    assert contents(library, birds) == {"crow 2": ["0.jpg"], "CROW": []}
    assert library.datasets.get(birds).num_images == 1
    assert len(library.images.in_trash(birds)) == 3


def test_purging_deletes_for_good(library: Library, birds: int) -> None:
    """Only what is in the trash goes, deleted classes with it; it cannot be restored, and the rest is untouched."""
    ids = add(library, birds, "crow", range(3))
    kept = add(library, birds, "tit", range(3, 5))
    library.classes.delete(class_ids(library, birds)["crow"])
    library.images.trash(kept[:1])
    assert library.images.purge_trash(birds) == 4
    assert library.images.in_trash(birds) == []
    assert library.images.get([*ids, *kept]) == library.images.of(birds)
    assert contents(library, birds) == {"tit": ["4.jpg"]}
    with pytest.raises(UnknownDatasetError, match="4 photos selected were deleted for good"):
        library.images.restore([*ids, kept[0]])
    assert library.images.purge_trash(birds) == 0


def test_ten_thousand_images_at_once(library: Library, birds: int) -> None:
    """Every method takes as many images as a large import brings, without losing or mixing any."""
    number = 10_000
    images = [new_image(index, f"class {index % 7}", capture=f"burst {index // 10}") for index in range(number)]
    ids = library.images.add(birds, images)
    assert [image.name for image in library.images.get(ids)] == [image.name for image in images]
    assert library.photos.known([photo_hash(index) for index in range(-5, number)]) == {
        photo_hash(index) for index in range(number)
    }
    target = class_ids(library, birds)["class 3"]
    library.images.move(ids, target)
    library.images.set_split(ids, Split.TRAIN)
    assert library.images.count(birds) == {(target, Split.TRAIN): number}
    library.images.trash(ids)
    library.images.restore(ids)
    assert library.datasets.get(birds).num_images == number


# --- photos ----------------------------------------------------------------------------------------------


def test_photos_nobody_needs(library: Library, birds: int, database: Database) -> None:
    """A photo of an image, of one in any trash, or of a snapshot is never forgotten, however hard one tries."""
    library.photos.add([photo(number) for number in range(6)])
    ids = library.images.add(birds, [new_image(1), new_image(2), new_image(3)])
    fish = library.datasets.create("Fish").id
    add(library, fish, "cod", range(4, 5))
    take_snapshot(database, birds)
    library.images.trash(ids)
    library.images.purge_trash(birds)
    library.images.trash(add(library, birds, "crow", range(5, 6)))
    library.datasets.delete(fish)

    assert library.photos.unreferenced(time.time() - 3600) == []
    assert [found.hash for found in library.photos.unreferenced(time.time() + 1)] == [photo_hash(0)]
    assert library.photos.forget([photo_hash(number) for number in range(7)]) == {photo_hash(0), photo_hash(6)}
    assert library.photos.known([photo_hash(number) for number in range(7)]) == {
        photo_hash(number) for number in range(1, 6)
    }


def test_a_photo_that_arrives_again_counts_as_new(library: Library, database: Database) -> None:
    """An old photo that nothing needs is safe from cleaning while an import brings it once more."""
    library.photos.add([photo(1), photo(1), photo(2)])
    age_photos(database, 7200)
    assert len(library.photos.unreferenced(time.time() - 3600)) == 2
    library.photos.add([photo(1)])
    assert library.photos.unreferenced(time.time() - 3600) == [photo(2)]


def age_photos(database: Database, seconds: float) -> None:
    with database.session() as session:
        session.execute(update(Photo).values(created_at=Photo.created_at - seconds))


# --- checks ----------------------------------------------------------------------------------------------


def test_the_latest_check_is_kept(library: Library, birds: int) -> None:
    """A check of an older revision that ends later does not replace a newer one; no check is no findings."""
    assert library.checks.load(birds) is None
    assert library.checks.checked_revision(birds) is None
    library.checks.save(birds, 5, [{"key": "a"}])
    library.checks.save(birds, 4, [])
    assert library.checks.load(birds) == StoredCheck(5, [{"key": "a"}], checks_version())
    assert library.checks.checked_revision(birds) == 5
    library.checks.save(birds, 5, [])
    assert library.checks.load(birds) == StoredCheck(5, [], checks_version())


def test_findings_are_read_once_for_each_check(library: Library, birds: int, database: Database) -> None:
    """Pages ask at every run; what was found is some hundred kilobytes in a large dataset."""
    library.checks.save(birds, 5, [{"key": "a"}])
    for found in ([{"key": "a"}], [{"key": "b"}], []):
        Library(database).checks.save(birds, 5, found)
        for number in range(3):
            with noted_statements(database) as statements:
                assert library.checks.load(birds) == StoredCheck(5, found, checks_version())
            assert any("findings" in sql for sql in statements) == (number == 0)


def test_a_list_of_changes_leaves_out_what_they_changed(library: Library, birds: int, database: Database) -> None:
    """The rows before and after are for the undo alone: with many photos they are megabytes."""
    made = library.classes.delete(library.classes.create(birds, "tits").id)
    with noted_statements(database) as statements:
        operations = library.history.latest(birds)
    assert operations == [made]
    assert not any("changes" in sql for sql in statements)


def test_dismissed_findings_stay_dismissed(library: Library, birds: int) -> None:
    """Dismissing twice is dismissing once, changes no revision, and lasts until all are asked for again."""
    revision = library.datasets.get(birds).revision
    library.checks.dismiss(birds, ["dark:1"])
    library.checks.dismiss(birds, ["dark:1", "dark:2"])
    assert library.checks.dismissed(birds) == {"dark:1", "dark:2"}
    library.checks.restore(birds)
    assert library.checks.dismissed(birds) == set()
    assert library.datasets.get(birds).revision == revision


def test_pairs_are_found_out_once(library: Library) -> None:
    """A pair is kept whichever way round it is given, only between known photos, and goes with its photo."""
    library.photos.add([photo(number) for number in range(4)])
    first, second, third, fourth = sorted(photo_hash(number) for number in range(4))
    library.checks.save_pairs({(second, first): 0.75, (third, photo_hash(9)): 0.5})
    library.checks.save_pairs({(first, second): 0.1, (third, fourth): 1.0})
    assert library.checks.pairs([first, second, third, fourth]) == {(first, second): 0.75, (third, fourth): 1.0}
    assert library.checks.pairs([first, third]) == {}
    library.photos.forget([first])
    assert library.checks.pairs([first, second]) == {}


# --- imports ---------------------------------------------------------------------------------------------


def test_an_import_from_request_to_photos(library: Library, birds: int) -> None:
    """It waits, asks, goes on with the answer, and is done in the same step that adds its photos."""
    import_id = library.imports.create(birds, {"source": "zip"})
    library.imports.set_task(import_id, 12)
    waiting = library.imports.get(import_id)
    assert (waiting.state, waiting.task_id, waiting.request) == (ImportState.WAITING, 12, {"source": "zip"})
    question = {"text": "Which?"}
    library.imports.finish(import_id, state=ImportState.QUESTION, refused=[], num_refused=0, question=question)
    asking = library.imports.get(import_id)
    assert (asking.state, asking.question, asking.finished_at) == (ImportState.QUESTION, question, None)
    library.imports.reopen(import_id, {"source": "zip", "answer": 1})
    assert library.imports.get(import_id).question is None
    library.images.add(birds, [new_image(1), new_image(2)], import_id=import_id)
    library.imports.finish(import_id, state=ImportState.DONE, refused=[("a.txt", "no photo")], num_refused=5000)
    done = library.imports.get(import_id)
    assert (done.state, done.num_accepted, done.num_refused) == (ImportState.DONE, 2, 5000)
    assert done.refused == (("a.txt", "no photo"),)
    assert done.finished_at is not None
    assert library.imports.of(birds) == [done]


def test_an_import_never_adds_twice(library: Library, birds: int) -> None:
    """A retried import whose photos are in, a cancelled one, and another dataset's add nothing."""
    done, cancelled = library.imports.create(birds, {}), library.imports.create(birds, {})
    library.images.add(birds, [new_image(1)], import_id=done)
    library.imports.finish(cancelled, state=ImportState.CANCELLED, refused=[], num_refused=0)
    stranger = library.imports.create(library.datasets.create("Fish").id, {})
    for import_id, message in ((done, "done already"), (cancelled, "cancelled already"), (stranger, "belongs to")):
        with pytest.raises(DatasetError, match=message):
            library.images.add(birds, [new_image(2)], import_id=import_id)
    assert contents(library, birds) == {"crow": ["1.jpg"]}
    assert library.photos.known([photo_hash(2)]) == set()
    with pytest.raises(DatasetError, match="done already"):
        library.imports.reopen(done, {})


def test_a_finished_import_stays_what_it_is(library: Library, birds: int) -> None:
    """A late failure does not undo that the photos are in, nor that somebody cancelled; a failed one may go on."""
    ids = [library.imports.create(birds, {}) for _ in range(3)]
    library.images.add(birds, [], import_id=ids[0])
    library.imports.finish(ids[1], state=ImportState.CANCELLED, refused=[], num_refused=0)
    for import_id in ids:
        library.imports.finish(import_id, state=ImportState.FAILED, refused=[], num_refused=0)
    states = [found.state for found in library.imports.of(birds)]
    assert states == [ImportState.FAILED, ImportState.CANCELLED, ImportState.DONE]
    library.imports.reopen(ids[2], {})
    assert library.imports.get(ids[2]).state is ImportState.WAITING
    assert len(library.imports.of(birds, limit=2)) == 2


# --- two sessions at once --------------------------------------------------------------------------------


def test_each_session_sees_the_others_changes(library: Library, other_library: Library, birds: int) -> None:
    """What one session has written, the other reads at once and goes on from there."""
    ids = add(library, birds, "crow", range(3))
    other_library.images.trash(ids[:1])
    library.classes.rename(class_ids(other_library, birds)["crow"], "raven")
    assert contents(other_library, birds) == {"raven": ["1.jpg", "2.jpg"]} == contents(library, birds)
    assert library.datasets.get(birds) == other_library.datasets.get(birds)


def test_two_sessions_editing_at_once_lose_nothing(library: Library, other_library: Library, birds: int) -> None:
    """Adding, moving, splitting, trashing and renaming from four threads: everything everybody did is there."""
    ids = add(library, birds, "crow", range(40))
    crow, tit = class_ids(library, birds)["crow"], library.classes.create(birds, "tit").id

    def add_singles(own: Library, first: int) -> None:
        for number in range(first, first + 20):
            own.images.add(birds, [new_image(number, f"new {number % 3}")])

    errors = in_threads(
        lambda: add_singles(library, 100),
        lambda: add_singles(other_library, 110),
        lambda: [library.images.move([image_id], tit) for image_id in ids[::2]],
        lambda: [other_library.images.set_split([image_id], Split.TEST) for image_id in ids],
        lambda: [other_library.images.trash([image_id]) for image_id in ids[::4]],
        lambda: [library.classes.rename(crow, f"crow {number}") for number in range(20)],
    )
    assert errors == []
    found = library.images.get(ids)
    assert {image.split for image in found} == {Split.TEST}
    assert [image.class_id for image in found] == [tit, crow] * 20
    assert [image.trashed_at is not None for image in found] == [True, False, False, False] * 10
    live = contents(other_library, birds)
    assert sorted(name for group in live.values() for name in group if int(name[:-4]) >= 100) == sorted(
        f"{number}.jpg" for number in [*range(100, 120), *range(110, 130)]
    )
    assert set(live) == {"crow 19", "tit", "new 0", "new 1", "new 2"}
    # one change each: creation, first images, "tit", and all of the above
    assert library.datasets.get(birds).revision == 3 + 20 + 20 + 20 + 40 + 10 + 20


def test_one_name_in_eight_threads(library: Library, other_library: Library, birds: int) -> None:
    """However many ask for one name at once, one gets it and the others are told that it is taken."""
    libraries = [library, other_library] * 4
    errors = in_threads(*(lambda own=own: own.datasets.create("Fish") for own in libraries))
    errors += in_threads(*(lambda own=own: own.classes.create(birds, "crow") for own in libraries))
    assert [type(error) for error in errors] == [NameRefusedError] * 14
    assert len(library.datasets.all()) == 2
    assert len(library.classes.of(birds)) == 1


def test_one_import_in_four_threads(library: Library, other_library: Library, birds: int) -> None:
    """However often an import is run at once, its photos are added once."""
    import_id = library.imports.create(birds, {})
    images = [new_image(number) for number in range(50)]
    errors = in_threads(
        *(lambda own=own: own.images.add(birds, images, import_id=import_id) for own in (library, other_library) * 2)
    )
    assert [type(error) for error in errors] == [DatasetError] * 3
    assert library.datasets.get(birds).num_images == 50


def test_the_same_photos_into_two_datasets_at_once(library: Library, other_library: Library, birds: int) -> None:
    """Two imports of the same photos both arrive, and the photos are stored once."""
    fish = library.datasets.create("Fish").id
    images = [new_image(number) for number in range(500)]
    errors = in_threads(
        lambda: library.images.add(birds, images),
        lambda: other_library.images.add(fish, images[::-1]),
        lambda: other_library.photos.add([image.photo for image in images]),
    )
    assert errors == []
    assert library.datasets.get(birds).num_images == library.datasets.get(fish).num_images == 500


def test_cleaning_while_importing(library: Library, other_library: Library, birds: int) -> None:
    """Photos that images come to need while others are forgotten are all still known."""
    library.photos.add([photo(number) for number in range(200)])
    hashes = [photo_hash(number) for number in range(200)]
    errors = in_threads(
        lambda: [add(library, birds, "crow", range(number, number + 10)) for number in range(0, 200, 10)],
        lambda: [other_library.photos.forget(hashes) for _ in range(10)],
    )
    assert errors == []
    assert {image.photo_hash for image in library.images.of(birds)} == library.photos.known(hashes) == set(hashes)


# --- random edits ----------------------------------------------------------------------------------------


@pytest.mark.sqlite_only
@pytest.mark.parametrize("seed", range(5))
def test_random_edits_keep_the_books_straight(library: Library, database: Database, seed: int) -> None:
    """After any edits: no image is lost unless purged, images live in living classes, and all counts agree."""
    rng = random.Random(seed)
    dataset_id = library.datasets.create("Random").id
    added, purged = set(), 0
    for step in range(60):
        added |= set(add(library, dataset_id, rng.choice("abc"), range(step * 2, step * 2 + 2)))
        purged += random_edit(rng, library, dataset_id)
        live, trash = library.images.of(dataset_id), library.images.in_trash(dataset_id)
        classes = {found.id: found.num_images for found in library.classes.of(dataset_id)}
        assert len({image.id for image in live + trash}) == len(added) - purged
        assert {image.class_id for image in live} <= classes.keys()
        view = library.datasets.get(dataset_id)
        assert view.num_images == len(live) == sum(classes.values()) == sum(library.images.count(dataset_id).values())
        assert view.num_classes == len(classes)
    library.photos.forget([photo.hash for photo in library.photos.unreferenced(time.time() + 1)])
    images = library.images.of(dataset_id) + library.images.in_trash(dataset_id)
    assert library.photos.known([image.photo_hash for image in images]) == {image.photo_hash for image in images}


def random_edit(rng: random.Random, library: Library, dataset_id: int) -> int:
    """Do something to a dataset that has images; returns how many images it deleted for good."""
    images = [image.id for image in library.images.of(dataset_id) + library.images.in_trash(dataset_id)]
    chosen = rng.sample(images, k=rng.randint(1, min(6, len(images))))
    classes = [found.id for found in library.classes.of(dataset_id)]
    match rng.randrange(10):
        case 0:
            library.images.move(chosen, rng.choice(classes))
        case 1:
            library.images.set_split(chosen, rng.choice([*Split, None]))
        case 2 | 3:
            library.images.trash(chosen)
        case 4:
            library.images.restore(chosen)
        case 5:
            library.classes.delete(rng.choice(classes))
        case 6 if len(classes) > 1:
            library.classes.merge(rng.sample(classes, k=2), rng.choice(classes))
        case 7 | 8:
            pending = [one.id for one in library.history.latest(dataset_id) if one.undone_at is None]
            if pending:
                library.history.undo(rng.choice(pending))
        case 9 if rng.random() < 0.3:
            return library.images.purge_trash(dataset_id)
        case _:
            library.classes.rename(rng.choice(classes), f"class {rng.random()}")
    return 0


def test_report_of_an_import_is_kept_until_it_is_put_away(library: Library) -> None:
    dataset_id = library.datasets.create("birds").id
    import_id = library.imports.create(dataset_id, {"title": "birds.zip"})
    library.imports.finish(import_id, state=ImportState.DONE, refused=[], num_refused=0, notes=["12 bits a pixel."])
    kept = library.imports.get(import_id)
    assert (kept.notes, kept.dismissed_at) == (("12 bits a pixel.",), None)
    library.imports.dismiss(import_id)
    assert library.imports.of(dataset_id)[0].dismissed_at is not None
