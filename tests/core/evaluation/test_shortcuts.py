"""`core.evaluation.shortcuts`: marks and decisive corners are told, what fills the middle or all is not."""

import numpy as np
import pytest

from core.evaluation.examination import ClassShortcut
from core.evaluation.shortcuts import ShortcutPlan, choose_photos, judge_classes, try_photo

SIDE_PX = 56
CORNER = (slice(0, 12), slice(0, 12))
MIDDLE = (slice(20, 36), slice(20, 36))
RED = np.array([220, 20, 30], np.uint8)


def photo(number: int) -> np.ndarray:
    """Coarse random colours, different in each photo."""
    colours = np.random.default_rng(number).integers(0, 256, (7, 7, 3), np.uint8)
    return colours.repeat(SIDE_PX // 7, axis=0).repeat(SIDE_PX // 7, axis=1)


def heat_at(place: tuple[slice, slice]) -> np.ndarray:
    heat = np.full((SIDE_PX, SIDE_PX), 0.05, np.float32)
    heat[place] = 1
    return heat


def judge(change, *, place=MIDDLE, answer=lambda pixels: 0) -> ClassShortcut:
    """What is told of a class whose photos were changed, beside a class of plain photos."""
    tried = []
    for number in range(24):
        pixels = photo(number)
        is_first = number % 2 == 0
        if is_first:
            change(pixels)
        tried.append(
            try_photo(
                f"{number}",
                0 if is_first else 1,
                pixels,
                heat=heat_at(place if is_first else MIDDLE),
                answer=answer if is_first else lambda pixels: 1,
            )
        )
    first, second = judge_classes(tried)
    assert (first.class_index, first.num_photos, second.class_index) == (0, 12, 1)
    assert not second.is_suspected
    return first


def paint(place: tuple[slice, slice]):
    def change(pixels: np.ndarray) -> None:
        pixels[place] = RED

    return change


def has_red(place: tuple[slice, slice]):
    """Answers the class 0 where there is a red mark, and nothing else matters."""
    return lambda pixels: 0 if (pixels[place] == RED).all(axis=-1).mean() > 0.5 else 1


def test_a_mark_that_all_photos_of_a_class_have() -> None:
    """A corner painted over in one class is told with its place, though the model looks elsewhere most of the time."""
    found = judge(paint(CORNER))
    assert (found.is_suspected, found.has_same_look) == (True, True)
    assert found.place == pytest.approx((12 / 56 / 2, 12 / 56 / 2), abs=0.05)


def test_a_model_that_knows_nothing_but_the_mark() -> None:
    """Without the warmest region its answers do not survive, with nothing else they do."""
    found = judge(paint(CORNER), place=CORNER, answer=has_red(CORNER))
    assert (found.survives_without_warmest, found.survives_only_warmest, found.same_place) == (0, 1, 1)
    assert found.is_suspected


def test_a_decisive_corner_that_looks_different_in_every_photo() -> None:
    """What is in the corner differs, but the model looks there every time, and at nothing else."""
    answer = has_red((slice(0, 1), slice(0, 1)))

    def change(pixels: np.ndarray) -> None:
        pixels[0, 0] = RED

    found = judge(change, place=CORNER, answer=answer)
    assert (found.is_suspected, found.has_same_look) == (True, False)


@pytest.mark.parametrize(
    ("change", "place", "answer"),
    [
        pytest.param(lambda pixels: None, CORNER, lambda pixels: 0, id="a corner that is not needed"),
        pytest.param(paint(MIDDLE), MIDDLE, has_red(MIDDLE), id="the thing itself in the middle"),
        pytest.param(paint((slice(None), slice(None))), MIDDLE, lambda pixels: 0, id="one colour everywhere"),
        pytest.param(paint((slice(0, 2), slice(0, 2))), CORNER, lambda pixels: 0, id="a dot"),
    ],
)
def test_no_shortcuts(change, place, answer) -> None:
    """None of these gives a class away by something beside the thing itself."""
    assert not judge(change, place=place, answer=answer).is_suspected


def test_a_mark_that_is_cold() -> None:
    """A mark that never speaks for its class is none of the model's."""
    tried = [
        try_photo(
            f"{number}",
            number % 2,
            np.where(np.arange(SIDE_PX)[:, None, None] < 12 * (number % 2), RED, photo(number)),
            heat=np.pad(np.ones((16, SIDE_PX), np.float32), ((40, 0), (0, 0))),
            answer=lambda pixels: 1,
        )
        for number in range(24)
    ]
    assert not any(found.has_same_look for found in judge_classes(tried))


def test_few_photos_are_alike_by_chance() -> None:
    """Seven photos with the same corner do not make a suspicion."""
    tried = []
    for number in range(14):
        pixels = photo(number)
        pixels[CORNER] = RED if number % 2 else pixels[CORNER]
        tried.append(try_photo("a", number % 2, pixels, heat=heat_at(CORNER), answer=lambda pixels: 2))
    assert not any(found.is_suspected for found in judge_classes(tried))


def test_examples_begin_with_the_most_telling() -> None:
    """First come photos whose answer needs the warmest region, and that region only."""
    tried = [
        try_photo(name, 0, photo(1), heat=heat_at(CORNER), answer=lambda pixels, named=named: named.pop())
        for name, named in (("robust", [0, 0]), ("neither", [1, 1]), ("telling", [0, 1]))
    ]
    (found,) = judge_classes(tried)
    assert found.examples == ("telling", "neither", "robust")


@pytest.mark.parametrize(
    ("num_classes", "per_class", "plan", "expected"),
    [
        (2, 100, ShortcutPlan.QUICK_HEAT, (2, 24)),
        (2, 100, ShortcutPlan.MEASURED_HEAT, (2, 8)),
        (30, 20, ShortcutPlan.QUICK_HEAT, (30, 13)),
        (200, 10, ShortcutPlan.QUICK_HEAT, (50, 8)),
        (3, 5, ShortcutPlan.QUICK_HEAT, (3, 5)),
    ],
)
def test_how_many_photos_are_looked_at(num_classes, per_class, plan, expected) -> None:
    """As many of each class as the plan allows, never one twice, and no class with too few to tell anything."""
    classes = np.repeat(np.arange(num_classes), per_class)
    rows = choose_photos(classes, np.ones(len(classes), bool), plan)
    assert len(set(rows)) == len(rows)
    counts = np.bincount(classes[rows])
    assert (np.count_nonzero(counts), set(counts[counts > 0])) == (expected[0], {expected[1]})


def test_only_right_answers_are_looked_at() -> None:
    """Wrong ones are left out, and a class without right ones with them."""
    classes = np.array([0, 0, 1, 1])
    assert choose_photos(classes, np.array([True, False, False, False]), ShortcutPlan.QUICK_HEAT) == [0]
    assert choose_photos(classes[:0], np.zeros(0, bool), ShortcutPlan.QUICK_HEAT) == []
