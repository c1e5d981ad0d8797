"""`core.datasets.checks.problems`: what is found in which dataset, and what the remedies change."""

import hashlib
import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from core.datasets.checks.findings import Finding, FindingKind, RemedyKind, without_dismissed
from core.datasets.checks.problems import FEW_PHOTOS_BELOW, DatasetContent, find_problems
from core.datasets.pile import PILE_NAME
from core.datasets.records import ClassView, ImageView, Likeness, Split
from core.photos.record import PhotoRecord

GOOD = {"dark_share": 0.1, "brightness": 0.5, "colour_spread": 0.2, "contrast": 0.2, "sharpness": 2000.0}


class DatasetInMemory:
    """A dataset with two classes, "alien" and "predator", and whatever images a test puts into it."""

    def __init__(self) -> None:
        self.images: list[ImageView] = []
        self.photos: dict[str, PhotoRecord] = {}
        self.near_pairs: list[tuple[str, str]] = []
        self.mirrored_pairs: set[tuple[str, str]] = set()
        self.class_names = {1: "alien", 2: "predator"}
        self.with_features = True

    def add(
        self,
        photo: str,
        *,
        class_id: int = 1,
        split: Split | None = None,
        capture_id: int | None = None,
        size: tuple[int, int] = (640, 480),
        name: str | None = None,
        **measured: float,
    ) -> int:
        """Put in an image of a photo (any text names one); its id."""
        photo_hash = self.hash(photo)
        self.photos[photo_hash] = PhotoRecord(
            hash=photo_hash,
            suffix=".jpg",
            width=min(1024, size[0]),
            height=min(1024, size[1]),
            original_width=size[0],
            original_height=size[1],
            num_bytes=1000,
            measurements={**GOOD, **measured},
        )
        image = ImageView(
            id=len(self.images) + 1,
            dataset_id=1,
            class_id=class_id,
            photo_hash=photo_hash,
            name=name or f"{photo}.jpg",
            split=split,
            split_origin=None,
            capture_id=capture_id,
            source_url=None,
            added_at=0.0,
            trashed_at=None,
        )
        self.images.append(image)
        return image.id

    def alike(self, first: str, second: str, *, is_mirrored: bool = False) -> None:
        """Say that two photos are nearly the same, or only when one of them is mirrored."""
        low, high = sorted((self.hash(first), self.hash(second)))
        self.near_pairs.append((low, high))
        if is_mirrored:
            self.mirrored_pairs.add((low, high))

    @staticmethod
    def hash(photo: str) -> str:
        return hashlib.sha256(photo.encode()).hexdigest()

    def content(self) -> DatasetContent:
        return DatasetContent(
            classes=[
                ClassView(id=number, dataset_id=1, name=name, position=number, num_images=0)
                for number, name in self.class_names.items()
            ],
            images=self.images,
            photos=self.photos,
            likeness=Likeness(pairs=self.near_pairs, mirrored=self.mirrored_pairs),
            with_features=self.with_features,
        )

    def problems(self) -> dict[FindingKind, Finding]:
        return {finding.kind: finding for finding in find_problems(self.content())}


@pytest.fixture
def dataset() -> DatasetInMemory:
    """Enough good photos of both classes, so that nothing is found."""
    made = DatasetInMemory()
    for class_id in (1, 2):
        for number in range(FEW_PHOTOS_BELOW):
            split = Split.VALIDATION if number % 4 == 0 else Split.TRAIN
            made.add(f"{class_id} {number}", class_id=class_id, split=split)
    return made


def test_a_good_dataset_has_no_problems(dataset: DatasetInMemory):
    """Nothing is found where nothing is wrong."""
    assert dataset.problems() == {}


# --- the same photo more than once -----------------------------------------------------------------------


def test_exact_duplicates_keep_the_one_that_has_a_split(dataset: DatasetInMemory):
    """All copies but one go: the one that stays is in a split already, so that the split does not change."""
    copies = [dataset.add("same"), dataset.add("same", split=Split.TRAIN), dataset.add("same", split=Split.TRAIN)]
    finding = dataset.problems()[FindingKind.EXACT_DUPLICATES]
    assert finding.groups == ((copies[1], copies[2], copies[0]),)
    assert finding.remedy is not None
    assert finding.remedy.kind is RemedyKind.KEEP_ONE
    assert finding.remedy.image_ids == (copies[0], copies[2])


