"""JSON out of a file that nobody vouches for."""

import json
from typing import Any

# What Bluetit writes is a fifth as deep; what is deeper than Python's stack stops whoever reads, compares or shows it.
_MAX_DEPTH = 50


def parse_json(content: bytes) -> Any:
    """What a text says, as long as it is plain JSON and not nested endlessly.

    Raises:
        ValueError: it is no JSON in UTF-8, has numbers that JSON does not know, or is nested too deeply.
    """
    try:
        value = json.loads(content, parse_constant=_refuse_constant)
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
