"""What folders say about classes and splits, and what the person is asked."""

import json
import unicodedata
from dataclasses import replace

import pytest

from core.datasets.archives.name_encodings import EncodingChoice, NameEncodings
from core.datasets.pile import PILE_NAME
from core.datasets.readings.plan import ImportPlan, apply_answer, plan_import
from core.datasets.readings.question import PlanAnswer, PlanQuestion
from core.datasets.readings.reading import Placement, Reading
from core.datasets.records import Split
from core.errors import ConfigError, DatasetError, RecordError

SPLITS = {"-": None, "train": Split.TRAIN, "validation": Split.VALIDATION, "test": Split.TEST}

# Title: paths, and "class split" of each, "refused", or "skipped".
CLEAR = {
    "alien vs predator": {
        "train/alien/1.jpg": "alien train",
        "train/predator/1.jpg": "predator train",
        "validation/alien/1.jpg": "alien validation",
        "validation/predator/1.jpg": "predator validation",
    },
    "mixed case": {
        "data/Train/cats/1.jpg": "cats train",
        "data/VALID/cats/1.jpg": "cats validation",
        "data/Testing/cats/1.jpg": "cats test",
    },
    "every word for a split": {
        "training/c/1": "c train",
        "val/c/1": "c validation",
        "dev/c/1": "c validation",
        "eval/c/1": "c test",
        "Test-Data/c/1": "c test",
        "training_set/c/1": "c train",
    },
    "split packed twice": {
        "training_set/training_set/cats/1.jpg": "cats train",
        "test_set/test_set/cats/1.jpg": "cats test",
    },
    "split below the class": {
        "cats/train/1.jpg": "cats train",
        "cats/test/2.jpg": "cats test",
        "dogs/train/1.jpg": "dogs train",
        "dogs/5.jpg": "dogs -",
    },
    "no splits": {"cats/1.jpg": "cats -", "dogs/1.jpg": "dogs -"},
    "common folders several deep": {
        "home/anna/photos/cats/1.jpg": "cats -",
        "home/anna/photos/dogs/1.jpg": "dogs -",
    },
    "common folders around splits": {
        "a/b/train/cats/1.jpg": "cats train",
        "a/b/test/dogs/1.jpg": "dogs test",
    },
    "one class only": {"a/b/cats/1.jpg": "cats -", "a/b/cats/2.jpg": "cats -"},
    "one class in splits": {"train/cats/1.jpg": "cats train", "test/cats/2.jpg": "cats test"},
    "flat": {"1.jpg": "my birds -", "2.jpg": "my birds -"},
    "flat in one split": {"train/1.jpg": "my birds train", "train/2.jpg": "my birds train"},
    "flat in two splits": {"train/1.jpg": "my birds train", "test/2.jpg": "my birds test"},
    "leaf folders of different names": {
        "animals/cats/1.jpg": "cats -",
        "animals/dogs/1.jpg": "dogs -",
        "vehicles/cars/1.jpg": "cars -",
    },
    "uneven depth": {"cats/1.jpg": "cats -", "wild/cats of prey/lion/1.jpg": "lion -"},
    "Windows separators": {"train\\cats\\1.jpg": "cats train", "test\\cats\\1.jpg": "cats test"},
    "dots and double separators": {"./cats//1.jpg": "cats -", "./dogs/./1.jpg": "dogs -"},
    "hidden and system files": {
        "cats/1.jpg": "cats -",
        "dogs/1.jpg": "dogs -",
        "cats/.DS_Store": "skipped",
        "cats/Thumbs.db": "skipped",
        "desktop.ini": "skipped",
        ".git/x.jpg": "skipped",
        "__MACOSX/cats/1.jpg": "skipped",
        "bluetit-manifest.csv": "skipped",
    },
    "files that are no photos do not shape the tree": {
        "README.md": "passed over",
        "data/labels.csv": "passed over",
        "data/cats/1.jpg": "cats -",
        "data/dogs/1.jpg": "dogs -",
    },
    "files of unknown kind are tried": {"cats/IMG_0001": "cats -", "dogs/x.jpg_large": "dogs -"},
    "a class named test": {"test/1.jpg": "test -", "cats/1.jpg": "cats -"},
    "a class named train": {"train/1.jpg": "train -", "bus/1.jpg": "bus -", "car/1.jpg": "car -"},
    "a class named train within splits": {
        "train/train/1.jpg": "train train",
        "train/bus/1.jpg": "bus train",
        "val/train/2.jpg": "train validation",
        "val/bus/2.jpg": "bus validation",
    },
    "test of the class beside it": {"test/cats/1.jpg": "cats test", "cats/2.jpg": "cats -"},
    "unlabelled test photos": {
        "train/cats/1.jpg": "cats train",
        "train/dogs/1.jpg": "dogs train",
        "test/1.jpg": "refused",
    },
    "unlabelled test photos beside something else": {
        "train/cats/1.jpg": "cats train",
        "test/1.jpg": "refused",
        "extra/1.jpg": "extra -",
    },
    "photos to sort beside the class folders": {
        "Unlabelled/1.jpg": "to sort -",
        "zu sortieren/Mai/1.jpg": "to sort -",
        "cats/1.jpg": "cats -",
        "dogs/1.jpg": "dogs -",
    },
    "photos to sort beside splits and in them": {
        "train/cats/1.jpg": "cats train",
        "train/dogs/1.jpg": "dogs train",
        "train/to sort/1.jpg": "to sort -",
        "test/unlabelled/1.jpg": "to sort -",
        "test/cats/1.jpg": "cats test",
        "seg_pred/1.jpg": "to sort -",
    },
    "nothing but photos to sort": {"unlabelled/1.jpg": "to sort -", "unlabelled/more/2.jpg": "to sort -"},
    "one class beside photos to sort": {"cats/1.jpg": "cats -", "to_sort/1.jpg": "to sort -"},
    "a cover beside the class folders": {"cover.jpg": "refused", "cats/1.jpg": "cats -", "dogs/1.jpg": "dogs -"},
    "unsafe paths": {"../x.jpg": "refused", "/etc/x.jpg": "refused", "C:\\x.jpg": "refused", "cats/1.jpg": "cats -"},
    "nothing": {},
    "emoji and right to left": {"🐱/1.jpg": "🐱 -", "ציפור/1.jpg": "ציפור -"},
    "300 letters": {"x" * 300 + "/1.jpg": "x" * 300 + " -", "y/1.jpg": "y -"},
}


