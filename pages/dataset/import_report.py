"""What became of an import: photos that came in, files that were refused by reason, what was understood."""

import csv
import io
from collections import defaultdict
from collections.abc import Sequence

import streamlit as st

from core.datasets.ingest.desk import ImportStatus
from core.datasets.manifest import guard_cell
from core.datasets.records import DatasetView, ImportState, ImportView
from core.services import Services
from pages.dataset.vacancy import dismiss_report
from pages.widgets.errors import guarded, show_error
from pages.words.wording import count, plain

_NUM_REASONS_OPENED = 5
_NUM_NAMES_SHOWN = 3
_NUM_IMPORTS_LISTED = 200


def render_report(status: ImportStatus, title: str, services: Services) -> None:
    """How an import ended, until somebody puts it away."""
    view = status.view
    with st.container(horizontal=True, vertical_alignment="center"):
        if view.state is ImportState.FAILED:
            show_error(f"{view.request.get('title') or 'The import'}: {status.error or 'it failed.'}")
            st.button(
                "Try again",
                key=f"dataset.arrivals.retry.{view.id}",
                icon=":material/refresh:",
                on_click=guarded(services.imports.retry),
                args=(view.id,),
            )
        else:
            st.markdown(f"{_icon(view)} **{title}** · {outcome(view)}", width="content")
        st.button(
            "Hide",
            key=f"dataset.arrivals.hide.{view.id}",
            type="tertiary",
            icon=":material/close:",
            help="It stays in the list “How these photos came”.",
            on_click=guarded(dismiss_report),
            args=(view, services),
        )
    _render_findings(view, key="arrivals")


def render_history(dataset: DatasetView, services: Services) -> None:
    """The list *How these photos came*: every import with what was understood and refused, newest first."""
    views = [
        view
        for view in services.library.imports.of(dataset.id, limit=_NUM_IMPORTS_LISTED)
        if view.finished_at is not None
    ]
    if not views:
        return
    history = st.expander(
        f"How these photos came ({len(views)})",
        icon=":material/history_edu:",
        key=f"dataset.arrivals.history.{dataset.id}",
        on_change="rerun",  # what it lists is worked out and sent only while it is open
    )
    if history.open:
        for view in views:
            title = plain(str(view.request.get("title") or "Import"))
            history.markdown(f"{_icon(view)} **{title}** · {outcome(view)}")
            with history:
                _render_findings(view, key="history")


def outcome(view: ImportView) -> str:
    """How an import ended, in a few words."""
    match view.state:
        case ImportState.CANCELLED:
            return "stopped, nothing was added"
        case ImportState.FAILED:
            return "failed, nothing was added"
    if not view.num_accepted and not view.num_refused:
        return "there was no photo in it"
    refused = f", {view.num_refused:,} refused" if view.num_refused else ""
    return f"{count(view.num_accepted, 'photo')} added{refused}"


def group_by_reason(refused: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Reasons with the files that were refused for them, the commonest first.

    A reason may begin with the name of its file; without it, files with one problem have one reason.
    """
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, reason in refused:
        shown = name.rpartition("/")[2]
        for called in (repr(name), repr(shown), name, shown):
            if reason.startswith(f"{called} "):
                reason = f"It {reason.removeprefix(called).lstrip()}"
        names[reason].append(name)
    return sorted(names.items(), key=lambda item: -len(item[1]))


def report_csv(view: ImportView) -> bytes:
    """The refused files with their reasons as a table that spreadsheets open without running anything in it."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(("file", "reason"))
    for name, reason in view.refused:
        writer.writerow([guard_cell(name), guard_cell(reason)])
    return target.getvalue().encode("utf-8-sig")


def _name_files(names: Sequence[str]) -> str:
    if len(names) <= _NUM_NAMES_SHOWN:
        return ", ".join(map(plain, names))
    return f"{count(len(names), 'file')}** such as **{plain(names[0])}"


def _icon(view: ImportView) -> str:
    if view.state is ImportState.CANCELLED:
        return ":material/block:"
    return ":material/check_circle:" if view.num_accepted else ":material/warning:"


def _render_findings(view: ImportView, *, key: str) -> None:
    for note in view.notes:
        st.markdown(f":material/info: {plain(note)}")
    if view.num_refused:
        _render_refused(view, key=key)


def _render_refused(view: ImportView, *, key: str) -> None:
    groups = group_by_reason(view.refused)
    label = f"{count(view.num_refused, 'file')} refused: names and reasons"
    # In a list of expanders another one would be hidden; this is the only one that opens by itself.
    place = (
        st.container()
        if key == "history"
        else st.expander(label, icon=":material/report:", expanded=len(groups) <= _NUM_REASONS_OPENED)
    )
    with place:
        for reason, names in groups:
            st.markdown(f"- **{_name_files(names)}** — {plain(reason)}")
        if view.num_refused > len(view.refused):
            st.caption(f"The first {len(view.refused):,} of {view.num_refused:,}.")
        st.download_button(
            "All names as CSV",
            data=lambda: report_csv(view),
            file_name=f"refused-{view.id}.csv",
            mime="text/csv",
            key=f"dataset.{key}.csv.{view.id}",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )
