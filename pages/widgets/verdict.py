"""What a network says to one photo, in words and as bars."""

import html
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.inference.class_table import Prediction
from core.inference.classifier import Classification
from pages.widgets import links
from pages.words.verdicts import VerdictKind, verdict_of
from pages.words.wording import I_DO_NOT_KNOW, percent, plain, quoted

_CHART_MARGIN_PX, _BAR_PX, _PERCENT_PX = 28, 30, 48
_MAX_LABEL_CHARS = 32  # the longest of ImageNet's are a little shorter
_BAR_COLOUR = "#2f7fd0"  # the logo's blue; readable on the light and on the dark background
_REFUSED_COLOUR = "#8f959e"  # of guesses that do not count


def render_verdict(found: Classification) -> None:
    """What it is, that nothing fits, or that the model does not know and why, in words a person understands."""
    verdict = verdict_of(found)
    if verdict.kind is VerdictKind.REFUSED:
        st.markdown(f"#### {I_DO_NOT_KNOW}")
        st.markdown(plain(verdict.reason))
        st.caption("What it would have guessed:")
        return
    if verdict.kind is not VerdictKind.UNLIKELY:
        perhaps = "Perhaps " if verdict.kind is VerdictKind.PERHAPS else ""
        # A person's own class may be called "Not sure": a name stands in quotation marks, what is said beside it not.
        name = quoted(verdict.label) if verdict.group is None else verdict.label
        st.markdown(f"#### {perhaps}{plain(name)}")
        return
    st.markdown("#### :material/help: *Not sure*")
    guess = ""
    if verdict.group_probability is not None:
        guess = f" It is probably some kind of **{verdict.group}** ({percent(verdict.group_probability)})."
    st.markdown(f"Nothing that this network knows fits well.{guess}")
    st.caption(
        ":material/school: To recognise it, a network must be taught: with about 20 photos of it, "
        "and 20 of what it could be confused with."
    )
    links.render_link(links.datasets(), "Collect photos of it", icon=":material/photo_library:")


def top_five_chart(predictions: Sequence[Prediction], *, is_refused: bool = False) -> go.Figure:
    """Horizontal bars of the likeliest classes, likeliest on top.

    Args:
        predictions: likeliest first.
        is_refused: whether they do not count: then they are grey.
    """
    upwards = predictions[::-1]  # as an axis counts
    ranks = list(range(len(upwards)))
    texts = [percent(prediction.probability) for prediction in upwards]
    # By rank, not by label: a person's class may be called "10" or "2024", which an axis would take for a quantity.
    figure = go.Figure(
        go.Bar(
            x=[prediction.probability for prediction in upwards],
            y=ranks,
            orientation="h",
            text=texts,
            textposition="outside",
            cliponaxis=False,
            marker={"color": _REFUSED_COLOUR if is_refused else _BAR_COLOUR, "cornerradius": 4},
            hovertext=[f"{_chart_text(each.label)}: {text}" for each, text in zip(upwards, texts, strict=True)],
            hoverinfo="text",
        )
    )
    height = _CHART_MARGIN_PX + _BAR_PX * len(predictions)
    # The longest percentage has its place beside the longest bar, however little the labels leave.
    margin = {"l": 0, "r": _PERCENT_PX, "t": 0, "b": 0}
    figure.update_layout(height=height, margin=margin, bargap=0.35, dragmode=False)
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(
        tickvals=ranks,
        ticktext=[_chart_text(_shortened(prediction.label)) for prediction in upwards],
        range=[-0.5, len(upwards) - 0.5],
        ticklabelstandoff=8,
        fixedrange=True,
        showgrid=False,
        zeroline=False,
    )
    return figure


def describe_top_five(predictions: Sequence[Prediction]) -> str:
    """The chart in words, for people who do not see it."""
    return ", ".join(f"{prediction.label} {percent(prediction.probability)}" for prediction in predictions)


def _chart_text(label: str) -> str:
    """A label letter by letter: charts take a part of HTML for markup."""
    return html.escape(label, quote=False)


def _shortened(label: str) -> str:
    return label if len(label) <= _MAX_LABEL_CHARS else f"{label[: _MAX_LABEL_CHARS - 1].rstrip()}…"
