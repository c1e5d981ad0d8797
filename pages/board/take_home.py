"""What pupils take home: one zip with the projects of all."""

import streamlit as st

from core.services import Services
from core.spaces.classroom import ClassroomView
from pages.server.file_routes import class_url
from pages.widgets.download_link import render_download
from pages.widgets.errors import guarded, show_error
from pages.words.wording import size_text, time_left

_POLL_SECONDS = 1.0


def render_take_home(classroom: ClassroomView, services: Services) -> None:
    """The button that has it packed, how far that is, and the file."""
    st.markdown(
        "One file for each pupil, named by their animal, with photos, models and results. Whoever has Bluetit at home "
        "opens it there and goes on."
    )
    task = services.take_home.packing(classroom.id)
    is_active = task is not None and task.is_active
    every_seconds = _POLL_SECONDS if is_active else None
    st.fragment(_render_state, run_every=every_seconds)(classroom, services, was_active=is_active)


def _render_state(classroom: ClassroomView, services: Services, *, was_active: bool) -> None:
    task = services.take_home.packing(classroom.id)
    is_active = task is not None and task.is_active
    if was_active is not is_active:
        st.rerun()  # the whole page, which starts or ends the timer
    if task is not None and is_active:
        progress = services.take_home.progress(task)
        text = "Waiting for its turn" if progress is None else f"{progress.message}{time_left(progress.seconds_left)}"
        st.progress((progress.fraction or 0.0) if progress else 0.0, text=text)
        return
    path = services.take_home.packed(classroom.id)
    if path is not None:
        size = path.stat().st_size
        render_download(f"Download all ({size_text(size)})", class_url(classroom.id))
    elif task is not None and task.error:
        show_error(task.error)
    st.button(
        "Pack again" if path is not None else "Pack everything",
        key="board.take_home",
        icon=":material/inventory_2:",
        on_click=guarded(services.take_home.request),
        args=(classroom.id,),
    )
