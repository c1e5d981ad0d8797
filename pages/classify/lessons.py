"""Pictures of the camera that go into a class of the dataset that a model was trained on: how one teaches it."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from core.datasets.ingest.desk import ImportStatus
from core.datasets.records import ClassView, DatasetView, ImportState, Split
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.errors import DatasetError, UnknownDatasetError
from core.services import Services
from pages.classify.live_camera import Lesson
from pages.widgets import links
from pages.widgets.errors import guarded, showing_errors
from pages.words.wording import named, plain, quoted

_GIVEN = "lessons.given"
_TOLD = "lessons.told"  # what was taken back, until it is shown
_MAX_SHOWN = 3
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLesson:
    """A picture on its way into a class, or there."""

    import_id: int
    class_id: int
    class_name: str
    image_name: str  # which no other image of the dataset has


def classes_of(dataset_id: int | None, services: Services) -> Sequence[ClassView]:
    """The classes that pictures can be added to; none where the dataset is not there any more."""
    dataset = _open_dataset(dataset_id, services)
    return () if dataset is None else services.library.classes.of(dataset.id)


def _open_dataset(dataset_id: int | None, services: Services) -> DatasetView | None:
    if dataset_id is None:
        return None
    try:
        dataset = services.library.datasets.get(dataset_id)
    except UnknownDatasetError:
        return None
    return dataset if dataset.trashed_at is None else None


def give(lesson: Lesson, dataset_id: int | None, services: Services) -> GivenLesson:
    """Have a picture added to the photos that its class is learned from, at the next training.

    Args:
        lesson: the picture and its class.
        dataset_id: what the model was trained on; None where that is gone.
        services: the open services.

    Raises:
        DatasetError: the dataset or the class was deleted in the meantime.
        StorageError: the picture cannot be written.
    """
    dataset = _open_dataset(dataset_id, services)
    names = {} if dataset is None else {view.id: view.name for view in services.library.classes.of(dataset.id)}
    if dataset is None or lesson.class_id not in names:
        raise DatasetError("The class that this picture was for was deleted. Choose another one.")
    class_name = names[lesson.class_id]
    now = time.time()
    image_name = f"camera {time.strftime('%Y-%m-%d %H-%M-%S', time.localtime(now))}-{int(now % 1 * 1000):03d}.jpg"
    # Whoever adds it has seen the model's answer: as a photo to test with, it would tell nothing any more.
    is_split = any(split is not None for _, split in services.library.images.count(dataset.id))
    path = f"{Split.TRAIN}/{image_name}" if is_split else image_name
    import_id = services.imports.submit(
        ImportRequest(
            dataset_id=dataset.id,
            source=StagedFiles(folder=services.imports.stage_files([(path, lesson.frame)])),
            target_class=class_name,
            title=f"Picture from the live camera → {class_name}",
        )
    )
    return GivenLesson(import_id=import_id, class_id=lesson.class_id, class_name=class_name, image_name=image_name)


def remember(given: GivenLesson) -> None:
    """Have `render_lessons` show it, before those that were given earlier."""
    st.session_state[_GIVEN] = (given, *st.session_state.get(_GIVEN, ()))[:_MAX_SHOWN]


def take_back(given: GivenLesson, services: Services) -> str:
    """Take a picture out again, wherever on its way it is; what was done, in a sentence.

    Raises:
        DatasetError: it is not in its class any more.
    """
    services.imports.cancel(given.import_id)
    view = services.imports.status(given.import_id).view
    if view.state is not ImportState.DONE:
        return f"The picture was not added to {quoted(given.class_name)}."
    images = services.library.images.of(view.dataset_id, class_id=given.class_id)
    image_ids = [image.id for image in images if image.name == given.image_name]
    if not image_ids:
        raise DatasetError(f"The picture is not in {quoted(given.class_name)} any more. The dataset page has it.")
    services.library.images.trash(image_ids)
    return f"The picture was taken out of {quoted(given.class_name)} again."


def render_lessons(services: Services) -> None:
    """What became of the latest pictures; looks again by itself while one is on its way."""
    is_active = any(status.is_active for _, status in _known(services))
    st.fragment(_render, run_every=_POLL_SECONDS if is_active else None)(services, was_active=is_active)


def _known(services: Services) -> list[tuple[GivenLesson, ImportStatus]]:
    """The latest pictures and how they stand, without those whose dataset was deleted for good."""
    known = []
    for given in st.session_state.get(_GIVEN, ()):
        with suppress(UnknownDatasetError):
            known.append((given, services.imports.status(given.import_id)))
    return known


def _render(services: Services, *, was_active: bool) -> None:
    with showing_errors():
        if told := st.session_state.pop(_TOLD, ""):
            st.toast(plain(told), icon=":material/undo:")
        known = _known(services)
        for given, status in known:
            _render_one(given, status, services)
        if known:
            links.render_link(links.trainings(), "Train again with it", icon=":material/model_training:")
        if was_active and not any(status.is_active for _, status in known):
            st.rerun()  # the timer stops


def _render_one(given: GivenLesson, status: ImportStatus, services: Services) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_sentence(given, status), width="content")
        st.button(
            "Take it back",
            key=f"lessons.take_back.{given.import_id}",
            icon=":material/undo:",
            type="tertiary",
            on_click=guarded(_take_back),
            args=(given, services),
        )


def _sentence(given: GivenLesson, status: ImportStatus) -> str:
    if status.is_active:
        return f":material/hourglass_top: A picture is being added to {named(given.class_name)} …"
    if status.view.state is ImportState.DONE and status.view.num_accepted:
        return (
            f":material/check_circle: A picture was added to {named(given.class_name)}; it counts at the next training."
        )
    reasons = [reason for _, reason in status.view.refused]
    reason = status.error or (reasons[0] if reasons else "It was stopped.")
    return f":material/error: A picture was not added to {named(given.class_name)}. {plain(reason)}"


def _take_back(given: GivenLesson, services: Services) -> None:
    _forget(given)
    st.session_state[_TOLD] = take_back(given, services)


def _forget(given: GivenLesson) -> None:
    st.session_state[_GIVEN] = tuple(each for each in st.session_state.get(_GIVEN, ()) if each != given)
