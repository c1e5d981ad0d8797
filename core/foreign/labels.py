"""The names of a model's classes out of the files in which tools write them."""

import json
import re
from collections.abc import Sequence

from core.errors import ForeignModelError
from core.names import MAX_NAME_CHARS, clean_name, first_free, name_key

LABEL_SUFFIXES = (".txt", ".labels", ".names", ".csv", ".json")
MAX_BYTES = 4_000_000

_MAX_LABELS = 100_000
# Teachable Machine writes "0 Blue tit"; others put a colon, a comma or a tab behind the number.
_NUMBERED = re.compile(r"([0-9]{1,6})(?:\s*[:,;]\s*|\s+|$)(.*)")


def read_labels(data: bytes, name: str) -> tuple[str, ...]:
    """The names of the classes in the order of the model's outputs.

    Args:
        data: one name a line, with or without its number before it; or JSON: a list of names, or names and numbers.
        name: of the file, for messages.

    Raises:
        ForeignModelError: there are no names in it.
    """
    if len(data) > MAX_BYTES:
        raise ForeignModelError(f"“{name}” has {len(data) / 1e6:,.0f} MB, which no list of class names has.")
    text = _decoded(data)
    if text.lstrip().startswith(("[", "{")):
        lines = _from_json(text, name)
    else:
        lines = [line.strip() for line in text.splitlines()]
        while lines and not lines[-1]:
            lines.pop()
    if not lines or len(lines) > _MAX_LABELS:
        raise ForeignModelError(
            f"“{name}” has no class names in it. A list of labels has one name a line, "
            "such as “0 Blue tit” or “Blue tit”."
        )
    return tuple(_without_numbers(lines))


def tidy_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Names as classes can have them: invisible signs go, a missing or doubled one gets a number."""
    names: dict[str, str] = {}
    for position, label in enumerate(labels):
        text = label.strip()[:MAX_NAME_CHARS]
        name = clean_name(text if name_key(text) else f"Class {position + 1}", "class")
        free = first_free(name, names.__contains__)
        names[name_key(free)] = free
    return tuple(names.values())


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _without_numbers(lines: Sequence[str]) -> list[str]:
    """Names without the numbers before them, where all lines are numbered; in the order of these numbers."""
    found = [_NUMBERED.fullmatch(line) for line in lines]
    numbered = {int(each[1]): each[2].strip() for each in found if each is not None}
    if any(numbered.values()) and len(numbered) == len(lines) and sorted(numbered) == list(range(len(lines))):
        return [numbered[number] for number in range(len(lines))]
    return list(lines)


def _from_json(text: str, name: str) -> list[str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ForeignModelError(f"“{name}” looks like JSON, but cannot be read as such.") from exc
    if isinstance(values, dict) and isinstance(values.get("class_names"), list):  # `model.json` of Bluetit's exports
        values = values["class_names"]
    if isinstance(values, list):
        return [each if isinstance(each, str) else str(each) for each in values]
    numbered: dict[int, str] = {}
    for key, value in values.items():  # {"0": "crow"} or {"crow": 0}
        if isinstance(value, int) and not isinstance(value, bool):
            numbered[value] = str(key)
        elif isinstance(value, str) and key.isdecimal():
            numbered[int(key)] = value
    if len(numbered) != len(values) or sorted(numbered) != list(range(len(values))):
        raise ForeignModelError(
            f"“{name}” does not number its classes from 0 on; a list of names, or "
            "names with their numbers, was expected."
        )
    return [numbered[number] for number in range(len(values))]
