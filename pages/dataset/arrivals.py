"""The imports of a dataset that the person should know of: progress, questions, reports until they are put away."""

import streamlit as st

from core.datasets.ingest.desk import ImportStatus
from core.datasets.records import DatasetView, ImportState
from core.services import Services
from pages.dataset.import_question import render_question
from pages.dataset.import_report import render_report
from pages.widgets.errors import guarded, showing_errors
from pages.words.wording import plain, time_left

_POLL_SECONDS = 0.5
_NUM_LOOKED_AT = 20


def render_arrivals(dataset: DatasetView, services: Services, *, with_reports: bool) -> None:
    """The latest imports of a dataset; looks again by itself while one is under way.

    Args:
        dataset: the open dataset.
        services: the open services.
        with_reports: whether to show the newest that ended well, too.
    """
    is_active = any(status.is_active for status in _statuses(dataset, services))
    fragment = st.fragment(_render, run_every=_POLL_SECONDS if is_active else None)
    fragment(dataset, services, was_active=is_active, with_reports=with_reports)


def _statuses(dataset: DatasetView, services: Services) -> list[ImportStatus]:
    return services.imports.list_statuses(dataset.id, limit=_NUM_LOOKED_AT)


def _render(dataset: DatasetView, services: Services, *, was_active: bool, with_reports: bool) -> None:
    with showing_errors():
        statuses = _statuses(dataset, services)
        for position, status in enumerate(statuses):
            if _is_shown(status, with_reports=with_reports, is_newest=position == 0):
                _render_one(status, services)
        if was_active and not any(status.is_active for status in statuses):
            st.rerun()  # the whole page: counts and photos have changed


def _is_shown(status: ImportStatus, *, with_reports: bool, is_newest: bool) -> bool:
    """What asks or tells something stays until it is put away; that all went well is news until the next import."""
    view = status.view
    if status.is_active or view.state is ImportState.QUESTION:
        return True
    if view.dismissed_at is not None:
        return False
    has_something_to_tell = view.state is ImportState.FAILED or view.num_refused or view.notes or not view.num_accepted
    return bool(has_something_to_tell) or (with_reports and is_newest)


def _render_one(status: ImportStatus, services: Services) -> None:
    view, title = status.view, plain(str(status.view.request.get("title") or "Import"))
    with st.container(border=True, key=f"dataset-arrival-{view.id}"):
        if status.is_active:
            _render_progress(status, title, services)
        elif view.state is ImportState.QUESTION:
            render_question(status, title, services)
        else:
            render_report(status, title, services)


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
