"""The screen: what it shows and says, how it looks, and the address by which it is opened."""

from dataclasses import replace

import streamlit as st

from core.services import Services
from core.spaces.kiosks import (
    MAX_IDLE_SECONDS,
    MAX_LINE_CHARS,
    MAX_TITLE_CHARS,
    MIN_IDLE_SECONDS,
    KioskSetup,
    KioskSource,
    KioskView,
)
from pages.server.kiosk_routes import kiosk_address, kiosk_page
from pages.server.reachable import reachable_address
from pages.stage.preview import kiosk_preview
from pages.stage.subject import Subject
from pages.widgets.errors import guarded

_SOURCES = {KioskSource.CAMERA: "The camera", KioskSource.SAMPLES: "Photos that are here"}
_LINES = {
    "invitation": ("While nobody is there", "Said by turns with the names of the classes."),
    "unknown": ("When it does not know", "Said instead of a class, when the model does not know or nothing fits."),
    "note": ("At the foot", "Empty for nothing. People want to know what becomes of their picture."),
}


def render_screen(subject: Subject, services: Services) -> None:
    """Set the kiosk of a network up, beside how it looks."""
    kiosk = services.kiosks.of_network(subject.key)
    setup = KioskSetup() if kiosk is None else kiosk.setup
    form, view = st.columns([2, 3], gap="large")
    with form:
        _render_form(subject, setup, services)
    with view:
        kiosk_preview(kiosk_page(subject.key if kiosk is None else kiosk.token), key=f"stage.preview.{subject.key}")
        _render_address(subject, kiosk, setup, services)


def _render_form(subject: Subject, setup: KioskSetup, services: Services) -> None:
    def save(name: str) -> None:
        value = st.session_state[_key(subject, name)]
        if name == "source":
            changed = setup.looking_at(value)
            for line in ("invitation", "note"):
                st.session_state[_key(subject, line)] = getattr(changed, line)
        else:
            changed = replace(setup, **{name: value.strip() if isinstance(value, str) else value})
        services.kiosks.put_up(subject.key, changed, run_id=subject.run_id)

    def keyed(name: str, value: object) -> str:
        key = _key(subject, name)
        st.session_state.setdefault(key, value)
        return key

    st.text_input(
        "Title",
        key=keyed("title", setup.title),
        placeholder=subject.title,
        max_chars=MAX_TITLE_CHARS,
        on_change=guarded(save),
        args=("title",),
    )
    st.segmented_control(
        "What it looks at",
        list(_SOURCES),
        key=keyed("source", setup.source),
        format_func=_SOURCES.__getitem__,
        required=True,
        on_change=guarded(save),
        args=("source",),
        help="Photos are for a screen without a camera: visitors touch one. Of a model of yours, they are photos that "
        "it was tested with; everybody who passes sees them.",
    )
    st.slider(
        "Begin anew after",
        MIN_IDLE_SECONDS,
        MAX_IDLE_SECONDS // 5,
        key=keyed("idle_seconds", min(setup.idle_seconds, MAX_IDLE_SECONDS // 5)),
        format="%d s",
        on_change=guarded(save),
        args=("idle_seconds",),
        help="Without anything that moves before the camera, and without a touch (idle time).",
    )
    for name, (label, help_text) in _LINES.items():
        st.text_input(
            label,
            key=keyed(name, getattr(setup, name)),
            max_chars=MAX_LINE_CHARS,
            on_change=guarded(save),
            args=(name,),
            help=help_text,
        )


def _key(subject: Subject, name: str) -> str:
    return f"stage.screen.{name}.{subject.key}"


def _render_address(subject: Subject, kiosk: KioskView | None, setup: KioskSetup, services: Services) -> None:
    if kiosk is None:
        st.button(
            "Put it up",
            key=f"stage.put_up.{subject.key}",
            type="primary",
            icon=":material/tv:",
            on_click=guarded(services.kiosks.put_up),
            args=(subject.key, setup),
            kwargs={"run_id": subject.run_id},
            help="It gets an address, under which it runs until you take it down.",
        )
        return
    here = kiosk_address(kiosk.token)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button("Open it here", f"./{here}", type="primary", icon=":material/open_in_full:")
        st.button(
            "Take it down",
            key=f"stage.take_down.{subject.key}",
            icon=":material/block:",
            on_click=guarded(services.kiosks.take_down),
            args=(subject.key,),
            help="Its address opens nothing then, also on screens where it runs.",
        )
    address = reachable_address(here)
    if address.url is not None:
        st.caption("On another screen, open this address there:")
        st.code(address.url, language=None, wrap_lines=True)
        if not address.lends_camera and setup.source is KioskSource.CAMERA:
            st.caption("Its browser lends the camera only with https: see “What needs HTTPS” in docs/kiosk.md.")
    elif services.settings.access != "alone" and address.problem is not None:
        st.info(address.problem, icon=":material/wifi_off:")
    st.caption(
        "Press the sign at its top right once: it fills the screen. It stays awake, finds its camera and the server "
        "again by itself, and keeps nothing of what it sees."
    )
