"""Train: choose photos, a recipe and a network, watch the model learn, see how good it became."""

import streamlit as st

from core.runs.records import RunView
from pages.server.services import get_services
from pages.train.opened import opened
from pages.train.run_list import render_run_list
from pages.train.run_page import render_run
from pages.train.start import begin_with, render_start
from pages.train.together import render_together
from pages.widgets.errors import showing_errors

services = get_services()
shown = opened(services)
with st.sidebar:
    render_run_list(shown.id if isinstance(shown, RunView) else None, services)
with showing_errors():
    if isinstance(shown, RunView):
        render_run(shown, services)
    elif isinstance(shown, str):
        render_together(shown, services)
    else:
        if shown is not None:
            begin_with(shown, services)
        render_start(services)
