"""Would more photos help? How good a head becomes on part of the photos."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.evaluation.examination import CurvePoint
from pages.results.charts import ACCENT, chart, translucent
from pages.results.material import Material
from pages.words.wording import count, share_text

_WORTH_IT = 0.01  # gained by twice the photos: as many again will bring about as much, seldom more
_HARDLY = 0.003


def would_help(points: Sequence[CurvePoint]) -> str | None:
    """One plain sentence; None where the curve has fewer than two points."""
    if len(points) < 2:
        return None
    last = points[-1]
    half = min(points[:-1], key=lambda point: abs(point.num_photos - last.num_photos / 2))
    gain = last.mean - half.mean
    brought = f"going from {half.num_photos:,} to {last.num_photos:,} brought {100 * gain:.1f} points"
    if gain >= _WORTH_IT:
        return f"More photos would probably help: {brought}."
    if gain >= _HARDLY:
        return f"More photos would help a little: {brought}."
    return (
        "More photos of the same kind would hardly help: "
        f"going from {half.num_photos:,} to {last.num_photos:,} brought no gain worth the name."
    )


def render_learning(material: Material) -> None:
    """The curve with its band, and what it means."""
    if material.examination is None:
        st.caption("This is known once the model has been looked at closely.")
        return
    points = material.examination.learning_curve
    sentence = would_help(points)
    if sentence is None:
        st.info("There are too few training photos to tell.", icon=":material/help:")
        return
    if material.worth is not None and material.worth.worth.is_chance:
        st.markdown("#### First find out why it is no better than guessing")
        st.markdown("What such a result gains or loses with the number of photos is chance. The reasons stand above.")
    else:
        st.markdown(f"#### {sentence}")
    chart(
        learning_figure(points),
        key="results.learning.chart",
        file_name=f"learning curve {material.view.name}",
        alt="; ".join(
            f"{count(point.num_photos, 'photo')}: {share_text(point.mean)} right "
            f"({share_text(point.low)} to {share_text(point.high)})"
            for point in points
        ),
    )
    st.caption(
        "Last layers trained several times on a quarter, half, three quarters and all of the training photos, chosen "
        "at random, and judged by the same held-out photos (learning curve). The band holds eight of ten tries. It is "
        "an estimate from frozen features; a network that is fine-tuned can gain more."
    )


def learning_figure(points: Sequence[CurvePoint]) -> go.Figure:
    """Accuracy over the number of photos, in per cent, with its band."""
    photos = [point.num_photos for point in points]
    figure = go.Figure()
    figure.add_scatter(
        x=photos + photos[::-1],
        y=[100 * point.high for point in points] + [100 * point.low for point in reversed(points)],
        mode="lines",
        fill="toself",
        fillcolor=translucent(ACCENT, 0.18),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=photos,
        y=[100 * point.mean for point in points],
        mode="lines+markers",
        line={"color": ACCENT, "width": 3},
        marker={"size": 9},
        hovertemplate="%{x:,} photos: <b>%{y:.1f} %</b><extra></extra>",
        showlegend=False,
    )
    figure.update_layout(
        height=360,
        xaxis={"title": "training photos", "rangemode": "tozero"},
        yaxis={"title": "right, %", "ticksuffix": " %"},
        margin={"l": 0, "r": 8, "t": 12, "b": 0},
    )
    return figure
