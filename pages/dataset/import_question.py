"""The plan of an import before it is done: how what has arrived can be understood, with what each way would bring."""

import streamlit as st

from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.ingest.desk import ImportStatus
from core.datasets.readings.alike_names import NameGroup
from core.datasets.readings.question import PlanAnswer, PlanOption, PlanQuestion
from core.datasets.readings.reading import ClassCount
from core.errors import NameRefusedError, RecordError
from core.names import clean_name, name_key
from core.services import Services
from pages.dataset.vacancy import drop_import
from pages.widgets.errors import guarded
from pages.words.wording import count, plain

_NUM_NAMES_SHOWN = 12
_NUM_CLASSES_SHOWN = 30
_ONE, _APART = "One class", "Keep apart"
_SPLIT_TITLES = {"train": "train", "validation": "validation", "test": "test", "": "no split"}


def render_question(status: ImportStatus, title: str, services: Services) -> None:
    """Ask how an import is meant; its photos come in when the person has decided."""
    import_id = status.view.id
    try:
        question = PlanQuestion.from_json(status.view.question or {})
    except RecordError:
        _render_outdated(status, title, services)
        return
    st.markdown(f":material/help: **{title}** · one question before its photos come in")
    option = question.options[0]
    if len(question.options) > 1:
        option = st.radio(
            "What are the classes?",
            question.options,
            format_func=lambda choice: plain(choice.title) + (" (suggested)" if choice == question.options[0] else ""),
            captions=[_caption(choice) for choice in question.options],
            key=f"dataset.arrivals.reading.{import_id}",
        )
    _render_details(option)
    if question.names is not None:
        _render_encodings(question.names, import_id, services)
    kinds = [_render_kind(group, f"{import_id}.{number}") for number, group in enumerate(option.groups)]
    # A form: what was typed last counts, whatever the page does in the meantime.
    with st.form(f"dataset.arrivals.question.{import_id}", border=False):
        names = [
            name
            for number, (group, kind) in enumerate(zip(option.groups, kinds, strict=True))
            for name in _render_names(group, kind, f"{import_id}.{number}")
        ]
        st.form_submit_button(
            f"Import {count(option.num_photos, 'photo')}",
            type="primary",
            icon=":material/check:",
            on_click=guarded(_answer),
            args=(import_id, option.reading, names, services),
        )
    _render_drop(status, services)


def _render_drop(status: ImportStatus, services: Services) -> None:
    st.button(
        "Do not import",
        key=f"dataset.arrivals.drop.{status.view.id}",
        type="tertiary",
        icon=":material/close:",
        on_click=guarded(drop_import),
        args=(status.view, services),
    )


