"""The library keeps every image, whoever edits at the same time, and says clearly what it cannot do."""

import random
import time

import pytest
from sqlalchemy import update

from core.datasets.library import Library
from core.datasets.records import ImportState, NewImage, OperationView, Review, Split, SplitOrigin
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
    return library.create_dataset("Birds").id


# --- datasets --------------------------------------------------------------------------------------------


def test_a_new_dataset(library: Library) -> None:
    """It is empty, has the cleaned name, and is found by number and by any spelling of its name."""
    created = library.create_dataset("  Blue\tTits ")
    assert (created.name, created.num_classes, created.num_images, created.trashed_at) == ("Blue Tits", 0, 0, None)
    assert library.get_dataset(created.id) == created
    assert library.find_dataset("ｂlue  tits") == created
    assert library.find_dataset("crows") is None
    assert library.list_datasets() == [created]


def test_a_new_dataset_with_classes(library: Library) -> None:
    """They are there from the first revision, clean, empty and in the order given."""
    created = library.create_dataset("Birds", ["tit ", "Crow", "🐦"])
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
    before = library.list_datasets()
    with pytest.raises(NameRefusedError, match=message):
        library.create_dataset(name, class_names)
    assert library.list_datasets() == before


@pytest.mark.parametrize("same", ["Birds", "birds", "ＢＩＲＤＳ", " Birds "])
def test_two_datasets_of_one_name(library: Library, birds: int, same: str) -> None:
    """A name that looks the same is refused for new, renamed and duplicated datasets; a free one is offered."""
    other = library.create_dataset("Fish").id
    for attempt in (
        lambda: library.create_dataset(same),
        lambda: library.rename_dataset(other, same),
        lambda: library.duplicate_dataset(other, same),
    ):
        with pytest.raises(NameRefusedError, match=r"There is a dataset named .* already; .* Choose another"):
            attempt()
    assert library.free_name(same).endswith(" 2")
    library.create_dataset(library.free_name(same))
    assert {dataset.name for dataset in library.list_datasets()} >= {"Birds", "Fish"}


def test_a_dataset_is_renamed(library: Library, birds: int) -> None:
    """Another name, or the same in other capitals, is taken over and changes the revision; the very same does not."""
    library.rename_dataset(birds, "BIRDS")
    library.rename_dataset(birds, "Vögel/Ptaki 🐦")
    library.rename_dataset(birds, " Vögel/Ptaki  🐦")
    assert library.get_dataset(birds).name == "Vögel/Ptaki 🐦"
    assert library.get_dataset(birds).revision == 3


def test_the_latest_changed_dataset_comes_first(library: Library, birds: int) -> None:
    """A change to a dataset's images counts as a change to the dataset."""
    fish = library.create_dataset("Fish").id
    assert [dataset.id for dataset in library.list_datasets()] == [fish, birds]
    add(library, birds, "crow", range(1))
    assert [dataset.id for dataset in library.list_datasets()] == [birds, fish]


def test_a_duplicate_has_everything_but_the_trash(library: Library, birds: int) -> None:
    """Classes, images, captures, splits, marks and dismissals are copied; changing the copy leaves the rest alone."""
    images = [
        new_image(1, "crow", split=Split.TEST, split_origin=SplitOrigin.PERSON, capture="burst"),
        new_image(2, "crow", capture="burst", source_url="https://example.org/2.jpg"),
        new_image(3, "tit", split=Split.TRAIN),
        new_image(4, "gone"),
        new_image(5, "tit"),
    ]
    ids = library.add_images(birds, images)
    library.dismiss_findings(birds, ["blurred:1"])
    library.set_review(ids[1:3], Review.UNSURE)
    library.trash_images([ids[4]])
    library.delete_class(class_ids(library, birds)["gone"])
    library.create_class(birds, "empty")

    copy = library.duplicate_dataset(birds, "Copy")
    assert (copy.num_classes, copy.num_images) == (3, 3)
    assert contents(library, copy.id) == {"crow": ["1.jpg", "2.jpg"], "tit": ["3.jpg"], "empty": []}
    first, second, third = library.list_images(copy.id)
    assert (first.split, first.split_origin) == (Split.TEST, SplitOrigin.PERSON)
    assert (third.split, third.split_origin) == (Split.TRAIN, SplitOrigin.IMPORTED)
    assert second.source_url == "https://example.org/2.jpg"
    assert [image.review for image in (first, second, third)] == [None, Review.UNSURE, Review.UNSURE]
    assert library.list_captures(copy.id) == {first.capture_id: "burst"}
    assert first.capture_id == second.capture_id != library.get_images(ids)[0].capture_id
    assert library.dismissed_findings(copy.id) == {"blurred:1"}

    library.trash_images([first.id])
    assert len(library.list_images(birds)) == 3


