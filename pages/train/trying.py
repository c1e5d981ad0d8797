"""Others of the class try a model of one's own: the code that leads to it, and how often it was right."""

import streamlit as st

from core.runs.records import RunView
from core.services import Services
from core.spaces.offers import OfferView
from pages.server.reachable import ReachableAddress, reachable_address
from pages.server.try_routes import try_page
from pages.widgets.errors import guarded
from pages.words.qr_picture import qr_picture
from pages.words.wording import count, share_text


def render_trying(view: RunView, services: Services) -> None:
    """Offer the model of a finished run, show how to come to it, and what others said of its answers.

    Where Bluetit is used alone there are no others.
    """
    if services.settings.access == "alone":
        return
    offer = services.offers.of_run(view.id)
    with st.expander("Let others try it", icon=":material/groups:", expanded=offer is not None):
        if offer is None:
            st.markdown(
                "Others get a link and show your model photos of their own. They change nothing, and their photos are "
                "not kept. You see how often it was right."
            )
            st.button(
                "Make a link",
                key=f"train.try.offer.{view.id}",
                icon=":material/qr_code_2:",
                on_click=guarded(services.offers.offer),
                args=(view.id,),
            )
        else:
            _render_offer(offer, reachable_address(try_page(offer.token)), services)


def _render_offer(offer: OfferView, address: ReachableAddress, services: Services) -> None:
    if address.problem is not None:
        st.info(address.problem, icon=":material/wifi_off:")
    words = st.container()
    if address.url is not None:
        code, words = st.columns([2, 3], gap="large", vertical_alignment="center")
        code.html(qr_picture(address.url, label="Code to scan to try this model"))
    with words:
        st.markdown(f"##### {tell_trials(offer)}")
        if address.url is not None:
            st.caption("Others scan the code, or open this address:")
            st.code(address.url, language=None, wrap_lines=True)
        with st.container(horizontal=True):
            st.button("Look again", key=f"train.try.look.{offer.run_id}", icon=":material/refresh:")
            st.button(
                "Take it back",
                key=f"train.try.withdraw.{offer.run_id}",
                icon=":material/block:",
                help="The link leads nowhere then. The counts of a new one begin at nought.",
                on_click=guarded(services.offers.withdraw),
                args=(offer.run_id,),
            )


def tell_trials(offer: OfferView) -> str:
    """How often others found a model right, such as "Right on 7 of 9 photos of others (78 %)"."""
    if offer.num_photos == 0:
        return "Nobody has tried it yet"
    if offer.num_judged == 0:
        return f"Others have shown it {count(offer.num_photos, 'photo')}; nobody has said yet whether it was right"
    share = share_text(offer.num_right / offer.num_judged)
    told = f"Right on {offer.num_right:,} of {count(offer.num_judged, 'photo')} of others ({share})"
    unjudged = offer.num_photos - offer.num_judged
    return f"{told}; of {unjudged:,} more nobody said" if unjudged > 0 else told
