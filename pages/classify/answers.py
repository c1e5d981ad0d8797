"""The answers on the classify page: how far they are, sorted and filtered, as cards or as a table."""

from collections.abc import Sequence

import streamlit as st

from core.inference.batch_records import Answer, BatchView
from core.inference.classifier import Classifier
from core.inference.photo_batch import PhotoBatch
from pages.classify.answer_cards import render_cards
from pages.classify.answer_facts import (
    answer_text,
    group_of,
    guess_text,
    has_groups,
    is_refused,
    label_of_rank,
    mark,
    num_ranks_of,
    shown_percentage,
    summarise,
)
from pages.classify.answers_csv import to_csv
from pages.classify.arrangement import Order, arrange
from pages.widgets.errors import guarded
from pages.words.wording import time_left

_CARDS_PER_PAGE = 12


def has_stopped(batch: PhotoBatch, fingerprint: str) -> bool:
    """Whether the visitor stopped this network on this batch, and has neither added photos nor asked to go on."""
    return st.session_state.get("results.stopped") == (batch.batch_id, batch.num_taken, fingerprint)


def render_answers(batch: PhotoBatch, view: BatchView, classifier: Classifier | None, network_title: str) -> None:
    """Progress, toolbar and answers of a batch that is not empty."""
    st.subheader(summarise(view), anchor=False)
    # Always there: with a bar that comes and goes, all that follows would move, be made anew in the browser, and forget
    # what the visitor is just typing.
    progress = st.container()
    if classifier and view.is_running:
        with progress:
            _render_progress(batch, view, classifier.fingerprint)
    elif classifier and view.num_waiting:
        progress.button("Go on", icon=":material/play_arrow:", on_click=guarded(_go_on))
    shown = view.answers
    if len(view.answers) > 1:
        shown = _render_toolbar(batch, view, network_title)
        if not shown:
            st.info("No photo fits this filter.", icon=":material/filter_alt_off:")
    else:
        st.button("Clear", icon=":material/delete_sweep:", on_click=guarded(batch.clear), key="results.clear_one")
    if st.session_state.get("results.layout") == "Table":
        _render_table(shown)
    else:
        render_cards(batch, _render_pager(shown), classifier)


def _render_progress(batch: PhotoBatch, view: BatchView, fingerprint: str) -> None:
    """How far the classification is, with time left and a way to stop."""
    num_finished = len(view.answers) - view.num_waiting
    left = time_left(view.seconds_left)
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(num_finished / len(view.answers), text=f"{num_finished} of {len(view.answers)} photos{left}")
    button.button("Stop", icon=":material/stop:", on_click=guarded(_stop), args=(batch, fingerprint), width="stretch")


def _stop(batch: PhotoBatch, fingerprint: str) -> None:
    batch.stop()
    # Photos that come later, and another network, begin anew: they are part of the mark.
    st.session_state["results.stopped"] = (batch.batch_id, batch.num_taken, fingerprint)


def _go_on() -> None:
    st.session_state.pop("results.stopped", None)


def _render_toolbar(batch: PhotoBatch, view: BatchView, network_title: str) -> Sequence[Answer]:
    st.session_state.setdefault("results.layout", "Cards")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Filter",
            placeholder="name or answer, e.g. dog",
            key="results.filter",
            icon=":material/search:",
            width=220,
        )
        order = st.selectbox("Sort", list(Order), key="results.order", width=190)
        only_unsure = st.toggle(
            "Only unsure",
            key="results.only_unsure",
            help="Unlikely answers, photos that it does not know, and refused files.",
        )
        st.segmented_control("Show as", ["Cards", "Table"], key="results.layout", required=True)
        st.download_button(
            "CSV",
            data=lambda: to_csv(view.answers, network_title).encode("utf-8-sig"),  # the mark makes Excel read UTF-8
            file_name="bluetit.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button("Clear", icon=":material/delete_sweep:", on_click=guarded(batch.clear), help="Take all photos out.")
    return arrange(view.answers, order, text, only_unsure=only_unsure)


def _render_pager(answers: Sequence[Answer]) -> Sequence[Answer]:
    place = st.container()  # the cards stay where they are when a second page comes
    num_pages = -(-len(answers) // _CARDS_PER_PAGE)
    if num_pages <= 1:
        return answers
    page = place.pagination(num_pages, key="results.page")
    return answers[(page - 1) * _CARDS_PER_PAGE : page * _CARDS_PER_PAGE]


def _render_table(answers: Sequence[Answer]) -> None:
    columns = {
        "Photo": [answer.photo.name for answer in answers],
        "Verdict": [mark(answer) for answer in answers],
        "Answer": [answer_text(answer) for answer in answers],
        "Probability": [shown_percentage(answer) for answer in answers],
    }
    if any(map(is_refused, answers)):
        columns["It would guess"] = [guess_text(answer) for answer in answers]
    if has_groups(answers):
        columns["Kind"] = [group_of(answer) for answer in answers]
    for rank, title in enumerate(("Second", "Third"), start=1):
        if rank < num_ranks_of(answers):
            columns[title] = [label_of_rank(answer, rank) for answer in answers]
    st.dataframe(
        columns,
        hide_index=True,
        column_config={"Probability": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)},
        key="results.table",
    )
