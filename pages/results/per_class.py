"""How good it is at each class, and what a stricter or laxer threshold would find."""

import math
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.evaluation.curves import ClassCurves, class_areas, class_curves
from core.evaluation.metrics import SplitMetrics
from pages.results.charts import ACCENT, QUIET, chart
from pages.results.dataset_now import DatasetNow
from pages.results.material import Judged, Material
from pages.results.tables import classes_csv, render_csv
from pages.words.wording import named, plain, quoted, share_text

_CLASS = "results.per_class.class"
_ROW_PX, _MAX_ROWS = 35, 14


def render_per_class(material: Material, now: DatasetNow | None) -> None:
    """Means over the classes, the table, and the curves of one class."""
    judged = material.judged
    if judged is None:
        return
    _render_means(judged.metrics)
    _render_table(judged, material)
    without = [
        name for name, support in zip(material.class_names, judged.metrics.classes.support, strict=True) if not support
    ]
    if without:
        shown = ", ".join(map(named, without[:5])) + (" and others" if len(without) > 5 else "")
        st.caption(f"Without photos in this split, so nothing can be said of them: {shown}.")
    st.markdown("#### One class against all others")
    _render_curves(judged, material)


def _render_means(metrics: SplitMetrics) -> None:
    facts = st.container(horizontal=True, gap="medium")
    facts.metric("Right", share_text(metrics.accuracy), width="content", help="Of all photos (accuracy).")
    facts.metric(
        "Each class alike",
        share_text(metrics.balanced_accuracy),
        width="content",
        help="Mean of the shares that are found of each class, so that a rare class counts as much as a frequent one "
        "(balanced accuracy).",
    )
    facts.metric(
        "F1",
        share_text(metrics.macro_f1),
        width="content",
        help="Mean over the classes of F1, which is high only where precision and recall both are (macro F1).",
    )
    for k, share in metrics.top_k.items():
        if k > 1:
            facts.metric(
                f"In its first {k}",
                share_text(share),
                width="content",
                help=f"The true class is among the {k} likeliest answers (top-{k} accuracy).",
            )
    facts.metric(
        "Log loss",
        f"{metrics.log_loss:.3f}",
        width="content",
        help="How little probability it left to the truth: 0 is best, and a confident mistake costs most; of "
        "calibrated probabilities.",
    )


def _render_table(judged: Judged, material: Material) -> None:
    scores = judged.metrics.classes
    areas = class_areas(judged.answers)
    # A score that is not defined is an empty cell.
    columns = {
        "Class": list(material.class_names),
        "Found": [_percent(value) for value in scores.recall.tolist()],
        "Right when said": [_percent(value) for value in scores.precision.tolist()],
        "F1": [_percent(value) for value in scores.f1.tolist()],
        "Photos": [int(value) for value in scores.support],
        "ROC area": [None if math.isnan(value) else round(value, 4) for value in areas.roc.tolist()],
    }
    st.dataframe(
        columns,
        hide_index=True,
        height=_ROW_PX * (1 + min(len(material.class_names), _MAX_ROWS)) + 3,
        key="results.per_class.table",
        column_config={
            "Class": st.column_config.TextColumn(pinned=True),
            "Found": _share_column("Of the photos of this class, so many were called so (recall)."),
            "Right when said": _share_column("Of the photos that it called so, so many are (precision)."),
            "F1": st.column_config.NumberColumn(
                format="%.1f %%", help="High only where both others are: their harmonic mean."
            ),
            "Photos": st.column_config.NumberColumn(help="In this class, in this split (support)."),
            "ROC area": st.column_config.NumberColumn(
                format="%.3f", help="How often a photo of this class gets more probability for it than another photo."
            ),
        },
        alt="Table of classes with recall, precision, F1 and number of photos.",
    )
    render_csv(
        "Table as CSV",
        lambda: classes_csv(scores, material.class_names),
        file_name=f"{material.view.name} classes",
        key="results.per_class.csv",
    )


def _share_column(explanation: str) -> Any:
    return st.column_config.ProgressColumn(help=explanation, format="%.1f %%", min_value=0, max_value=100, color=ACCENT)


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else round(100 * share, 1)


def _render_curves(judged: Judged, material: Material) -> None:
    names = material.class_names
    if st.session_state.get(_CLASS) not in range(len(names)):
        st.session_state[_CLASS] = 0
    chosen = st.selectbox(
        "Class", range(len(names)), key=_CLASS, format_func=names.__getitem__, width=320, persist_state="session"
    )
    curves = class_curves(judged.answers, int(chosen))
    if curves is None:
        st.info("There are no photos of this class in this split, or no others.", icon=":material/help:")
        return
    left, right = st.columns(2)
    name = names[chosen]
    shown = plain(quoted(name))
    with left:
        st.markdown(
            f"**ROC**, area **{curves.roc.area:.3f}**. Let a photo of {shown} and another one be drawn: so often "
            "the first gets more probability for it."
        )
        chart(
            roc_figure(curves),
            key="results.per_class.roc",
            file_name=f"{material.view.name} ROC {name}",
            alt=f"ROC curve of {name}, area {curves.roc.area:.3f}",
        )
    with right:
        found = curves.precision_recall
        st.markdown(
            f"**Precision and recall**, area **{found.average_precision:.3f}**. The more photos of {shown} "
            "are to be found, the more others are taken for it."
        )
        chart(
            precision_recall_figure(curves),
            key="results.per_class.precision_recall",
            file_name=f"{material.view.name} precision and recall {name}",
            alt=f"Precision over recall of {name}, average precision {found.average_precision:.3f}",
        )


def roc_figure(curves: ClassCurves) -> go.Figure:
    """What is found over what is taken wrongly for it, both in per cent."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": QUIET, "dash": "dot"}, hoverinfo="skip", showlegend=False
    )
    figure.add_scatter(
        x=100 * curves.roc.false_positive_rate,
        y=100 * curves.roc.true_positive_rate,
        mode="lines",
        line={"color": ACCENT, "width": 3},
        hovertemplate="finds <b>%{y:.1f} %</b>, takes %{x:.1f} % of the others for it<extra></extra>",
        showlegend=False,
    )
    return _framed(figure, "others taken for it, %", "found, %")


def precision_recall_figure(curves: ClassCurves) -> go.Figure:
    """How many are right of those called so, over how many are found, both in per cent."""
    figure = go.Figure()
    figure.add_scatter(
        x=100 * curves.precision_recall.recall,
        y=100 * curves.precision_recall.precision,
        mode="lines",
        line={"color": ACCENT, "width": 3, "shape": "vh"},
        hovertemplate="finds <b>%{x:.1f} %</b>; %{y:.1f} % of those it calls so are right<extra></extra>",
        showlegend=False,
    )
    return _framed(figure, "found, %", "right when said, %")


def _framed(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    axis = {"range": [-2, 102], "dtick": 20, "zeroline": False}
    figure.update_layout(
        height=340,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        xaxis={"title": x_title, **axis},
        yaxis={"title": y_title, **axis},
    )
    return figure
