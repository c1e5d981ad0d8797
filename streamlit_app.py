"""Bluetit's entry point: server, page config and navigation, nothing else."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.navigation.page import StreamlitPage

from core.spaces.records import SpaceView
from core.storage.one_look import one_look
from pages.door.routes import DOOR_ROUTES
from pages.door.sign_in import is_let_in, note_where, render_door
from pages.server.account_role import is_for_accounts, is_visitor_administrator
from pages.server.action_routes import ACTION_ROUTES
from pages.server.answer_routes import ANSWER_ROUTES
from pages.server.answer_table import ANSWER_TABLE_ROUTES
from pages.server.class_role import is_teacher, visitor_space
from pages.server.class_routes import CLASS_ROUTES
from pages.server.class_start import CLASS_START_ROUTES
from pages.server.dataset_watch import DATASET_WATCH_ROUTES
from pages.server.doorkeeper import DoorKeeper
from pages.server.file_routes import FILE_ROUTES
from pages.server.headers import SecurityHeaders
from pages.server.heat_route import HEAT_ROUTES
from pages.server.kiosk_routes import KIOSK_ROUTES, KioskAddress
from pages.server.leaving import Leaving
from pages.server.lifespan import running_services
from pages.server.listening import OnlyThisComputer, stay_among_those_let_in
from pages.server.live_route import LIVE_ROUTES
from pages.server.phone_routes import PHONE_ROUTES
from pages.server.phone_watch import PHONE_WATCH_ROUTES
from pages.server.photo_routes import PHOTO_ROUTES
from pages.server.presence import PRESENCE_ROUTES
from pages.server.proxies import believing_named_proxies
from pages.server.run_routes import RUN_ROUTES
from pages.server.served_page import PAGE_ROUTES, ServedPage
from pages.server.services import ask_anew, asking_once
from pages.server.sort_routes import SORT_ROUTES
from pages.server.try_routes import TRY_ROUTES
from pages.server.turns import page_turn
from pages.server.upload_budget import UploadBudget
from pages.server.watch_over import WATCH_OVER_ROUTES
from pages.widgets.address import note_page
from pages.widgets.class_notice import show_class_notice
from pages.widgets.errors import showing_errors
from pages.widgets.renewal import take_renewal

ASSETS = Path(__file__).parent / "pages" / "assets"


def _of_some(space: SpaceView | None) -> list[StreamlitPage]:
    """The page of teachers, or of administrators: others, who type its address, read that it is not for them."""
    if space is not None:
        return [
            st.Page(
                "pages/board/page.py",
                url_path="class",
                title="Class",
                icon=":material/groups:",
                visibility="visible" if is_teacher(space) else "hidden",
            )
        ]
    if is_for_accounts():
        return [
            st.Page(
                "pages/accounts/page.py",
                url_path="accounts",
                title="Accounts",
                icon=":material/manage_accounts:",
                visibility="visible" if is_visitor_administrator() else "hidden",
            )
        ]
    return []


@asking_once()
@one_look()
def render() -> None:
    """One run of the app for one visitor."""
    st.set_page_config(page_title="Bluetit", page_icon=str(ASSETS / "bluetit.svg"), layout="wide")
    st.html(ASSETS / "page.css")
    st.logo(str(ASSETS / "bluetit_with_name.svg"), size="large")
    may_enter = is_let_in()
    space = visitor_space()
    page = st.navigation(
        [
            st.Page(
                "pages/classify/page.py",
                url_path="classify",
                title="Classify",
                icon=":material/image_search:",
                default=True,
            ),
            st.Page("pages/dataset/page.py", url_path="dataset", title="Dataset", icon=":material/photo_library:"),
            st.Page("pages/train/page.py", url_path="train", title="Train", icon=":material/model_training:"),
            st.Page("pages/results/page.py", url_path="results", title="Results", icon=":material/insights:"),
            st.Page("pages/compare/page.py", url_path="compare", title="Compare", icon=":material/compare_arrows:"),
            # The address is the page's old name: links that people have kept lead here.
            st.Page("pages/networks/page.py", url_path="backbones", title="Networks", icon=":material/hub:"),
            st.Page("pages/stage/page.py", url_path="stage", title="On stage", icon=":material/theater_comedy:"),
            *_of_some(space),
        ],
        position="top" if may_enter else "hidden",
    )
    note_page(page.title)
    with page_turn(gives_way=take_renewal()) as waited_seconds, showing_errors(key="errors"):
        ask_anew(waited_seconds)
        if may_enter:
            show_class_notice(space)
            page.run()
            note_where(page.title)
        else:
            render_door()


if __name__ == "__main__":
    render()  # Streamlit runs this file as a script at every visit and click
else:
    # `streamlit run` imports it once, to start the server.
    app = st.App(
        __file__,
        lifespan=running_services,
        routes=[
            *ANSWER_ROUTES,
            *PHOTO_ROUTES,
            *HEAT_ROUTES,
            *FILE_ROUTES,
            *RUN_ROUTES,
            *LIVE_ROUTES,
            *TRY_ROUTES,
            *ACTION_ROUTES,
            *KIOSK_ROUTES,
            *PAGE_ROUTES,
            *WATCH_OVER_ROUTES,
            *ANSWER_TABLE_ROUTES,
            *CLASS_ROUTES,
            *CLASS_START_ROUTES,
            *DOOR_ROUTES,
            *PRESENCE_ROUTES,
            *PHONE_ROUTES,
            *PHONE_WATCH_ROUTES,
            *DATASET_WATCH_ROUTES,
            *SORT_ROUTES,
        ],
        middleware=[
            Middleware(believing_named_proxies),
            Middleware(OnlyThisComputer, access=stay_among_those_let_in()),
            Middleware(SecurityHeaders),
            Middleware(Leaving),
            Middleware(KioskAddress),
            Middleware(ServedPage),
            Middleware(DoorKeeper),
            Middleware(UploadBudget),
        ],
    )
