"""Is B really better than A? Two models on the photos that may judge both, with what chance may have done."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.errors import BluetitError
from core.evaluation.comparison import Comparison
from core.services import Services
from pages.compare.asked import MAX_PHOTOS, ask_with_progress
from pages.compare.charts import model_colour
from pages.compare.disagreements import render_disagreements
from pages.compare.entrants import Entrant
from pages.compare.figures import ranked, render_chance
from pages.compare.pairs import pair
from pages.compare.words import difference_text, exclusion_texts, joined_by_and, luck_text, verdict
from pages.widgets.errors import guarded, show_error
from pages.words.wording import count, plain

_FIRST, _SECOND = "compare.first", "compare.second"
_CHART_PX = 110
_FEW_PHOTOS = 30
_MAX_LISTED = 8


def render_better(entrants: Sequence[Entrant], services: Services) -> None:
    """A pair to choose, the verdict, what it rests on, and the photos on which the two disagree."""
    known = {entrant.key: entrant for entrant in entrants if entrant.contender is not None}
    if len(known) < 2:
        st.info("Two models whose answers are known are needed; choose another one above.", icon=":material/add:")
        return
    first, second = _choose_pair(known, [entrant.key for entrant in ranked(entrants)])
    if first.key == second.key:
        st.info("This is one and the same model: compared with itself it shows no difference. Choose another one.")
        return
    comparison, to_ask = pair(first, second, services)
    for entrant in (first, second):
        if entrant.is_chance:
            render_chance(entrant)
    if comparison.num_photos:
        _render_verdict(comparison, first, second)
    else:
        st.warning(
            "There is **no photo that may judge both**, so nobody can tell which of the two is better.",
            icon=":material/balance:",
        )
    _render_basis(comparison, first, second)
    for entrant, photo_hashes in zip((first, second), to_ask, strict=True):
        if photo_hashes:
            _offer_to_ask(entrant, photo_hashes, services)
    if comparison.num_photos:
        render_disagreements(comparison, first, second)


def _choose_pair(known: dict[str, Entrant], order: Sequence[str]) -> tuple[Entrant, Entrant]:
    """Two boxes; at first the runner-up stands on the left and the best on the right."""
    keys = [*order, *(key for key in known if key not in order)]
    for widget, default in ((_FIRST, keys[1]), (_SECOND, keys[0])):
        if st.session_state.get(widget) not in known:
            st.session_state[widget] = default
    left, middle, right = st.columns([5, 1, 5], vertical_alignment="bottom")
    titles = {key: entrant.title for key, entrant in known.items()}
    with left:
        first = st.selectbox("A", list(known), key=_FIRST, format_func=titles.__getitem__, persist_state="session")
    with middle:
        st.button("", icon=":material/swap_horiz:", key="compare.swap", help="Swap A and B", on_click=guarded(_swap))
    with right:
        second = st.selectbox("B", list(known), key=_SECOND, format_func=titles.__getitem__, persist_state="session")
    return known[first], known[second]


def _swap() -> None:
    state = st.session_state
    state[_FIRST], state[_SECOND] = state[_SECOND], state[_FIRST]


# --- the verdict -----------------------------------------------------------------------------------------


def _render_verdict(comparison: Comparison, first: Entrant, second: Entrant) -> None:
    if first.is_chance and second.is_chance:
        st.subheader("Neither can be told from guessing, so neither is better", anchor=False)
    else:
        st.subheader(verdict(comparison, first.title, second.title).replace("**", ""), anchor=False)
    st.markdown(difference_text(comparison, second.title))
    st.plotly_chart(
        _interval_chart(comparison),
        key="compare.interval",
        config={"displayModeBar": False},
        alt=difference_text(comparison, second.title).replace("*", ""),
    )
    both, only_first, only_second, neither = comparison.counts
    with st.container(horizontal=True, gap="medium"):
        st.metric("Both right", f"{both:,}", width="content")
        st.metric("Only A right", f"{only_first:,}", width="content", help=plain(first.title))
        st.metric("Only B right", f"{only_second:,}", width="content", help=plain(second.title))
        st.metric("Neither", f"{neither:,}", width="content")
    st.caption(
        f"{luck_text(comparison)} (Exact McNemar test, p = {_p_text(comparison.p_value)}.) It speaks of these two "
        "models, not of their recipes: trained again with another seed, either may come out a little different."
    )


def _interval_chart(comparison: Comparison) -> go.Figure:
    """The difference in points with its interval, beside nothing at all."""
    low, high = comparison.interval or (0.0, 0.0)
    value, low, high = (100 * share for share in (comparison.difference, low, high))
    reach = max(abs(low), abs(high), 1.0) * 1.15
    figure = go.Figure()
    figure.add_vline(x=0, line={"dash": "dot", "width": 1.5, "color": "rgba(128, 138, 150, 0.9)"})
    figure.add_scatter(
        x=[value],
        y=[0],
        mode="markers",
        marker={"size": 14, "color": model_colour(0)},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value],
            "arrayminus": [value - low],
            "color": model_colour(0),
            "thickness": 3,
            "width": 8,
        },
        hovertemplate=f"{value:+.1f} points, plausibly {low:+.1f} to {high:+.1f}<extra></extra>",
    )
    figure.update_layout(height=_CHART_PX, margin={"l": 0, "r": 0, "t": 24, "b": 0}, showlegend=False, dragmode=False)
    figure.update_xaxes(range=[-reach, reach], ticksuffix=" points", fixedrange=True, zeroline=False, nticks=7)
    figure.update_yaxes(visible=False, fixedrange=True, range=[-1, 1])
    for x, text, anchor in ((0, "← A is better", "left"), (1, "B is better →", "right")):
        figure.add_annotation(
            x=x, y=1.3, xref="paper", yref="paper", text=text, showarrow=False, xanchor=anchor, font={"size": 13}
        )
    return figure


def _p_text(p_value: float) -> str:
    return "below 0.001" if p_value < 0.001 else f"{p_value:.3f}" if p_value < 0.995 else "1"


# --- what it rests on ------------------------------------------------------------------------------------


def _render_basis(comparison: Comparison, first: Entrant, second: Entrant) -> None:
    """How many photos are left, how many do not count and why."""
    num_photos = comparison.num_photos
    sentences = []
    if num_photos:
        were = (
            "that had no part in making either" if not comparison.num_decided else "that neither of them learned from"
        )
        sentences.append(f"Judged by **{count(num_photos, 'photo')}** {were}.")
    if comparison.num_decided:
        some = "They were all" if comparison.num_decided == num_photos else f"{comparison.num_decided:,} of them were"
        sentences.append(
            f"{some} used to choose the epoch that was kept "
            "(validation), so a model may look a little too good; photos for the test would tell the truth."
        )
    left_out = exclusion_texts(comparison.excluded, first.title, second.title)
    if left_out:
        sentences.append(f"Left out: {plain('; '.join(left_out))}.")
    elif num_photos:
        sentences.append("No photo was left out.")
    sentences += _class_sentences(comparison, first, second)
    if 0 < num_photos < _FEW_PHOTOS:
        sentences.append(f"With fewer than {_FEW_PHOTOS} photos only large differences can show.")
    st.markdown(" ".join(sentences))


def _class_sentences(comparison: Comparison, first: Entrant, second: Entrant) -> list[str]:
    sides = ((first, comparison.classes_of_first_only), (second, comparison.classes_of_second_only))
    return [
        f"Only {plain(entrant.title)} knows {plain(_listed(names))}; photos of classes that both know count."
        for entrant, names in sides
        if names
    ]


def _listed(names: Sequence[str]) -> str:
    shown = [f"“{name}”" for name in names[:_MAX_LISTED]]
    return joined_by_and([*shown, f"{len(names) - _MAX_LISTED} more"] if len(names) > _MAX_LISTED else shown)


def _offer_to_ask(asked: Entrant, missing: Sequence[str], services: Services) -> None:
    """A button by which a model is asked about photos that judge the other one and that it has never seen."""
    num_photos = min(len(missing), MAX_PHOTOS)
    is_pressed = st.button(
        f"Ask {plain(asked.title)} about {count(num_photos, 'more photo')}",
        key=f"compare.ask.{asked.key}",
        icon=":material/quiz:",
        help="Photos that judge the other model and that had no part in making this one.",
    )
    if not is_pressed:
        return
    try:
        classifier = asked.load(services)
    except BluetitError as exc:
        show_error(str(exc))
        return
    ask_with_progress(asked.fingerprint, classifier, missing[:MAX_PHOTOS], services)
    st.rerun()
