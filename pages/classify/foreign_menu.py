"""What can be done with a model from elsewhere as such: another name, the trash, back out of it."""

import streamlit as st

from core.foreign.records import ForeignModelView
from core.services import Services
from pages.widgets import links
from pages.widgets.address import NETWORK
from pages.widgets.errors import guarded
from pages.words.wording import date_text, plain


def render_foreign_menu(model: ForeignModelView, services: Services) -> None:
    """A popover below its facts."""
    with st.popover("Rename, delete …", icon=":material/more_horiz:", key=f"foreign.menu.{model.id}"):
        key = f"foreign.menu.name.{model.id}"
        st.session_state[key] = model.name
        st.text_input("Name", key=key, on_change=guarded(_rename), args=(model.id, key, services))
        st.button(
            "Delete",
            key=f"foreign.menu.delete.{model.id}",
            icon=":material/delete:",
            help="It can be brought back, below “Bring a model from elsewhere”.",
            on_click=guarded(_trash),
            args=(model, services),
        )


def render_deleted(services: Services) -> None:
    """The models in the trash, which can be brought back or deleted for good; nothing where there are none."""
    models = services.foreign.list_trashed()
    if not models:
        return
    st.markdown("**Deleted**")
    for model in models:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(f"{plain(model.name)}  \n:small[deleted on {date_text(model.trashed_at or 0.0)}]", width="stretch")
        row.button(
            "Bring back",
            key=f"foreign.restore.{model.id}",
            icon=":material/restore_from_trash:",
            on_click=guarded(_restore),
            args=(model.id, services),
        )
        row.button(
            "Delete for good",
            key=f"foreign.purge.{model.id}",
            type="tertiary",
            icon=":material/delete_forever:",
            on_click=guarded(services.foreign_desk.purge),
            args=(model.id,),
        )


def _rename(model_id: int, key: str, services: Services) -> None:
    services.foreign.rename(model_id, st.session_state[key])


def _trash(model: ForeignModelView, services: Services) -> None:
    services.foreign.trash(model.id)
    NETWORK.open(links.classify_with_network(services.settings.default_backbone).address)
    st.toast(f"Deleted {plain(model.name)}. It can be brought back.", icon=":material/delete:")


def _restore(model_id: int, services: Services) -> None:
    model = services.foreign.restore(model_id)
    NETWORK.open(links.classify_with_foreign(model.id).address)