def test_a_deleted_dataset_waits_in_the_trash(library: Library, birds: int) -> None:
    """It leaves the list, can be read but not changed, and comes back whole, under another name when need be."""
    ids = add(library, birds, "crow", range(3))
    library.delete_dataset(birds)
    assert library.list_datasets() == []
    assert library.find_dataset("Birds") is None
    assert [dataset.id for dataset in library.list_trashed_datasets()] == [birds]
    assert library.get_dataset(birds).trashed_at is not None
    for change in (
        lambda: library.trash_images(ids),
        lambda: library.create_class(birds, "tit"),
        lambda: library.delete_dataset(birds),
        lambda: add(library, birds, "crow", range(1)),
        lambda: library.rename_class(library.list_classes(birds)[0].id, "tit"),
    ):
        with pytest.raises(UnknownDatasetError, match=r"“Birds” was deleted\. Restore it first"):
            change()
    library.create_dataset("birds")
    restored = library.restore_dataset(birds)
    assert (restored.name, restored.num_images, restored.trashed_at) == ("Birds 2", 3, None)
    assert library.restore_dataset(birds) == restored


def test_numbers_that_nothing_has(library: Library, birds: int) -> None:
    """A number of no dataset, class, image, operation or import is refused by every method that needs one."""
    for method in (
        library.get_dataset,
        library.delete_dataset,
        library.restore_dataset,
        library.purge_trash,
        library.delete_class,
        library.undo,
        library.get_import,
        lambda number: library.rename_dataset(number, "x"),
        lambda number: library.duplicate_dataset(number, "x"),
        lambda number: library.create_class(number, "x"),
        lambda number: library.rename_class(number, "x"),
        lambda number: library.merge_classes([number], number),
        lambda number: library.add_images(number, [new_image(1)]),
        lambda number: library.move_images([number], number),
        lambda number: library.trash_images([number]),
        lambda number: library.restore_images([number]),
        lambda number: library.set_split([number], None),
        lambda number: library.assign_splits(number, {}),
        lambda number: library.create_import(number, {}),
        lambda number: library.set_import_task(number, 1),
        lambda number: library.reopen_import(number, {}),
        lambda number: library.finish_import(number, state=ImportState.FAILED, refused=[], num_refused=0),
        lambda number: library.save_check(number, 1, []),
        lambda number: library.dismiss_findings(number, ["x"]),
        lambda number: library.add_images(birds, [new_image(1)], import_id=number),
    ):
        with pytest.raises(UnknownDatasetError):
            method(77)
    assert library.known_hashes([photo_hash(1)]) == set()
    assert [dataset.name for dataset in library.list_datasets()] == ["Birds"]


# --- classes ---------------------------------------------------------------------------------------------


def test_classes_keep_their_order_and_count(library: Library, birds: int) -> None:
    """Classes stand in the order they were made, with the number of images out of the trash."""
    for name in ("tit", "crow", "ציפור"):
        library.create_class(birds, name)
    ids = add(library, birds, "crow", range(3))
    library.trash_images(ids[:1])
    assert [(found.name, found.num_images) for found in library.list_classes(birds)] == [
        ("tit", 0),
        ("crow", 2),
        ("ציפור", 0),
    ]


def test_two_classes_of_one_name(library: Library, birds: int) -> None:
    """A class that looks the same is refused in one dataset and possible in another; renaming only case is too."""
    crow = library.create_class(birds, "Crow").id
    tit = library.create_class(birds, "tit").id
    revision = library.get_dataset(birds).revision
    for attempt in (lambda: library.create_class(birds, "crow"), lambda: library.rename_class(tit, "ＣＲＯＷ")):
        with pytest.raises(NameRefusedError, match="There is a class named"):
            attempt()
    assert library.get_dataset(birds).revision == revision
    library.rename_class(crow, "crow")
    library.create_class(library.create_dataset("Fish").id, "Crow")
    assert [found.name for found in library.list_classes(birds)] == ["crow", "tit"]


def test_a_class_renamed_to_its_own_name_stays_untouched(library: Library, birds: int) -> None:
    """Nothing is recorded, and others need not look again."""
    crow = library.create_class(birds, "crow").id
    revision = library.get_dataset(birds).revision
    assert library.rename_class(crow, " crow ") is None
    assert library.list_operations(birds) == []
    assert library.get_dataset(birds).revision == revision


