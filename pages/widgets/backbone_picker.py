"""Choosing a backbone, and seeing it being prepared."""

import time
from enum import StrEnum

import streamlit as st

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone, all_backbones, find_backbone
from core.backbones.weights import find_weights
from core.errors import UnknownBackboneError
from core.jobs.status import TaskStatus
from core.jobs.views import TaskView
from core.services import Services, preparation_key
from pages.widgets.errors import guarded, show_error
from pages.widgets.wording import plain, time_left

_CHOSEN = "backbone_picker.chosen"
_WIDGET = "backbone_picker.widget"
_QUERY_PARAMETER = "network"

_LOST_AFTER_SECONDS = 20.0


class Availability(StrEnum):
    """Where the weights of a backbone are, best first."""

    READY = "ready"
    BUNDLED = "bundled"
    ON_THIS_MACHINE = "on this machine"
    DOWNLOAD = "download"


def availability_of(backbone: Backbone, services: Services) -> Availability:
    """Where the weights of a backbone are."""
    if find_artefact(backbone, services.settings) is not None:
        return Availability.READY
    if find_weights(backbone, services.settings) is None:
        return Availability.DOWNLOAD
    return Availability.BUNDLED if backbone.is_bundled else Availability.ON_THIS_MACHINE


def describe_availability(backbone: Backbone, availability: Availability) -> str:
    """The availability in words, with the megabytes of a download."""
    if availability is Availability.DOWNLOAD:
        return f"download {backbone.weights_megabytes:,.0f} MB"
    return availability.value


def chosen_backbone(services: Services) -> Backbone:
    """The backbone this visitor works with; it survives page changes and reloads."""
    name = st.session_state.get(_CHOSEN) or st.query_params.get(_QUERY_PARAMETER)
    try:
        backbone = find_backbone(name or services.settings.default_backbone)
    except UnknownBackboneError:
        # The address was typed or is old: begin as if there were none.
        backbone = find_backbone(services.settings.default_backbone)
    st.query_params[_QUERY_PARAMETER] = backbone.name
    return backbone


def choose_backbone(backbone: Backbone) -> None:
    """Make this the backbone the visitor works with, on every page."""
    st.session_state[_CHOSEN] = backbone.name
    st.session_state[_WIDGET] = backbone.name


def render_picker(services: Services) -> Backbone:
    """A box to choose a backbone from and the facts of the chosen one; returns it."""
    backbone = chosen_backbone(services)
    choices = {choice.name: availability_of(choice, services) for choice in all_backbones()}
    order = sorted(choices, key=lambda name: list(Availability).index(choices[name]))
    st.session_state[_WIDGET] = backbone.name
    st.selectbox(
        "Network (backbone)",
        order,
        key=_WIDGET,
        format_func=lambda name: _describe_choice(find_backbone(name), choices[name]),
        on_change=lambda: choose_backbone(find_backbone(st.session_state[_WIDGET])),
        help="A network that was trained on 1.3 million photos of 1,000 kinds of things. "
        "Smaller ones answer faster, larger ones are right more often.",
    )
    _render_facts(backbone, choices[backbone.name], services)
    return backbone


def _describe_choice(backbone: Backbone, availability: Availability) -> str:
    return f"{backbone.title} · {describe_availability(backbone, availability)}"


def _render_facts(backbone: Backbone, availability: Availability, services: Services) -> None:
    artefact = find_artefact(backbone, services.settings)
    accuracy = "–" if backbone.imagenet_top1 is None else f"{backbone.imagenet_top1:.1f} %"
    speed = f"{artefact.record.litert_milliseconds:.0f} ms" if artefact else "–"
    facts = st.container(horizontal=True, gap="medium")
    facts.metric(
        "Right first time",
        accuracy,
        width="content",
        help="Published top-1 accuracy on the 50,000 validation photos of ImageNet.",
    )
    facts.metric(
        "Speed here",
        speed,
        width="content",
        help="Time for one photo on one processor core of this computer, measured when the network was prepared.",
    )
    facts.metric(
        "Size",
        f"{backbone.weights_megabytes:,.0f} MB",
        width="content",
        help=f"{backbone.num_parameters / 1e6:.1f} million learned numbers (parameters).",
    )
    st.caption(
        f"{describe_availability(backbone, availability).capitalize()} · "
        f"{backbone.image_size[1]} × {backbone.image_size[0]} pixels · "
        f"[{backbone.year}, {backbone.paper}]({backbone.paper_url})"
    )


def render_preparation(backbone: Backbone, services: Services) -> bool:
    """Show how far the preparation of a backbone is, starting it where that needs no download.

    Returns:
        Whether to look again soon.
    """
    task = services.queue.latest(preparation_key(backbone))
    if task is None or task.status is TaskStatus.INTERRUPTED or _has_been_lost(task):
        if find_weights(backbone, services.settings) is None:
            # Nobody starts a long download by looking at a network.
            st.info(f"The weights of {backbone.title} are not on this machine yet.", icon=":material/cloud_download:")
            _render_request(backbone, services, f"Download {backbone.weights_megabytes:,.0f} MB", "download")
            return False
        task = services.queue.get(services.request_preparation(backbone))
    if task.is_active:
        _render_progress(backbone, task, services)
        return True
    if task.status is TaskStatus.DONE and find_artefact(backbone, services.settings) is not None:
        return True  # finished while this was being asked
    if task.status is TaskStatus.CANCELLED:
        st.info(f"Preparing {backbone.title} was stopped.", icon=":material/block:")
    else:
        reason = task.error or "It was prepared by another version of Bluetit: restart the app."
        show_error(f"{backbone.title} could not be prepared. {reason}")
    _render_request(backbone, services, "Try again", "refresh")
    return False


def _render_request(backbone: Backbone, services: Services, label: str, icon: str) -> None:
    st.button(
        label,
        key=f"backbone_picker.request.{backbone.name}",
        icon=f":material/{icon}:",
        on_click=guarded(services.request_preparation),
        args=(backbone,),
    )


def _has_been_lost(task: TaskView) -> bool:
    """Whether a preparation ended well, but so long ago that its artefact must have been deleted or damaged since.

    One that ended just now and left nothing usable would do so again and again.
    """
    is_old = task.finished_at is None or time.time() - task.finished_at > _LOST_AFTER_SECONDS
    return task.status is TaskStatus.DONE and is_old


def _render_progress(backbone: Backbone, task: TaskView, services: Services) -> None:
    is_stopping = task.cancel_requested_at is not None
    with st.container(border=True):
        st.markdown(f"**Getting {backbone.title} ready.** This happens once; photos you add now wait for it.")
        fraction, text = _describe_progress(task, services)
        st.progress(fraction, text="Stopping …" if is_stopping else text)
        for message in services.queue.messages(task.id):
            st.caption(f":material/info: {plain(message)}")
        st.button(
            "Stop",
            key=f"backbone_picker.stop.{backbone.name}",
            icon=":material/stop:",
            disabled=is_stopping,
            on_click=guarded(services.queue.request_cancel),
            args=(task.id,),
        )


def _describe_progress(task: TaskView, services: Services) -> tuple[float, str]:
    progress = services.queue.progress(task.id)
    if progress is not None:
        return progress.fraction or 0.0, f"{progress.message}{time_left(progress.seconds_left)}"
    others = [running for running in services.queue.running_tasks() if running.id != task.id]
    if task.status is TaskStatus.QUEUED and others:
        name = str(others[0].payload.get("backbone", "other work"))
        return 0.0, f"Waiting until {name} is done; it came first"
    return 0.0, "Starting the background worker"