def _render_outdated(status: ImportStatus, title: str, services: Services) -> None:
    """A question that an older version of Bluetit has asked: it is asked anew."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/help: **{title}** · waits for an answer", width="content")
        st.button(
            "Look again",
            key=f"dataset.arrivals.again.{status.view.id}",
            icon=":material/refresh:",
            on_click=guarded(services.imports.ask_again),
            args=(status.view.id,),
        )
        _render_drop(status, services)


def _caption(option: PlanOption) -> str:
    names = [f"{plain(view.name)} {view.num_photos:,}" for view in option.classes]
    more = f" and {len(names) - _NUM_NAMES_SHOWN} more" if len(names) > _NUM_NAMES_SHOWN else ""
    left_out = sum(each.num_photos for each in option.left_out)
    rest = f" · {count(left_out, 'photo')} left out" if left_out else ""
    return f"{count(len(names), 'class', 'classes')}: {', '.join(names[:_NUM_NAMES_SHOWN])}{more}{rest}"


def _render_details(option: PlanOption) -> None:
    """What the chosen way would bring: an example, the classes by split, and what is left out for which reason."""
    if option.explanation:
        path, class_name = option.example
        example = f" For example: {plain(path)} → **{plain(class_name)}**." if path else ""
        st.markdown(f"{plain(option.explanation)}{example}")
    if any(split for view in option.classes for split in view.counts):
        _render_splits(option.classes)
    for each in option.left_out:
        st.markdown(
            f":material/block: **{count(each.num_photos, 'photo')} left out** — {plain(each.reason)} "
            f":gray[For example {plain(each.example)}.]"
        )


def _render_splits(classes: tuple[ClassCount, ...]) -> None:
    splits = [split for split in _SPLIT_TITLES if any(split in view.counts for view in classes)]
    with st.expander("Photos per class and split", expanded=len(classes) <= _NUM_NAMES_SHOWN):
        rows = []
        for view in classes[:_NUM_CLASSES_SHOWN]:
            numbers = {_SPLIT_TITLES[split]: f"{view.counts.get(split, 0):,}" for split in splits}
            rows.append({"class": plain(view.name)} | numbers)
        st.table(rows)
        if len(classes) > _NUM_CLASSES_SHOWN:
            st.caption(f"and {count(len(classes) - _NUM_CLASSES_SHOWN, 'more class', 'more classes')}")


def _render_encodings(names: NameEncodings, import_id: int, services: Services) -> None:
    """How names were read that do not say their character set, and how else they could be."""
    st.markdown(f":material/translate: {plain(names.note)}")
    if not names.alternatives:
        return
    with st.container(horizontal=True, gap="small"):
        for choice in names.alternatives:
            st.button(
                f"{plain(', '.join(choice.examples))} :gray[{choice.title}]",
                key=f"dataset.arrivals.names.{import_id}.{choice.encoding}",
                help="Read the names like this",
                on_click=guarded(services.imports.ask_again),
                args=(import_id, choice.encoding),
            )


def _render_kind(group: NameGroup, key: str) -> str:
    """Whether names that are alike mean one class."""
    kind: str = st.segmented_control(
        plain(group.question),
        [_ONE, _APART],
        default=_ONE if _is_one(group) else _APART,
        required=True,
        key=f"dataset.arrivals.kind.{key}",
    )
    return kind


def _shown(group: NameGroup) -> str:
    return " and ".join(f"“{plain(view.name)}”" for view in group.classes)


def _is_one(group: NameGroup) -> bool:
    return len(set(group.suggestion.values())) == 1


def _render_names(group: NameGroup, kind: str, key: str) -> list[tuple[str, str]]:
    """Boxes for the names of classes; returns each name as it came with the key of the box that holds its class."""
    names = [view.name for view in group.classes]
    if kind == _ONE:
        box = f"dataset.arrivals.one.{key}"
        target = group.suggestion[names[0]] if _is_one(group) else names[0]
        st.text_input(f"Name of the class of {_shown(group)}", value=target, key=box)
        return [(name, box) for name in names]
    boxes = []
    for position, (column, view) in enumerate(zip(st.columns(len(names)), group.classes, strict=True)):
        box = f"dataset.arrivals.map.{key}.{position}"
        splits = ", ".join(f"{split}: {num:,}" for split, num in view.counts.items() if split)
        column.text_input(
            f"{plain(view.name)} ({splits or count(view.num_photos, 'photo')})", value=group.apart[view.name], key=box
        )
        boxes.append((view.name, box))
    if any(group.apart[name] != name for name in names):
        st.caption("Capitals do not tell two classes apart in Bluetit, so one of them gets another name.")
    return boxes


def _answer(import_id: int, reading: str, names: list[tuple[str, str]], services: Services) -> None:
    # A name that no class can have is told here, while the question is open, and not by refusing the folder's photos.
    class_map = {name: clean_name(st.session_state[key], "class") for name, key in names}
    _refuse_silent_merges(class_map)
    services.imports.answer(import_id, PlanAnswer(class_map=class_map, reading=reading).to_json())


def _refuse_silent_merges(class_map: dict[str, str]) -> None:
    """Two names that only look different would be one class, without anybody having said so."""
    spelled: dict[str, str] = {}
    for name in class_map.values():
        other = spelled.setdefault(name_key(name), name)
        if other != name:
            raise NameRefusedError(
                f"“{other}” and “{name}” would be one class: capitals and spaces do not tell classes apart. Give one "
                "of them another name, or write both alike."
            )
