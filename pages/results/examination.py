"""The closer look at a model, which a worker takes: asked for by itself, shown while it goes on, told when it fails."""

import streamlit as st

from core.jobs.status import TaskStatus
from core.jobs.views import TaskView
from core.runs.desk import examination_key
from core.services import Services
from pages.results.material import Material
from pages.widgets.errors import guarded, show_error
from pages.words.wording import plain, time_left, time_text

_POLL_SECONDS = 0.7
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
        st.fragment(_render_progress, run_every=_POLL_SECONDS)(material, services)
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


def _render_progress(material: Material, services: Services) -> None:
    task = _latest(material, services)
    if task is None or not task.is_active:
        st.rerun()  # the whole page: what was found appears, or why nothing was
    progress = services.queue.progress(task.id)
    text = "Looking closer at the model: similar photos, doubtful labels, shortcuts, whether more photos would help"
    if progress is not None and progress.message:
        text = f"Looking closer at the model: {plain(progress.message)}{time_left(progress.seconds_left)}"
    st.progress((progress.fraction or 0.0) if progress else 0.0, text=text)


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