def test_near_duplicates_keep_the_best(dataset: DatasetInMemory):
    """The photo that came with the most pixels stays."""
    small, large, medium = (
        dataset.add(name, split=Split.TRAIN, size=size)
        for name, size in (("small", (320, 240)), ("large", (4000, 3000)), ("medium", (800, 600)))
    )
    dataset.alike("small", "large")
    dataset.alike("large", "medium")
    finding = dataset.problems()[FindingKind.NEAR_DUPLICATES]
    assert finding.groups == ((large, medium, small),)
    assert finding.remedy is not None
    assert finding.remedy.image_ids == (small, medium)
    assert set(dataset.problems()) == {FindingKind.NEAR_DUPLICATES}


def test_a_burst_is_no_near_duplicate_of_itself(dataset: DatasetInMemory):
    """Photos of one capture are meant to be alike; a photo outside of it that looks the same is found."""
    for number in range(3):
        dataset.add(f"burst {number}", split=Split.TRAIN, capture_id=7)
    dataset.alike("burst 0", "burst 1")
    dataset.alike("burst 1", "burst 2")
    assert dataset.problems() == {}
    other = dataset.add("other", split=Split.TRAIN)
    dataset.alike("other", "burst 2")
    (group,) = dataset.problems()[FindingKind.NEAR_DUPLICATES].groups
    assert len(group) == 2
    assert other in group


def test_near_duplicates_in_different_classes_are_left_to_the_person(dataset: DatasetInMemory):
    """No click trashes the only example of another class."""
    dataset.add("one", class_id=1, split=Split.TRAIN)
    dataset.add("two", class_id=2, split=Split.TRAIN)
    dataset.alike("one", "two")
    assert dataset.problems() == {}


def test_the_same_photo_in_two_classes(dataset: DatasetInMemory):
    """All its images are shown."""
    ids = [dataset.add("both", class_id=class_id, split=Split.TRAIN) for class_id in (1, 2)]
    problems = dataset.problems()
    assert set(problems) == {FindingKind.IN_TWO_CLASSES}
    assert problems[FindingKind.IN_TWO_CLASSES].groups == (tuple(ids),)


def test_a_photo_in_two_classes_can_stay_in_either(dataset: DatasetInMemory):
    """Each group offers each of its classes by name; whichever is chosen, the photo is in that class alone."""
    for class_ids in ((1, 2), (2, 1, 2)):
        for class_id in class_ids:
            dataset.add(f"both {len(class_ids)}", class_id=class_id, split=Split.TRAIN)
    first, second = dataset.problems()[FindingKind.IN_TWO_CLASSES].groups
    choices = dataset.problems()[FindingKind.IN_TWO_CLASSES].choices
    assert [[each.label for each in remedies] for remedies in choices] == [
        ["Keep in “alien”", "Keep in “predator”"],
        ["Keep in “alien”", "Keep in “predator”"],
    ]
    assert [[each.image_ids for each in remedies] for remedies in choices] == [
        [(first[1],), (first[0],)],
        [(second[0], second[2]), (second[1],)],
    ]
    trashed = {*choices[0][0].image_ids, *choices[1][1].image_ids}
    dataset.images = [image for image in dataset.images if image.id not in trashed]
    assert FindingKind.IN_TWO_CLASSES not in dataset.problems()
    assert [image.class_id for image in dataset.images if image.id in (*first, *second)] == [1, 2, 2]


def test_groups_on_both_sides_of_the_split_are_brought_to_one(dataset: DatasetInMemory):
    """Same photo, near-duplicate and burst alike move to where most of them are, in doubt to training."""
    first = [dataset.add("same", split=split) for split in (Split.TRAIN, Split.TEST)]
    second = [
        dataset.add(f"near {number}", split=split)
        for number, split in enumerate((Split.VALIDATION, Split.VALIDATION, Split.TRAIN))
    ]
    dataset.alike("near 0", "near 1")
    dataset.alike("near 1", "near 2")
    third = [
        dataset.add(f"burst {split}", split=split, capture_id=3) for split in (Split.VALIDATION, Split.TRAIN, None)
    ]
    finding = dataset.problems()[FindingKind.IN_TWO_SPLITS]
    assert finding.groups == (tuple(first), tuple(second), tuple(third))
    assert finding.remedy is not None
    assert dict(finding.remedy.moves) == {Split.TRAIN: (first[1], third[0]), Split.VALIDATION: (second[2],)}
    assert set(finding.remedy.image_ids) == {first[1], third[0], second[2]}
    moved = {image_id: split for split, image_ids in finding.remedy.moves for image_id in image_ids}
    dataset.images = [replace(image, split=moved.get(image.id, image.split)) for image in dataset.images]
    assert FindingKind.IN_TWO_SPLITS not in dataset.problems()


