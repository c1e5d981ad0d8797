"""What imports of a dataset ask, and their reports until they are put away."""

from collections.abc import Sequence

import streamlit as st

from core.datasets.ingest.desk import ImportStatus
from core.datasets.records import ImportState
from core.services import Services
from pages.dataset.import_question import render_question
from pages.dataset.import_report import render_report
from pages.words.wording import plain


def render_arrivals(statuses: Sequence[ImportStatus], services: Services, *, with_reports: bool) -> None:
    """The latest imports of a dataset that are not under way any more.

    Args:
        statuses: of the newest imports, newest first.
        services: the open services.
        with_reports: whether to show the newest that ended well, too.
    """
    for position, status in enumerate(statuses):
        if _is_shown(status, with_reports=with_reports, is_newest=position == 0):
            _render_one(status, services)


def _is_shown(status: ImportStatus, *, with_reports: bool, is_newest: bool) -> bool:
    """What asks or tells something stays until it is put away; that all went well is news until the next import."""
    view = status.view
    if status.is_active:
        return False
    if view.state is ImportState.QUESTION:
        return True
    if view.dismissed_at is not None:
        return False
    has_something_to_tell = view.state is ImportState.FAILED or view.num_refused or view.notes or not view.num_accepted
    return bool(has_something_to_tell) or (with_reports and is_newest)


def _render_one(status: ImportStatus, services: Services) -> None:
    view, title = status.view, plain(str(status.view.request.get("title") or "Import"))
    with st.container(border=True, key=f"dataset-arrival-{view.id}"):
        if view.state is ImportState.QUESTION:
            render_question(status, title, services)
        else:
            render_report(status, title, services)
