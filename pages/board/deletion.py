"""The end of a class: everything of it is deleted, and a receipt says so."""

import streamlit as st

from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.records import SpaceKind
from pages.widgets.errors import guarded
from pages.words.wording import count

_WITH_TEACHER, _SURE = "board.delete.with_teacher", "board.delete.sure"


def render_delete_class(classroom: ClassroomView, services: Services) -> None:
    """The question."""
    pupils = [each for each in services.spaces.of_classroom(classroom.id) if each.kind is SpaceKind.PUPIL]
    st.markdown(
        f"Deletes **everything of {count(len(pupils), 'pupil')}**: names, photos, datasets, models, results, and every "
        "trace of them in caches and logs. The pupils' browsers are let out at once, the class code changes. "
        "It cannot be undone; let them take home what they want to keep.\n\n"
        "You get a receipt: what there was, and how it was found out that nothing is left."
    )
    st.checkbox("Also what I have made as the teacher: my datasets and models", key=_WITH_TEACHER)
    st.checkbox("Nobody needs any of it any more", key=_SURE)
    st.button(
        "Delete everything",
        key="board.delete",
        icon=":material/delete_forever:",
        type="primary",
        disabled=not st.session_state.get(_SURE),
        on_click=guarded(_delete),
        args=(classroom, services),
    )


def _delete(classroom: ClassroomView, services: Services) -> None:
    services.deletions.request_class(classroom.id, with_teacher=bool(st.session_state.get(_WITH_TEACHER)))
    st.session_state[_SURE] = False
