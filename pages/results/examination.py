"""The closer look at a model, which a worker takes: asked for by itself, shown while it goes on, told when it fails."""

import streamlit as st

from core.jobs.status import TaskStatus
from core.jobs.views import TaskView
from core.runs.desk import examination_key
from core.services import Services
from pages.results.material import Material
from pages.server.run_routes import examination_url, tell_examination_now
from pages.widgets.errors import guarded, show_error
from pages.widgets.run_progress import run_progress
from pages.words.telling import with_tag
from pages.words.wording import plain, time_text

_ASKED = "results.examination.asked"  # tasks that were asked for on behalf of this visitor


def render_examination(material: Material, services: Services) -> None:
    """Have the model looked at where nobody has; a bar that moves by itself until that is done."""
    if material.record is None:
        return  # there is no model to look at, which is told elsewhere
    task, asked = _latest(material, services), st.session_state.setdefault(_ASKED, set())
    is_outdated = task is not None and task.status is TaskStatus.DONE and task.id not in asked
    if material.examination is None and (task is None or is_outdated):
        # By another version, of a model that was trained anew, or the file was lost.
        asked.add(services.run_desk.request_examination(material.view.id))
        task = _latest(material, services)
    if task is not None and task.is_active:
        told = with_tag(tell_examination_now(task, services))
        run_progress(told, url=examination_url(material.view.id), key=f"results.examination.{material.view.id}")
    elif material.examination is None and task is not None:
        _render_failed(task, material, services)
    else:
        _render_skipped(material)


def render_look_again(material: Material, services: Services) -> None:
    """What the closer look took, and another one: files that it left may have been lost."""
    if material.examination is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"The closer look at the model took {time_text(material.examination.seconds)}.", width="content")
        _render_request("Look again", material, services)


def _latest(material: Material, services: Services) -> TaskView | None:
    return services.queue.latest(examination_key(material.view.id))


def _render_failed(task: TaskView, material: Material, services: Services) -> None:
    reason = task.error or "It was stopped."
    show_error(f"The closer look at the model did not succeed. {reason} What is below does not need it.")
    _render_request("Try again", material, services)


def _render_request(label: str, material: Material, services: Services) -> None:
    st.button(
        label,
        key=f"results.examination.again.{material.view.id}",
        icon=":material/replay:",
        type="tertiary",
        on_click=guarded(services.run_desk.request_examination),
        args=(material.view.id,),
    )


def _render_skipped(material: Material) -> None:
    for reason in material.examination.skipped if material.examination else ():
        st.caption(f":material/info: {plain(reason)}")
