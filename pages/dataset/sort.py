"""Sorting many photos in little time: more like these, or where the model would put each."""

import secrets
from dataclasses import replace
from typing import Literal

import streamlit as st

from core.datasets.pile import PILE_NAME, is_pile
from core.datasets.records import ClassView, DatasetView, ImageView, Split
from core.errors import BluetitError, DatasetError
from core.services import Services
from core.sorting.desk import LOOKS, MIN_CLASSES
from core.sorting.records import Adviser
from pages.dataset.chooser import SECTION
from pages.dataset.no_photos import render_no_photos
from pages.dataset.sorter import Sitting, show_sorter
from pages.dataset.task_progress import render_task_progress
from pages.widgets.errors import guarded, show_error
from pages.widgets.photo_grid import photo_grid
from pages.widgets.selection import clear_selection, grid_photos
from pages.words.wording import SPLIT_TITLES, count, plain

SORT_SECTION = "Sort"

_EXAMPLES, _SITTING = "dataset.sort.examples", "dataset.sort.sitting"
_WAY, _INTO, _NEW, _AMONG, _SPLIT, _ADVISER, _PILE = (
    f"dataset.sort.{name}" for name in ("way", "into", "new", "among", "split", "adviser", "pile")
)
_ALIKE, _SUGGEST = "More like these", "Sort these for me"
_ANY_CLASS = 0
_NEW_CLASS = -1
_SplitRule = Split | Literal["keep"] | None
_SPLITS: dict[str, _SplitRule] = {"keep theirs": "keep"} | {title: split for split, title in SPLIT_TITLES.items()}
_EXAMPLE_PX = 84


def choose_examples(image_ids: list[int]) -> None:
    """Take photos as examples of what to look for, and turn to the section that looks for more."""
    st.session_state[_EXAMPLES] = tuple(image_ids)
    st.session_state[_WAY] = _ALIKE
    st.session_state[SECTION] = SORT_SECTION
    st.session_state.pop(_SITTING, None)
    clear_selection()


