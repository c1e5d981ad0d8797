"""Where the weights of a backbone are, and seeing it being prepared."""

import os
import time
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import streamlit as st

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone, all_backbones
from core.backbones.preparation import preparation_key
from core.backbones.weights import find_all_weights, keras_cache_dir
from core.jobs.status import TaskStatus
from core.jobs.views import TaskView
from core.services import Services
from core.settings import Settings
from pages.widgets.errors import guarded, show_error
from pages.words.wording import plain, size_text, time_left

_LOST_AFTER_SECONDS = 20.0


class Availability(StrEnum):
    """Where the weights of a backbone are, best first."""

    READY = "ready"
    BUNDLED = "bundled"
    ON_THIS_MACHINE = "on this machine"
    DOWNLOAD = "download"


def availability_of(backbone: Backbone, services: Services) -> Availability:
    """Where the weights of a backbone of the catalogue are."""
    return availabilities(services)[backbone.name]


def availabilities(services: Services) -> Mapping[str, Availability]:
    """Where the weights of every backbone of the catalogue are, by its name."""
    settings = services.settings
    folders = (settings.cache_path / "backbones", settings.weights_path, keras_cache_dir())
    return _availabilities(settings, tuple(map(_last_change, folders)))


@lru_cache(maxsize=2)  # boxes name the availability of every backbone, in every run of a page
def _availabilities(settings: Settings, _changes: tuple[int, ...]) -> Mapping[str, Availability]:
    """Where the weights of every backbone are, as long as nothing has come into the folders, or left them."""
    return MappingProxyType({backbone.name: _find_availability(backbone, settings) for backbone in all_backbones()})


def _last_change(folder: Path) -> int:
    """When something came into a folder or left it, in nanoseconds; 0 where there is no folder that can be read."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _find_availability(backbone: Backbone, settings: Settings) -> Availability:
    if find_artefact(backbone, settings) is not None:
        return Availability.READY
    if find_all_weights(backbone, settings) is None:
        return Availability.DOWNLOAD
    return Availability.BUNDLED if backbone.is_bundled else Availability.ON_THIS_MACHINE


def describe_availability(backbone: Backbone, availability: Availability) -> str:
    """The availability in words, with the megabytes of a download."""
    if availability is Availability.DOWNLOAD:
        return f"download {size_text(backbone.weights_megabytes * 1e6)}"
    return availability.value


def render_preparation(backbone: Backbone, services: Services) -> bool:
    """Show how far the preparation of a backbone is, starting it where that needs no download.

    Returns:
        Whether to look again soon.
    """
    task = services.queue.latest(preparation_key(backbone))
    if task is None or task.status is TaskStatus.INTERRUPTED or _has_been_lost(task):
        if find_all_weights(backbone, services.settings) is None:
            # Nobody starts a long download by looking at a network.
            st.info(f"The weights of {backbone.title} are not on this machine yet.", icon=":material/cloud_download:")
            _render_request(backbone, services, f"Download {size_text(backbone.weights_megabytes * 1e6)}", "download")
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
        key=f"preparation.request.{backbone.name}",
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
            key=f"preparation.stop.{backbone.name}",
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
