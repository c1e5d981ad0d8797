"""A button for a file that the server sends from its disk, see `pages/server/file_routes.py`."""

import streamlit as st


def render_download(label: str, url: str, *, icon: str = ":material/download:", help_text: str | None = None) -> None:
    """A link that looks like a download button, for files too large for Streamlit, which keeps them in memory.

    `pages/assets/downloads.js` fetches the file without leaving the page, and says so where it is gone.

    Args:
        label: what it says.
        url: an address of `pages.server.file_routes`.
        icon: Streamlit's name of an icon.
        help_text: what is said to a pointer that rests on it.
    """
    st.link_button(label, url, icon=icon, help=help_text)
