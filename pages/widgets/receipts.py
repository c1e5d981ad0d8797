"""Deletions for good: how far they are, and the receipts of those that are over, until somebody puts them away."""

import json
import re

import streamlit as st

from core.services import Services
from core.spaces.deleting.desk import DeletionStatus
from core.spaces.deleting.records import DeletionReason, Receipt
from core.spaces.deleting.told import receipt_markdown
from pages.widgets.errors import guarded, show_error
from pages.words.wording import count

_POLL_SECONDS = 1.0
_HEADING = re.compile("^(?=#)", re.MULTILINE)  # of a page to print, too large for one over another

_DOING = {
    DeletionReason.CLASS: "Everything of the class is being deleted",
    DeletionReason.PUPIL: "Everything of a pupil is being deleted",
    DeletionReason.OVERDUE: "Everything of pupils who were away for long is being deleted",
    DeletionReason.ACCOUNT: "Everything of an account is being deleted",
}
_DONE = {
    DeletionReason.CLASS: "Everything of the class is deleted",
    DeletionReason.PUPIL: "Everything of a pupil is deleted",
    DeletionReason.OVERDUE: "Everything of pupils who were away for long is deleted",
    DeletionReason.ACCOUNT: "Everything of an account is deleted",
}
_WHO = {DeletionReason.ACCOUNT: "account"}


def render_deletions(services: Services) -> None:
    """Deletions that are under way, and receipts that nobody has put away."""
    shown = services.deletions.shown()
    is_active = any(each.view.finished_at is None for each in shown)
    st.fragment(_render_all, run_every=_POLL_SECONDS if is_active else None)(services, was_active=is_active)


def _render_all(services: Services, *, was_active: bool) -> None:
    shown = services.deletions.shown()
    if was_active is not any(each.view.finished_at is None for each in shown):
        st.rerun()  # the whole page, which starts or ends the timer
    for each in shown:
        if each.view.receipt is None:
            _render_under_way(each)
        else:
            _render_receipt(each.view.id, each.view.receipt, services)


def _render_under_way(status: DeletionStatus) -> None:
    progress, doing = status.progress, _DOING[status.view.plan.reason]
    message = "waiting for its turn" if progress is None else progress.message
    st.progress((progress.fraction or 0.0) if progress else 0.0, text=f"{doing}: {message}")
    if status.error:
        show_error(status.error)


def _render_receipt(deletion_id: int, receipt: Receipt, services: Services) -> None:
    text = receipt_markdown(receipt)
    with st.container(border=True, key=f"board-receipt-{deletion_id}"):
        st.markdown(
            f":material/verified: **{_DONE[receipt.reason]}**: {count(receipt.num_photos, 'photo')}, "
            f"{count(receipt.num_models, 'model')} of {count(receipt.num_spaces, _WHO.get(receipt.reason, 'pupil'))}. "
            "Everything was looked through; nothing was found any more."
        )
        with st.container(horizontal=True, gap="small"):
            name = f"bluetit-receipt-{deletion_id}"
            st.download_button(
                "Receipt to print", text, f"{name}.md", "text/markdown", key=f"{name}.md", icon=":material/download:"
            )
            st.download_button(
                "As JSON",
                json.dumps(receipt.to_json(), indent=2),
                f"{name}.json",
                "application/json",
                key=f"{name}.json",
                type="tertiary",
            )
            with st.popover("Read it", type="tertiary"):
                st.markdown(_HEADING.sub("###", text))
            st.button(
                "Put away",
                key=f"{name}.dismiss",
                type="tertiary",
                help="You have it; it is not shown any more.",
                on_click=guarded(services.deletions.dismiss),
                args=(deletion_id,),
            )
