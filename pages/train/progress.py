"""A run that waits or trains: how far it is, how fast, and the two ways to end it."""

import time

import streamlit as st

from core.config import TrainConfig
from core.errors import RunFileError, StorageError
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.train.expected import estimate_for_run
from pages.widgets.errors import guarded
from pages.widgets.run_history import RunHistory
from pages.widgets.status import PHASE_WORDS
from pages.words.wording import others_before_text, plain, share_text, time_left


def render_progress(view: RunView, history: RunHistory, config: TrainConfig | None, services: Services) -> None:
    """What happens now, with *Stop* and *Cancel*."""
    if view.status is RunStatus.QUEUED:
        _render_queue(view, services)
    else:
        _render_bar(view, history, config, services)
    _render_ends(view, history, services)


def _render_queue(view: RunView, services: Services) -> None:
    place = services.run_desk.place_in_queue(view.id)
    if place is None:
        st.progress(0.0, text="Being begun")
        return
    others = [task for task in services.queue.running_tasks() if task.id != view.task_id]
    num_before = place + len(others)
    text = "A worker is being started" if not num_before else f"Waiting for its turn: {others_before_text(num_before)}"
    st.progress(0.0, text=text)


def _render_bar(view: RunView, history: RunHistory, config: TrainConfig | None, services: Services) -> None:
    phase = history.phase
    title, term = PHASE_WORDS.get(phase.phase, ("Working", phase.phase)) if phase else ("Getting ready", "")
    epochs = ""
    if phase is not None and phase.num_epochs and config is not None:
        planned = history.num_planned(config, is_active=True)
        epochs = f" · epoch **{min(history.num_epochs + 1, planned)}** of {planned}"
    st.markdown(f"**{title}**{f' ({term})' if term else ''}{epochs}")
    progress = None if view.task_id is None else services.queue.progress(view.task_id)
    fraction = (progress.fraction or 0.0) if progress else 0.0
    expected = None if config is None else estimate_for_run(view, config, services)
    left = None if expected is None else history.seconds_left(expected.seconds, time.time())
    if left is None and progress is not None:
        left = progress.seconds_left
    text = f"{plain(progress.message)}{time_left(left)}" if progress else "Starting"
    if view.status is RunStatus.STOPPING:
        text = "Discarding it …" if view.is_cancel_requested else "Stopping: the best epoch so far is kept …"
    st.progress(min(1.0, max(0.0, fraction)), text=text)
    facts = _facts(view, history, services)
    if facts:
        st.caption(" · ".join(facts))


def _facts(view: RunView, history: RunHistory, services: Services) -> list[str]:
    facts = []
    best = history.best_epoch
    if best is not None and best.validation_accuracy is not None:
        facts.append(
            f"best so far: {share_text(best.validation_accuracy)} of the validation photos, epoch {best.epoch}"
        )
    if history.photos_per_second is not None:
        facts.append(f"{history.photos_per_second:,.0f} photos per second")
    device = _device_of(view, services)
    if device:
        facts.append(plain(device))
    return facts


def _device_of(view: RunView, services: Services) -> str | None:
    """What it is trained on, as the run noted at its start."""
    folder = RunFolder(services.settings, view.id)
    if not folder.environment_path.is_file():
        return None
    try:
        environment = folder.read_json(folder.environment_path)
    except (RunFileError, StorageError):
        return None
    device = environment.get("device") if isinstance(environment, dict) else None
    return device if isinstance(device, str) else None


def _render_ends(view: RunView, history: RunHistory, services: Services) -> None:
    is_ending = view.status is RunStatus.STOPPING
    is_unbegun = view.status is RunStatus.QUEUED and view.started_at is None  # there is nothing to keep yet
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Stop",
            key=f"train.stop.{view.id}",
            icon=":material/stop:",
            disabled=is_ending or is_unbegun,
            help="Ends the training now. The best epoch so far is kept as a model.",
            on_click=guarded(services.run_desk.stop),
            args=(view.id,),
        )
        with st.popover("Cancel", icon=":material/delete_forever:", type="tertiary", disabled=view.is_cancel_requested):
            lost = f"The {history.num_epochs} epochs trained so far are" if history.num_epochs > 1 else "All of it is"
            st.markdown(f"Discard this run? {lost} lost, and there will be no model. *Stop* keeps the best epoch.")
            st.button(
                "Discard the run",
                key=f"train.cancel.{view.id}",
                icon=":material/delete_forever:",
                on_click=guarded(services.run_desk.cancel),
                args=(view.id,),
            )
