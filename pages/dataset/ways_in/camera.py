"""Photos of one class from the camera, one or a burst."""

import time

import streamlit as st

from core.datasets.records import ClassView, DatasetView
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.errors import DatasetError
from core.services import Services
from pages.dataset.camera_burst import Burst, camera_burst
from pages.words.wording import count

_MAX_BURST_FRAMES = 150


def render_camera(dataset: DatasetView, target: ClassView, services: Services) -> None:
    """The camera, and how fast it takes photos."""
    camera = st.container()
    # Below the camera: whoever is about to hold the button must not have to scroll to it.
    frames_per_second = st.slider(
        "Photos a second while you hold the button", 1, 15, 5, key="dataset.collect.camera_rate", width=320
    )
    with camera:
        camera_burst(
            key="dataset.collect.camera",
            frames_per_second=frames_per_second,
            max_frames=_MAX_BURST_FRAMES,
            label=target.name,
            subject=target.id,
            on_burst=lambda burst: _add_burst(burst, dataset, services),
        )


def _add_burst(burst: Burst, dataset: DatasetView, services: Services) -> None:
    names = {view.id: view.name for view in services.library.classes.of(dataset.id)}
    if burst.subject not in names:
        raise DatasetError(
            "The class of these photos was deleted while they were taken. Choose another, take them again."
        )
    taken_at = time.strftime("%Y-%m-%d %H-%M-%S")
    staging = services.imports.stage_files(
        (f"{number:03d} camera {taken_at}.jpg", frame) for number, frame in enumerate(burst.frames, start=1)
    )
    services.imports.submit(
        ImportRequest(
            dataset_id=dataset.id,
            source=StagedFiles(folder=staging),
            target_class=names[burst.subject],
            capture=not burst.is_single,
            title=_burst_title(burst, names[burst.subject]),
        )
    )


def _burst_title(burst: Burst, class_name: str) -> str:
    what = "Photo from the camera" if burst.is_single else f"Burst of {count(len(burst.frames), 'photo')}"
    return f"{what} → {class_name}"