def test_a_name_is_free_again_after_deletion(library: Library, birds: int) -> None:
    """A class in the trash does not hold its name."""
    library.delete_class(library.create_class(birds, "crow").id)
    library.create_class(birds, "crow")
    assert list(class_ids(library, birds)) == ["crow"]


def test_classes_are_merged(library: Library, birds: int) -> None:
    """All images of the merged classes are in the one that stays, those in the trash too."""
    for index, name in enumerate(("crow", "crows", "Corvus")):
        add(library, birds, name, range(10 * index, 10 * index + 2))
    ids = class_ids(library, birds)
    library.trash_images([library.list_images(birds, class_id=ids["crows"])[0].id])
    library.merge_classes(list(ids.values()), ids["crow"])
    assert contents(library, birds) == {"crow": ["0.jpg", "1.jpg", "11.jpg", "20.jpg", "21.jpg"]}
    assert library.list_trash(birds)[0].class_id == ids["crow"]


def test_classes_that_cannot_be_merged(library: Library, birds: int) -> None:
    """A class alone, classes of two datasets, and a deleted class are refused, and nothing changes."""
    crow, tit = library.create_class(birds, "crow").id, library.create_class(birds, "tit").id
    cod = library.create_class(library.create_dataset("Fish").id, "cod").id
    library.delete_class(tit)
    with pytest.raises(DatasetError, match="nothing to merge"):
        library.merge_classes([crow], crow)
    with pytest.raises(DatasetError, match="several datasets"):
        library.merge_classes([cod], crow)
    with pytest.raises(UnknownDatasetError, match="“tit” was deleted"):
        library.merge_classes([tit], crow)
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
    found = library.get_images(library.add_images(birds, images))
    assert [image.photo_hash for image in found] == [photo_hash(number) for number in (2, 1, 1, 3)]
    assert list(class_ids(library, birds)) == ["Tit", "crow"]
    assert [(image.split, image.split_origin) for image in found] == [
        (Split.VALIDATION, SplitOrigin.IMPORTED),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert library.list_captures(birds) == {found[1].capture_id: "burst 1"}
    assert found[2].source_url == "https://example.org/a.jpg"
    assert found[3].name == "ab.jpg"
    assert library.get_photos([photo_hash(3), "unknown"]) == {photo_hash(3): photo(3)}


def test_a_bad_image_adds_nothing(library: Library, birds: int) -> None:
    """When one class name is refused, no image, class or photo is added and the revision stays."""
    before = library.get_dataset(birds)
    with pytest.raises(NameRefusedError, match="300 characters"):
        library.add_images(birds, [new_image(1, "crow"), new_image(2, "x" * 300)])
    assert library.get_dataset(birds) == before
    assert library.list_classes(birds) == []
    assert library.known_hashes([photo_hash(1)]) == set()


def test_images_are_listed_by_class_and_split(library: Library, birds: int) -> None:
    """Class and split narrow the list, offset and limit page it, and the counts agree with it."""
    splits = [Split.TRAIN, Split.TEST, None]
    images = [new_image(number, ("crow", "tit")[number % 2], split=splits[number % 3]) for number in range(30)]
    ids = library.add_images(birds, images)
    crow = class_ids(library, birds)["crow"]
    assert [image.id for image in library.list_images(birds)] == ids
    assert [image.id for image in library.list_images(birds, offset=10, limit=5)] == ids[10:15]
    assert [image.name for image in library.list_images(birds, class_id=crow, split=None)] == [
        f"{number}.jpg" for number in (2, 8, 14, 20, 26)
    ]
    assert len(library.list_images(birds, split=Split.TEST)) == 10
    counts = library.count_images(birds)
    assert counts[crow, Split.TRAIN] == 5
    assert sum(counts.values()) == 30


def test_images_move_within_their_dataset(library: Library, birds: int) -> None:
    """Moving changes the class only; nothing selected, another dataset's class or a deleted class is refused."""
    ids = add(library, birds, "crow", range(3))
    tit = library.create_class(birds, "tit").id
    operation = library.move_images([*ids[:2], 999], tit)
    assert operation.summary == "Moved 2 photos to “tit”"
    assert contents(library, birds) == {"crow": ["2.jpg"], "tit": ["0.jpg", "1.jpg"]}
    fish = library.create_dataset("Fish").id
    cod = library.create_class(fish, "cod").id
    with pytest.raises(DatasetError, match="No photos are selected"):
        library.move_images([], tit)
    with pytest.raises(DatasetError, match="belong to 2 datasets"):
        library.move_images(ids, cod)
    with pytest.raises(DatasetError, match="belong to 2 datasets"):
        library.trash_images([*ids, *add(library, fish, "cod", range(1))])
    library.delete_class(tit)
    with pytest.raises(UnknownDatasetError, match="“tit” was deleted"):
        library.move_images(ids, tit)


def test_splits_remember_who_made_them(library: Library, birds: int) -> None:
    """By hand is by a person, by assignment automatic, and no split has no origin; others' images are passed over."""
    ids = add(library, birds, "crow", range(4))
    strangers = add(library, library.create_dataset("Fish").id, "cod", range(1))
    library.set_split(ids[:1], Split.TEST)
    library.assign_splits(birds, {ids[1]: Split.TRAIN, ids[2]: None, strangers[0]: Split.TRAIN, 999: Split.TRAIN})
    found = library.get_images([*ids, *strangers])
    assert [(image.split, image.split_origin) for image in found] == [
        (Split.TEST, SplitOrigin.PERSON),
        (Split.TRAIN, SplitOrigin.AUTOMATIC),
        (None, None),
        (None, None),
        (None, None),
    ]
    library.set_split(ids[:1], None)
    assert library.get_images(ids[:1])[0].split_origin is None


def test_splitting_leaves_alone_what_is_where_it_belongs(library: Library, birds: int) -> None:
    """Only images that change their split lose who put them there, and only they are counted and undone."""
    ids = library.add_images(birds, [new_image(number, split=Split.TRAIN) for number in range(3)])
    library.set_split(ids[1:2], Split.TRAIN)
    operation = library.assign_splits(birds, {ids[0]: Split.TRAIN, ids[1]: Split.TRAIN, ids[2]: Split.TEST})
    assert operation is not None
    assert operation.summary == "Changed the split of 1 photo"
    origins = [image.split_origin for image in library.get_images(ids)]
    assert origins == [SplitOrigin.IMPORTED, SplitOrigin.PERSON, SplitOrigin.AUTOMATIC]
    assert library.undo(operation.id).num_restored == 1


@pytest.mark.parametrize("keep", [True, False])
def test_splitting_again_changes_nothing(library: Library, birds: int, keep: bool) -> None:
    """The same shares twice are one change: the second time nothing is written, recorded or counted."""
    splits = (Split.TRAIN, Split.TEST, None, None)
    ids = library.add_images(birds, [new_image(number, split=splits[number % 4]) for number in range(40)])
    library.set_split(ids[:8], Split.VALIDATION)
    config = SplitConfig(keep_imported=keep, keep_by_hand=keep)

    def split() -> OperationView | None:
        images = library.list_images(birds)
        return library.assign_splits(birds, split_items(items_of(images, {}, config), config).to_assign)

    first, before = library.list_images(birds), library.get_dataset(birds).revision
    assert split() is not None
    second, revision = library.list_images(birds), library.get_dataset(birds).revision
    kept = [old.id for old, new in zip(first, second, strict=True) if old.split_origin and old == new]
    assert revision == before + 1
    assert len(kept) == 24 if keep else 0 < len(kept) < 24
    assert split() is None
    assert library.list_images(birds) == second
    assert library.get_dataset(birds).revision == revision
    assert len(library.list_operations(birds)) == 2


def test_marks_belong_to_the_class_of_an_image(library: Library, birds: int) -> None:
    """A mark stays in trash and merged classes, is gone in another class, and is counted and found where it is."""
    ids = add(library, birds, "crow", range(4))
    classes = class_ids(library, birds) | {"tit": library.create_class(birds, "tit").id}
    revision = library.get_dataset(birds).revision
    assert library.set_review(ids[:3], Review.RIGHT).summary == "Marked 3 photos as right"
    assert library.set_review(ids[2:], Review.UNSURE).summary == "Marked 2 photos as unsure"
    assert library.get_dataset(birds).revision == revision + 2
    assert library.count_reviews(birds) == {Review.RIGHT: 2, Review.UNSURE: 2}
    assert [image.id for image in library.list_images(birds, review=Review.UNSURE)] == ids[2:]
    library.move_images(ids[:1], classes["crow"])
    library.move_images(ids[1:2], classes["tit"])
    library.merge_classes([classes["crow"]], classes["tit"])
    library.trash_images(ids[2:])
    library.restore_images(ids[2:])
    assert [image.review for image in library.get_images(ids)] == [Review.RIGHT, None, Review.UNSURE, Review.UNSURE]
    assert library.set_review(ids, None).summary == "Cleared the marks of 3 photos"
    assert library.count_reviews(birds) == {}
    with pytest.raises(DatasetError, match="No photos are selected"):
        library.set_review([], Review.RIGHT)


def test_trash_and_back(library: Library, birds: int) -> None:
    """A trashed image is nowhere but in the trash, comes back with its class, and twice in the trash is once."""
    ids = add(library, birds, "crow", range(4))
    library.trash_images(ids[:1])
    trashed_at = library.list_trash(birds)[0].trashed_at
    library.trash_images(ids[:2])
    assert [image.id for image in library.list_trash(birds)] == [ids[1], ids[0]]
    assert library.get_images(ids[:1])[0].trashed_at == trashed_at
    library.delete_class(class_ids(library, birds)["crow"])
    library.create_class(birds, "CROW")
    library.restore_images(ids[:1])
    assert contents(library, birds) == {"crow 2": ["0.jpg"], "CROW": []}
    assert library.get_dataset(birds).num_images == 1
    assert len(library.list_trash(birds)) == 3


def test_purging_deletes_for_good(library: Library, birds: int) -> None:
    """Only what is in the trash goes, deleted classes with it; it cannot be restored, and the rest is untouched."""
    ids = add(library, birds, "crow", range(3))
    kept = add(library, birds, "tit", range(3, 5))
    library.delete_class(class_ids(library, birds)["crow"])
    library.trash_images(kept[:1])
    assert library.purge_trash(birds) == 4
    assert library.list_trash(birds) == []
    assert library.get_images([*ids, *kept]) == library.list_images(birds)
    assert contents(library, birds) == {"tit": ["4.jpg"]}
    with pytest.raises(UnknownDatasetError, match="4 photos selected were deleted for good"):
        library.restore_images([*ids, kept[0]])
    assert library.purge_trash(birds) == 0


def test_ten_thousand_images_at_once(library: Library, birds: int) -> None:
    """Every method takes as many images as a large import brings, without losing or mixing any."""
    number = 10_000
    images = [new_image(index, f"class {index % 7}", capture=f"burst {index // 10}") for index in range(number)]
    ids = library.add_images(birds, images)
    assert [image.name for image in library.get_images(ids)] == [image.name for image in images]
    assert library.known_hashes([photo_hash(index) for index in range(-5, number)]) == {
        photo_hash(index) for index in range(number)
    }
    target = class_ids(library, birds)["class 3"]
    library.move_images(ids, target)
    library.set_split(ids, Split.TRAIN)
    assert library.count_images(birds) == {(target, Split.TRAIN): number}
    library.trash_images(ids)
    library.restore_images(ids)
    assert library.get_dataset(birds).num_images == number


# --- photos ----------------------------------------------------------------------------------------------


def test_photos_nobody_needs(library: Library, birds: int, database: Database) -> None:
    """A photo of an image, of one in any trash, or of a snapshot is never forgotten, however hard one tries."""
    library.add_photos([photo(number) for number in range(6)])
    ids = library.add_images(birds, [new_image(1), new_image(2), new_image(3)])
    fish = library.create_dataset("Fish").id
    add(library, fish, "cod", range(4, 5))
    take_snapshot(database, birds)
    library.trash_images(ids)
    library.purge_trash(birds)
    library.trash_images(add(library, birds, "crow", range(5, 6)))
    library.delete_dataset(fish)

    assert library.unreferenced_photos(time.time() - 3600) == []
    assert [found.hash for found in library.unreferenced_photos(time.time() + 1)] == [photo_hash(0)]
    assert library.forget_photos([photo_hash(number) for number in range(7)]) == {photo_hash(0), photo_hash(6)}
    assert library.known_hashes([photo_hash(number) for number in range(7)]) == {
        photo_hash(number) for number in range(1, 6)
    }


def test_a_photo_that_arrives_again_counts_as_new(library: Library, database: Database) -> None:
    """An old photo that nothing needs is safe from cleaning while an import brings it once more."""
    library.add_photos([photo(1), photo(1), photo(2)])
    age_photos(database, 7200)
    assert len(library.unreferenced_photos(time.time() - 3600)) == 2
    library.add_photos([photo(1)])
    assert library.unreferenced_photos(time.time() - 3600) == [photo(2)]


def age_photos(database: Database, seconds: float) -> None:
    with database.session() as session:
        session.execute(update(Photo).values(created_at=Photo.created_at - seconds))


# --- checks ----------------------------------------------------------------------------------------------


def test_the_latest_check_is_kept(library: Library, birds: int) -> None:
    """A check of an older revision that ends later does not replace a newer one; no check is no findings."""
    assert library.load_check(birds) is None
    assert library.checked_revision(birds) is None
    library.save_check(birds, 5, [{"key": "a"}])
    library.save_check(birds, 4, [])
    assert library.load_check(birds) == (5, [{"key": "a"}], False)
    assert library.checked_revision(birds) == 5
    library.save_check(birds, 5, [])
    assert library.load_check(birds) == (5, [], False)


def test_findings_are_read_once_for_each_check(library: Library, birds: int, database: Database) -> None:
    """Pages ask at every run; what was found is some hundred kilobytes in a large dataset."""
    library.save_check(birds, 5, [{"key": "a"}])
    for found in ([{"key": "a"}], [{"key": "b"}], []):
        Library(database).save_check(birds, 5, found)
        for number in range(3):
            with noted_statements(database) as statements:
                assert library.load_check(birds) == (5, found, False)
            assert any("findings" in sql for sql in statements) == (number == 0)


def test_a_list_of_changes_leaves_out_what_they_changed(library: Library, birds: int, database: Database) -> None:
    """The rows before and after are for the undo alone: with many photos they are megabytes."""
    made = library.delete_class(library.create_class(birds, "tits").id)
    with noted_statements(database) as statements:
        operations = library.list_operations(birds)
    assert operations == [made]
    assert not any("changes" in sql for sql in statements)


def test_dismissed_findings_stay_dismissed(library: Library, birds: int) -> None:
    """Dismissing twice is dismissing once, changes no revision, and lasts until all are asked for again."""
    revision = library.get_dataset(birds).revision
    library.dismiss_findings(birds, ["dark:1"])
    library.dismiss_findings(birds, ["dark:1", "dark:2"])
    assert library.dismissed_findings(birds) == {"dark:1", "dark:2"}
    library.restore_findings(birds)
    assert library.dismissed_findings(birds) == set()
    assert library.get_dataset(birds).revision == revision


def test_pairs_are_found_out_once(library: Library) -> None:
    """A pair is kept whichever way round it is given, only between known photos, and goes with its photo."""
    library.add_photos([photo(number) for number in range(4)])
    first, second, third, fourth = sorted(photo_hash(number) for number in range(4))
    library.save_pairs({(second, first): 0.75, (third, photo_hash(9)): 0.5})
    library.save_pairs({(first, second): 0.1, (third, fourth): 1.0})
    assert library.get_pairs([first, second, third, fourth]) == {(first, second): 0.75, (third, fourth): 1.0}
    assert library.get_pairs([first, third]) == {}
    library.forget_photos([first])
    assert library.get_pairs([first, second]) == {}


# --- imports ---------------------------------------------------------------------------------------------


def test_an_import_from_request_to_photos(library: Library, birds: int) -> None:
    """It waits, asks, goes on with the answer, and is done in the same step that adds its photos."""
    import_id = library.create_import(birds, {"source": "zip"})
    library.set_import_task(import_id, 12)
    waiting = library.get_import(import_id)
    assert (waiting.state, waiting.task_id, waiting.request) == (ImportState.WAITING, 12, {"source": "zip"})
    question = {"text": "Which?"}
    library.finish_import(import_id, state=ImportState.QUESTION, refused=[], num_refused=0, question=question)
    asking = library.get_import(import_id)
    assert (asking.state, asking.question, asking.finished_at) == (ImportState.QUESTION, question, None)
    library.reopen_import(import_id, {"source": "zip", "answer": 1})
    assert library.get_import(import_id).question is None
    library.add_images(birds, [new_image(1), new_image(2)], import_id=import_id)
    library.finish_import(import_id, state=ImportState.DONE, refused=[("a.txt", "no photo")], num_refused=5000)
    done = library.get_import(import_id)
    assert (done.state, done.num_accepted, done.num_refused) == (ImportState.DONE, 2, 5000)
    assert done.refused == (("a.txt", "no photo"),)
    assert done.finished_at is not None
    assert library.list_imports(birds) == [done]


def test_an_import_never_adds_twice(library: Library, birds: int) -> None:
    """A retried import whose photos are in, a cancelled one, and another dataset's add nothing."""
    done, cancelled = library.create_import(birds, {}), library.create_import(birds, {})
    library.add_images(birds, [new_image(1)], import_id=done)
    library.finish_import(cancelled, state=ImportState.CANCELLED, refused=[], num_refused=0)
    stranger = library.create_import(library.create_dataset("Fish").id, {})
    for import_id, message in ((done, "done already"), (cancelled, "cancelled already"), (stranger, "belongs to")):
        with pytest.raises(DatasetError, match=message):
            library.add_images(birds, [new_image(2)], import_id=import_id)
    assert contents(library, birds) == {"crow": ["1.jpg"]}
    assert library.known_hashes([photo_hash(2)]) == set()
    with pytest.raises(DatasetError, match="done already"):
        library.reopen_import(done, {})


def test_a_finished_import_stays_what_it_is(library: Library, birds: int) -> None:
    """A late failure does not undo that the photos are in, nor that somebody cancelled; a failed one may go on."""
    ids = [library.create_import(birds, {}) for _ in range(3)]
    library.add_images(birds, [], import_id=ids[0])
    library.finish_import(ids[1], state=ImportState.CANCELLED, refused=[], num_refused=0)
    for import_id in ids:
        library.finish_import(import_id, state=ImportState.FAILED, refused=[], num_refused=0)
    states = [found.state for found in library.list_imports(birds)]
    assert states == [ImportState.FAILED, ImportState.CANCELLED, ImportState.DONE]
    library.reopen_import(ids[2], {})
    assert library.get_import(ids[2]).state is ImportState.WAITING
    assert len(library.list_imports(birds, limit=2)) == 2


# --- two sessions at once --------------------------------------------------------------------------------


def test_each_session_sees_the_others_changes(library: Library, other_library: Library, birds: int) -> None:
    """What one session has written, the other reads at once and goes on from there."""
    ids = add(library, birds, "crow", range(3))
    other_library.trash_images(ids[:1])
    library.rename_class(class_ids(other_library, birds)["crow"], "raven")
    assert contents(other_library, birds) == {"raven": ["1.jpg", "2.jpg"]} == contents(library, birds)
    assert library.get_dataset(birds) == other_library.get_dataset(birds)


def test_two_sessions_editing_at_once_lose_nothing(library: Library, other_library: Library, birds: int) -> None:
    """Adding, moving, splitting, trashing and renaming from four threads: everything everybody did is there."""
    ids = add(library, birds, "crow", range(40))
    crow, tit = class_ids(library, birds)["crow"], library.create_class(birds, "tit").id

    def add_singles(own: Library, first: int) -> None:
        for number in range(first, first + 20):
            own.add_images(birds, [new_image(number, f"new {number % 3}")])

    errors = in_threads(
        lambda: add_singles(library, 100),
        lambda: add_singles(other_library, 110),
        lambda: [library.move_images([image_id], tit) for image_id in ids[::2]],
        lambda: [other_library.set_split([image_id], Split.TEST) for image_id in ids],
        lambda: [other_library.trash_images([image_id]) for image_id in ids[::4]],
        lambda: [library.rename_class(crow, f"crow {number}") for number in range(20)],
    )
    assert errors == []
    found = library.get_images(ids)
    assert {image.split for image in found} == {Split.TEST}
    assert [image.class_id for image in found] == [tit, crow] * 20
    assert [image.trashed_at is not None for image in found] == [True, False, False, False] * 10
    live = contents(other_library, birds)
    assert sorted(name for group in live.values() for name in group if int(name[:-4]) >= 100) == sorted(
        f"{number}.jpg" for number in [*range(100, 120), *range(110, 130)]
    )
    assert set(live) == {"crow 19", "tit", "new 0", "new 1", "new 2"}
    # one change each: creation, first images, "tit", and all of the above
    assert library.get_dataset(birds).revision == 3 + 20 + 20 + 20 + 40 + 10 + 20


def test_one_name_in_eight_threads(library: Library, other_library: Library, birds: int) -> None:
    """However many ask for one name at once, one gets it and the others are told that it is taken."""
    libraries = [library, other_library] * 4
    errors = in_threads(*(lambda own=own: own.create_dataset("Fish") for own in libraries))
    errors += in_threads(*(lambda own=own: own.create_class(birds, "crow") for own in libraries))
    assert [type(error) for error in errors] == [NameRefusedError] * 14
    assert len(library.list_datasets()) == 2
    assert len(library.list_classes(birds)) == 1


def test_one_import_in_four_threads(library: Library, other_library: Library, birds: int) -> None:
    """However often an import is run at once, its photos are added once."""
    import_id = library.create_import(birds, {})
    images = [new_image(number) for number in range(50)]
    errors = in_threads(
        *(lambda own=own: own.add_images(birds, images, import_id=import_id) for own in (library, other_library) * 2)
    )
    assert [type(error) for error in errors] == [DatasetError] * 3
    assert library.get_dataset(birds).num_images == 50


def test_the_same_photos_into_two_datasets_at_once(library: Library, other_library: Library, birds: int) -> None:
    """Two imports of the same photos both arrive, and the photos are stored once."""
    fish = library.create_dataset("Fish").id
    images = [new_image(number) for number in range(500)]
    errors = in_threads(
        lambda: library.add_images(birds, images),
        lambda: other_library.add_images(fish, images[::-1]),
        lambda: other_library.add_photos([image.photo for image in images]),
    )
    assert errors == []
    assert library.get_dataset(birds).num_images == library.get_dataset(fish).num_images == 500


def test_cleaning_while_importing(library: Library, other_library: Library, birds: int) -> None:
    """Photos that images come to need while others are forgotten are all still known."""
    library.add_photos([photo(number) for number in range(200)])
    hashes = [photo_hash(number) for number in range(200)]
    errors = in_threads(
        lambda: [add(library, birds, "crow", range(number, number + 10)) for number in range(0, 200, 10)],
        lambda: [other_library.forget_photos(hashes) for _ in range(10)],
    )
    assert errors == []
    assert {image.photo_hash for image in library.list_images(birds)} == library.known_hashes(hashes) == set(hashes)


# --- random edits ----------------------------------------------------------------------------------------


@pytest.mark.sqlite_only
@pytest.mark.parametrize("seed", range(5))
def test_random_edits_keep_the_books_straight(library: Library, database: Database, seed: int) -> None:
    """After any edits: no image is lost unless purged, images live in living classes, and all counts agree."""
    rng = random.Random(seed)
    dataset_id = library.create_dataset("Random").id
    added, purged = set(), 0
    for step in range(60):
        added |= set(add(library, dataset_id, rng.choice("abc"), range(step * 2, step * 2 + 2)))
        purged += random_edit(rng, library, dataset_id)
        live, trash = library.list_images(dataset_id), library.list_trash(dataset_id)
        classes = {found.id: found.num_images for found in library.list_classes(dataset_id)}
        assert len({image.id for image in live + trash}) == len(added) - purged
        assert {image.class_id for image in live} <= classes.keys()
        view = library.get_dataset(dataset_id)
        assert view.num_images == len(live) == sum(classes.values()) == sum(library.count_images(dataset_id).values())
        assert view.num_classes == len(classes)
    library.forget_photos([photo.hash for photo in library.unreferenced_photos(time.time() + 1)])
    images = library.list_images(dataset_id) + library.list_trash(dataset_id)
    assert library.known_hashes([image.photo_hash for image in images]) == {image.photo_hash for image in images}


def random_edit(rng: random.Random, library: Library, dataset_id: int) -> int:
    """Do something to a dataset that has images; returns how many images it deleted for good."""
    images = [image.id for image in library.list_images(dataset_id) + library.list_trash(dataset_id)]
    chosen = rng.sample(images, k=rng.randint(1, min(6, len(images))))
    classes = [found.id for found in library.list_classes(dataset_id)]
    match rng.randrange(10):
        case 0:
            library.move_images(chosen, rng.choice(classes))
        case 1:
            library.set_split(chosen, rng.choice([*Split, None]))
        case 2 | 3:
            library.trash_images(chosen)
        case 4:
            library.restore_images(chosen)
        case 5:
            library.delete_class(rng.choice(classes))
        case 6 if len(classes) > 1:
            library.merge_classes(rng.sample(classes, k=2), rng.choice(classes))
        case 7 | 8:
            pending = [one.id for one in library.list_operations(dataset_id) if one.undone_at is None]
            if pending:
                library.undo(rng.choice(pending))
        case 9 if rng.random() < 0.3:
            return library.purge_trash(dataset_id)
        case _:
            library.rename_class(rng.choice(classes), f"class {rng.random()}")
    return 0


def test_report_of_an_import_is_kept_until_it_is_put_away(library: Library) -> None:
    dataset_id = library.create_dataset("birds").id
    import_id = library.create_import(dataset_id, {"title": "birds.zip"})
    library.finish_import(import_id, state=ImportState.DONE, refused=[], num_refused=0, notes=["12 bits a pixel."])
    kept = library.get_import(import_id)
    assert (kept.notes, kept.dismissed_at) == (("12 bits a pixel.",), None)
    library.dismiss_import(import_id)
    assert library.list_imports(dataset_id)[0].dismissed_at is not None
