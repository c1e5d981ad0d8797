"""What a visitor does to the page as a whole: pastes pictures and links, and drops files that are too large."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

# Streamlit refuses a message of more than 25 MB from a component; base64 adds a third.
_MAX_PASTED_BYTES = 15_000_000

# The browser's side: pictures and links pasted anywhere on the page, and files that the uploader would turn away for
# their size without Python ever hearing of them.
_JS = """
export default function ({ parentElement, data, setTriggerValue }) {
  const isTyping = () => ["INPUT", "TEXTAREA"].includes(document.activeElement?.tagName);
  const asBase64 = (file) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  const onPaste = async (event) => {
    const files = [...event.clipboardData.files];
    const link = event.clipboardData.getData("text/plain").trim();
    if (files.length > 0) {
      event.preventDefault();
      const photos = [];
      let budget = data.max_pasted_bytes;
      for (const file of files) {
        budget -= file.size;
        const content = budget >= 0 ? await asBase64(file) : null;
        photos.push({ name: file.name, size: file.size, content });
      }
      setTriggerValue("pasted", { photos });
    } else if (!isTyping() && /^(https?:\\/\\/|data:image\\/)\\S+$/i.test(link) && link.length < 2 * data.max_pasted_bytes) {
      setTriggerValue("pasted", { photos: [], link });
    }
  };
  // Uploaders that say which kinds they accept are for archives, which may be larger.
  const isForPhotos = (event) => {
    const uploader = event.target.closest?.('[data-testid="stFileUploader"]');
    return !uploader?.querySelector("input[type=file]")?.accept;
  };
  const reportOversized = (files) => {
    const oversized = [...files].filter((file) => file.size > data.max_upload_bytes)
      .map((file) => ({ name: file.name, size: file.size }));
    // Not at once: the page that is made for the report would forget a good photo whose upload has only begun.
    if (oversized.length > 0) setTimeout(() => setTriggerValue("oversized", oversized), 1000);
  };
  const onChange = (event) => {
    if (event.target.type === "file" && isForPhotos(event)) reportOversized(event.target.files);
  };
  const onDrop = (event) => { if (isForPhotos(event)) reportOversized(event.dataTransfer?.files ?? []); };
  document.addEventListener("paste", onPaste);
  document.addEventListener("change", onChange, true);
  document.addEventListener("drop", onDrop, true);
  return () => {
    document.removeEventListener("paste", onPaste);
    document.removeEventListener("change", onChange, true);
    document.removeEventListener("drop", onDrop, true);
  };
}
"""

_component = st.components.v2.component("bluetit_browser_events", js=_JS)


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
    on_pasted: Callable[[Pasted], None],
    on_oversized: Callable[[dict[str, int]], None],
) -> None:
    """Listen to the page: pictures and links that are pasted anywhere, and files that the browser turns away.

    Args:
        key: of the component, the same in every run.
        max_photo_bytes: larger files are reported, for the uploader refuses them before Python ever hears of them.
        on_pasted: called with what was pasted.
        on_oversized: called with names and sizes in bytes.
    """
    _component(
        key=key,
        data={"max_pasted_bytes": _MAX_PASTED_BYTES, "max_upload_bytes": max_photo_bytes},
        on_pasted_change=lambda: on_pasted(parse_pasted(st.session_state[key].pasted)),
        on_oversized_change=lambda: on_oversized(parse_oversized(st.session_state[key].oversized)),
        height=1,
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


def clean_name(name: object) -> str:
    """The client writes the name, so it may be anything."""
    return re.sub(r"[\x00-\x1f/\\]", "_", str(name or "pasted image"))[:100]
