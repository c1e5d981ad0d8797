"""Make a dataset: collect photos in classes, see and clean them, split them."""

import streamlit as st

from core.datasets.records import DatasetView
from core.services import Services
from pages.dataset.arrivals import render_arrivals
from pages.dataset.browse import render_browse
from pages.dataset.chooser import SECTION, chosen_dataset, render_chooser
from pages.dataset.classes import render_classes
from pages.dataset.collect import render_collect
from pages.dataset.dataset_menu import render_dataset_menu
from pages.dataset.feature_map import render_map
from pages.dataset.import_report import render_history
from pages.dataset.overview import render_overview
from pages.dataset.phone_line import render_phone_line
from pages.dataset.problems import count_problems, render_problems
from pages.dataset.sort import SORT_SECTION, render_sort
from pages.dataset.split import render_split
from pages.dataset.start import render_start
from pages.dataset.vary import render_vary
from pages.dataset.watch import render_watch
from pages.server.dataset_watch import tell_dataset_now
from pages.server.services import get_services
from pages.widgets.errors import showing_errors
from pages.words.telling import with_tag
from pages.words.wording import plain


def render_dataset(dataset: DatasetView, services: Services) -> None:
    """The open dataset: counts beside, one section at a time."""
    services.dataset_tasks.request_check_if_needed(dataset)
    statuses = services.imports.list_statuses(dataset.id)
    told = with_tag(tell_dataset_now(dataset.id, (dataset.revision, dataset.trashed_at), statuses, services))
    classes = services.library.classes.of(dataset.id)
    with st.sidebar:
        render_chooser(dataset, services)
        with st.container():  # what comes and goes in it does not close the menus below
            render_overview(dataset, classes, services)
        with st.container(horizontal=True):
            render_classes(dataset, classes, services)
            render_dataset_menu(dataset, services)
    st.title(plain(dataset.name), anchor=False)
    problems = count_problems(dataset, services)
    sections = {
        "Collect": lambda: render_collect(dataset, services),
        "Photos": lambda: render_browse(dataset, classes, services),
        SORT_SECTION: lambda: render_sort(dataset, classes, services),
        "Check": lambda: render_problems(dataset, classes, services),
        "Split": lambda: render_split(dataset, classes, services),
        "Map": lambda: render_map(dataset, classes, services),
        "Vary": lambda: render_vary(dataset, services),
    }
    if st.session_state.get(SECTION) not in sections:
        st.session_state[SECTION] = "Collect"
    section = st.segmented_control(
        "What to do",
        list(sections),
        key=SECTION,
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: f"{name} ({problems})" if name == "Check" and problems else name,
        persist_state="session",
    )
    if section != "Collect":
        with st.container():  # photos that come in do not make the section below anew
            if services.phone_links.living(dataset.id):
                render_phone_line(dataset, services)
            render_watch(dataset.id, told, services)
            render_arrivals(statuses, services, with_reports=False)
    with showing_errors():
        sections[section]()
    if section == "Collect":
        # Below: a report that comes in must not push away the button that the person is holding.
        render_watch(dataset.id, told, services)
        render_arrivals(statuses, services, with_reports=True)
        render_history(dataset, services)


services = get_services()
dataset = chosen_dataset(services)
if dataset is None:
    render_start(services)
else:
    render_dataset(dataset, services)
