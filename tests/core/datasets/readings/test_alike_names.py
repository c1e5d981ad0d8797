"""Which names may mean one class, and which never do."""

import pytest

from core.datasets.readings.alike_names import group_alike
from core.datasets.readings.plan import apply_answer, plan_import
from core.datasets.readings.question import PlanAnswer
from core.datasets.readings.reading import ClassCount
from core.names import name_key

DIFFERENT = (
    *(("A", "A-"), ("A", "A+"), ("B-", "B"), ("-1", "1"), ("+1", "1"), ("1-1", "11"), ("1-11", "111"), ("A-B", "AB")),
    *(("C", "C#"), ("a_1", "a_2"), ("1", "1s"), ("x", "xs"), ("T-1", "T1"), ("A1", "A-1"), ("--", "-"), ("Rh-", "Rh+")),
)


def counts(*names: str, split: str = "") -> tuple[ClassCount, ...]:
    return tuple(ClassCount(name=name, counts={split: 10}) for name in names)


@pytest.mark.parametrize("names", DIFFERENT, ids="|".join)
def test_signs_tell_classes_apart(names: tuple[str, str]):
    """Minus and plus are no separators: the person is not even asked."""
    assert group_alike(counts(*names)) == ()
    assert plan_import([f"{name}/{n}.png" for name in names for n in range(3)], "x").question is None


def test_letters_that_differ_by_case_stay_apart_under_two_names():
    """`A` and `a` beside each other are meant: one gets another name, since capitals do not tell classes apart."""
    plan = plan_import([f"{letter}/{n}.png" for letter in "AaBb" for n in range(3)], "letters")
    assert plan.question is not None
    reading = apply_answer(plan, plan.question.suggested_answer)
    names = {placed.class_name for placed in reading.placements.values()}
    assert len({name_key(name) for name in names}) == 4
    assert {"A", "B"} <= names


@pytest.mark.parametrize("names", [("Cat", "cat"), ("A", "a"), ("a", "A", "a (small)"), ("ｃａｔ", "cat", "CAT")])
def test_names_that_are_kept_apart_never_merge(names: tuple[str, ...]):
    """Whatever the names, those for keeping apart are different to Bluetit too, and to every other class."""
    for group in group_alike(counts(*names)):
        others = [name for name in names if name not in group.apart]
        keys = [name_key(name) for name in (*group.apart.values(), *others)]
        assert len(set(keys)) == len(names)


def test_an_answer_that_keeps_apart_is_obeyed():
    """Each class keeps its photos."""
    plan = plan_import(["Cat/1.jpg", "cat/2.jpg"], "x")
    assert plan.question is not None
    (group,) = plan.question.options[0].groups
    reading = apply_answer(plan, PlanAnswer(class_map=group.apart))
    assert len({name_key(placed.class_name) for placed in reading.placements.values()}) == 2
