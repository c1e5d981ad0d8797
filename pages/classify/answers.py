"""The answers on the classify page: cards or a table, sorted, filtered, explained, downloaded."""

import csv
import html
import io
from collections.abc import Sequence
from enum import StrEnum

import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from core.inference.batch_records import Answer, BatchView
from core.inference.class_table import Prediction
from core.inference.classifier import Classification, Classifier
from core.inference.heatmap import overlay
from core.inference.photo_batch import PhotoBatch
from core.photos.fit import thumbnail_jpeg
from pages.widgets.errors import guarded, showing_errors
from pages.widgets.links import render_link
from pages.widgets.wording import I_DO_NOT_KNOW, count, percent, plain, quoted, time_left

# Below this probability of the best class the page says that nothing fits. Measured with EfficientNet-Lite0: 3 % of the
# right and 45 % of the wrong answers to 100 photos of known classes are below it, and 78 % of the answers to 894 photos
# of things that are no class (film monsters).
UNLIKELY_BELOW = 0.35
# Below this one the answer is given with a "perhaps".
SURE_FROM = 0.6

_CARDS_PER_PAGE = 12
_PREVIEW_SIDE_PX = 640
_CHART_MARGIN_PX, _BAR_PX, _PERCENT_PX = 28, 30, 48
_MAX_LABEL_CHARS = 32  # the longest of ImageNet's are a little shorter
_BAR_COLOUR = "#2f7fd0"  # the logo's blue; readable on the light and on the dark background
_REFUSED_COLOUR = "#8f959e"  # of guesses that do not count
_I_DO_NOT_KNOW = "I don't know"


class Order(StrEnum):
    """How the answers are sorted."""

    ADDED = "Newest first"
    SUREST = "Surest first"
    LEAST_SURE = "Least sure first"
    CLASS = "By answer"
    NAME = "By file name"


def _render_progress(batch: PhotoBatch, view: BatchView, fingerprint: str) -> None:
    """How far the classification is, with time left and a way to stop."""
    num_finished = len(view.answers) - view.num_waiting
    left = time_left(view.seconds_left)
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(num_finished / len(view.answers), text=f"{num_finished} of {len(view.answers)} photos{left}")
    button.button("Stop", icon=":material/stop:", on_click=guarded(_stop), args=(batch, fingerprint), width="stretch")


def has_stopped(batch: PhotoBatch, fingerprint: str) -> bool:
    """Whether the visitor stopped this network on this batch, and has neither added photos nor asked to go on."""
    return st.session_state.get("results.stopped") == (batch.batch_id, batch.num_taken, fingerprint)


def _go_on() -> None:
    st.session_state.pop("results.stopped", None)


def _stop(batch: PhotoBatch, fingerprint: str) -> None:
    batch.stop()
    # Photos that come later, and another network, begin anew: they are part of the mark.
    st.session_state["results.stopped"] = (batch.batch_id, batch.num_taken, fingerprint)


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
        _render_cards(batch, _render_pager(shown), classifier)


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


def arrange(answers: Sequence[Answer], order: str, text: str, *, only_unsure: bool) -> list[Answer]:
    """The answers that contain a text in file name, label or group, in the order asked for."""
    wanted = text.strip().casefold()
    kept = [
        answer
        for answer in answers
        if wanted in _searchable(answer) and (not only_unsure or answer.photo.error or _is_unsure(answer))
    ]
    keys = {
        Order.ADDED: lambda answer: -answer.photo.photo_id,
        Order.SUREST: lambda answer: -_best_probability(answer),
        Order.LEAST_SURE: _best_probability,
        Order.CLASS: lambda answer: (_best_label(answer) == "", _is_refused(answer), _best_label(answer).casefold()),
        Order.NAME: lambda answer: answer.photo.name.casefold(),
    }
    return sorted(kept, key=keys[Order(order)])


