"""The end of a class: everything of it is deleted, and a receipt says so."""

import json

import streamlit as st

from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.deleting.desk import DeletionStatus
from core.spaces.deleting.records import DeletionReason, Receipt
from core.spaces.deleting.told import receipt_markdown
from core.spaces.records import SpaceKind
from pages.widgets.errors import guarded, show_error
from pages.words.wording import count

_WITH_TEACHER, _SURE = "board.delete.with_teacher", "board.delete.sure"
_POLL_SECONDS = 1.0

_DOING = {
    DeletionReason.CLASS: "Everything of the class is being deleted",
    DeletionReason.PUPIL: "Everything of a pupil is being deleted",
    DeletionReason.OVERDUE: "Everything of pupils who were away for long is being deleted",
}
_DONE = {
    DeletionReason.CLASS: "Everything of the class is deleted",
    DeletionReason.PUPIL: "Everything of a pupil is deleted",
    DeletionReason.OVERDUE: "Everything of pupils who were away for long is deleted",
}


def render_delete_class(classroom: ClassroomView, services: Services) -> None:
    """The question."""
    pupils = [each for each in services.spaces.of_classroom(classroom.id) if each.kind is SpaceKind.PUPIL]
    st.markdown(
        f"Deletes **everything of {count(len(pupils), 'pupil')}**: names, photos, datasets, models, results, and every "
        "trace of them in caches and logs. The pupils' browsers are let out at once, the class code changes. "
        "It cannot be undone; let them take home what they want to keep.\n\n"
        "You get a receipt: what there was, and how it was found out that nothing is left."
    )
    st.checkbox("Also what I have made as the teacher: my datasets and models", key=_WITH_TEACHER)
    st.checkbox("Nobody needs any of it any more", key=_SURE)
    st.button(
        "Delete everything",
        key="board.delete",
        icon=":material/delete_forever:",
        type="primary",
        disabled=not st.session_state.get(_SURE),
        on_click=guarded(_delete),
        args=(classroom, services),
    )


def _delete(classroom: ClassroomView, services: Services) -> None:
    services.deletions.request_class(classroom.id, with_teacher=bool(st.session_state.get(_WITH_TEACHER)))
    st.session_state[_SURE] = False


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
            f"{count(receipt.num_models, 'model')} of {count(receipt.num_spaces, 'pupil')}. "
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
                st.markdown(text)
            st.button(
                "Put away",
                key=f"{name}.dismiss",
                type="tertiary",
                help="You have it; it is not shown any more.",
                on_click=guarded(services.deletions.dismiss),
                args=(deletion_id,),
            )
