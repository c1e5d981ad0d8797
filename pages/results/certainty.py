"""Whether "90 %" is right nine times of ten, and when the model should rather say that it does not know."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from core.datasets.records import Split
from core.errors import BluetitError
from core.evaluation.answers import RunAnswers
from core.evaluation.calibration import ReliabilityBin, calibration_error, reliability
from core.evaluation.metrics import measure
from core.evaluation.rejection import RejectionPoint, default_point, rejection_points
from core.inference.reference import read_reference
from core.inference.temperature import calibrated
from core.runs.decision import Decision, is_refused, read_decision, write_decision
from core.services import Services
from pages.results.charts import ACCENT, QUIET, SECOND, chart
from pages.results.material import Judged, Material
from pages.widgets.errors import guarded, show_error
from pages.words.wording import I_DO_NOT_KNOW, count, percent, plain, quoted, share_text

_STRICTNESS = "results.certainty.strictness"
_NO_DIFFERENCE = 0.005
_LARGEST_PX = 34  # point of the bin with most photos


def render_certainty(material: Material, services: Services) -> None:
    """Calibration, the slider, and a photo to try it with."""
    judged, answers = material.judged, material.answers
    if judged is None or answers is None:
        return
    _render_calibration(judged, material)
    st.divider()
    st.markdown("#### When should it say “I don't know”?")
    decision = _render_slider(judged, answers, material)
    if decision is not None:
        _render_trial(decision, material, services)


# --- calibration -----------------------------------------------------------------------------------------


def _render_calibration(judged: Judged, material: Material) -> None:
    before, after = (calibration_error(judged.answers, each) for each in (1.0, judged.temperature))
    losses = [measure(judged.answers, temperature=each).log_loss for each in (1.0, judged.temperature)]
    st.markdown(f"#### {calibration_sentence(before, after)}")
    figure = reliability_figure(reliability(judged.answers, 1.0), reliability(judged.answers, judged.temperature))
    chart(
        figure,
        key="results.certainty.reliability",
        file_name=f"{material.view.name} reliability",
        alt=f"Reliability diagram: expected calibration error {before:.3f} before, {after:.3f} after calibration.",
    )
    told = (
        f"Expected calibration error {100 * after:.1f} points, before calibration {100 * before:.1f}. Calibrated "
        f"probabilities are used all over this page and on the Classify page: temperature {judged.temperature:.2f}, "
        "fitted on the validation photos; it changes how sure the model is, never what it says. What it is fitted to, "
        f"the surprise at the true classes (log loss), is {losses[1]:.3f}, before {losses[0]:.3f}."
    )
    if judged.split is Split.VALIDATION:
        told += " These are the same photos, so it looks a little better than it is."
    st.caption(told)


def calibration_sentence(before: float, after: float) -> str:
    """How far to trust its percentages.

    Args:
        before: expected calibration error of the model's own probabilities, 0-1.
        after: of the calibrated ones.
    """
    sentence = f"When it says how sure it is, it is off by {100 * after:.1f} points on average"
    if before - after >= _NO_DIFFERENCE:
        return f"{sentence}; uncalibrated it would be {100 * before:.1f}."
    if after - before >= _NO_DIFFERENCE:
        return f"{sentence}; uncalibrated it would be {100 * before:.1f} only."
    return f"{sentence}."


def reliability_figure(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> go.Figure:
    """How often it is right over how sure it is, in per cent; the larger a point, the more photos."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        name="as it should be",
        line={"color": QUIET, "dash": "dot"},
        hoverinfo="skip",
    )
    lowest = 100 * min((each.low for each in (*before, *after)), default=0.0)
    most = max((each.num_photos for each in (*before, *after)), default=1)
    for bins, name, colour in ((before, "uncalibrated", SECOND), (after, "calibrated", ACCENT)):
        figure.add_scatter(
            x=[100 * each.confidence for each in bins],
            y=[100 * each.accuracy for each in bins],
            mode="markers",  # lines between bins of one photo each would be loud about nothing
            name=name,
            marker={
                "color": colour,
                "opacity": 0.8,
                "sizemode": "area",
                "sizeref": 2 * most / _LARGEST_PX**2,
                "sizemin": 4,
                "size": [each.num_photos for each in bins],
            },
            customdata=[[each.num_photos] for each in bins],
            hovertemplate="%{customdata[0]:,} photos: says %{x:.0f} %, right on <b>%{y:.0f} %</b><extra></extra>",
        )
    figure.update_layout(
        height=380,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        xaxis={"title": "how sure it says it is, %", "range": [lowest - 3, 103], "zeroline": False},
        yaxis={
            "title": "how often it is right, %",
            "range": [-6, 108],
            "tickvals": [0, 20, 40, 60, 80, 100],
            "zeroline": False,
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "itemsizing": "constant"},
    )
    return figure