def proposed(paths, name: str = "x") -> Reading:
    """The reading that is proposed."""
    return plan_import(list(paths), name).readings[0]


def describe(plan: ImportPlan, paths) -> dict[str, str]:
    """Outcome of every path in the words of the table."""
    words = {split: word for word, split in SPLITS.items()}
    outcome = dict.fromkeys(paths, "skipped")
    outcome.update(dict.fromkeys(plan.refused, "refused"))
    outcome.update(dict.fromkeys((file.path for file in plan.beside), "passed over"))
    for reading in plan.readings[:1]:
        outcome.update(dict.fromkeys(reading.left_out, "refused"))
        for path, placement in reading.placements.items():
            assert outcome[path] == "skipped"
            outcome[path] = f"{placement.class_name} {words[placement.split]}"
    return outcome


@pytest.mark.parametrize("expected", CLEAR.values(), ids=CLEAR)
def test_clear_folders_are_read_without_a_question(expected: dict[str, str]):
    """Whatever the arrangement, each photo gets the class and split that a person would say."""
    plan = plan_import(list(expected), "my birds.zip")
    assert describe(plan, expected) == expected
    assert plan.question is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("birds.zip", "birds"),
        ("birds.tar.gz", "birds"),
        ("birds.TGZ", "birds"),
        ("birds.v2.tar", "birds.v2"),
        ("C:\\photos\\birds.zip", "birds"),
        ("birds", "birds"),
        ("", "photos"),
        (".zip", "photos"),
    ],
)
def test_a_flat_archive_names_the_class(name: str, expected: str):
    """Its endings and the folders it came from are no part of the class's name."""
    assert proposed(["1.jpg"], name).placements["1.jpg"].class_name == expected


