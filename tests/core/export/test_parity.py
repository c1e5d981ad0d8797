"""An export's answers beside the preview's, in numbers."""

import numpy as np
import pytest

from core.export.formats import find_format
from core.export.parity import Answers, Preview, ProofPhotos, certify
from core.export.sample_program import UNKNOWN

ROW = find_format("litert")
PHOTOS = ProofPhotos(
    split="test",
    names=tuple(f"{number}.png" for number in range(4)),
    data=lambda _: b"",
    class_indices=np.array([0, 0, 1, 1]),
)
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])


def answers(probabilities: np.ndarray, *said: str) -> Answers:
    return Answers(probabilities=probabilities, answers=said, milliseconds=np.array([4.0, 1.0, 2.0, 3.0]))


PREVIEW = Preview(answers=answers(PROBABILITIES, "a", UNKNOWN, "b", "b"), margins=np.array([0.1, 5e-4, 2e-3, np.inf]))


def test_the_same_answers_agree():
    """All of them; accuracy counts likeliest classes, whether they were told or not."""
    found = certify(ROW, PHOTOS, preview=PREVIEW, said=PREVIEW.answers, sha256="f00d", packages={"numpy": "2"})
    assert (found.top1_agreement, found.decision_agreement, found.max_probability_difference) == (1.0, 1.0, 0.0)
    assert found.accuracy == found.preview_accuracy == 0.75
    assert (found.latency_milliseconds, found.num_decided_otherwise) == (2.5, 0)


def test_other_answers_are_counted():
    """The largest difference, other classes, other decisions; of these one that rounding explains."""
    other = PROBABILITIES.copy()
    other[2] = [0.55, 0.45]
    said = answers(other, "a", "b", "a", UNKNOWN)
    found = certify(ROW, PHOTOS, preview=PREVIEW, said=said, sha256="f00d", packages={})
    assert (found.top1_agreement, found.decision_agreement, found.num_on_the_edge) == (0.75, 0.25, 1)
    assert found.num_decided_otherwise == 2
    assert found.max_probability_difference == pytest.approx(0.35)
    assert (found.preview_accuracy, found.accuracy) == (0.75, 0.5)


def test_an_answer_that_is_no_number_is_as_wrong_as_can_be():
    """And can be kept as JSON."""
    broken = PROBABILITIES.copy()
    broken[0] = np.nan
    said = answers(broken, "a", UNKNOWN, "b", "b")
    found = certify(ROW, PHOTOS, preview=PREVIEW, said=said, sha256="f00d", packages={})
    assert found.max_probability_difference == 1.0