def render_sort(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    """What has been begun to sort; else the choice of how."""
    if not dataset.num_images:
        render_no_photos(dataset, services)
        return
    sitting: Sitting | None = st.session_state.get(_SITTING)
    if sitting is not None and sitting.dataset_id == dataset.id:
        _render_sitting(sitting, dataset, classes, services)
        return
    st.session_state.setdefault(_WAY, _ALIKE)
    way = st.segmented_control(
        "How", [_ALIKE, _SUGGEST], key=_WAY, required=True, label_visibility="collapsed", persist_state="session"
    )
    if way == _ALIKE:
        _render_search(dataset, classes, services)
    else:
        _render_suggestions(dataset, classes, services)


def _render_sitting(sitting: Sitting, dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    adviser = sitting.adviser or Adviser.EXAMPLES
    kind = LOOKS[adviser]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Done", icon=":material/arrow_back:", key="dataset.sort.done", on_click=guarded(_end))
        st.button(
            "Begin anew",
            icon=":material/restart_alt:",
            key="dataset.sort.anew",
            type="tertiary",
            help="Looks again with what is in the classes by now, also at photos that were passed over.",
            on_click=guarded(_begin_anew),
        )
    if services.dataset_tasks.is_active(kind, dataset.id):
        st.markdown("The network looks at each photo once; then they are sorted in a moment.")
        render_task_progress(kind, dataset.id, services)
        return
    task = services.dataset_tasks.latest(kind, dataset.id)
    if task is not None and task.error:
        show_error(task.error)
    show_sorter(sitting, classes)


# --- more like these -------------------------------------------------------------------------------------


def _render_search(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    images = services.library.images.get(st.session_state.get(_EXAMPLES, ()))
    examples = [image for image in images if image.dataset_id == dataset.id and image.trashed_at is None]
    st.markdown(
        "Finds the photos that look most like your examples, fifty at a time. Say yes or no to each with one key; "
        "every answer makes the next fifty better (*relevance feedback*)."
    )
    if examples:
        st.caption(f"{count(len(examples), 'example')}:")
        photo_grid(grid_photos(examples, classes), size_px=_EXAMPLE_PX, key="dataset.sort.grid", label="Examples")
        st.button(
            "Without these examples", key="dataset.sort.forget", type="tertiary", on_click=guarded(_forget_examples)
        )
    targets = [view for view in classes if not is_pile(view.name) and (examples or view.num_images)]
    if not targets and not examples:
        st.info(
            "Select some photos under **Photos** or on the **Map** and press *More like these*.",
            icon=":material/search:",
        )
        return
    into = _render_target(targets, examples)
    among, split = _render_scope(classes, into)
    if not examples and into != _NEW_CLASS:
        st.caption("The photos that are in the class already are the examples. To choose some, select them in Photos.")
    st.button(
        "Look for more",
        type="primary",
        icon=":material/search:",
        key="dataset.sort.look",
        on_click=guarded(_begin_search),
        args=(dataset, examples, among, split, services),
    )


def _render_target(targets: list[ClassView], examples: list[ImageView]) -> int:
    titles = {view.id: f"{plain(view.name)} · {view.num_images:,}" for view in targets}
    if examples:
        titles[_NEW_CLASS] = "a new class"
    if st.session_state.get(_INTO) not in titles:
        theirs = {image.class_id for image in examples}
        st.session_state[_INTO] = next((class_id for class_id in titles if theirs == {class_id}), next(iter(titles)))
    into = st.pills("Which class?", list(titles), key=_INTO, required=True, format_func=titles.__getitem__, wrap=True)
    if into == _NEW_CLASS:
        st.text_input("Name of the new class", key=_NEW, placeholder="blue tit", width=320)
    return int(into)


def _render_scope(classes: list[ClassView], into: int) -> tuple[int | None, _SplitRule]:
    """Where to look, and which split what is found goes into."""
    titles = {_ANY_CLASS: "all other photos"}
    titles |= {view.id: f"{view.name} · {view.num_images:,}" for view in classes if view.id != into and view.num_images}
    if st.session_state.get(_AMONG) not in titles:
        st.session_state[_AMONG] = next((view.id for view in classes if view.id in titles and is_pile(view.name)), 0)
    with st.container(horizontal=True, gap="medium"):
        among = st.selectbox("Look among", list(titles), key=_AMONG, format_func=titles.__getitem__, width=260)
        split = _render_split()
    return among or None, split


def _render_split() -> _SplitRule:
    title = st.selectbox(
        "Their split",
        list(_SPLITS),
        key=_SPLIT,
        width=200,
        persist_state="session",
        help="Photos keep theirs, unless you choose one. The other photos of a burst then follow into the same split, "
        "so that none is learned from while another is judged by.",
    )
    return _SPLITS[title]


def _begin_search(
    dataset: DatasetView, examples: list[ImageView], among: int | None, split: _SplitRule, services: Services
) -> None:
    num_unknown = services.sorting.count_unknown(dataset.id, Adviser.EXAMPLES)  # or nothing is changed yet
    into = int(st.session_state[_INTO])
    if into == _NEW_CLASS:
        if not st.session_state[_NEW].strip():
            raise DatasetError("The new class has no name yet. Type what the examples show.")
        into = services.library.classes.create(dataset.id, st.session_state[_NEW]).id
        st.session_state[_INTO] = into
    coming = [image.id for image in examples if image.class_id != into]
    if coming:  # they are what is looked for
        services.library.images.sort(dataset.id, dict.fromkeys(coming, into), split=split)
    name = next(view.name for view in services.library.classes.of(dataset.id) if view.id == into)
    sitting = Sitting(
        token=secrets.token_hex(8),
        dataset_id=dataset.id,
        question=f"Is this “{name}”?",
        among=among,
        into=into,
        examples=tuple(image.id for image in examples),
        split=split,
    )
    _begin(sitting, Adviser.EXAMPLES, num_unknown, services)


# --- sort these for me -----------------------------------------------------------------------------------


def _render_suggestions(dataset: DatasetView, classes: list[ClassView], services: Services) -> None:
    st.markdown(
        "Suggests a class for each photo, the most certain first. Nothing is moved before you say so: all above a "
        "certainty, or one photo at a time with one key."
    )
    used = [view for view in classes if view.num_images]
    titles = {view.id: f"{view.name} · {view.num_images:,}" for view in used}
    if st.session_state.get(_PILE) not in titles:
        st.session_state[_PILE] = max(used, key=lambda view: (is_pile(view.name), view.num_images)).id
    with st.container(horizontal=True, gap="medium"):
        pile = st.selectbox("Sort the photos of", list(titles), key=_PILE, format_func=titles.__getitem__, width=230)
        advisers = _advisers(dataset, classes, int(pile), services)
        if advisers:
            if st.session_state.get(_ADVISER) not in advisers:
                st.session_state[_ADVISER] = next(iter(advisers))
            adviser = st.selectbox(
                "Who says what they are", list(advisers), key=_ADVISER, format_func=advisers.__getitem__, width=280
            )
        split = _render_split()
    if not any(is_pile(view.name) for view in classes):
        st.caption(
            f"Photos that nobody has sorted yet go into a class called *{PILE_NAME}*: no training uses them until they "
            "are in another one. **Collect** can make it."
        )
    if not advisers:
        st.info(
            f"There is no model of this dataset yet, and fewer than {MIN_CLASSES} other classes with photos to go by. "
            "Put some examples into each class first.",
            icon=":material/label:",
        )
        return
    st.button(
        "Suggest classes",
        type="primary",
        icon=":material/auto_awesome:",
        key="dataset.sort.suggest",
        on_click=guarded(_begin_suggestions),
        args=(dataset, int(pile), Adviser(adviser), split, services),
    )


def _advisers(dataset: DatasetView, classes: list[ClassView], pile: int, services: Services) -> dict[Adviser, str]:
    """Who can be asked, with their titles; the model first."""
    advisers = {}
    try:
        model = services.sorting.model_of(dataset.id)
    except BluetitError as exc:
        show_error(f"The model of this dataset cannot be asked. {exc}")
    else:
        if model is not None:
            advisers[Adviser.MODEL] = f"the model {model.name}"
    if sum(view.num_images > 0 for view in classes if view.id != pile and not is_pile(view.name)) >= MIN_CLASSES:
        advisers[Adviser.EXAMPLES] = "the photos in the classes"
    return advisers


def _begin_suggestions(
    dataset: DatasetView, pile: int, adviser: Adviser, split: _SplitRule, services: Services
) -> None:
    num_unknown = services.sorting.count_unknown(dataset.id, adviser)
    sitting = Sitting(
        token=secrets.token_hex(8),
        dataset_id=dataset.id,
        question="Is the suggestion right?",
        among=pile,
        adviser=adviser,
        split=split,
    )
    _begin(sitting, adviser, num_unknown, services)


# --- sittings --------------------------------------------------------------------------------------------


def _begin(sitting: Sitting, adviser: Adviser, num_unknown: int, services: Services) -> None:
    if num_unknown:
        services.dataset_tasks.request(LOOKS[adviser], sitting.dataset_id)
    st.session_state[_SITTING] = sitting


def _begin_anew() -> None:
    sitting: Sitting = st.session_state[_SITTING]
    st.session_state[_SITTING] = replace(sitting, token=secrets.token_hex(8))


def _end() -> None:
    st.session_state.pop(_SITTING, None)
    _forget_examples()


def _forget_examples() -> None:
    st.session_state.pop(_EXAMPLES, None)
