"""What became of each import: progress while it runs, questions, a report of what was accepted and refused."""

import time

import streamlit as st

from core.datasets.ingest.desk import ImportStatus
from core.datasets.ingest.layout import LayoutAnswer, LayoutQuestion, NameGroup, Reading, ReadingOption
from core.datasets.names import clean_name
from core.datasets.records import DatasetView, ImportState, ImportView
from core.services import Services
from pages.widgets.errors import guarded, show_error, showing_errors
from pages.widgets.wording import count, plain, time_left

_POLL_SECONDS = 0.5
_SEEN = "dataset.arrivals.seen"
_NUM_SHOWN = 5
_NUM_NAMES_SHOWN = 12
_NUM_REASONS_IN_FULL = 20
_NUM_REASONS_OPENED = 5
_NEWS_SECONDS = 15 * 60.0  # for so long an import that has ended is news, in every visitor's browser
_READING_TITLES = {Reading.LEAF: "The innermost folders", Reading.TOP: "The outermost folders"}


def render_arrivals(dataset: DatasetView, services: Services, *, with_reports: bool) -> None:
    """The latest imports of a dataset; looks again by itself while one is under way.

    Args:
        dataset: the open dataset.
        services: the open services.
        with_reports: whether to show those that ended well, too.
    """
    is_active = any(status.is_active for status in _statuses(dataset, services))
    fragment = st.fragment(_render, run_every=_POLL_SECONDS if is_active else None)
    fragment(dataset, services, was_active=is_active, with_reports=with_reports)


def _statuses(dataset: DatasetView, services: Services) -> list[ImportStatus]:
    return services.imports.list_statuses(dataset.id, limit=_NUM_SHOWN)


def _render(dataset: DatasetView, services: Services, *, was_active: bool, with_reports: bool) -> None:
    with showing_errors():
        statuses = _statuses(dataset, services)
        for status in statuses:
            if _is_shown(status, with_reports=with_reports):
                _render_one(status, services)
        if was_active and not any(status.is_active for status in statuses):
            st.rerun()  # the whole page: counts and photos have changed


def _is_shown(status: ImportStatus, *, with_reports: bool) -> bool:
    view = status.view
    if status.is_active or view.state is ImportState.QUESTION:
        return True
    if view.finished_at is not None and time.time() - view.finished_at > _NEWS_SECONDS:
        return False
    is_bad_news = view.state is ImportState.FAILED or view.num_refused > 0
    return (with_reports or is_bad_news) and view.id not in st.session_state.get(_SEEN, ())


def _render_one(status: ImportStatus, services: Services) -> None:
    view, title = status.view, plain(str(status.view.request.get("title") or "Import"))
    with st.container(border=True, key=f"dataset-arrival-{view.id}"):
        if status.is_active:
            _render_progress(status, title, services)
        elif view.state is ImportState.QUESTION:
            _render_question(status, title, services)
        else:
            _render_report(status, title, services)


def _render_progress(status: ImportStatus, title: str, services: Services) -> None:
    progress = status.progress
    text = "Waiting for its turn" if progress is None else f"{progress.message}{time_left(progress.seconds_left)}"
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress((progress.fraction or 0.0) if progress else 0.0, text=f"**{title}** · {text}")
    button.button(
        "Stop",
        key=f"dataset.arrivals.stop.{status.view.id}",
        icon=":material/stop:",
        on_click=guarded(services.imports.cancel),
        args=(status.view.id,),
        width="stretch",
    )


def _render_report(status: ImportStatus, title: str, services: Services) -> None:
    view = status.view
    with st.container(horizontal=True, vertical_alignment="center"):
        match view.state:
            case ImportState.DONE:
                st.markdown(f"{_outcome_icon(view)} **{title}** · {_outcome(view)}", width="content")
            case ImportState.CANCELLED:
                st.markdown(f":material/block: **{title}** · stopped, nothing was added", width="content")
            case _:
                show_error(f"{view.request.get('title') or 'The import'}: {status.error or 'it failed.'}")
        if view.state is ImportState.FAILED:
            st.button(
                "Try again",
                key=f"dataset.arrivals.retry.{view.id}",
                icon=":material/refresh:",
                on_click=guarded(services.imports.retry),
                args=(view.id,),
            )
        st.button(
            "Hide",
            key=f"dataset.arrivals.hide.{view.id}",
            type="tertiary",
            icon=":material/close:",
            on_click=guarded(_hide),
            args=(view.id,),
        )
    if view.num_refused:
        _render_refused(view.refused, view.num_refused)