def to_csv(answers: Sequence[Answer], network_title: str) -> str:
    """A row per photo: name, network, the likeliest classes with probabilities 0-1, times in ms, error.

    ImageNet's classes come with their WordNet ids and the likeliest group. Where the model says that it does not know,
    `not_known_because` has its reason, and the classes are what it would have guessed.
    """
    num_ranks, has_groups = _num_ranks(answers), _has_groups(answers)
    header = ["file", "network"]
    for rank in range(1, num_ranks + 1):
        header += [f"class_{rank}", *([f"wnid_{rank}"] if has_groups else []), f"probability_{rank}"]
    header += [
        *(["group", "group_probability"] if has_groups else []),
        "decode_ms",
        "network_ms",
        "not_known_because",
        "error",
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for answer in answers:
        cells = [answer.photo.name, network_title]
        if answer.classification is None:
            cells += [""] * (len(header) - len(cells) - 1) + [answer.photo.error or "not classified"]
        else:
            cells += [*_csv_cells(answer.classification), ""]
        writer.writerow([_without_formula(cell) for cell in cells])
    return text.getvalue()


def _csv_cells(found: Classification) -> list[str]:
    cells = []
    for prediction in found.predictions:
        wnid = [] if prediction.wnid is None else [prediction.wnid]
        cells += [prediction.label, *wnid, f"{prediction.probability:.6f}"]
    if found.group is not None:
        cells += [found.group, f"{found.group_probability:.6f}"]
    return [*cells, f"{found.decode_milliseconds:.1f}", f"{found.network_milliseconds:.1f}", found.refusal or ""]


def _num_ranks(answers: Sequence[Answer]) -> int:
    """How many classes an answer names."""
    return max((len(answer.classification.predictions) for answer in answers if answer.classification), default=0)


def _has_groups(answers: Sequence[Answer]) -> bool:
    """Whether classes have a kind, as only those of ImageNet do."""
    return any(answer.classification.group is not None for answer in answers if answer.classification)


def _without_formula(cell: str) -> str:
    """A text, such as a file's name, that a spreadsheet would run as a formula is marked as text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


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
        "Verdict": [_mark(answer) for answer in answers],
        "Answer": [_answer_text(answer) for answer in answers],
        "Probability": [_shown_percentage(answer) for answer in answers],
    }
    if any(map(_is_refused, answers)):
        columns["It would guess"] = [_guess_text(answer) for answer in answers]
    if _has_groups(answers):
        columns["Kind"] = [_group(answer) for answer in answers]
    for rank, title in enumerate(("Second", "Third"), start=1):
        if rank < _num_ranks(answers):
            columns[title] = [_label_of_rank(answer, rank) for answer in answers]
    st.dataframe(
        columns,
        hide_index=True,
        column_config={"Probability": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)},
        key="results.table",
    )


def _render_cards(batch: PhotoBatch, answers: Sequence[Answer], classifier: Classifier | None) -> None:
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


def render_verdict(found: Classification) -> None:
    """What it is, that nothing fits, or that the model does not know and why, in words a person understands."""
    best = found.predictions[0]
    if found.refusal is not None:
        st.markdown(f"#### {I_DO_NOT_KNOW}")
        st.markdown(f"{plain(found.refusal[0].upper() + found.refusal[1:])}.")
        st.caption("What it would have guessed:")
        return
    if not is_unlikely(found):
        perhaps = "" if best.probability >= SURE_FROM else "Perhaps "
        # A person's own class may be called "Not sure": a name stands in quotation marks, what is said beside it not.
        name = best.label if found.group is not None else quoted(best.label)
        st.markdown(f"#### {perhaps}{plain(name)}")
        return
    st.markdown("#### :material/help: *Not sure*")
    guess = ""
    if found.group not in (None, "object") and found.group_probability >= 0.5:
        guess = f" It is probably some kind of **{found.group}** ({percent(found.group_probability)})."
    st.markdown(f"Nothing that this network knows fits well.{guess}")
    st.caption(
        ":material/school: To recognise it, a network must be taught: with about 20 photos of it, "
        "and 20 of what it could be confused with."
    )
    render_link("pages/dataset/page.py", "Collect photos of it", icon=":material/photo_library:")


def is_unlikely(found: Classification) -> bool:
    """Whether nothing fits well, as far as the probability tells; not asked of models that know their own limits."""
    return not found.has_rule and found.predictions[0].probability < UNLIKELY_BELOW


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


def _chart_text(label: str) -> str:
    """A label letter by letter: charts take a part of HTML for markup."""
    return html.escape(label, quote=False)


def _shortened(label: str) -> str:
    return label if len(label) <= _MAX_LABEL_CHARS else f"{label[: _MAX_LABEL_CHARS - 1].rstrip()}…"


def describe_top_five(predictions: Sequence[Prediction]) -> str:
    """The chart in words, for people who do not see it."""
    return ", ".join(f"{prediction.label} {percent(prediction.probability)}" for prediction in predictions)


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


def _is_refused(answer: Answer) -> bool:
    return answer.classification is not None and answer.classification.is_refused


def _is_unsure(answer: Answer) -> bool:
    return answer.classification is not None and (_is_refused(answer) or is_unlikely(answer.classification))


def _mark(answer: Answer) -> str:
    """What became of a photo, in a column of its own: in that of the answers stand names of classes and no words."""
    if answer.photo.error is not None:
        return f"✗ {answer.photo.error}"
    if answer.classification is None:
        return "… waiting"
    if _is_refused(answer):
        return f"? {_I_DO_NOT_KNOW}"
    return "? not sure" if _is_unsure(answer) else "✓"


def _answer_text(answer: Answer) -> str | None:
    """The name of a class; None where none is given."""
    return None if _is_refused(answer) else _best_label(answer) or None


def _guess_text(answer: Answer) -> str:
    """What it would have said, where it does not know."""
    return f"{quoted(_best_label(answer))}, {percent(_best_probability(answer))}" if _is_refused(answer) else ""


def _shown_percentage(answer: Answer) -> float | None:
    """Of the answer that is given, 0-100."""
    return None if answer.classification is None or _is_refused(answer) else 100 * _best_probability(answer)


def _best_probability(answer: Answer) -> float:
    return answer.classification.predictions[0].probability if answer.classification else 0.0


def _best_label(answer: Answer) -> str:
    return _label_of_rank(answer, 0)


def _label_of_rank(answer: Answer, rank: int) -> str:
    predictions = answer.classification.predictions if answer.classification else ()
    return predictions[rank].label if rank < len(predictions) else ""


def _group(answer: Answer) -> str:
    return (answer.classification.group if answer.classification else None) or ""


def _searchable(answer: Answer) -> str:
    refused = _I_DO_NOT_KNOW if _is_refused(answer) else ""
    return f"{answer.photo.name} {_best_label(answer)} {_group(answer)} {refused}".casefold()


def summarise(view: BatchView) -> str:
    """The batch in one line, such as "12 photos: 10 recognised, 1 unsure, 1 refused"."""
    num_refused = sum(answer.photo.error is not None for answer in view.answers)
    num_not_known = sum(_is_refused(answer) for answer in view.answers)
    num_unsure = sum(_is_unsure(answer) for answer in view.answers) - num_not_known
    num_known = len(view.answers) - view.num_waiting - num_refused - num_unsure - num_not_known
    parts = [f"{num_known} recognised"]
    parts += [f"{num_unsure} unsure"] if num_unsure else []
    parts += [f"{num_not_known} not known"] if num_not_known else []
    parts += [f"{num_refused} refused"] if num_refused else []
    parts += [f"{view.num_waiting} waiting"] if view.num_waiting else []
    return f"{count(len(view.answers), 'photo')}: {', '.join(parts)}"
