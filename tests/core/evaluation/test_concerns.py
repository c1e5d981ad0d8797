"""What is told before a run begins, and where it can be mended."""

from collections.abc import Sequence

import pytest

from core.datasets.checks.findings import Finding, FindingKind
from core.datasets.records import ClassView, ImageView, Likeness, Split
from core.evaluation.concerns import Concern, Contents, find_concerns
from core.runs.begin import Place, Prospect, find_prospect


def image(image_id: int, class_id: int, split: Split | None = None) -> ImageView:
    return ImageView(
        id=image_id,
        dataset_id=1,
        class_id=class_id,
        photo_hash=f"{image_id:064x}",
        name=f"{image_id}.jpg",
        split=split,
        split_origin=None,
        capture_id=None,
        source_url=None,
        added_at=0.0,
        trashed_at=None,
    )


def finding(kind: FindingKind, image_ids: Sequence[int] = (), *, title: str = "", num_groups: int = 0) -> Finding:
    return Finding(
        key=f"{kind}:1",
        kind=kind,
        title=title or kind.value,
        why="Because.",
        remedy=None,
        image_ids=tuple(image_ids),
        groups=tuple((2 * number + 1, 2 * number + 2) for number in range(num_groups)),
    )


def contents(*findings: Finding, names: Sequence[str] = ("crow", "tit"), num_photos: int = 20) -> Contents:
    """Classes of so many photos each; those of the first have the numbers from 1 on."""
    classes = [
        ClassView(id=number, dataset_id=1, name=name, position=number, num_images=num_photos)
        for number, name in enumerate(names, start=1)
    ]
    images = [
        image(number + 1 + place * num_photos, view.id)
        for place, view in enumerate(classes)
        for number in range(num_photos)
    ]
    return Contents(
        classes=classes, images=images, prospect=find_prospect(images, Likeness(pairs=frozenset())), findings=findings
    )


def with_splits(*splits: Split | None) -> Contents:
    """Two classes of ten photos; each of these splits is that of all photos of a class."""
    images = [
        image(number + 1 + 10 * place, place + 1, split) for place, split in enumerate(splits) for number in range(10)
    ]
    classes = [
        ClassView(id=number, dataset_id=1, name=name, position=number, num_images=10)
        for number, name in enumerate(("crow", "tit"), start=1)
    ]
    return Contents(
        classes=classes, images=images, prospect=find_prospect(images, Likeness(pairs=frozenset())), findings=()
    )


def texts(found: Sequence[Concern]) -> list[str]:
    return [concern.text for concern in found]


def test_nothing_speaks_against_ordinary_photos() -> None:
    """Findings about single photos change no result by much; they are told by the check alone."""
    assert find_concerns(contents()) == []
    single = [FindingKind.BLURRED, FindingKind.EXACT_DUPLICATES, FindingKind.NEAR_DUPLICATES, FindingKind.TINY]
    assert find_concerns(contents(*(finding(kind, [1, 2]) for kind in single))) == []


def test_the_same_photo_in_two_classes_comes_first() -> None:
    """It is counted in photos, not in images."""
    few = finding(FindingKind.FEW_PHOTOS, title="Few photos: tit 3")
    found = find_concerns(contents(few, finding(FindingKind.IN_TWO_CLASSES, range(1, 7), num_groups=3)))
    assert texts(found) == [
        "3 photos are in two classes at once: whatever the network says to such a photo is wrong once.",
        "Few photos: tit 3",
    ]
    assert {concern.place for concern in found} == {Place.CHECK}
    (one,) = find_concerns(contents(finding(FindingKind.IN_TWO_CLASSES, [1, 2], num_groups=1)))
    assert one.text.startswith("1 photo is in two classes")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FindingKind.DARK, "are nearly black"),
        (FindingKind.BRIGHT, "are nearly white"),
        (FindingKind.FLAT, "show one flat colour"),
    ],
)
def test_a_majority_that_shows_nothing(kind: FindingKind, words: str) -> None:
    """Half of the dataset, or else half of a class, is worth a word; fewer are single photos."""
    (most,) = find_concerns(contents(finding(kind, range(6, 26))))
    assert most.text.startswith(f"20 of 40 photos {words}")
    (of_class,) = find_concerns(contents(finding(kind, range(1, 11))))
    assert of_class.text.startswith(f"10 of the 20 photos of “crow” {words}")
    assert find_concerns(contents(finding(kind, range(1, 10)))) == []


@pytest.mark.parametrize("kind", [FindingKind.FIXED_CAMERA, FindingKind.IMBALANCE])
def test_findings_about_the_whole_say_it_themselves(kind: FindingKind) -> None:
    """Their own title stands there."""
    assert find_concerns(contents(finding(kind, title="As found"))) == [Concern(text="As found", place=Place.CHECK)]


def test_splits_that_lack_photos() -> None:
    """No validation, no test, a class without validation: each leads to the split."""
    no_test = "No test photos: the accuracy will be that of the validation photos, a little too good."
    found = find_concerns(with_splits(Split.TRAIN, Split.TRAIN))
    assert texts(found) == [
        "No validation photos: nobody can tell which epoch is best, so the last one is kept.",
        no_test,
    ]
    assert {concern.place for concern in found} == {Place.SPLIT}
    found = find_concerns(with_splits(Split.TRAIN, None))
    assert texts(found) == [
        "No photo for validation: “crow”. Such a class counts neither as right nor as wrong while training."
    ]


def test_photos_that_leak() -> None:
    """Twins on both sides of the split make a result look better than it is."""
    prospect = Prospect(
        class_counts={1: {Split.TRAIN: 8, Split.VALIDATION: 1, Split.TEST: 1}, 2: dict.fromkeys(Split, 3)},
        to_assign={},
        num_leaks=2,
    )
    base = contents()
    found = find_concerns(Contents(classes=base.classes, images=base.images, prospect=prospect, findings=()))
    assert texts(found)[0].startswith("2 validation or test photos look nearly like one for training")


def test_a_class_that_the_model_will_not_know() -> None:
    """An empty class is easily forgotten."""
    base = contents()
    empty = ClassView(id=9, dataset_id=1, name="None", position=9, num_images=0)
    found = find_concerns(
        Contents(classes=[*base.classes, empty], images=base.images, prospect=base.prospect, findings=())
    )
    assert texts(found) == ["“None” has no photos to learn from and will not be known to the model."]
