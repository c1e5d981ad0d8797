"""What the slider of "I don't know" refuses."""

import math

import numpy as np
import pytest

from core.evaluation.rejection import STRICTNESSES, RejectionPoint, default_point, rejection_points
from core.inference.temperature import calibrated
from core.runs.decision import Decision, is_refused
from tests.core.evaluation.answer_samples import answers_of, random_answers, with_ties

ANSWERS = random_answers(num_photos=200, num_classes=4, seed=3, temperature=2.0)
DISTANCES = dict(zip(ANSWERS.hashes, np.random.default_rng(4).random(200).tolist(), strict=True))


def points_of(**changes: object) -> tuple[RejectionPoint, ...]:
    return rejection_points(**{"answers": ANSWERS, "temperature": 2.0, "distances": DISTANCES, **changes})


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_stricter_point_refuses_more(temperature: float):
    """From point to point limits only tighten and coverage only falls; the first point refuses nothing."""
    points = points_of(temperature=temperature)
    assert tuple(point.strictness for point in points) == STRICTNESSES
    assert (points[0].min_probability, points[0].max_distance, points[0].coverage) == (0.0, None, 1.0)
    assert points[0].accuracy == ANSWERS.is_correct.mean()
    assert all(np.diff([point.min_probability for point in points]) >= 0)
    assert all(np.diff([point.max_distance for point in points[1:]]) <= 0)
    assert all(np.diff([point.num_answered for point in points]) <= 0)
    assert all(point.num_correct <= point.num_answered <= point.num_photos == 200 for point in points)


def test_a_point_refuses_its_share_for_each_reason():
    """A strictness of 0.1 refuses a tenth for probability alone, and up to two tenths with distances."""
    by_probability = points_of(distances={})[10]
    assert (by_probability.strictness, by_probability.num_answered, by_probability.max_distance) == (0.1, 180, None)
    assert 160 <= points_of()[10].num_answered <= 180


def test_refusing_the_unsure_makes_answers_better():
    """Where probabilities tell something, half of the answers are better than all."""
    points = points_of(distances={})
    assert points[50].coverage == 0.5
    assert points[50].accuracy > points[0].accuracy + 0.1


@pytest.mark.parametrize("strictness", [0.0, 0.02, 0.3])
def test_a_decision_refuses_what_its_point_counted(strictness: float):
    """Photo by photo, the limits of a point refuse as many as the point says."""
    point = next(point for point in points_of() if point.strictness == strictness)
    decision = Decision(temperature=2.0, min_probability=point.min_probability, max_distance=point.max_distance)
    confidences = calibrated(ANSWERS.probabilities, 2.0).max(axis=1).tolist()
    is_answered = [
        not is_refused(confidence, DISTANCES[photo_hash], decision)
        for confidence, photo_hash in zip(confidences, ANSWERS.hashes, strict=True)
    ]
    assert sum(is_answered) == point.num_answered
    assert int((np.array(is_answered) & ANSWERS.is_correct).sum()) == point.num_correct


def test_limits_are_counted_on_other_photos():
    """Limits come from the validation photos and figures from the judged ones."""
    others = random_answers(num_photos=50, num_classes=4, seed=9)
    points, on_others = points_of(), points_of(judged=others)
    assert [point.min_probability for point in on_others] == [point.min_probability for point in points]
    assert [point.max_distance for point in on_others] == [point.max_distance for point in points]
    assert {point.num_photos for point in on_others} == {50}
    assert on_others[0].num_correct == others.is_correct.sum()


@pytest.mark.parametrize(
    ("probability", "distance", "refused"),
    [(0.6, 0.3, False), (0.59, 0.0, True), (1.0, 0.31, True), (1.0, None, False), (0.1, None, True)],
    ids=["on both limits", "unsure", "far away", "distance unknown", "unsure, distance unknown"],
)
def test_what_is_refused(probability: float, distance: float | None, refused: bool):
    """Below the probability or beyond the distance, and only so."""
    assert is_refused(probability, distance, Decision(min_probability=0.6, max_distance=0.3)) is refused
    assert not is_refused(probability, distance, Decision())


def test_tied_and_certain_answers_are_not_refused_together():
    """Photos on a limit are answered: where all are equally sure, none is refused for it."""
    certain = answers_of([0, 1, 0], [[1, 0]] * 3)
    assert {point.num_answered for point in points_of(answers=certain, distances={})} == {3}
    tied = points_of(answers=with_ties(ANSWERS), distances={})
    assert all(point.coverage >= 1 - point.strictness - 1e-9 for point in tied)


def test_one_photo_with_an_unknown_distance():
    """One photo is on every limit, and one whose distance nobody knows is not refused for it."""
    one = answers_of([0], [[0.6, 0.4]])
    assert {point.num_answered for point in points_of(answers=one, distances={one.hashes[0]: 0.2})} == {1}
    others = {ANSWERS.hashes[150]: 0.2}
    by_probability = [point.num_answered for point in points_of(judged=one, distances={})]
    assert [point.num_answered for point in points_of(judged=one, distances=others)] == by_probability


def test_the_default_refuses_two_of_a_hundred():
    """Where nobody has chosen, the point is that of 2 %."""
    assert default_point(points_of()).strictness == 0.02


def test_a_point_that_answers_nothing_has_no_accuracy():
    """Coverage is 0 then, and accuracy not a number."""
    point = RejectionPoint(
        strictness=0.5, min_probability=0.9, max_distance=0.1, num_photos=4, num_answered=0, num_correct=0
    )
    assert point.coverage == 0
    assert math.isnan(point.accuracy)


def test_no_photos_have_no_points():
    """Limits cannot be taken from nothing, nor judged on nothing."""
    nothing = answers_of([], np.zeros((0, 4)))
    for changes in ({"answers": nothing}, {"judged": nothing}):
        with pytest.raises(ValueError, match="No photos"):
            points_of(**changes)
