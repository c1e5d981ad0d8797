"""The services of this server process, opened once and shared by all sessions."""

import streamlit as st

from core.services import Services, open_services
from core.settings import load_settings


@st.cache_resource(show_spinner="Starting Bluetit …")
def get_services() -> Services:
    """Open the database and start the background work, at the first visit."""
    return open_services(load_settings())
