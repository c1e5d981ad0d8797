"""What the results page says in words."""

import dataclasses

import pytest

from core.evaluation.examination import ClassShortcut, CurvePoint
from core.evaluation.flips import Flip, Flips
from core.evaluation.rejection import RejectionPoint
from core.runs.changes import DatasetChanges
from core.runs.decision import Decision
from pages.results.certainty import calibration_sentence, describe_point, nearest_point, why_refused
from pages.results.learning import would_help
from pages.results.retraining import changes_sentence, flips_sentence
from pages.results.why import describe_shortcut

NBSP = "\N{NO-BREAK SPACE}"


def curve(*means: float) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(share=(number + 1) / len(means), num_photos=100 * (number + 1), mean=mean, low=mean, high=mean)
        for number, mean in enumerate(means)
    )


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ((0.90, 0.93), "would probably help: going from 100 to 200 brought 3.0 points"),
        ((0.90, 0.905), "would help a little: going from 100 to 200 brought 0.5 points"),
        ((0.95, 0.95), "would hardly help"),
        ((0.95, 0.90), "would hardly help"),
        ((0.80, 0.90, 0.91, 0.92), "going from 200 to 400 brought 2.0 points"),
    ],
)
def test_whether_more_photos_would_help(means: tuple[float, ...], said: str) -> None:
    """By what twice the photos brought."""
    assert said in (would_help(curve(*means)) or "")


def test_a_curve_of_one_point_says_nothing() -> None:
    """Neither does one without any."""
    assert would_help(curve(0.9)) is None
    assert would_help(()) is None


def point(strictness: float, *, num_answered: int, num_correct: int, min_probability: float = 0.0) -> RejectionPoint:
    return RejectionPoint(
        strictness=strictness,
        min_probability=min_probability,
        max_distance=None,
        num_photos=200,
        num_answered=num_answered,
        num_correct=num_correct,
    )


def test_the_slider_in_words() -> None:
    """From answering everything to refusing everything."""
    assert describe_point(point(0, num_answered=200, num_correct=190)) == (
        f"It answers every photo and is right on 95{NBSP}%."
    )
    assert "answers 150 of 200 photos and is right on 98" in describe_point(
        point(0.2, num_answered=150, num_correct=147)
    )
    assert describe_point(point(0.5, num_answered=0, num_correct=0)) == "It refuses every photo."


def test_the_slider_stands_where_it_was_saved() -> None:
    """The place with the nearest probability; a model for which nobody has chosen answers everything."""
    points = [point(each, num_answered=200, num_correct=190, min_probability=each) for each in (0.0, 0.1, 0.2)]
    assert nearest_point(points, Decision(min_probability=0.11)).strictness == 0.1
    assert nearest_point(points, Decision()).strictness == 0.0


def test_why_a_photo_is_refused() -> None:
    """Each limit that it breaks is a sentence, with both numbers."""
    decision = Decision(min_probability=0.8, max_distance=0.3)
    lines = why_refused("crow", 0.6, 0.5, decision)
    assert "only 60 % sure, and 80 % are asked for" in lines[0]
    assert "0.500 away from the nearest photo, and 0.300 are allowed" in lines[1]
    lines = why_refused("crow", 0.9, 0.2, decision)
    assert "90 % sure, which is enough: 80 % are asked for" in lines[0]
    assert "learned from photos like this" in lines[1]
    assert why_refused("crow", 0.6, None, Decision()) == ["Nothing is refused at this place of the slider."]


def test_how_far_to_trust_its_percentages() -> None:
    """Calibration is praised only where it helped."""
    assert "off by 1.0 points on average; uncalibrated it would be 5.0." in calibration_sentence(0.05, 0.01)
    assert calibration_sentence(0.021, 0.02).endswith("2.0 points on average.")
    assert "uncalibrated it would be 1.0 only" in calibration_sentence(0.01, 0.05)


def flips(before: int, after: int, num_fixed: int, num_broken: int) -> Flips:
    flip = Flip(photo_hash="0" * 64, class_name="crow", before="tit", after="crow")
    return Flips(
        fixed=(flip,) * num_fixed,
        broken=(flip,) * num_broken,
        changed_mind=(),
        num_common=100,
        num_right_before=before,
        num_right_after=after,
    )


def test_what_a_retraining_changed() -> None:
    """Better, worse, as good, the same, or not to be compared."""
    assert flips_sentence(flips(90, 93, 4, 1)) == "Better by 3 photos: 4 photos put right, 1 now wrong."
    assert flips_sentence(flips(90, 89, 0, 1)) == "Worse by 1 photo: 0 photos put right, 1 now wrong."
    assert flips_sentence(flips(90, 90, 2, 2)) == "As good as before: 2 photos put right, 2 now wrong."
    assert "Nothing changed" in flips_sentence(flips(90, 90, 0, 0))
    assert "nothing to compare" in flips_sentence(dataclasses.replace(flips(0, 0, 0, 0), num_common=0))


def test_the_corrections_are_counted_by_kind() -> None:
    """What did not happen is not mentioned."""
    changes = DatasetChanges(num_relabelled=2, num_removed=1, num_added=0, num_moved_split=0)
    assert changes_sentence(changes) == "3 corrections since this model was trained: 2 in another class, 1 taken out."


def test_a_shortcut_tells_where_it_looks() -> None:
    """The place in words, only where something is suspected."""
    shortcut = ClassShortcut(
        class_index=0,
        num_photos=20,
        survives_without_warmest=0.1,
        survives_only_warmest=0.9,
        same_place=0.8,
        place=(0.1, 0.9),
        is_suspected=True,
        examples=(),
    )
    said = describe_shortcut(shortcut)
    assert "of 20 right answers, 10" in said
    assert "at the top right" in said
    assert "in the middle" in describe_shortcut(dataclasses.replace(shortcut, place=(0.5, 0.5)))
    assert "at the left" in describe_shortcut(dataclasses.replace(shortcut, place=(0.5, 0.0)))
    assert "same place" not in describe_shortcut(dataclasses.replace(shortcut, is_suspected=False))