def test_every_refusal_says_why():
    """The reason speaks of the photo's own problem."""
    paths = ["../x.jpg", "loose.jpg", "train/loose.jpg", "train/a/1.jpg", "b/1.jpg", "val/a/1.jpg"]
    plan = plan_import(paths, "x")
    assert "leads out of the folder" in plan.refused["../x.jpg"]
    assert "beside the class folders" in plan.readings[0].left_out["loose.jpg"]
    assert "directly in a train folder" in plan.readings[0].left_out["train/loose.jpg"]


def test_photos_to_sort_are_told_of():
    """The report says where they come from, how many there are and what becomes of them, and so does a question."""
    plan = plan_import(["cats/1.jpg", "dogs/1.jpg", "Unsorted/1.jpg", "Unsorted/2.jpg"], "x")
    assert plan.readings[0].note == (
        "2 photos from “Unsorted” wait in the class “to sort”: nobody has said yet what they show, so no training uses "
        "them until they are sorted."
    )
    asked = plan_import([*SESSIONS, "Unsorted/1.jpg"], "x").question
    assert all(option.explanation.endswith("until they are sorted.") for option in asked.options)
    assert all(not option.left_out for option in asked.options)


@pytest.mark.parametrize("name", ["unlabelled.zip", "/photos/To sort", "Zu_sortieren.tar.gz"])
def test_an_archive_or_folder_without_folders_may_be_called_so(name: str):
    """Then no class of that name is made."""
    assert proposed(["1.jpg"], name).placements["1.jpg"] == Placement(PILE_NAME, None)


def test_a_table_may_know_what_photos_to_sort_show_and_what_is_to_be_sorted():
    """What somebody says of a photo counts, and a class called so in a table is the pile."""
    table = b"file,label\n1.jpg,cat\n2.jpg,cat\n3.jpg,dog\n4.jpg,dog\n5.jpg,unlabelled\n6.jpg,unlabelled\n"
    paths = ["labels.csv", *(f"unlabelled/{number}.jpg" for number in range(1, 7))]
    placements = plan_import(paths, "x", lambda wanted: {"labels.csv": table}).readings[0].placements
    assert [placements[path].class_name for path in paths[1:]] == ["cat", "cat", "dog", "dog", PILE_NAME, PILE_NAME]


# --- leaf or top ------------------------------------------------------------------------------------------

SESSIONS = ["cats/indoor/1.jpg", "cats/outdoor/2.jpg", "dogs/indoor/3.jpg", "dogs/outdoor/4.jpg"]


def test_leaf_names_under_several_parents_are_asked_about():
    """Both readings are offered with their classes; the outer folders are suggested."""
    plan = plan_import(SESSIONS, "x")
    assert {placement.class_name for placement in plan.readings[0].placements.values()} == {"cats", "dogs"}
    offered = [(option.reading, [count.name for count in option.classes]) for option in plan.question.options]
    assert offered == [("top", ["cats", "dogs"]), ("leaf", ["indoor", "outdoor"])]
    assert plan.question.suggested_answer == PlanAnswer(reading="top")


def test_the_other_reading_can_be_chosen():
    """The person's word counts."""
    answered = apply_answer(plan_import(SESSIONS, "x"), PlanAnswer(reading="leaf"))
    assert [placement.class_name for placement in answered.placements.values()] == ["indoor", "outdoor"] * 2


@pytest.mark.parametrize(
    "paths",
    [
        ["cats/1.jpg", "cats/kittens/2.jpg", "dogs/3.jpg"],
        ["cats/1.jpg", "cats/kittens/2.jpg"],
        ["1.jpg", "kittens/2.jpg"],
    ],
    ids=["beside another class", "alone", "in the archive itself"],
)
def test_a_class_inside_a_class_is_asked_about(paths: list[str]):
    """Photos of the inner folder may belong to the outer one; none of them is refused."""
    plan = plan_import(paths, "cats.zip")
    assert {option.reading for option in plan.question.options} == {"top", "leaf"}
    assert plan.readings[0].placements[paths[1]].class_name == "cats"
    assert plan.readings[0].left_out == {}
    answered = apply_answer(plan, PlanAnswer(reading="leaf"))
    assert answered.placements[paths[1]].class_name == "kittens"


