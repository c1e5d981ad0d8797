"""Drop photos in, see what a pretrained network, or a model of one's own, makes of them."""

import streamlit as st

from core.errors import ArtefactDamagedError, ArtefactMissingError, RunFileError
from core.inference.photo_batch import PhotoBatch
from core.services import Services
from pages.classify.answers import has_stopped, render_answers
from pages.classify.network_choice import NetworkChoice
from pages.classify.network_picker import chosen_choice, render_picker
from pages.classify.photo_inputs import render_photo_inputs
from pages.classify.under_the_hood import render_under_the_hood
from pages.server.services import get_services
from pages.widgets.errors import showing_errors
from pages.widgets.visitor_photos import open_batch
from pages.words.wording import plain

_IS_BUSY = "classify.is_busy"
_POLL_SECONDS = 0.5


def render_results(batch: PhotoBatch, network: NetworkChoice, services: Services, *, was_busy: bool) -> None:
    """Everything below the inputs; runs again and again by itself while there is work under way."""
    is_busy, classifier = False, None
    with showing_errors():
        with st.container():  # what comes and goes here moves nothing below
            try:
                classifier = network.load(services)
            except (ArtefactMissingError, ArtefactDamagedError, RunFileError) as exc:
                is_busy = network.render_unready(exc, services)
            if classifier and classifier.problem:
                st.warning(plain(classifier.problem), icon=":material/warning:")
        if classifier and not has_stopped(batch, classifier.fingerprint):
            batch.start(classifier)
        view = batch.view(classifier.fingerprint if classifier else "")
        is_busy = is_busy or view.is_running
        if view.answers:
            render_answers(batch, view, classifier, network.title)
        if classifier:
            render_under_the_hood(network.anatomy(classifier), classifier, view)
    if is_busy != was_busy:
        st.session_state[_IS_BUSY] = is_busy
        st.rerun()  # the whole page: the timer starts or stops, and the box of networks knows the new state


services = get_services()
batch = open_batch(services)
st.title("What is in your photo?", anchor=False)
st.markdown(f"{chosen_choice(services).introduction} Your photos stay on this computer.")
inputs, side = st.columns([3, 2], gap="large")
with side:
    network = render_picker(services)
with inputs:
    render_photo_inputs(batch, network, services)
was_busy = st.session_state.get(_IS_BUSY, True)
st.fragment(render_results, run_every=_POLL_SECONDS if was_busy else None)(batch, network, services, was_busy=was_busy)
network.render_classes(services)
