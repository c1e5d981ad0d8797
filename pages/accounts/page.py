"""Accounts: how much everybody stores, for administrators; what it is, they do not see."""

import streamlit as st

from core.errors import NotLetInError
from core.services import Services
from core.spaces.overview import read_accounts
from core.task_kinds import TASK_KINDS
from pages.accounts.account import open_account, render_account
from pages.server.account_role import space_of_administrator
from pages.server.services import get_services, whole_services
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.receipts import render_deletions
from pages.words.accounts_told import tell_accounts
from pages.words.telling import with_tag

_LOOK_SECONDS = 10.0

_board = load_component("board")


def _look_again(services: Services, shown_tag: str) -> None:
    """Make the page anew once there is something else to show."""
    try:
        space_of_administrator(get_services())
    except NotLetInError:
        st.rerun()  # the whole page, which says so
    now = read_accounts(services.database, services.settings, TASK_KINDS)
    if with_tag(tell_accounts(now, services.settings))["tag"] != shown_tag:
        st.rerun()


space_of_administrator(get_services())
services = whole_services()
render_deletions(services)
now = read_accounts(services.database, services.settings, TASK_KINDS)
told = with_tag(tell_accounts(now, services.settings))
data = watched_data(told, "heading", "storage", "hint", "spaces", "queue", url=None)
show_component(_board, key="accounts", data=data, on_event={"open": open_account})
render_account(now, services)
st.caption(
    "Who takes most of the disk comes first. What it is, only its owner sees. How long somebody trained is told of the "
    "last hour."
)
st.fragment(_look_again, run_every=_LOOK_SECONDS)(services, told["tag"])
