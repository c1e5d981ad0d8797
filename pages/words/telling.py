"""What is told to whoever watches something, as JSON, with a tag that is another one whenever anything else is told."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

_TAG_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What is told at a moment."""

    tag: str  # of the content: the same wherever and whenever the same is told
    content: bytes  # JSON, with the tag in it


def telling_of(told: dict[str, Any]) -> Telling:
    """What is told, made ready once for all who wait for it.

    Args:
        told: JSON without numbers that JSON does not know.
    """
    return _telling(told, tag_of(told))


def with_tag(told: dict[str, Any]) -> dict[str, Any]:
    """The same with its tag, for a component that goes on from there."""
    return {"tag": tag_of(told), **told}


def tag_of(told: dict[str, Any]) -> str:
    """The tag of what is told."""
    return hashlib.blake2b(_as_json(told), digest_size=_TAG_BYTES).hexdigest()


def _telling(told: dict[str, Any], tag: str) -> Telling:
    return Telling(tag=tag, content=_as_json({"tag": tag, **told}))


def _as_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
