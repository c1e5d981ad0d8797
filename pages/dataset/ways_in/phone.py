"""Phones as cameras: a code for a class, which a phone scans to send photos into it."""

import streamlit as st

from core.datasets.records import ClassView, DatasetView
from core.phones.records import PhoneLinkView
from core.services import Services
from pages.dataset.phone_line import render_phone_line
from pages.server.phone_routes import PHONE_PAGE
from pages.server.reachable import ReachableAddress, reachable_address
from pages.widgets.errors import guarded
from pages.words.qr_picture import qr_picture
from pages.words.wording import named, plain


def render_phone(dataset: DatasetView, target: ClassView, services: Services) -> None:
    """The code of the chosen class, the other classes that phones may send photos into, and how to end that."""
    address = reachable_address(PHONE_PAGE)
    links = services.phone_links.living(dataset.id)
    own = next((link for link in links if link.class_id == target.id), None)
    if address.problem is not None:
        st.info(address.problem, icon=":material/wifi_off:")
    elif own is None:
        _render_offer(target, services)
    else:
        _render_code(own, address, services)
    if links:
        render_phone_line(dataset, services)
    for link in links:
        if link is not own or address.problem is not None:
            _render_withdraw(link, services, label=f"Withdraw the code of {plain(link.class_name)}")


def _render_offer(target: ClassView, services: Services) -> None:
    st.markdown(
        f"A phone scans a code here and becomes a camera for {named(target.name)}: tap for one photo, hold for many. "
        "They arrive in this dataset as they are taken."
    )
    minutes = services.settings.phone_link_minutes
    st.button(
        "Use a phone",
        key="dataset.phones.open",
        type="primary",
        icon=":material/qr_code_2:",
        help=f"The code holds for {minutes:g} minutes, for this class only, until you withdraw it.",
        on_click=guarded(services.phone_links.open),
        args=(target.id,),
    )


def _render_code(link: PhoneLinkView, address: ReachableAddress, services: Services) -> None:
    token = services.phone_links.token_of(link.id)
    code, words = st.columns([2, 3], gap="large", vertical_alignment="center")
    with words:
        st.markdown(f"##### Scan to photograph {named(link.class_name)}")
        if token is None:
            st.caption(
                "Phones that have scanned the code of this class go on. It cannot be shown again: make a new one."
            )
        else:
            st.caption("With the phone's camera app, in the same Wi-Fi as this computer. Or type or send the address:")
            st.code(address.with_token(token), language=None, wrap_lines=True)
        if not address.lends_camera:
            st.caption(
                ":material/no_encryption: This address has no https, so the phone offers its own camera app, one photo "
                "at a time. With https it shows the camera and takes many while the button is held."
            )
        with st.container(horizontal=True):
            _render_withdraw(link, services, label="Withdraw")
            st.button(
                "New code",
                key="dataset.phones.renew",
                icon=":material/refresh:",
                help="The old one ends at once, also for phones that have scanned it.",
                on_click=guarded(services.phone_links.open),
                args=(link.class_id,),
            )
    if token is not None:
        code.html(qr_picture(address.with_token(token), label=f"Code to scan for {link.class_name}"))


def _render_withdraw(link: PhoneLinkView, services: Services, *, label: str) -> None:
    st.button(
        label,
        key=f"dataset.phones.withdraw.{link.id}",
        icon=":material/block:",
        help="No more photos come by it. Those that have come stay.",
        on_click=guarded(services.phone_links.withdraw),
        args=(link.id,),
    )
