"""Links to other pages of the app.

Links, and not buttons: at a button's click the server changes the page, and a timer of the old page that still ticks
in the browser leaves the new one empty. A browser that follows a link stops the timers first. Besides, a link can be
opened in another tab.
"""

from collections.abc import Mapping
from typing import Literal

import streamlit as st

Look = Literal["primary", "secondary", "tertiary"]


def render_link(
    page: str,
    label: str,
    *,
    icon: str,
    address: Mapping[str, str] | None = None,
    look: Look = "tertiary",
    help_text: str | None = None,
) -> None:
    """A link that looks like a button of the same kind.

    Args:
        page: the page's file, such as "pages/results/page.py".
        label: what it says, Markdown; those that do not look tertiary differ on a page.
        icon: Streamlit's name of an icon.
        address: the parameters by which that page knows what to open; each page has a function that gives them.
        look: like which kind of button; see `pages/assets/page.css`.
        help_text: what is said to a pointer that rests on it.
    """
    place = st.container(key=None if look == "tertiary" else f"link-{look}-{label}", width="content")
    place.page_link(page, label=label, icon=icon, help=help_text, query_params=address)
