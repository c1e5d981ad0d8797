"""Sorting and filtering the answers."""

from collections.abc import Sequence
from enum import StrEnum

from core.inference.batch_records import Answer
from pages.classify.answer_facts import NOT_KNOWN, best_label, best_probability, group_of, is_refused, is_unsure


class Order(StrEnum):
    """How the answers are sorted."""

    ADDED = "Newest first"
    SUREST = "Surest first"
    LEAST_SURE = "Least sure first"
    CLASS = "By answer"
    NAME = "By file name"


def arrange(answers: Sequence[Answer], order: str, text: str, *, only_unsure: bool) -> list[Answer]:
    """The answers that contain a text in file name, label or group, in the order asked for."""
    wanted = text.strip().casefold()
    kept = [
        answer
        for answer in answers
        if wanted in _searchable(answer) and (not only_unsure or answer.photo.error or is_unsure(answer))
    ]
    keys = {
        Order.ADDED: lambda answer: -answer.photo.photo_id,
        Order.SUREST: lambda answer: -best_probability(answer),
        Order.LEAST_SURE: best_probability,
        Order.CLASS: lambda answer: (best_label(answer) == "", is_refused(answer), best_label(answer).casefold()),
        Order.NAME: lambda answer: answer.photo.name.casefold(),
    }
    return sorted(kept, key=keys[Order(order)])


def _searchable(answer: Answer) -> str:
    refused = NOT_KNOWN if is_refused(answer) else ""
    return f"{answer.photo.name} {best_label(answer)} {group_of(answer)} {refused}".casefold()
