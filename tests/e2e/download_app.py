"""A page with nothing but two downloads, of a file that is there and of one that is gone; served like the real app."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pages.server.photo_routes import routes_path, routes_prefix
from pages.server.served_page import PAGE_ROUTES, ServedPage
from pages.widgets.download_link import render_download

CONTENT = "crow\ntit\n"


async def send(request: Request) -> Response:
    """What the real routes answer."""
    if request.path_params["name"] == "gone":
        return PlainTextResponse("It is gone.", status_code=404)
    return Response(CONTENT, headers={"Content-Disposition": "attachment; filename*=utf-8''Birds%20labels.txt"})


if __name__ == "__main__":
    render_download("Labels", f"{routes_prefix()}/files/labels")
    render_download("Gone", f"{routes_prefix()}/files/gone")
else:
    app = st.App(
        __file__,
        routes=[*PAGE_ROUTES, Route(f"{routes_path()}/files/{{name}}", send)],
        middleware=[Middleware(ServedPage)],
    )
