"""How Bluetit's own browser components are loaded and what they have in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_ASSETS = Path(__file__).parent.parent / "assets"


def load_component(name: str, *, isolate_styles: bool = True) -> ComponentRenderer:
    """Register the component that `pages/assets/<name>.html`, `.css` and `.js` make up.

    Args:
        isolate_styles: keep the page's styles out of the component and the other way round.
    """
    shared_js = _read("component.js")
    return st.components.v2.component(
        f"bluetit_{name}",
        html=_read(f"{name}.html"),
        css=_read(f"{name}.css"),
        js=f"{shared_js}\n{_read(f'{name}.js')}",
        isolate_styles=isolate_styles,
    )


def parse_selection(payload: Any, *, generation: int, shown: Sequence[int]) -> tuple[int, ...]:
    """The ids that a component reports as selected, in the order in which they are shown.

    The browser writes the payload, so it may be anything; what is not a selection of this generation counts as none.

    Args:
        generation: the number that the page has given the component; a report with another one is out of date.
        shown: ids that can be selected at all.
    """
    if not isinstance(payload, dict) or payload.get("generation") != generation:
        return ()
    reported = payload.get("ids")
    if not isinstance(reported, list):
        return ()
    ids = {image_id for image_id in reported if type(image_id) is int}
    return tuple(image_id for image_id in shown if image_id in ids)


def ignore() -> None:
    """Does nothing: with a callback for it, Streamlit knows a value of a component even before the first report."""


def _read(file_name: str) -> str:
    return (_ASSETS / file_name).read_text(encoding="utf-8")
