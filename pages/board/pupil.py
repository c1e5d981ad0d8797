"""What a teacher does for one pupil: look, a new pick-up code, another name, remove."""

from typing import Any

import streamlit as st

from core.errors import SpaceError, UnknownSpaceError
from core.names import clean_name
from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.records import SpaceKind, SpaceView
from pages.board.look import begin_look
from pages.widgets.errors import guarded
from pages.words.wording import plain

_OPENED, _CODE = "board.opened", "board.pickup"  # the pupil's number; the code that was made
_NAME, _SURE = "board.name", "board.remove.sure"


def open_pupil(payload: Any) -> None:
    """The browser writes the payload, so it may be anything."""
    if type(payload) is int:
        _close()
        st.session_state[_OPENED] = payload


def render_pupil(classroom: ClassroomView, services: Services) -> None:
    """The pupil that was opened, over the board."""
    pupil = find_pupil(st.session_state.get(_OPENED), classroom, services)
    if pupil is not None:
        st.dialog(plain(pupil.name), on_dismiss=guarded(_close))(_render)(pupil, classroom, services)


def find_pupil(space_id: Any, classroom: ClassroomView, services: Services) -> SpaceView | None:
    """A pupil of the class; None: nobody, or not any more."""
    if type(space_id) is not int:
        return None
    try:
        space = services.spaces.get(space_id)
    except UnknownSpaceError:
        return None
    is_here = space.kind is SpaceKind.PUPIL and space.classroom_id == classroom.id
    return space if is_here else None


def _close() -> None:
    for key in (_OPENED, _CODE):
        st.session_state.pop(key, None)


def _render(pupil: SpaceView, classroom: ClassroomView, services: Services) -> None:
    # A dialog is made anew by itself; what leads away from it needs the whole page.
    has_left = st.button(
        "Look at the results",
        key="board.look",
        icon=":material/visibility:",
        on_click=guarded(_look),
        args=(pupil, services),
        width="stretch",
    )
    st.caption("You change nothing there, and they see that you are looking.")
    st.button(
        "New pick-up code",
        key="board.pickup.new",
        icon=":material/key:",
        on_click=guarded(_renew),
        args=(pupil, services),
        width="stretch",
    )
    st.caption("For somebody who lost theirs, or changes the device. The code before opens nothing any more.")
    if st.session_state.get(_CODE):
        st.markdown("Read this out to them; it is shown only now:")
        st.code(st.session_state[_CODE], language=None)
    with st.form("board.rename", border=False):
        st.text_input("Name", pupil.name, key=f"{_NAME}.{pupil.id}", max_chars=40)
        has_left |= st.form_submit_button(
            "Rename",
            icon=":material/edit:",
            on_click=guarded(_rename),
            args=(pupil, classroom, services),
            width="stretch",
        )
    st.checkbox(f"Delete everything of {plain(pupil.name)}: photos, models, results", key=_SURE)
    has_left |= st.button(
        "Remove from the class",
        key="board.remove",
        icon=":material/person_remove:",
        disabled=not st.session_state.get(_SURE),
        on_click=guarded(_remove),
        args=(pupil, services),
        width="stretch",
    )
    # Once somebody is removed, the button says nothing: it is disabled again by then.
    if has_left or st.session_state.get(_OPENED) != pupil.id:
        st.rerun()


def _look(pupil: SpaceView, services: Services) -> None:
    _close()
    begin_look(pupil.id, services)


def _renew(pupil: SpaceView, services: Services) -> None:
    st.session_state[_CODE] = services.classroom.renew_pickup_code(pupil.id)


def _rename(pupil: SpaceView, classroom: ClassroomView, services: Services) -> None:
    name = clean_name(str(st.session_state.get(f"{_NAME}.{pupil.id}") or ""), "pupil")
    others = [each.name for each in services.spaces.of_classroom(classroom.id) if each.id != pupil.id]
    if name in others:
        raise SpaceError(f"Somebody else is “{name}”. Choose another name.")
    services.spaces.rename(pupil.id, name)
    _close()


def _remove(pupil: SpaceView, services: Services) -> None:
    services.deletions.request_pupils([pupil.id])
    st.session_state[_SURE] = False
    _close()
