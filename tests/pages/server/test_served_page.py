"""The page as the browser gets it: never translated, with our script, and below any path."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit import file_util
from streamlit.web.server.starlette.starlette_gzip_middleware import SelectiveGZipMiddleware
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_assets_routes

from pages.server.served_page import PAGE_ROUTES, ServedPage, changed_page, relative_location

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-encoding": "gzip, br"}
REPORT = "<html lang='de'><body>My own report</body></html>"


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask() -> Ask:
    """Asks for Streamlit's own files as a browser does; redirects are looked at, not followed."""
    report = Route("/media/report.html", lambda _: HTMLResponse(REPORT))
    routes = [report, *PAGE_ROUTES, *create_streamlit_static_assets_routes(None)]
    packing = Middleware(SelectiveGZipMiddleware, minimum_size=100, compresslevel=1, base_url="")
    app = Starlette(routes=routes, middleware=[Middleware(ServedPage), packing])

    async def send(method: str, address: str, headers: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.request(method, address, headers={**BROWSER, **headers})

    return lambda address, *, method="GET", **headers: asyncio.run(
        send(method, address, {name.replace("_", "-"): value for name, value in headers.items()})
    )


@pytest.mark.parametrize("path", ["/", "/dataset", "/index.html", "/no/such/page"])
def test_no_browser_translates_the_page(ask: Ask, path: str) -> None:
    """It is told so in both ways that browsers know, before the first script, on every page."""
    answer = ask(path)
    assert answer.status_code == 200
    assert '<html translate="no" class="notranslate" lang="en">' in answer.text
    head = answer.text[: answer.text.index("<script")]
    assert '<meta name="google" content="notranslate" />' in head
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "no-cache" in answer.headers["cache-control"]
    assert ask(path, method="HEAD").status_code == 200


def test_a_page_from_before_an_update_is_not_kept(ask: Ask) -> None:
    """A browser that asks whether its old copy is still good gets the new page, which must not match the old one."""
    index = Path(file_util.get_static_dir(), "index.html").read_bytes()
    assert ask("/", if_none_match="*", if_modified_since="Fri, 01 Jan 2100 00:00:00 GMT").text
    answer = ask("/", range="bytes=0-10")
    assert (answer.status_code, "etag" in answer.headers) == (200, False)
    assert len(answer.content) > len(index)


def test_other_files_are_untouched(ask: Ask) -> None:
    """What is not Streamlit's page comes byte for byte, and its copies in browsers stay good."""
    picture = ask("/favicon.png", accept="*/*")
    assert "etag" in picture.headers
    again = ask("/favicon.png", accept="*/*", if_none_match=picture.headers["etag"])
    assert again.status_code == 304
    assert ask("/media/report.html").text == REPORT
    assert changed_page(REPORT.encode()) == REPORT.encode()


def test_the_scripts_of_the_page_are_there(ask: Ask) -> None:
    """Their addresses are relative to the page, as those of Streamlit's own scripts are."""
    addresses = re.findall(r'<script defer src="\./([^"]+)">', ask("/").text)
    answers = [ask(f"/{address}", accept="*/*") for address in addresses]
    assert all(answer.headers["content-type"].startswith("text/javascript") for answer in answers)
    assert ["413" in answer.text for answer in answers] == [True, False, False]
    assert ["bluetit/files/" in answer.text for answer in answers] == [False, True, False]


@pytest.mark.parametrize(
    ("path", "location"),
    [("/dataset/", "../dataset"), ("/dataset/?id=3&a=b", "../dataset?id=3&a=b"), ("/results//", "../../results")],
)
def test_redirects_hold_below_any_path(ask: Ask, path: str, location: str) -> None:
    """Streamlit's redirect to "/dataset" would lead out of the path under which a server in front shows the app."""
    answer = ask(path)
    assert (answer.status_code, answer.headers["location"]) == (301, location)


@pytest.mark.parametrize(
    ("path", "location", "expected"),
    [
        ("/base", "http://here:80/base/", "base/"),
        ("/deep/base", "/deep/base/?a=b", "base/?a=b"),
        ("/", "/", None),
        ("/a", "/b", None),
        ("/a/", "/b", None),
        ("/a/", "https://example.org/a", None),
        ("/a", "https://example.org/a/", None),
        ("/oauth2callback", "/?code=1", None),
    ],
)
def test_other_redirects_stay(path: str, location: str, expected: str | None) -> None:
    """Only a slash that comes or goes at the end is known to be meant relatively."""
    assert relative_location(path, location, "here:80") == (expected or location)
