"""Answers of models that were never trained."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.evaluation.answers import Answers


def answers_of(class_indices: Sequence[int], probabilities: npt.ArrayLike) -> Answers:
    """Answers to photos that are named by their number."""
    return Answers(
        hashes=tuple(f"{number:064x}" for number in range(len(class_indices))),
        class_indices=np.asarray(class_indices, np.int64),
        probabilities=np.asarray(probabilities, np.float32),
    )


def random_answers(
    *, num_photos: int, num_classes: int, seed: int = 0, skill: float = 2.0, temperature: float = 1.0
) -> Answers:
    """Answers whose probabilities are true (calibrated), then made surer by a temperature above 1 that mends them."""
    generator = np.random.default_rng(seed)
    logits = skill * generator.normal(size=(num_photos, num_classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    class_indices = (true.cumsum(axis=1) < generator.random((num_photos, 1))).sum(axis=1).clip(max=num_classes - 1)
    surer = np.exp(temperature * (logits - logits.max(axis=1, keepdims=True)))
    return answers_of(class_indices.tolist(), surer / surer.sum(axis=1, keepdims=True))


def with_ties(answers: Answers) -> Answers:
    """The same, with probabilities so coarse that many are equal."""
    return answers_of(answers.class_indices.tolist(), np.round(answers.probabilities * 8) / 8)
