"""What the browser is told while photos are sorted, and what it may ask, as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from core.datasets.records import Split
from core.errors import DatasetError
from core.sorting.records import Found, Search, Suggestions
from pages.words.wording import count

# More suggestions than this are told in a second look, once these are sorted.
MAX_SUGGESTIONS = 10_000
_CERTAINTY_DIGITS = 4


def tell_found(found: Found, class_names: Mapping[int, str]) -> dict[str, Any]:
    """What fits a search; names of classes by number."""
    return {
        "photos": [
            [image.id, image.photo_hash, image.name, class_names.get(image.class_id, "")] for image in found.images
        ],
        "num_left": found.num_left,
        "num_unknown": found.num_unknown,
    }


def tell_suggestions(suggestions: Suggestions) -> dict[str, Any]:
    """Where photos may belong, as columns, which halves the message."""
    told = suggestions.suggestions[:MAX_SUGGESTIONS]
    return {
        "ids": [each.image.id for each in told],
        "hashes": [each.image.photo_hash for each in told],
        "names": [each.image.name for each in told],
        "class_ids": [each.class_id for each in told],
        "certainties": [round(each.certainty, _CERTAINTY_DIGITS) for each in told],
        "num_photos": suggestions.num_photos,
        "unsorted": unsorted_text(suggestions),
    }


def unsorted_text(suggestions: Suggestions) -> str:
    """How many photos have no suggestion, and why; empty where all have one."""
    reasons = (
        (suggestions.num_refused, "the model says that it does not know"),
        (suggestions.num_staying, "they look right where they are"),
        (suggestions.num_without_class, "they look like a class that is not here any more"),
        (suggestions.num_unknown, "they have not been looked at, or cannot be read"),
    )
    parts = [f"{count(number, 'photo')}: {reason}" for number, reason in reasons if number]
    return f"Without a suggestion: {'; '.join(parts)}." if parts else ""


def read_search(body: bytes) -> Search:
    """What the browser asks for.

    Raises:
        DatasetError: it is no search.
    """
    asked = _object(body)
    among = asked.get("among")
    return Search(
        into=_number(asked.get("into")),
        among=None if among is None else _number(among),
        **{name: _numbers(asked.get(name, [])) for name in ("examples", "wanted", "unwanted", "passed")},
    )


def read_moves(body: bytes) -> tuple[dict[int, int], Any]:
    """Which image goes into which class, and into which split all of them go ("keep": theirs stay).

    Raises:
        DatasetError: the body says something else.
    """
    asked = _object(body)
    moves, split = asked.get("moves"), asked.get("split", "keep")
    splits: dict[Any, Any] = {"keep": "keep", None: None, **{each.value: each for each in Split}}
    if not isinstance(moves, list) or (split is not None and not isinstance(split, str)) or split not in splits:
        raise _unreadable()
    pairs = [_numbers(move) for move in moves]
    if any(len(pair) != 2 for pair in pairs):
        raise _unreadable()
    return dict(pairs), splits[split]  # type: ignore[arg-type]  # each has two


def read_undo(body: bytes) -> tuple[int, tuple[int, ...]]:
    """The number of a change, and those of the images that it is taken back for.

    Raises:
        DatasetError: the body says something else.
    """
    asked = _object(body)
    return _number(asked.get("operation")), _numbers(asked.get("image_ids"))


def _object(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError as exc:
        raise _unreadable() from exc
    if not isinstance(asked, dict):
        raise _unreadable()
    return asked


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise _unreadable()
    return value


def _numbers(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list):
        raise _unreadable()
    return tuple(map(_number, values))


def _unreadable() -> DatasetError:
    return DatasetError("What this page sent cannot be read. Reload the page and try again.")
