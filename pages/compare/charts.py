"""The charts of a comparison: curves over each other, and how often right against what it costs."""

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.evaluation.pareto import pareto_front
from core.runs.records import RunView
from core.runs.story import EpochStory
from core.services import Services
from pages.compare.entrants import Entrant, judged_alike
from pages.compare.speed import Speeds
from pages.compare.words import joined_by_and
from pages.words.wording import plain

_HEIGHT_PX = 360
_MARKER_PX, _BEST_PX = 11, 10
_DASHES = ("solid", "dash", "dot")  # once the theme's colours are used up
_NUM_COLOURS = 6
_NO_BAR = {"displayModeBar": False}
_MAX_NAME_CHARS = 28
_EPOCHS = "compare.epochs"  # (run, last event, rewinds) to its epochs


# --- curves ----------------------------------------------------------------------------------------------


def render_curves(entrants: Sequence[Entrant], services: Services) -> None:
    """Validation accuracy and loss of each run, epoch by epoch."""
    told = [(entrant, _epochs(entrant.run, services)) for entrant in entrants if entrant.run is not None]
    drawn = [(entrant, epochs) for entrant, epochs in told if any(_has_validation(epoch) for epoch in epochs)]
    if not drawn:
        st.info("None of these models has a curve: there were no validation photos.", icon=":material/show_chart:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Right on the validation photos** (accuracy), the higher the better")
        _render_curve(entrants, drawn, "validation_accuracy", "compare.curve.accuracy")
    with right:
        st.markdown("**Penalty for wrong and unsure answers** (loss), the lower the better")
        _render_curve(entrants, drawn, "validation_loss", "compare.curve.loss")
    absent = [entrant.title for entrant in entrants if entrant not in [each for each, _ in drawn]]
    st.caption(
        "The large dot is the epoch that was kept; a change of slope late in a curve is often where fine-tuning begins."
        + (f" Without a curve: {plain(joined_by_and(absent))}." if absent else "")
    )
    if not judged_alike(entrants):
        st.caption("The runs were validated with different photos, so heights of curves cannot be compared directly.")


def _render_curve(
    entrants: Sequence[Entrant], drawn: Sequence[tuple[Entrant, list[EpochStory]]], value: str, key: str
) -> None:
    traces = []
    for entrant, epochs in drawn:
        number = entrants.index(entrant)
        best, colour = epochs[-1].best_epoch, model_colour(number)
        traces.append(
            {
                "type": "scatter",
                "x": [epoch.epoch for epoch in epochs],
                "y": [getattr(epoch, value) for epoch in epochs],
                "name": chart_name(entrant.title),
                "mode": "lines+markers",
                "line": {"width": 2, "dash": _DASHES[number // _NUM_COLOURS % len(_DASHES)], "color": colour},
                "marker": {
                    "size": [_BEST_PX if epoch.epoch == best else 0 for epoch in epochs],
                    "color": colour,
                    "opacity": 1,
                },
                "hovertemplate": "epoch %{x}: " + ("%{y:.1%}" if "accuracy" in value else "%{y:.3f}"),
            }
        )
    layout = {
        "height": _HEIGHT_PX,
        "margin": {"l": 0, "r": 8, "t": 8, "b": 0},
        "hovermode": "x unified",
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.2},
        "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"},
        "yaxis": {"tickformat": ".0%"} if "accuracy" in value else {},
    }
    figure = go.Figure(data=traces, layout=layout)
    ends = [f"{entrant.title} {getattr(epochs[-1], value)}" for entrant, epochs in drawn]
    st.plotly_chart(figure, key=key, config=_NO_BAR, alt=f"{value.replace('_', ' ')} at the end: {'; '.join(ends)}")


def _epochs(run: RunView, services: Services) -> list[EpochStory]:
    """The epochs of a run; read again only when the run has told something new."""
    kept: dict[int, tuple[tuple[int, int], list[EpochStory]]] = st.session_state.setdefault(_EPOCHS, {})
    state = (run.last_sequence, run.num_rewinds)
    if run.id not in kept or kept[run.id][0] != state:
        events = services.runs.events_after(run.id, 0, kinds=["epoch"])
        kept[run.id] = (state, [EpochStory.from_json(event.payload) for event in events])
    return kept[run.id][1]


