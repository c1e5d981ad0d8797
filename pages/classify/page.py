"""Drop photos in, see what a pretrained network, or a model of one's own, makes of them."""

import streamlit as st

from core.errors import ArtefactDamagedError, ArtefactMissingError, BluetitError, RunFileError
from core.inference.classifier import Classifier
from core.services import Services
from pages.classify.answers import has_stopped, render_answers
from pages.classify.bring_model import take_brought
from pages.classify.network_choice import NetworkChoice
from pages.classify.network_picker import chosen_choice, render_picker
from pages.classify.photo_inputs import render_photo_inputs
from pages.server.services import get_services
from pages.widgets.errors import showing_errors
from pages.widgets.visitor_photos import open_batch
from pages.words.place import this_computer
from pages.words.wording import plain

_IS_BUSY = "classify.is_busy"
_POLL_SECONDS = 1.0  # while a network is being prepared

_UNREADY = (ArtefactMissingError, ArtefactDamagedError, RunFileError)


def load(network: NetworkChoice, services: Services) -> tuple[Classifier | None, BluetitError | None]:
    """What answers, or why nothing does."""
    try:
        return network.load(services), None
    except BluetitError as exc:
        return None, exc


def render_unready(network: NetworkChoice, services: Services, *, was_busy: bool) -> None:
    """Why nothing answers; runs again and again by itself while that is about to change."""
    classifier, error = load(network, services)
    is_busy = False
    with showing_errors():
        if isinstance(error, _UNREADY):
            is_busy = network.render_unready(error, services)
        elif error is not None:
            raise error
    st.session_state[_IS_BUSY] = is_busy
    if classifier is not None or is_busy != was_busy:
        st.rerun()  # the whole page: it answers now, or the timer starts or stops


services = get_services()
batch = open_batch(services)
take_brought(services)
network = chosen_choice(services)
classifier, _ = load(network, services)
if classifier and not has_stopped(batch, classifier.fingerprint):
    batch.start(classifier)  # answers come while the page is being made
st.title("What is in your photo?", anchor=False)
st.markdown(f"{network.introduction} Your photos stay on {this_computer(services.settings.access)}.")
inputs, side = st.columns([3, 2], gap="large")
with side:
    render_picker(network, services)
with inputs:
    render_photo_inputs(batch, network, services)
with st.container():  # what comes and goes here moves nothing below
    if classifier is None:
        was_busy = st.session_state.get(_IS_BUSY, True)
        every = _POLL_SECONDS if was_busy else None
        st.fragment(render_unready, run_every=every)(network, services, was_busy=was_busy)
    elif classifier.problem:
        st.warning(plain(classifier.problem), icon=":material/warning:")
answers = st.container()
network.render_classes(services)
with answers:  # at the end, when the first answers are there already
    render_answers(batch, classifier, network)
