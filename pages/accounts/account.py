"""One account: what it has, and its deletion."""

from typing import Any

import streamlit as st

from core.services import Services
from core.spaces.overview import AccountNow, AccountsNow
from core.storage.limits import limits_of
from pages.server.account_role import space_of_administrator
from pages.server.services import get_services
from pages.widgets.errors import guarded
from pages.words.wording import count, moment_text, plain, size_text

_OPENED, _SURE = "accounts.opened", "accounts.sure"


def open_account(payload: Any) -> None:
    """The browser writes the payload, so it may be anything."""
    if type(payload) is int:
        _close()
        st.session_state[_OPENED] = payload


def render_account(now: AccountsNow, services: Services) -> None:
    """The account that was opened, over the board."""
    opened = st.session_state.get(_OPENED)
    account = next((each for each in now.accounts if each.space.id == opened), None)
    if account is not None:
        st.dialog(plain(account.space.name), on_dismiss=guarded(_close))(_render)(account, services)


def _close() -> None:
    for key in (_OPENED, _SURE):
        st.session_state.pop(key, None)


def _render(account: AccountNow, services: Services) -> None:
    use, limits = account.use, limits_of(services.settings, account.space.kind)
    rows = {
        "First here": moment_text(account.space.created_at),
        "Last here": "now" if account.is_here else moment_text(account.space.seen_at),
        "Photos": _of(f"{use.photos:,}", limits.photos and f"{limits.photos:,}", use.trashed_photos),
        "Runs": _of(f"{use.runs:,}", limits.runs and f"{limits.runs:,}", use.trashed_runs),
        "Disk": _of(size_text(use.num_bytes), limits.num_bytes and size_text(limits.num_bytes)),
        "Training, last hour": _of(
            f"{use.training_minutes:.0f}", limits.training_minutes and f"{limits.training_minutes:g}"
        )
        + " minutes",
    }
    st.markdown("| | |\n| --- | --- |\n" + "\n".join(f"| {name} | {plain(text)} |" for name, text in rows.items()))
    st.markdown(
        f"**Delete everything of this account**: {count(use.photos, 'photo')}, {count(use.runs, 'run')}, every trace "
        "in caches and logs. It cannot be undone. Its browsers are let out at once; whoever signs in again begins with "
        "nothing. You get a receipt."
    )
    st.checkbox("Nobody needs any of it any more", key=_SURE)
    is_pressed = st.button(
        "Delete everything",
        key="accounts.delete",
        icon=":material/delete_forever:",
        disabled=not st.session_state.get(_SURE),
        on_click=guarded(_delete),
        args=(account.space.id, services),
        width="stretch",
    )
    # Once it is being deleted, the button says nothing: it is disabled again by then.
    if is_pressed or st.session_state.get(_OPENED) != account.space.id:
        st.rerun()  # the whole page


def _of(has: str, limit: str | None, trashed: int = 0) -> str:
    text = f"{has} of {limit}" if limit else has
    return f"{text} ({trashed:,} in the trash)" if trashed else text


def _delete(space_id: int, services: Services) -> None:
    space_of_administrator(get_services())  # asked now, not when the page was made
    services.deletions.request_accounts([space_id])
    _close()
