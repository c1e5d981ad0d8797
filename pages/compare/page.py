"""Compare: which of several models is better, how sure that is, and what each costs."""

from pathlib import Path

import streamlit as st

from pages.compare.better import render_better
from pages.compare.charts import render_curves
from pages.compare.chooser import render_chooser
from pages.compare.chosen import chosen
from pages.compare.entrants import gather
from pages.compare.figures import render_figures
from pages.compare.new_photo import render_new_photo
from pages.server.services import get_services
from pages.widgets.errors import showing_errors

SECTION = "compare.section"

_STYLES = Path(__file__).parent.parent / "assets" / "compare.css"

services = get_services()
st.html(_STYLES)
st.title("Which model is better?", anchor=False)
selection = chosen(services)
render_chooser(selection, services)
if not selection.is_empty:
    entrants = gather(selection, services)
    sections = {
        "Figures": lambda: render_figures(entrants, services),
        "Really better?": lambda: render_better(entrants, services),
        "Curves": lambda: render_curves(entrants, services),
        "New photo": lambda: render_new_photo(entrants, services),
    }
    st.session_state.setdefault(SECTION, "Figures")
    section = st.segmented_control(
        "What to see",
        list(sections),
        key=SECTION,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    with showing_errors():
        sections[section]()
