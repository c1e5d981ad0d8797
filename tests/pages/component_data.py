"""What the app's own components are given to show, in pages that are run without a browser."""

import json
from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest


def told(app: AppTest) -> dict[str, Any]:
    """Everything that components on the page tell and keep up to date, in one."""
    parts: dict[str, Any] = {}
    for element in app.get("bidi_component"):
        parts |= json.loads(element.proto.json or "{}").get("told", {})
    return parts


def watched(app: AppTest) -> set[str]:
    """Addresses from which components on the page hear of what comes next."""
    feeds = [json.loads(element.proto.json or "{}").get("feed", {}) for element in app.get("bidi_component")]
    return {feed["url"] for feed in feeds if feed.get("url")}


def told_texts(app: AppTest) -> list[str]:
    """Every text in what components tell."""
    return list(_texts(told(app)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