def _outcome_icon(view: ImportView) -> str:
    return ":material/check_circle:" if view.num_accepted else ":material/warning:"


def _outcome(view: ImportView) -> str:
    if not view.num_accepted and not view.num_refused:
        return "there was no photo in it"
    refused = f", {view.num_refused:,} refused" if view.num_refused else ""
    return f"{count(view.num_accepted, 'photo')} added{refused}"


def _hide(import_id: int) -> None:
    st.session_state[_SEEN] = {*st.session_state.get(_SEEN, ()), import_id}


def _render_refused(refused: tuple[tuple[str, str], ...], num_refused: int) -> None:
    with st.expander(
        f"{count(num_refused, 'file')} refused: names and reasons",
        icon=":material/report:",
        expanded=num_refused <= _NUM_REASONS_OPENED,
    ):
        if num_refused > len(refused):
            st.caption(f"The first {len(refused):,} of {num_refused:,}.")
        for name, reason in refused[:_NUM_REASONS_IN_FULL]:
            st.markdown(f"- **{plain(name)}** — {plain(reason)}")
        if len(refused) > _NUM_REASONS_IN_FULL:
            st.dataframe(
                [{"file": name, "reason": reason} for name, reason in refused[_NUM_REASONS_IN_FULL:]],
                hide_index=True,
                column_config={"reason": st.column_config.TextColumn(width="large")},
            )


# --- what the person must decide -------------------------------------------------------------------------


def _render_question(status: ImportStatus, title: str, services: Services) -> None:
    question = LayoutQuestion.from_json(status.view.question or {})
    import_id = status.view.id
    st.markdown(f":material/help: **{title}** · one question before its photos come in")
    option = question.options[0]
    if len(question.options) > 1:
        option = st.radio(
            "Which folders are the classes?",
            question.options,
            format_func=lambda choice: _READING_TITLES[choice.reading],
            captions=[_list_classes(choice) for choice in question.options],
            key=f"dataset.arrivals.reading.{import_id}",
        )
    with st.form(f"dataset.arrivals.question.{import_id}", border=False):
        if option.groups:
            st.markdown("These folders look like one class written differently. What shall each be called?")
        names = [name for number, group in enumerate(option.groups) for name in _render_group(group, import_id, number)]
        st.form_submit_button(
            "Go on",
            type="primary",
            on_click=guarded(_answer),
            args=(import_id, option.reading, names, services),
        )
        st.caption("Names that are the same become one class.")
    st.button(
        "Do not import",
        key=f"dataset.arrivals.drop.{import_id}",
        type="tertiary",
        icon=":material/close:",
        on_click=guarded(services.imports.cancel),
        args=(import_id,),
    )


def _list_classes(option: ReadingOption) -> str:
    names = [plain(view.name) for view in option.classes]
    more = f" and {len(names) - _NUM_NAMES_SHOWN} more" if len(names) > _NUM_NAMES_SHOWN else ""
    return f"{count(len(names), 'class', 'classes')}: {', '.join(names[:_NUM_NAMES_SHOWN])}{more}"


def _render_group(group: NameGroup, import_id: int, number: int) -> list[tuple[str, str]]:
    """Boxes side by side; returns each folder's name with the key of its box."""
    keys = []
    for position, (column, view) in enumerate(zip(st.columns(len(group.classes)), group.classes, strict=True)):
        key = f"dataset.arrivals.map.{import_id}.{number}.{position}"
        splits = ", ".join(f"{split or 'no split'}: {num_photos:,}" for split, num_photos in view.counts.items())
        column.text_input(f"{plain(view.name)} ({splits})", value=group.suggestion[view.name], key=key)
        keys.append((view.name, key))
    return keys


def _answer(import_id: int, reading: Reading, names: list[tuple[str, str]], services: Services) -> None:
    # A name that no class can have is told here, while the question is open, and not by refusing the folder's photos.
    class_map = {name: clean_name(st.session_state[key], "class") for name, key in names}
    services.imports.answer(import_id, LayoutAnswer(class_map=class_map, reading=reading).to_json())
