"""Which photos go into the zip of an export."""

import numpy as np
import pytest

from core.export.parity import Answers, Preview, ProofPhotos
from core.export.samples import choose_samples, expected_json


def preview_of(best: list[int]) -> Preview:
    probabilities = np.full((len(best), 3), 0.1)
    probabilities[np.arange(len(best)), best] = 0.8
    answers = Answers(
        probabilities=probabilities, answers=tuple("abc"[index] for index in best), milliseconds=np.ones(len(best))
    )
    return Preview(answers=answers, margins=np.full(len(best), np.inf))


@pytest.mark.parametrize(
    ("classes", "best", "chosen"),
    [
        pytest.param([0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [0, 2, 4], id="one of each class"),
        pytest.param([0, 0, 1, 1], [1, 0, 0, 1], [1, 3, 0], id="right ones first"),
        pytest.param([2, 2], [2, 2], [0, 1], id="all there are"),
    ],
)
def test_samples_are_of_different_classes_and_right_where_there_are(
    classes: list[int], best: list[int], chosen: list[int]
):
    """Three at most, with the endings of their files, and what the preview says to them."""
    names = tuple(f"{number}.{'jpg' if number % 2 else 'png'}" for number in range(len(classes)))
    photos = ProofPhotos(split="test", names=names, data=lambda _: b"", class_indices=np.array(classes))
    preview = preview_of(best)
    samples = choose_samples(photos, preview)
    assert list(samples.values()) == chosen
    assert [name.partition(".")[2] for name in samples] == [names[number].partition(".")[2] for number in chosen]
    expected = expected_json(samples, preview)
    assert [each["answer"] for each in expected.values()] == ["abc"[best[number]] for number in chosen]
    assert all(each["share"] == pytest.approx(0.8) for each in expected.values())
