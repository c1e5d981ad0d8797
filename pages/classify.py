"""Drop photos in, see what a pretrained network makes of them."""

import streamlit as st

from core.backbones.catalog import Backbone
from core.errors import ArtefactDamagedError, ArtefactMissingError
from core.inference.classifier import Classifier
from core.inference.photo_batch import PhotoBatch
from core.services import Services
from pages.widgets.backbone_picker import render_picker, render_preparation
from pages.widgets.class_search import render_class_search
from pages.widgets.errors import showing_errors
from pages.widgets.photo_inputs import open_batch, render_photo_inputs
from pages.widgets.results import has_stopped, render_answers
from pages.widgets.services import get_services
from pages.widgets.under_the_hood import render_under_the_hood

_IS_BUSY = "classify.is_busy"
_POLL_SECONDS = 0.5


def load_classifier(backbone: Backbone, services: Services) -> Classifier | None:
    """The classifier of a backbone; None while it is not prepared, or has to be prepared again."""
    try:
        return services.classifiers.get(backbone)
    except (ArtefactMissingError, ArtefactDamagedError):
        return None


def render_results(batch: PhotoBatch, backbone: Backbone, services: Services, *, was_busy: bool) -> None:
    """Everything below the inputs; runs again and again by itself while there is work under way."""
    is_busy = False
    with showing_errors():
        classifier = load_classifier(backbone, services)
        if classifier is None:
            is_busy = render_preparation(backbone, services)
        elif not has_stopped(batch, classifier.record.fingerprint):
            batch.start(classifier)
        view = batch.view(classifier.record.fingerprint if classifier else "")
        is_busy = is_busy or view.is_running
        if view.answers:
            render_answers(batch, view, classifier, backbone.title)
        if classifier:
            render_under_the_hood(backbone, classifier.record, view)
    if is_busy != was_busy:
        st.session_state[_IS_BUSY] = is_busy
        st.rerun()  # the whole page: the timer starts or stops, and the box of networks knows the new state


services = get_services()
batch = open_batch(services)
st.title("What is in your photo?", anchor=False)
st.markdown("A network that learned 1,000 kinds of things says what it sees. Your photos stay on this computer.")
inputs, network = st.columns([3, 2], gap="large")
with network:
    backbone = render_picker(services)
with inputs:
    render_photo_inputs(batch, services.settings)
was_busy = st.session_state.get(_IS_BUSY, True)
st.fragment(render_results, run_every=_POLL_SECONDS if was_busy else None)(batch, backbone, services, was_busy=was_busy)
render_class_search()
