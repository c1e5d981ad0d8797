"""The answers to a visitor's photos as `docs/routes.md` says."""

from collections.abc import Sequence
from typing import Any

from core.inference.batch_records import Answer, BatchChanges
from core.inference.classifier import Classification
from pages.words.verdicts import verdict_of
from pages.words.wording import percent


def describe_changes(changes: BatchChanges, answers: Sequence[Answer] | None = None) -> dict[str, Any]:
    """What has changed in a batch.

    Args:
        changes: since a version.
        answers: those to tell of; None: all that have changed.
    """
    return {
        "version": changes.version,
        "is_running": changes.is_running,
        "seconds_left": changes.seconds_left,
        "num_waiting": changes.num_waiting,
        "photo_ids": changes.photo_ids,
        "photos": [describe_answer(answer) for answer in (changes.answers if answers is None else answers)],
    }


def describe_answer(answer: Answer) -> dict[str, Any]:
    """A photo, with what a network said to it where it did."""
    photo, found = answer.photo, answer.classification
    told = {"id": photo.photo_id, "name": photo.name, "has_picture": answer.has_picture, "error": photo.error}
    if found is None:
        return told
    return told | describe_classification(found)


def describe_classification(found: Classification) -> dict[str, Any]:
    """What a network said to a photo."""
    return {
        "remarks": found.remarks,
        "milliseconds": {
            "reading": round(found.decode_milliseconds, 1),
            "network": round(found.network_milliseconds, 1),
        },
        "verdict": describe_verdict(found),
        "classes": [
            {
                "index": each.index,
                "label": each.label,
                "probability": each.probability,
                "percent": percent(each.probability),
            }
            for each in found.predictions
        ],
    }


def describe_verdict(found: Classification) -> dict[str, Any]:
    """What an answer amounts to."""
    verdict = verdict_of(found)
    return {
        "kind": verdict.kind.value,
        "label": verdict.label,
        "group": verdict.group,
        "group_percent": None if verdict.group_probability is None else percent(verdict.group_probability),
        "sentence": verdict.reason,
    }
