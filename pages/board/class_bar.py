"""What a teacher decides for the whole class: the code, whether the room is open, a pause, what is handed out."""

from dataclasses import replace

import streamlit as st

from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.records import SpaceView
from pages.board.deletion import render_delete_class
from pages.board.hand_out import render_hand_out
from pages.board.take_home import render_take_home
from pages.widgets.errors import guarded
from pages.words.wording import plain

_PAUSE_TEXT = "board.pause.text"
_EYES = "Eyes to me"
_FACES = "board.faces"


def render_class_bar(teacher: SpaceView, classroom: ClassroomView, services: Services) -> None:
    """The row above the board."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="board-bar"):
        _render_code(classroom, services)
        _render_pause(classroom, services)
        with st.popover("Hand out", icon=":material/share:"):
            render_hand_out(teacher, classroom, services)
        with st.popover("Take home", icon=":material/backpack:"):
            render_take_home(classroom, services)
        _render_faces(classroom, services)
        # By the class, or it would stay open over the receipt.
        with st.popover("End the class", icon=":material/delete_forever:", key=f"board.end.{classroom.id}"):
            render_delete_class(classroom, services)
    if classroom.paused_text is not None:
        st.info(f"All pupils read: **{plain(classroom.paused_text)}**", icon=":material/pause_circle:")


def _render_code(classroom: ClassroomView, services: Services) -> None:
    st.markdown(
        f"Class code :primary[**{classroom.code}**]" if classroom.is_open else "The room is closed",
        width="content",
        help="What pupils type to come in. A closed room lets nobody in; whoever is in stays.",
    )
    st.button(
        "Close the room" if classroom.is_open else "Open the room",
        key="board.open",
        icon=":material/lock:" if classroom.is_open else ":material/lock_open:",
        on_click=guarded(_set_open),
        args=(classroom, services),
    )


def _render_pause(classroom: ClassroomView, services: Services) -> None:
    if classroom.paused_text is not None:
        st.button(
            "Go on",
            key="board.go_on",
            icon=":material/play_arrow:",
            type="primary",
            on_click=guarded(services.classroom.set_paused),
            args=(classroom.id, None),
        )
        return
    with st.popover("Pause", icon=":material/pause:"):
        st.text_input("What everybody reads", _EYES, key=_PAUSE_TEXT, max_chars=120)
        st.button(
            "Pause everybody",
            key="board.pause",
            icon=":material/pause:",
            type="primary",
            help="Their pages go dark, with this line on them, until you let them go on. Trainings go on.",
            on_click=guarded(_pause),
            args=(classroom, services),
        )


def _render_faces(classroom: ClassroomView, services: Services) -> None:
    st.toggle(
        "Blur faces",
        classroom.options.blur_faces,
        key=_FACES,
        help="On the photos of pupils, before anything is stored. Faces that look at the camera from near are found; "
        "small ones, and faces that are turned away, can be missed, and now and then a dog's face is taken for a "
        "person's. Photos that came before stay as they are.",
        on_change=guarded(_set_faces),
        args=(classroom, services),
    )


def _set_faces(classroom: ClassroomView, services: Services) -> None:
    options = replace(classroom.options, blur_faces=bool(st.session_state[_FACES]))
    services.classroom.set_options(classroom.id, options)


def _set_open(classroom: ClassroomView, services: Services) -> None:
    services.classroom.set_open(classroom.id, is_open=not classroom.is_open)


def _pause(classroom: ClassroomView, services: Services) -> None:
    text = str(st.session_state.get(_PAUSE_TEXT) or "").strip()
    services.classroom.set_paused(classroom.id, text or _EYES)
