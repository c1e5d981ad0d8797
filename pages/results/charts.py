"""How the charts of the results page look, and that each can be saved as a picture."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.datasets.exporting import safe_file_name

# Colours that can be told apart on light and dark ground alike, also by those who do not see red and green apart.
ACCENT = "#2f7fd0"
SECOND = "#e0a912"
WRONG = "#c2543d"
QUIET = "#8a97a6"

_PNG_SCALE = 2  # pixels of the file for one on the screen


def chart(figure: go.Figure, *, key: str, file_name: str, alt: str, **options: Any) -> Any:
    """Show a figure whose camera button saves it as PNG under a sensible name.

    Args:
        figure: what to show.
        key: of the element.
        file_name: of the PNG, without its ending; letters that file systems refuse are replaced.
        alt: the chart in words, for those who do not see it.
        options: further ones of `st.plotly_chart`.
    """
    # Else the picture has no ground, and its writing, light in the dark theme, cannot be read elsewhere.
    figure.update_layout(paper_bgcolor=_ground(), dragmode=False)
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    return st.plotly_chart(
        figure,
        key=key,
        alt=alt,
        config={
            "displaylogo": False,
            "modeBarButtons": [["toImage"]],
            "toImageButtonOptions": {
                "format": "png",
                "filename": safe_file_name(file_name),
                "scale": _PNG_SCALE,
            },
        },
        **options,
    )


def translucent(colour: str, opacity: float) -> str:
    """A colour "#rrggbb" that lets through what is behind it."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def literal(name: str, max_letters: int = 24) -> str:
    """A name that Plotly, which takes some HTML for styling, shows letter by letter, shortened where it is long."""
    short = name if len(name) <= max_letters else f"{name[: max_letters - 1]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;")


def _ground() -> str:
    theme = "dark" if st.context.theme.type == "dark" else "light"
    return str(st.get_option(f"theme.{theme}.backgroundColor"))
