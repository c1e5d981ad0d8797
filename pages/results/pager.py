"""A few of many things at a time."""

import streamlit as st


def render_pager(num_things: int, *, per_page: int, key: str) -> slice:
    """A row of page numbers, where there are several; which things are on the page that is chosen."""
    num_pages = max(1, -(-num_things // per_page))
    if num_pages == 1:
        return slice(0, num_things)
    page = st.pagination(num_pages, key=key, persist_state="session")
    return slice((page - 1) * per_page, page * per_page)
