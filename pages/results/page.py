"""Results: how good a model is, where it fails and why, what to put right, and what that changed."""

from pathlib import Path

import streamlit as st

from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.results.certainty import render_certainty
from pages.results.chooser import render_chooser, render_nothing, render_unfinished
from pages.results.confusion import render_confusion
from pages.results.dataset_now import read_dataset_now
from pages.results.examination import render_examination
from pages.results.headline import chosen_split, render_headline, render_pointers
from pages.results.labels import render_labels
from pages.results.learning import render_learning
from pages.results.material import read_material
from pages.results.mistakes import render_mistakes
from pages.results.model_card import render_model_card
from pages.results.opened import SECTION, WHAT_CHANGED, open_section, opened_run, settle_section
from pages.results.per_class import render_per_class
from pages.results.retraining import find_parent, render_corrections_bar, render_what_changed
from pages.results.why import render_why
from pages.server.services import get_services
from pages.widgets.errors import show_error, showing_errors

_OF_JUDGED_PHOTOS = ("Mistakes", "Confusion", "Per class", "How sure")

_STYLES = Path(__file__).parent.parent / "assets" / "results.css"


def render_results(view: RunView, services: Services) -> None:
    """Everything about the model of a run that is done; only the open section is worked out."""
    material = read_material(view, chosen_split(), services)
    now = read_dataset_now(view, services)
    parent = find_parent(view, services)
    with st.container(horizontal=True, gap="medium", key="results-top"):
        with st.container(key="results-headline"):
            render_headline(material, services)
        render_pointers(material, now, open_section, services)
    with st.container():  # what comes and goes here moves nothing below, which would be made anew in the browser
        for problem in material.problems:
            show_error(problem)
        render_examination(material, services)
    with st.container():
        render_corrections_bar(material, now, services)
    sections = {
        "Mistakes": lambda: render_mistakes(material, now, services),
        "Confusion": lambda: render_confusion(material, now, services),
        "Per class": lambda: render_per_class(material, now),
        "Labels": lambda: render_labels(material, now, services),
        "How sure": lambda: render_certainty(material, services),
        "Why": lambda: render_why(material, now, services),
        "More photos?": lambda: render_learning(material),
        "Model card": lambda: render_model_card(material, now, services),
    }
    if parent is not None:
        sections = {WHAT_CHANGED: lambda: render_what_changed(material, parent, services), **sections}
    settle_section(list(sections))
    section = st.segmented_control(
        "What to look at",
        list(sections),
        key=SECTION,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    with showing_errors():
        if material.judged is None and section in _OF_JUDGED_PHOTOS:
            st.info("This section is about the photos that judge the model, and there are none.")
        else:
            sections[str(section)]()


st.html(_STYLES)
services = get_services()
views = services.runs.list_runs()
shown = opened_run(views, services)
if shown is None:
    render_nothing(views)
else:
    render_chooser(shown, views, services)
    if shown.status is RunStatus.DONE:
        render_results(shown, services)
    else:
        render_unfinished(shown, services)
