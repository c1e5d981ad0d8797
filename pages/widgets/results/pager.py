"""A few of many things at a time."""

import streamlit as st


def render_pager(num_things: int, *, per_page: int, key: str) -> slice:
    """A box for the number of the page, where there are several; which things are on it."""
    num_pages = max(1, -(-num_things // per_page))
    if num_pages == 1:
        return slice(0, num_things)
    st.session_state[key] = min(max(1, st.session_state.get(key, 1)), num_pages)
    page = int(st.number_input(f"Page, 1 to {num_pages:,}", 1, num_pages, key=key, width=150, persist_state="session"))
    return slice((page - 1) * per_page, page * per_page)
