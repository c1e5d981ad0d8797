"""What a visitor does to the page as a whole: pastes pictures and links, drops files, also too large ones and many."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pages.widgets.browser_component import load_component, show_component
from pages.widgets.uploading import UploadBox

# Streamlit refuses a message of more than 25 MB from a component; base64 adds a third.
_MAX_PASTED_BYTES = 15_000_000

_events = load_component("browser_events")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedPhoto:
    """A picture from the clipboard: its bytes, or why there are none."""

    name: str
    data: bytes | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """What was pasted."""

    photos: tuple[PastedPhoto, ...]
    link: str


def watch_browser(
    *,
    key: str,
    max_photo_bytes: int,
    boxes: Sequence[UploadBox],
    on_pasted: Callable[[Pasted], object],
    on_oversized: Callable[[dict[str, int]], object],
    on_lost: Callable[[list[str]], object],
) -> None:
    """Listen to the page: pictures and links that are pasted anywhere, and what becomes of files in boxes.

    While many files are on their way, the page says how many have arrived. Files that were chosen while their box was
    being emptied are given to the next one by the browser.

    Args:
        key: of the component, the same in every run.
        max_photo_bytes: larger files are reported, for the uploader refuses them before Python ever hears of them.
        boxes: places for files on this page.
        on_pasted: called with what was pasted.
        on_oversized: called with names and sizes in bytes.
        on_lost: called with the names of files that were chosen and could not be sent.
    """
    show_component(
        _events,
        key=key,
        data={
            "max_pasted_bytes": _MAX_PASTED_BYTES,
            "max_upload_bytes": max_photo_bytes,
            "boxes": [box.describe() for box in boxes],
        },
        on_event={
            "pasted": lambda payload: on_pasted(parse_pasted(payload)),
            "oversized": lambda payload: on_oversized(parse_oversized(payload)),
            "lost": lambda payload: on_lost(parse_lost(payload)),
        },
    )


def parse_pasted(payload: Any) -> Pasted:
    """What the browser reports of the clipboard; it may be anything, for the browser writes it."""
    payload = payload if isinstance(payload, Mapping) else {}
    photos = payload.get("photos")
    entries = [entry for entry in photos if isinstance(entry, Mapping)] if isinstance(photos, list) else []
    return Pasted(photos=tuple(map(_parse_photo, entries)), link=str(payload.get("link") or ""))


def _parse_photo(entry: Mapping[str, Any]) -> PastedPhoto:
    name = clean_name(entry.get("name"))
    if entry.get("content") is None:
        reason = f"{name} is too large to be pasted. Save it as a file and drop that here."
        return PastedPhoto(name=name, data=None, reason=reason)
    try:
        return PastedPhoto(name=name, data=base64.b64decode(entry["content"], validate=True), reason="")
    except (binascii.Error, TypeError, ValueError):
        reason = f"{name} arrived broken from the clipboard. Copy it again, or save it as a file."
        return PastedPhoto(name=name, data=None, reason=reason)


def parse_oversized(payload: Any) -> dict[str, int]:
    """Names and sizes in bytes of files that were turned away."""
    entries = payload if isinstance(payload, list) else []
    return {
        clean_name(entry.get("name")): int(entry["size"])
        for entry in entries
        if isinstance(entry, Mapping) and isinstance(entry.get("size"), int | float)
    }


def parse_lost(payload: Any) -> list[str]:
    """Names of files that could not be sent."""
    return [clean_name(name) for name in payload if isinstance(name, str)] if isinstance(payload, list) else []


def clean_name(name: object) -> str:
    """The client writes the name, so it may be anything."""
    return re.sub(r"[\x00-\x1f/\\]", "_", str(name or "pasted image"))[:100]
