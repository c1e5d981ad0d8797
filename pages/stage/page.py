"""On stage: a screen that says what it sees, for an open day, a stand or a classroom, and what happens there."""

import streamlit as st

from pages.server.services import get_services
from pages.stage.reactions import render_reactions
from pages.stage.screen import render_screen
from pages.stage.subject import choose_subject
from pages.widgets.errors import showing_errors

_SCREEN, _REACTIONS = "The screen", "What happens"

services = get_services()
st.title("On stage", anchor=False)
st.markdown(
    "A screen (kiosk) that says what it sees to whoever walks past, all day long. At the classes of your own model "
    "something can happen: a picture, a sound, a word, a colour."
)
subject = choose_subject(services)
with showing_errors():
    part = st.segmented_control(
        "What to set up",
        [_SCREEN, _REACTIONS],
        key="stage.part",
        default=None if "stage.part" in st.session_state else _SCREEN,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    if part == _REACTIONS:
        render_reactions(subject, services)
    else:
        render_screen(subject, services)
