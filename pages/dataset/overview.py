"""Always in sight: how many photos each class has, in which split."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.datasets.records import ClassView, DatasetView, Split
from core.services import Services
from pages.widgets.errors import guarded
from pages.widgets.selection import undo
from pages.widgets.space_use import render_space_use
from pages.words.wording import SPLIT_TITLES, count, plain

_SPLIT_COLOURS = {Split.TRAIN: "#2f7fd0", Split.VALIDATION: "#e0a912", Split.TEST: "#5f8d3f", None: "#9aa7b5"}
_BAR_PX, _FRAME_PX = 34, 70
_MAX_LABEL_CHARS = 18


def render_overview(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    """The chart of counts, and the latest change with a way to undo it."""
    counts = of_known_classes(services.library.images.count(dataset.id), classes)
    total = sum(counts.values())
    st.markdown(f"**{count(total, 'photo')}** in {count(len(classes), 'class', 'classes')}")
    if total:
        st.plotly_chart(
            counts_figure(classes, counts),
            key="dataset.overview.chart",
            config={"displayModeBar": False},
            alt=describe_counts(classes, counts),
        )
    _render_undo(dataset, services)
    render_space_use(services)


def of_known_classes(
    counts: dict[tuple[int, Split | None], int], classes: list[ClassView]
) -> dict[tuple[int, Split | None], int]:
    """The counts of `classes` only: an import may have made another between the reading of the two.

    The dataset's next revision, which the page waits for, brings it.
    """
    known = {view.id for view in classes}
    return {(class_id, split): number for (class_id, split), number in counts.items() if class_id in known}


def counts_figure(classes: list[ClassView], counts: dict[tuple[int, Split | None], int]) -> go.Figure:
    """Stacked bars, a row per class in the order of the page."""
    labels = [_short(view.name) for view in classes]
    bars: list[dict[str, Any]] = []
    for split, title in SPLIT_TITLES.items():
        numbers = [counts.get((view.id, split), 0) for view in classes]
        if any(numbers):
            bars.append(
                {
                    "type": "bar",
                    "y": list(range(len(classes))),
                    "x": numbers,
                    "name": title,
                    "orientation": "h",
                    "marker": {"color": _SPLIT_COLOURS[split]},
                    "customdata": [_literal(view.name) for view in classes],
                    "hovertemplate": "%{customdata}: %{x} " + title + "<extra></extra>",
                }
            )
    layout = {
        "barmode": "stack",
        "height": _FRAME_PX + _BAR_PX * len(classes),
        "margin": {"l": 0, "r": 8, "t": 4, "b": 0},
        "legend": {"orientation": "h", "y": -0.05, "yanchor": "top", "x": 0, "traceorder": "normal"},
        "yaxis": {
            "autorange": "reversed",
            "tickvals": list(range(len(classes))),
            "ticktext": labels,
            "automargin": True,
            "fixedrange": True,
        },
        "xaxis": {"showgrid": False, "showticklabels": False, "zeroline": False, "fixedrange": True},
        "showlegend": bool(bars),
    }
    # Whole, and not step by step, which takes Plotly four times as long: this is made at every click on the page.
    return go.Figure(data=bars, layout=layout)


def describe_counts(classes: list[ClassView], counts: dict[tuple[int, Split | None], int]) -> str:
    """The chart in words."""
    parts = []
    for view in classes:
        numbers = [
            f"{counts[view.id, split]} {title}" for split, title in SPLIT_TITLES.items() if (view.id, split) in counts
        ]
        parts.append(f"{view.name}: {', '.join(numbers) or 'no photos'}")
    return "; ".join(parts)


def _short(name: str) -> str:
    return _literal(name if len(name) <= _MAX_LABEL_CHARS else f"{name[: _MAX_LABEL_CHARS - 1]}…")


def _literal(name: str) -> str:
    """A name that Plotly shows letter by letter: it takes some HTML for styling."""
    return name.replace("&", "&amp;").replace("<", "&lt;")


def _render_undo(dataset: DatasetView, services: Services) -> None:
    operations = [operation for operation in services.library.history.latest(dataset.id) if operation.undone_at is None]
    if not operations:
        return
    latest = operations[0]
    st.caption(f"Last change: {plain(latest.summary)}")
    with st.container(horizontal=True):
        st.button(
            "Undo",
            key="dataset.overview.undo",
            icon=":material/undo:",
            on_click=guarded(undo),
            args=(latest.id, services),
        )
        if len(operations) > 1:
            with st.popover("Earlier", icon=":material/history:"):
                for operation in operations[1:]:
                    st.button(
                        plain(operation.summary),
                        key=f"dataset.overview.undo.{operation.id}",
                        icon=":material/undo:",
                        type="tertiary",
                        on_click=guarded(undo),
                        args=(operation.id, services),
                    )