# --- one photo -------------------------------------------------------------------------------------------

BAD_PHOTOS: dict[FindingKind, dict[str, Any]] = {
    FindingKind.BLURRED: {"sharpness": 50.0},
    FindingKind.DARK: {"dark_share": 0.99, "brightness": 0.02, "colour_spread": 0.01, "sharpness": 1.0},
    FindingKind.BRIGHT: {"brightness": 0.97, "colour_spread": 0.01, "sharpness": 1.0},
    FindingKind.FLAT: {"colour_spread": 0.004, "contrast": 0.004, "sharpness": 0.0},
    FindingKind.TINY: {"size": (80, 60)},
    FindingKind.EXTREME_ASPECT: {"size": (300, 1000)},
}


@pytest.mark.parametrize("kind", BAD_PHOTOS)
def test_a_bad_photo_is_found_for_one_reason(dataset: DatasetInMemory, kind: FindingKind):
    """Each photo is found for what is wrong with it, and the remedy trashes it."""
    image_id = dataset.add("bad", split=Split.TRAIN, **BAD_PHOTOS[kind])
    problems = dataset.problems()
    assert set(problems) == {kind}
    assert problems[kind].image_ids == (image_id,)
    assert problems[kind].remedy is not None
    assert problems[kind].remedy.image_ids == (image_id,)
    assert "1 photo" in problems[kind].title


def test_a_photo_in_fog_is_not_blurred(dataset: DatasetInMemory):
    """Sharpness is judged by the contrast that there is."""
    dataset.add("fog", split=Split.TRAIN, contrast=0.05, sharpness=50.0)
    assert dataset.problems() == {}


# --- the dataset -----------------------------------------------------------------------------------------


def test_few_photos_and_no_validation(dataset: DatasetInMemory):
    """Small classes are named with their numbers; empty ones need no validation photo yet."""
    dataset.images = [image for image in dataset.images if image.class_id == 1 and image.split is Split.TRAIN]
    problems = dataset.problems()
    assert set(problems) == {FindingKind.FEW_PHOTOS, FindingKind.NO_VALIDATION}
    assert "predator 0" in problems[FindingKind.FEW_PHOTOS].title
    assert "predator" not in problems[FindingKind.NO_VALIDATION].title
    assert problems[FindingKind.NO_VALIDATION].remedy is not None
    assert problems[FindingKind.NO_VALIDATION].remedy.kind is RemedyKind.SPLIT_AGAIN