# --- names that are alike ---------------------------------------------------------------------------------

ALIKE = {
    "case": ("Cats", "cats"),
    "spaces": ("blue tit", "bluetit"),
    "underscores": ("blue_tit", "blue tit"),
    "hyphens": ("blue-tit", "Blue Tit"),
    "plural s": ("cat", "cats"),
    "plural es": ("box", "boxes"),
    "plural ies": ("butterfly", "Butterflies"),
    "case and plural": ("Blue Tits", "blue_tit"),
    "wide letters": ("ｃａｔ", "cat"),  # as Japanese keyboards write them
}


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_alike_names_in_different_splits_are_shown_side_by_side(one: str, other: str):
    """Nothing is merged before the person says so; the spelling with more photos is suggested."""
    paths = [f"train/{one}/1.jpg", f"train/{one}/2.jpg", f"val/{other}/3.jpg", "val/zebra/4.jpg"]
    plan = plan_import(paths, "x")
    assert {placement.class_name for placement in plan.readings[0].placements.values()} == {one, other, "zebra"}
    (group,) = plan.question.options[0].groups
    assert [(count.name, count.counts) for count in group.classes] == [(one, {"train": 2}), (other, {"validation": 1})]
    answered = apply_answer(plan, plan.question.suggested_answer)
    assert answered.placements[paths[2]] == Placement(one, Split.VALIDATION)
    assert answered.placements[paths[3]].class_name == "zebra"


@pytest.mark.parametrize(
    ("names", "suggested"),
    [(("Cat", "cat"), {"Cat"}), (("glass", "glasses"), {"glass", "glasses"})],
    ids=["spelling", "plural"],
)
def test_alike_names_in_one_split_are_asked_about_too(names: tuple[str, str], suggested: set[str]):
    """Two spellings are probably a slip; singular and plural beside each other are probably meant."""
    plan = plan_import([f"{name}/{number}.jpg" for name in names for number in range(3)], "x")
    assert set(plan.question.suggested_answer.class_map.values()) == suggested
    assert {placement.class_name for placement in plan.readings[0].placements.values()} == set(names)


def test_names_may_stay_apart():
    """The person keeps both by mapping each to itself, and may give a class another name."""
    plan = plan_import(["glass/1.jpg", "glasses/2.jpg"], "x")
    answered = apply_answer(plan, PlanAnswer(class_map={"glass": "Glas", "glasses": "glasses"}))
    assert [placement.class_name for placement in answered.placements.values()] == ["Glas", "glasses"]


@pytest.mark.parametrize(
    ("one", "other"), [("bus", "bush"), ("cat", "dog"), ("a1", "a2"), ("_", "__")], ids=lambda name: name
)
def test_different_names_raise_no_question(one: str, other: str):
    """Only what differs by case, spaces or plural is worth a question."""
    assert plan_import([f"{one}/1.jpg", f"{other}/1.jpg"], "x").question is None


def test_three_spellings_form_one_group():
    """All that are alike stand together."""
    plan = plan_import(["a/Cat/1.jpg", "b/cats/1.jpg", "c/CAT/1.jpg", "d/dog/1.jpg"], "x")
    (group,) = plan.question.options[0].groups
    assert {count.name for count in group.classes} == {"Cat", "cats", "CAT"}


def test_accents_written_in_two_ways_are_the_same_letters():
    """What macOS and Windows write for one name looks the same to everybody, so nobody is asked."""
    paths = [
        f"{split}/{unicodedata.normalize(form, 'Vögel')}/1.jpg" for split, form in (("train", "NFD"), ("val", "NFC"))
    ]
    plan = plan_import(paths, "x")
    assert {placement.class_name for placement in plan.readings[0].placements.values()} == {"Vögel"}
    assert plan.question is None


