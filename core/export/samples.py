"""The three sample photos in an export's zip, with the answers that the preview gives."""

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
    seen: dict[int, int] = {}

    def rank(number: int) -> tuple[int, bool]:
        """How many photos of its class come before it, of those that are as right."""
        return ranks[number], bool(is_wrong[number])

    ranks = {}
    for number in sorted(range(len(photos)), key=lambda each: bool(is_wrong[each])):
        index = int(photos.class_indices[number])
        ranks[number] = seen.get(index, 0)
        seen[index] = ranks[number] + 1
    chosen = sorted(range(len(photos)), key=rank)[:NUM_SAMPLES]
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
