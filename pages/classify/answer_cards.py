"""The answers as cards: the photo, the verdict, the likeliest classes, and why."""

from collections.abc import Sequence

import streamlit as st
from PIL import Image

from core.inference.batch_records import Answer
from core.inference.classifier import Classifier
from core.inference.heatmap import overlay
from core.inference.photo_batch import PhotoBatch
from core.photos.fit import thumbnail_jpeg
from pages.widgets.errors import guarded, showing_errors
from pages.widgets.verdict import describe_top_five, render_verdict, top_five_chart
from pages.words.wording import plain

_PREVIEW_SIDE_PX = 640


def render_cards(batch: PhotoBatch, answers: Sequence[Answer], classifier: Classifier | None) -> None:
    """Two in a row, as far as there are two."""
    # Row by row, so that a phone, which shows one column under the other, keeps the order.
    num_columns = min(2, len(answers))
    for start in range(0, len(answers), 2):
        for column, answer in zip(st.columns(num_columns), answers[start : start + 2], strict=False):
            card = column.container(border=True, key=f"results.card.{answer.photo.photo_id}")
            with card, showing_errors():
                _render_card(batch, answer, classifier)


def _render_card(batch: PhotoBatch, answer: Answer, classifier: Classifier | None) -> None:
    photo = answer.photo
    if photo.error is not None:
        st.markdown(f"**{plain(photo.name)}**")
        st.error(plain(photo.error), icon=":material/broken_image:")
        _render_remove(batch, answer)
        return
    if answer.classification is None:
        st.markdown(f":material/hourglass_empty: {plain(photo.name)} is waiting")
        return
    left, right = st.columns([2, 3])
    left.image(_preview(batch, answer), alt=f"Photo {photo.name}", width="stretch")
    with right:
        render_verdict(answer.classification)
        st.plotly_chart(
            top_five_chart(answer.classification.predictions, is_refused=answer.classification.is_refused),
            key=f"results.chart.{photo.photo_id}",
            config={"displayModeBar": False},
            alt=describe_top_five(answer.classification.predictions),
        )
        found = answer.classification
        st.caption(
            f"{plain(photo.name)} · {found.decode_milliseconds + found.network_milliseconds:.0f} ms "
            f"(reading {found.decode_milliseconds:.0f}, network {found.network_milliseconds:.0f})"
        )
        for remark in found.remarks:
            st.caption(f":material/info: {plain(remark)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        is_explained = st.toggle(
            "Why?",
            key=f"results.why.{batch.batch_id}.{photo.photo_id}",
            help="What the network looked at.",
            persist_state="session",  # another network answers first, and until then there is no switch
        )
        _render_remove(batch, answer)
    if is_explained and classifier is not None:
        _render_explanation(batch, answer, classifier)


def _render_explanation(batch: PhotoBatch, answer: Answer, classifier: Classifier) -> None:
    predictions = answer.classification.predictions if answer.classification else ()
    labels = {prediction.index: prediction.label for prediction in predictions}
    index = st.pills(
        "Show where the network sees",
        list(labels),
        default=next(iter(labels)),
        format_func=lambda index: plain(labels[index]),
        # Another network has other classes under the same numbers.
        key=f"results.heat.{answer.photo.photo_id}.{classifier.fingerprint}",
        required=True,
    )
    square, heated = _square_and_heat(
        classifier,
        batch,
        name=answer.photo.name,
        key=(classifier.fingerprint, batch.batch_id, answer.photo.photo_id, index),
    )
    seen, heat = st.columns(2)
    seen.image(square, caption=f"What the network saw: {square.width} × {square.height} pixels", width="stretch")
    heat.image(
        heated,
        caption=f"Evidence for {plain(labels[index])}: the brighter, the more",
        width="stretch",
    )


@st.cache_data(max_entries=64, show_spinner="Looking for the evidence …")
def _square_and_heat(
    _classifier: Classifier, _batch: PhotoBatch, *, name: str, key: tuple[str, str, int, int]
) -> tuple[Image.Image, Image.Image]:
    """The square that the network saw, and the same with the evidence for a class laid over it.

    Args:
        _classifier: the network that answered.
        _batch: the visitor's photos.
        name: the photo's name.
        key: artefact fingerprint, batch id, photo id and class index: what the pictures depend on.
    """
    _, _, photo_id, class_index = key
    square = _classifier.square(_batch.read(photo_id), name)
    return square, overlay(square, _classifier.heat(square, class_index))


def _render_remove(batch: PhotoBatch, answer: Answer) -> None:
    st.button(
        "Remove",
        key=f"results.remove.{answer.photo.photo_id}",
        icon=":material/close:",
        type="tertiary",
        on_click=guarded(batch.remove),
        args=(answer.photo.photo_id,),
    )


@st.cache_data(max_entries=200, show_spinner=False)
def _preview_jpeg(_batch: PhotoBatch, batch_id: str, photo_id: int, name: str) -> bytes:
    image = _batch.open_image(photo_id, name, shortest_side_px=_PREVIEW_SIDE_PX)
    return thumbnail_jpeg(image, _PREVIEW_SIDE_PX)


def _preview(batch: PhotoBatch, answer: Answer) -> bytes:
    return _preview_jpeg(batch, batch.batch_id, answer.photo.photo_id, answer.photo.name)