def test_imbalance(dataset: DatasetInMemory):
    """Four times as many photos in one class as in another is worth a word, three and a half times is not."""
    for number in range(2 * FEW_PHOTOS_BELOW + FEW_PHOTOS_BELOW // 2):
        dataset.add(f"more {number}", split=Split.TRAIN)
    assert dataset.problems() == {}
    for number in range(FEW_PHOTOS_BELOW // 2):
        dataset.add(f"even more {number}", split=Split.TRAIN)
    assert set(dataset.problems()) == {FindingKind.IMBALANCE}


def test_the_pile_is_not_too_small_nor_too_large(dataset: DatasetInMemory):
    """Photos that nobody has sorted are learned from by nobody: how many there are is no problem."""
    dataset.class_names[3] = PILE_NAME
    assert dataset.problems() == {}
    for number in range(10 * FEW_PHOTOS_BELOW):
        dataset.add(f"unsorted {number}", class_id=3, split=None)
    assert dataset.problems() == {}


def test_a_search_without_a_network_says_so(dataset: DatasetInMemory):
    """People learn that more may be found later."""
    dataset.with_features = False
    assert set(dataset.problems()) == {FindingKind.ROUGH_SEARCH}


def test_an_empty_dataset_can_be_checked():
    """Nothing but the lack of photos is found."""
    assert set(DatasetInMemory().problems()) == {FindingKind.FEW_PHOTOS}


# --- keeping and dismissing ------------------------------------------------------------------------------


@pytest.fixture
def troubled(dataset: DatasetInMemory) -> DatasetInMemory:
    """Something of every kind that concerns photos."""
    for kind, values in BAD_PHOTOS.items():
        dataset.add(kind.value, split=Split.TRAIN, **values)
    for name in ("a", "a", "b", "b"):
        dataset.add(name, split=Split.TRAIN)
    dataset.add("c", split=Split.VALIDATION)
    dataset.add("d", split=Split.TRAIN)
    dataset.alike("c", "d")
    dataset.add("d", class_id=2, split=Split.TRAIN)
    return dataset


def test_findings_survive_json(troubled: DatasetInMemory):
    """What is stored comes back the same, with every kind of remedy."""
    findings = find_problems(troubled.content())
    assert len(findings) >= 9
    assert [Finding.from_json(json.loads(json.dumps(finding.to_json()))) for finding in findings] == findings


def test_findings_of_before_are_read_without_their_remedies(troubled: DatasetInMemory):
    """A check that is stored already is shown, but nothing of it takes photos away that does not say how many."""
    finding = troubled.problems()[FindingKind.EXACT_DUPLICATES]
    stored = finding.to_json()
    for name in ("choices", "class_ids", "is_usual", "options"):
        del stored[name]
    for name in ("losses", "lead"):
        del stored["remedy"][name]
    assert Finding.from_json(stored) == replace(finding, remedy=None)
    assert without_dismissed([Finding.from_json(stored)], finding.member_keys) == []


def test_choices_stay_with_their_groups(dataset: DatasetInMemory):
    """When one group is dismissed, the other has its own choices still."""
    for name in ("first", "second"):
        for class_id in (1, 2):
            dataset.add(name, class_id=class_id, split=Split.TRAIN)
    finding = dataset.problems()[FindingKind.IN_TWO_CLASSES]
    (shown,) = without_dismissed([finding], {finding.member_keys[0]})
    assert (shown.groups, shown.choices) == (finding.groups[1:], finding.choices[1:])


def test_keys_do_not_depend_on_ids_or_order(troubled: DatasetInMemory):
    """The same photos are found under the same key after a copy of the dataset was made."""
    keys = {finding.key for finding in find_problems(troubled.content())}
    troubled.images = [replace(image, id=image.id + 1000) for image in reversed(troubled.images)]
    assert {finding.key for finding in find_problems(troubled.content())} == keys
    assert len(keys) == len(troubled.problems())


def test_dismissed_findings_stay_dismissed_when_others_join(dataset: DatasetInMemory):
    """After two blurred photos were dismissed, a third is shown alone, and its remedy touches it alone."""
    for name in ("first", "second"):
        dataset.add(name, split=Split.TRAIN, sharpness=1.0)
    dismissed = set(dataset.problems()[FindingKind.BLURRED].dismissal_keys)
    assert without_dismissed(find_problems(dataset.content()), dismissed) == []
    third = dataset.add("third", split=Split.TRAIN, sharpness=1.0)
    (shown,) = without_dismissed(find_problems(dataset.content()), dismissed)
    assert shown.image_ids == (third,)
    assert shown.remedy is not None
    assert shown.remedy.image_ids == (third,)
    assert "1 photo" in shown.title


def test_one_of_several_groups_can_be_dismissed(troubled: DatasetInMemory):
    """The other groups stay, as they would be without it."""
    finding = troubled.problems()[FindingKind.EXACT_DUPLICATES]
    shown = without_dismissed([finding], {finding.member_keys[0]})
    assert [each.groups for each in shown] == [finding.groups[1:]]
    assert shown[0].remedy is not None
    assert set(shown[0].remedy.image_ids) < set(finding.groups[1])


def test_a_finding_about_the_dataset_is_dismissed_as_a_whole():
    """Findings without photos have one key."""
    findings = find_problems(DatasetInMemory().content())
    (few,) = findings
    assert without_dismissed(findings, few.dismissal_keys) == []
    assert without_dismissed(findings, {"another"}) == findings


# --- remedies cannot hurt --------------------------------------------------------------------------------


def random_dataset(seed: int) -> DatasetInMemory:
    """A few classes of any size with copies, near-twins, faults, renderings and mirror images, many or few."""
    chance = random.Random(seed)
    made = DatasetInMemory()
    made.class_names = {number: f"class {number}" for number in range(1, chance.randint(2, 5))}
    faults = chance.choice((0.0, 0.1, 0.9))
    copies = chance.choice((0.0, 0.1, 0.9))
    photos: list[str] = []
    for class_id in made.class_names:
        for number in range(chance.choice((1, 2, 5, 12, 40))):
            is_copy = photos and chance.random() < copies
            photo = chance.choice(photos) if is_copy else f"{class_id} {number}"
            kind = chance.choice(list(BAD_PHOTOS))
            values = BAD_PHOTOS[kind] if chance.random() < faults and not is_copy else {}
            split = chance.choice((None, *Split))
            made.add(
                photo, class_id=class_id, split=split, capture_id=chance.choice((None, None, None, 1, 2)), **values
            )
            photos.append(photo)
    for _ in range(chance.choice((0, 2, 5 * len(photos)))):
        made.alike(chance.choice(photos), chance.choice(photos), is_mirrored=chance.random() < 0.2)
    made.near_pairs = [pair for pair in made.near_pairs if pair[0] != pair[1]]
    return made


@pytest.mark.parametrize("seed", range(150))
def test_no_click_empties_a_class_or_takes_much_without_saying_so(seed: int):
    """Whatever the dataset: what a click takes leaves something, more than a tenth of a class is said in the button."""
    dataset = random_dataset(seed)
    findings = find_problems(dataset.content())
    keys = [key for finding in findings for key in finding.member_keys]
    dismissed = set(random.Random(seed).sample(keys, len(keys) // 3))
    sizes = Counter(image.class_id for image in dataset.images)
    class_of = {image.id: image.class_id for image in dataset.images}
    for finding in (*findings, *without_dismissed(findings, dismissed)):
        chosen = [remedy for remedies in finding.choices for remedy in remedies]
        for remedy in (finding.remedy, *finding.options, *chosen):
            if remedy is None or remedy.kind not in (RemedyKind.TRASH_IMAGES, RemedyKind.KEEP_ONE):
                continue
            taken = Counter(class_of[image_id] for image_id in remedy.image_ids)
            assert set(remedy.image_ids) <= set(finding.image_ids)
            for class_id, number in taken.items():
                assert number < sizes[class_id]
                assert remedy in chosen or number <= sizes[class_id] / 2
                if number > sizes[class_id] / 10:
                    assert f"{number} of {sizes[class_id]}" in remedy.label or "more than a tenth of" in remedy.label
        covered = Counter(class_of[image_id] for image_id in set(finding.image_ids))
        if finding.remedy is not None and finding.remedy.kind in (RemedyKind.TRASH_IMAGES, RemedyKind.KEEP_ONE):
            assert all(number < 4 or number <= sizes[class_id] / 2 for class_id, number in covered.items())


@pytest.mark.parametrize("kind", BAD_PHOTOS)
def test_what_most_photos_are_like_is_how_they_are(kind: FindingKind):
    """Dark pictures of a microscope are not offered for deletion; the finding says what they may be."""
    dataset = DatasetInMemory()
    for number in range(20):
        dataset.add(f"one {number}", class_id=1, split=Split.TRAIN, **(BAD_PHOTOS[kind] if number < 11 else {}))
        dataset.add(f"two {number}", class_id=2, split=Split.TRAIN)
    finding = dataset.problems()[kind]
    assert finding.is_usual
    assert (finding.remedy, finding.options) == (None, ())
    assert finding.class_ids == (1,)
    assert "most of “alien”" in finding.title


def test_half_of_a_class_that_is_dark_may_go():
    """Ten of twenty are not most: they can be put into the trash, and the button says how many."""
    dataset = DatasetInMemory()
    for number in range(20):
        dataset.add(f"one {number}", split=Split.TRAIN, **(BAD_PHOTOS[FindingKind.DARK] if number < 10 else {}))
        dataset.add(f"two {number}", class_id=2, split=Split.TRAIN)
    finding = dataset.problems()[FindingKind.DARK]
    assert finding.remedy is not None
    assert finding.remedy.label == "Put 10 of 20 photos of “alien” into the trash"
    assert not finding.is_usual


def test_one_picture_over_and_over_is_not_deleted():
    """Files that were all read as the same picture: no click leaves one of them, and the words say where to look."""
    dataset = DatasetInMemory()
    for class_id in (1, 2):
        for _ in range(12):
            dataset.add("white", class_id=class_id, split=Split.TRAIN)
    problems = dataset.problems()
    for kind in (FindingKind.EXACT_DUPLICATES, FindingKind.IN_TWO_CLASSES):
        finding = problems[kind]
        assert (finding.remedy, finding.options, finding.choices in ((), ((),))) == (None, (), True)
    assert problems[FindingKind.EXACT_DUPLICATES].is_usual


def test_a_folder_that_came_twice_can_be_thinned_out():
    """Every photo is there twice: nothing is suggested first, but one of each can be kept, with the number said."""
    dataset = DatasetInMemory()
    for number in [*range(10)] * 2:
        dataset.add(f"one {number}", split=Split.TRAIN)
    finding = dataset.problems()[FindingKind.EXACT_DUPLICATES]
    assert finding.is_usual
    assert finding.remedy is None
    assert [option.label for option in finding.options] == [
        "Keep one of each: put 10 of 20 photos of “alien” into the trash"
    ]


def test_the_only_photo_of_a_class_is_not_taken(dataset: DatasetInMemory):
    """A choice that would leave a class without photos is not offered."""
    dataset.class_names[3] = "queen"
    for class_id in (1, 3):
        dataset.add("both", class_id=class_id, split=Split.TRAIN)
    (choices,) = dataset.problems()[FindingKind.IN_TWO_CLASSES].choices
    assert [choice.label for choice in choices] == ["Keep in “queen”"]


def test_many_photos_in_two_classes_can_stay_in_one(dataset: DatasetInMemory):
    """One click for all of them is offered for each class, and says what it takes from the other."""
    for number in range(4):
        for class_id in (1, 2):
            dataset.add(f"both {number}", class_id=class_id, split=Split.TRAIN)
    finding = dataset.problems()[FindingKind.IN_TWO_CLASSES]
    assert finding.remedy is None
    assert [option.label for option in finding.options] == [
        "Keep all 4 in “alien”: put 4 of 24 photos of “predator” into the trash",
        "Keep all 4 in “predator”: put 4 of 24 photos of “alien” into the trash",
    ]


def test_a_fixed_camera_is_no_fault():
    """All photos alike: said in plain words, nothing to delete, a split by file order is offered."""
    dataset = DatasetInMemory()
    for number in range(54):
        dataset.add(f"part {number}", class_id=1 + (number >= 40), split=Split.TRAIN)
        if number:
            dataset.alike("part 0", f"part {number}")
    problems = dataset.problems()
    finding = problems[FindingKind.FIXED_CAMERA]
    assert finding.title == "A fixed camera? 54 of 54 photos look alike"
    assert finding.is_usual
    assert finding.remedy is None
    assert [option.kind for option in finding.options] == [RemedyKind.SPLIT_AGAIN]
    assert not {FindingKind.NEAR_DUPLICATES, FindingKind.IN_TWO_SPLITS} & set(problems)
    key = finding.key
    dataset.add("part 54", split=Split.TRAIN)
    dataset.alike("part 0", "part 54")
    assert dataset.problems()[FindingKind.FIXED_CAMERA].key == key  # more of the same is no news


def test_mirrored_classes_are_named_and_nothing_else(dataset: DatasetInMemory):
    """Partners in the other class are shown; they are neither copies nor a leak."""
    for number in range(12):
        for class_id, split in ((1, Split.TRAIN), (2, Split.VALIDATION)):
            dataset.add(f"turned {class_id} {number}", class_id=class_id, split=split)
        dataset.alike(f"turned 1 {number}", f"turned 2 {number}", is_mirrored=True)
    (finding,) = dataset.problems().values()
    assert finding.kind == FindingKind.MIRRORED_CLASSES
    assert finding.class_ids == (1, 2)
    assert finding.title == "“alien” and “predator” are mirror images of each other: mirroring must stay off"
    assert finding.remedy is None
    assert len(finding.groups) == 12


def test_renderings_on_both_sides_of_the_split_are_a_leak(dataset: DatasetInMemory):
    """Photos that only their names bring together are shown, and brought to one side."""
    plain = dataset.add("leaf", split=Split.TRAIN, name="leaf_01.jpg")
    grey = dataset.add("grey leaf", split=Split.VALIDATION, name="leaf_01_gray.jpg")
    problems = dataset.problems()
    assert problems[FindingKind.RENDERINGS].groups == ((plain, grey),)
    assert problems[FindingKind.RENDERINGS].remedy is None
    assert problems[FindingKind.IN_TWO_SPLITS].groups == ((plain, grey),)
    shown = without_dismissed(problems.values(), set(problems[FindingKind.RENDERINGS].dismissal_keys))
    assert shown == []


def test_bringing_groups_together_leaves_validation_photos(dataset: DatasetInMemory):
    """Where it would take the last one of a class, the split is made anew instead."""
    dataset.images = [image for image in dataset.images if image.class_id == 1 or image.split is Split.TRAIN]
    dataset.add("twin", class_id=2, split=Split.TRAIN)
    dataset.add("twin", class_id=2, split=Split.VALIDATION)
    remedy = dataset.problems()[FindingKind.IN_TWO_SPLITS].remedy
    assert remedy is not None
    assert remedy.kind is RemedyKind.SPLIT_AGAIN
