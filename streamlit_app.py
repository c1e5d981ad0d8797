"""Bluetit's entry point: page config and navigation, nothing else."""

from pathlib import Path

import streamlit as st

from pages.widgets.errors import showing_errors

ASSETS = Path(__file__).parent / "pages" / "assets"

st.set_page_config(page_title="Bluetit", page_icon=str(ASSETS / "bluetit.svg"), layout="wide")
st.logo(str(ASSETS / "bluetit_with_name.svg"), size="large")
page = st.navigation(
    [
        st.Page("pages/classify.py", title="Classify", icon=":material/image_search:", default=True),
        st.Page("pages/backbones.py", title="Networks", icon=":material/hub:"),
    ],
    position="top",
)
with showing_errors():
    page.run()
