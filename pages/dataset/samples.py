"""Photos that need no network: offered before a dataset is open as well as inside one."""

from collections.abc import Callable

import streamlit as st

from core.datasets.sources.requests import DrawnShapes, HandwrittenDigits, Source
from pages.widgets.errors import guarded

_NUM_DRAWN = 60  # photos per class: enough to train on, drawn within seconds


def render_samples(key: str, seed: int, take: Callable[[str, Source], object]) -> None:
    """A button for each sample.

    Args:
        key: of the place that offers them.
        seed: another one draws other birds.
        take: called with the title and the source of the sample that was chosen.
    """
    painted = DrawnShapes(num_per_class=_NUM_DRAWN, seed=seed)
    _render_one(key, "Painted birds", ":material/brush:", "Birds of several kinds, drawn by Bluetit.", painted, take)
    digits = "1,797 digits from 0 to 9, written by many people."
    _render_one(key, "Handwritten digits", ":material/draw:", digits, HandwrittenDigits(), take)


def _render_one(
    key: str, title: str, icon: str, hint: str, source: Source, take: Callable[[str, Source], object]
) -> None:
    st.button(title, key=f"{key}.{title}", icon=icon, help=hint, on_click=guarded(take), args=(title, source))
