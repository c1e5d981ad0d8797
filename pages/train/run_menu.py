"""What can be done with a run as such: another name, a note, the trash."""

import streamlit as st

from core.runs.records import RunView
from core.services import Services
from pages.train.opened import close
from pages.widgets.errors import guarded
from pages.words.wording import plain


def render_run_menu(view: RunView, services: Services) -> None:
    """A popover beside the name."""
    with st.popover("Rename, note …", icon=":material/more_horiz:", key=f"train.menu.{view.id}"):
        name_key, note_key = f"train.menu.name.{view.id}", f"train.menu.note.{view.id}"
        st.session_state[name_key], st.session_state[note_key] = view.name, view.note
        st.text_input("Name", key=name_key, on_change=guarded(_rename), args=(view, name_key, services))
        st.text_area(
            "Note",
            key=note_key,
            placeholder="What you want to remember about it",
            on_change=guarded(_set_note),
            args=(view, note_key, services),
        )
        st.button(
            "Delete",
            key=f"train.menu.delete.{view.id}",
            icon=":material/delete:",
            disabled=view.is_active,
            help="Stop or cancel it first." if view.is_active else "It can be brought back from the list of runs.",
            on_click=guarded(_trash),
            args=(view, services),
        )


# Streamlit takes the text of a box that has gone for a change when another event brings it afterwards: a run that was
# just deleted would be renamed to what it is called.


def _rename(view: RunView, key: str, services: Services) -> None:
    if st.session_state[key] != view.name:
        services.runs.rename(view.id, st.session_state[key])


def _set_note(view: RunView, key: str, services: Services) -> None:
    if st.session_state[key] != view.note:
        services.runs.set_note(view.id, st.session_state[key])


def _trash(view: RunView, services: Services) -> None:
    services.runs.trash(view.id)
    close()
    st.toast(f"Deleted {plain(view.name)}. It can be brought back in the list of runs.", icon=":material/delete:")