# --- answers ----------------------------------------------------------------------------------------------


def test_question_and_answer_survive_json():
    """Both wait in the database until the person comes back."""
    question = plan_import([*SESSIONS, "Cat/indoor/1.jpg", "cat/outdoor/1.jpg"], "x").question
    assert PlanQuestion.from_json(json.loads(json.dumps(question.to_json()))) == question
    answer = question.suggested_answer
    assert PlanAnswer.from_json(json.loads(json.dumps(answer.to_json()))) == answer


@pytest.mark.parametrize(
    "values",
    [{"reading": 5}, {"class_map": ["a"]}, {"class_map": {"a": 1}}, {"colour": "red"}],
    ids=["reading", "list", "number", "unknown key"],
)
def test_a_wrong_answer_is_refused(values: dict):
    """What is no answer is said, not guessed at."""
    with pytest.raises(ConfigError):
        PlanAnswer.from_json(values)


@pytest.mark.parametrize("values", [{}, {"options": []}, {"options": [{"reading": "leaf"}]}, {"options": 5}])
def test_a_wrong_question_is_refused(values: dict):
    """What is no question is said."""
    with pytest.raises(RecordError):
        PlanQuestion.from_json(values)


def test_an_answer_must_fit_the_folders():
    """An answer to another archive's question changes nothing."""
    plan = plan_import(["cats/1.jpg", "dogs/1.jpg"], "x")
    with pytest.raises(DatasetError, match="no class folder 'birds'"):
        apply_answer(plan, PlanAnswer(class_map={"birds": "cats"}))
    with pytest.raises(DatasetError, match="cannot be read as 'top'"):
        apply_answer(plan, PlanAnswer(reading="top"))


def test_twenty_thousand_files_in_as_many_folders():
    """No photo is lost in a large tree, and the work does not grow with the square of its classes."""
    paths = [f"root/{split}/class {number}/photo.jpg" for split in ("train", "test") for number in range(10_000)]
    plan = plan_import(paths, "x")
    assert len(plan.readings[0].placements) == 20_000
    assert plan.question is None


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_the_paths_does_not_matter(order: int):
    """The same files give the same classes, however the archive was packed."""
    paths = ["cats/1.jpg", "cats/kittens/2.jpg", "Cat/3.jpg", "test/x/4.jpg", "dogs/train/5.jpg"]
    assert proposed(paths[::order]).placements == proposed(paths).placements
    assert plan_import(paths[::order], "x").question == plan_import(paths, "x").question


def test_unsure_names_are_shown_before_anything_comes_in():
    """Where a character set had to be guessed the person sees what it makes of the names, and what others would."""
    names = NameEncodings(
        is_sure=False, choices=(EncodingChoice("cp437", ("Bär",)), EncodingChoice("cp1251", ("B„r",)))
    )
    question = plan_import(["Bär/1.jpg", "cat/1.jpg"], "x", names=names).question
    assert question is not None
    assert PlanQuestion.from_json(json.loads(json.dumps(question.to_json()))) == question
    assert question.names == names
    sure = replace(names, is_sure=True)
    assert plan_import(["Bär/1.jpg", "cat/1.jpg"], "x", names=sure).question is None


def test_a_question_of_before_can_still_be_read():
    """Questions that wait in the database from before readings had titles are shown."""
    counted = {"name": "cats", "counts": {"train": 3}}
    group = {"classes": [counted, counted | {"name": "cat"}], "suggestion": {"cats": "cats", "cat": "cats"}}
    old = {"options": [{"reading": "leaf", "classes": [counted], "groups": [group]}]}
    question = PlanQuestion.from_json(old)
    assert question.options[0].groups[0].apart == {"cats": "cats", "cat": "cat"}
    assert question.suggested_answer == PlanAnswer(class_map={"cats": "cats", "cat": "cats"}, reading="leaf")