# --- the slider ------------------------------------------------------------------------------------------


def _render_slider(judged: Judged, answers: RunAnswers, material: Material) -> Decision | None:
    """The slider with what its place means; the decision that it stands for."""
    distances: Mapping[str, float] = material.examination.distances if material.examination else {}
    limits = answers.validation if len(answers.validation) else judged.answers
    points = rejection_points(limits, temperature=judged.temperature, distances=distances, judged=judged.answers)
    saved = _read_saved(material)
    key = f"{_STRICTNESS}.{material.view.id}"
    st.session_state.setdefault(key, nearest_point(points, saved or Decision()).strictness)
    strictness = st.select_slider(
        "How careful",
        [point.strictness for point in points],
        key=key,
        format_func=lambda value: "answers everything" if not value else f"{100 * value:.0f}",
        help="To the right it refuses more: what it is less sure of, and what is unlike everything that it learned.",
        persist_state="session",
    )
    suggested = default_point(points).strictness
    if strictness != suggested:
        st.button(
            "Refuse strangers (suggested)",
            key="results.certainty.suggested",
            icon=":material/recommend:",
            type="tertiary",
            help="A place that costs few answers and refuses most photos of what is in no class.",
            on_click=guarded(_suggest),
            args=(key, suggested),
        )
    point = next(each for each in points if each.strictness == strictness)
    decision = decision_of(point, judged.temperature)
    st.markdown(f"##### {describe_point(point)}")
    st.caption(_limits_text(decision))
    chart(
        coverage_figure(points, point),
        key="results.certainty.coverage",
        file_name=f"{material.view.name} coverage",
        alt=f"Accuracy of the answers over the share of photos answered; chosen: {describe_point(point)}",
    )
    _render_save(decision, saved, material)
    return decision


def _suggest(key: str, strictness: float) -> None:
    st.session_state[key] = strictness


def decision_of(point: RejectionPoint, temperature: float) -> Decision:
    """What a place of the slider makes the model do."""
    return Decision(temperature=temperature, min_probability=point.min_probability, max_distance=point.max_distance)


def nearest_point(points: Sequence[RejectionPoint], decision: Decision) -> RejectionPoint:
    """The place of the slider that comes nearest to a decision that was saved."""
    return min(points, key=lambda point: abs(point.min_probability - decision.min_probability))


def describe_point(point: RejectionPoint) -> str:
    """What a place of the slider means, in words."""
    refused = point.num_photos - point.num_answered
    if not refused:
        return f"It answers every photo and is right on {share_text(point.accuracy)}."
    if not point.num_answered:
        return "It refuses every photo."
    return (
        f"It answers {point.num_answered:,} of {count(point.num_photos, 'photo')} and is right on "
        f"{share_text(point.accuracy)} of those; to {refused:,} it says “I don't know”."
    )


def _limits_text(decision: Decision) -> str:
    if not decision.refuses:
        return "Nothing is refused, not even a photo of something that is in no class."
    told = f"Refused is what it is less than {percent(decision.min_probability)} sure of"
    if decision.max_distance is None:
        return f"{told}."
    return (
        f"{told}, or what is farther than {decision.max_distance:.3f} (cosine) from every photo that it learned from."
    )


