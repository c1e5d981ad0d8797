"""The three sample photos in an export's zip, with the answers that the preview gives."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.export.parity import Preview, ProofPhotos

NUM_SAMPLES = 3


def choose_samples(photos: ProofPhotos, preview: Preview) -> dict[str, int]:
    """Names in the zip of some photos, with their numbers: of different classes and rightly answered, where there are.

    Args:
        photos: that the export was proven on.
        preview: what the app says to them.
    """
    best = preview.answers.probabilities.argmax(axis=1)
    is_wrong = best != photos.class_indices
    num_before: Counter[int] = Counter()  # of each class, the wrongly answered after the others
    ranks = []
    for number in sorted(range(len(photos)), key=is_wrong.__getitem__):
        index = int(photos.class_indices[number])
        ranks.append((num_before[index], bool(is_wrong[number]), number))
        num_before[index] += 1
    chosen = [number for *_, number in sorted(ranks)[:NUM_SAMPLES]]
    return {
        f"samples/photo_{place}{Path(photos.names[number]).suffix}": number
        for place, number in enumerate(chosen, start=1)
    }


def expected_json(samples: Mapping[str, int], preview: Preview) -> dict[str, Any]:
    """What `expected.json` holds: of each sample photo the answer, how likely it is, and all probabilities."""
    answers = preview.answers
    return {
        name: {
            "answer": answers.answers[number],
            "share": float(answers.probabilities[number].max()),
            "probabilities": [float(value) for value in answers.probabilities[number]],
        }
        for name, number in samples.items()
    }