def _has_validation(epoch: EpochStory) -> bool:
    return epoch.validation_accuracy is not None


# --- cost and value --------------------------------------------------------------------------------------


def render_trade_offs(entrants: Sequence[Entrant], speeds: Speeds) -> None:
    """How often right against time and size, with the models that no other beats in both; nothing for one model."""
    if sum(entrant.score is not None for entrant in entrants) < 2:
        return
    milliseconds = [speeds.milliseconds.get(entrant.key) for entrant in entrants]
    megabytes = [None if entrant.model_bytes is None else entrant.model_bytes / 1e6 for entrant in entrants]
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**How often right, against time**")
        _render_trade_off(entrants, milliseconds, "milliseconds per photo", "compare.front.time")
    with right:
        st.markdown("**How often right, against size**")
        _render_trade_off(entrants, megabytes, "megabytes", "compare.front.size")


def _render_trade_off(entrants: Sequence[Entrant], costs: Sequence[float | None], unit: str, key: str) -> None:
    drawn = [(entrant, cost) for entrant, cost in zip(entrants, costs, strict=True) if cost and entrant.score]
    if len(drawn) < 2:
        st.caption("Two models with known figures are needed.")
        return
    points = [(cost, entrant.score.accuracy) for entrant, cost in drawn if entrant.score]
    front = pareto_front(points)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": [points[index][0] for index in front],
            "y": [points[index][1] for index in front],
            "mode": "lines",
            "line": {"shape": "hv", "dash": "dot", "width": 1.5, "color": "rgba(128, 138, 150, 0.9)"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]
    for index, (entrant, cost) in enumerate(drawn):
        score = entrant.score
        if score is None:
            continue
        traces.append(
            {
                "type": "scatter",
                "x": [cost],
                "y": [score.accuracy],
                "name": chart_name(entrant.title),
                "mode": "markers",
                "marker": {
                    "size": _MARKER_PX,
                    "symbol": "circle" if index in front else "circle-open",
                    "color": model_colour(entrants.index(entrant)),
                    "line": {"width": 2, "color": model_colour(entrants.index(entrant))},
                },
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [score.high - score.accuracy],
                    "arrayminus": [score.accuracy - score.low],
                    "thickness": 1,
                    "width": 4,
                },
                "hovertemplate": f"{chart_name(entrant.title)}<br>%{{y:.1%}}, %{{x:.1f}} {unit}<extra></extra>",
            }
        )
    layout = {
        "height": _HEIGHT_PX,
        "margin": {"l": 0, "r": 8, "t": 8, "b": 0},
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.2},
        "xaxis": {"title": {"text": unit}, "rangemode": "tozero"},
        "yaxis": {"tickformat": ".0%"},
    }
    figure = go.Figure(data=traces, layout=layout)
    names = [drawn[index][0].title for index in front]
    st.plotly_chart(figure, key=key, config=_NO_BAR, alt=f"On the front: {joined_by_and(names)}")
    beaten, winner = len(drawn) - len(front), "it" if len(front) == 1 else "one of them"
    st.caption(
        f"Worth a thought: {plain(joined_by_and(names))}. "
        + ("The others, hollow, are beaten" if beaten > 1 else "The other one, hollow, is beaten" if beaten else "")
        + (f" by {winner} in both (Pareto front: the dotted line)." if beaten else "None beats another in both.")
    )


def model_colour(number: int) -> str:
    """The theme's colour of a model, the same in all charts."""
    theme = "dark" if st.context.theme.type == "dark" else "light"
    colours = st.get_option(f"theme.{theme}.chartCategoricalColors")
    return str(colours[number % len(colours)])


def chart_name(name: str) -> str:
    """A name letter by letter, as charts take a part of HTML for markup, and not too long for a legend."""
    shown = name if len(name) <= _MAX_NAME_CHARS else f"{name[: _MAX_NAME_CHARS - 1].rstrip()}…"
    return html.escape(shown, quote=False).replace("%{", "% {")