def coverage_figure(points: Sequence[RejectionPoint], chosen: RejectionPoint) -> go.Figure:
    """Accuracy of the answers over the share of photos that are answered, in per cent."""
    answered = [point for point in points if point.num_answered]
    figure = go.Figure()
    figure.add_scatter(
        x=[100 * point.coverage for point in answered],
        y=[100 * point.accuracy for point in answered],
        mode="lines",
        line={"color": ACCENT, "width": 3},
        hovertemplate="answers %{x:.0f} %, right on <b>%{y:.1f} %</b> of them<extra></extra>",
    )
    if chosen.num_answered:
        figure.add_scatter(
            x=[100 * chosen.coverage],
            y=[100 * chosen.accuracy],
            mode="markers",
            marker={"color": SECOND, "size": 15, "line": {"color": ACCENT, "width": 2}},
            hoverinfo="skip",
        )
    figure.update_layout(
        height=260,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        showlegend=False,
        xaxis={"title": "photos that it answers, %", "autorange": "reversed"},
        yaxis={"title": "right, %"},
    )
    return figure


def _read_saved(material: Material) -> Decision | None:
    """What the model keeps to at present; None where that is damaged, which is said."""
    try:
        return read_decision(material.folder)
    except BluetitError as exc:
        show_error(str(exc))
        return None


def _render_save(decision: Decision, saved: Decision | None, material: Material) -> None:
    is_saved = decision == saved
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Saved" if is_saved else "Save",
            key="results.certainty.save",
            icon=":material/check:" if is_saved else ":material/save:",
            type="secondary" if is_saved else "primary",
            disabled=is_saved,
            on_click=guarded(_save),
            args=(decision, material),
        )
        st.caption("The model keeps to it on the Classify page and in every download.", width="content")


def _save(decision: Decision, material: Material) -> None:
    write_decision(material.folder, decision)
    st.toast("Saved: the model decides so from now on.", icon=":material/save:")


# --- a photo to try it with ------------------------------------------------------------------------------


def _render_trial(decision: Decision, material: Material, services: Services) -> None:
    st.markdown("**Try it** with a photo of something that is in no class, or of something that is.")
    uploaded = st.file_uploader(
        "A photo",
        key="results.certainty.photo",
        label_visibility="collapsed",
        max_upload_size=-(-services.settings.max_photo_bytes // 1_000_000),
    )
    if uploaded is None:
        return
    try:
        name, probability, distance = _ask(uploaded.getvalue(), uploaded.name, decision, material, services)
    except BluetitError as exc:
        show_error(str(exc))
        return
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        st.image(uploaded, width=200)
        with st.container(width="stretch"):
            is_unknown = is_refused(probability, distance, decision)
            st.markdown(
                f"### {I_DO_NOT_KNOW}" if is_unknown else f"### {plain(quoted(name))}, {percent(probability)} sure"
            )
            for line in why_refused(name, probability, distance, decision):
                st.markdown(line)


def why_refused(name: str, probability: float, distance: float | None, decision: Decision) -> list[str]:
    """Why a photo is refused, or how near it came to that, as Markdown.

    Args:
        name: the likeliest class.
        probability: its calibrated probability, 0-1.
        distance: cosine, 0-2, to the nearest training photo; None where it is not known.
        decision: the limits.
    """
    lines = []
    guess = f"Its best guess is {plain(quoted(name))}"
    if probability < decision.min_probability:
        lines.append(
            f"{guess}, but it is only {percent(probability)} sure, and {percent(decision.min_probability)} are asked "
            "for."
        )
    elif decision.min_probability:
        lines.append(
            f"{guess}, {percent(probability)} sure, which is enough: {percent(decision.min_probability)} are asked for."
        )
    if distance is not None and decision.max_distance is not None:
        if distance > decision.max_distance:
            lines.append(
                f"The photo is unlike everything that it learned from: {distance:.3f} away from the nearest photo, "
                f"and {decision.max_distance:.3f} are allowed."
            )
        else:
            lines.append(
                f"It has learned from photos like this: {distance:.3f} away from the nearest, and "
                f"{decision.max_distance:.3f} are allowed."
            )
    return lines or ["Nothing is refused at this place of the slider."]


def _ask(
    data: bytes, name: str, decision: Decision, material: Material, services: Services
) -> tuple[str, float, float | None]:
    """The likeliest class of a photo, its calibrated probability, and the distance to the nearest training photo."""
    classifier = services.classifiers.get_trained(material.view.id)
    outputs = classifier.answer(classifier.square(data, name))
    probabilities = calibrated(outputs.probabilities, decision.temperature)
    best = int(probabilities.argmax())
    reference = read_reference(material.folder)
    distance = None if reference is None else float(reference.distance(outputs.features))
    return material.class_names[best], float(probabilities[best]), distance
