"""Classes that are one of several numbers in the files' names."""

import pytest

from core.datasets.readings.plan import apply_answer, plan_import

AGES, SEXES, RACES = (25, 31, 64), (0, 1), (0, 2, 4)
FACES = [
    f"UTKFace/{age}_{sex}_{race}_2017011617450{number}{age}{race}.jpg.chip.jpg"
    for age in AGES
    for sex in SEXES
    for race in RACES
    for number in range(2)
]


def test_the_person_is_asked_which_number_is_meant():
    """Every number that comes back is offered, with its classes; that all belong together is proposed first."""
    plan = plan_import(FACES, "faces.zip")
    assert plan.question is not None
    assert [option.reading for option in plan.question.options] == ["leaf", "number 1", "number 2", "number 3"]
    _, by_age, by_sex, _ = plan.question.options
    assert [(count.name, count.num_photos) for count in by_age.classes] == [("25", 12), ("31", 12), ("64", 12)]
    assert [count.name for count in by_sex.classes] == ["0", "1"]
    assert by_sex.title == "The second number in the names"


def test_photos_with_other_names_are_left_out_with_the_reason():
    """A few names that lack a number do not hide the others."""
    plan = plan_import([*FACES, "UTKFace/61_1_20170109.jpg.chip.jpg"], "faces.zip")
    assert plan.question is not None
    by_sex = next(option for option in plan.question.options if option.reading == "number 2")
    assert by_sex.num_photos == len(FACES)
    assert [(each.num_photos, each.reason.startswith("Its name has other numbers")) for each in by_sex.left_out] == [
        (1, True)
    ]
    assert apply_answer(plan, plan.question.suggested_answer).key == "leaf"


@pytest.mark.parametrize(
    "names",
    [
        [f"{number}.jpg" for number in range(12)],
        [f"0001_{number:04}.jpg" for number in range(12)],
        [f"2024010{day}_1200{number:02}.jpg" for day in (1, 2) for number in range(6)],
        [f"2024-01-0{day} 12.00.{number:02}.jpg" for day in (1, 2) for number in range(6)],
        [f"{number}_{number + 1}.jpg" for number in range(12)],
        [f"IMG_{day}_{number}.jpg" for day in (1, 2) for number in range(6)],
    ],
    ids=["one number", "one value", "dates and times", "with gaps", "pairs", "cameras"],
)
def test_numbers_of_cameras_and_clocks_are_no_classes(names):
    """What only counts pictures, or tells the time, asks nobody anything."""
    assert plan_import(names, "photos.zip").question is None


def test_folders_that_are_classes_come_first():
    """Where folders say the classes nobody is asked about numbers."""
    names = [f"{kind}/{number % 3}_{number % 2}_{number}.jpg" for kind in ("cat", "dog") for number in range(12)]
    assert plan_import(names, "pets.zip").question is None
