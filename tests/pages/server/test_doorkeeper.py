"""What reaches Streamlit of those who are not let in: nothing that is theirs or anybody's."""

import asyncio

import pytest
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from core.services import Services
from pages.server import doorkeeper
from pages.server.doorkeeper import WANTED_COOKIE, DoorKeeper
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.pages.conftest import OpenServices
from tests.pages.server.route_visits import fetch


def pass_through(path: str, *, kind: str = "http", secret: str | None = None, query: str = "") -> list[Message]:
    """What comes back for a request; "reached" where the app got it."""
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        sent.append({"type": "reached"})

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"accept", b"text/html")]
    if secret is not None:
        headers.append((b"cookie", f"{COOKIE_NAME}={secret}".encode()))
    scope = {"type": kind, "method": "GET", "scheme": "http", "path": path, "headers": headers}
    scope |= {"query_string": query.encode()}
    asyncio.run(DoorKeeper(app)(scope, receive, send))
    return sent


def visit(path: str, routes: list[Route]) -> list[str]:
    """The cookies that a page brings."""
    answer = fetch(path, routes, middleware=[Middleware(DoorKeeper)], accept="text/html")
    return answer.headers.get_list("set-cookie")


def reaches(path: str, **options: str | None) -> bool:
    return [message["type"] for message in pass_through(path, **options)] == ["reached"]  # type: ignore[arg-type]


def location(path: str, query: str = "") -> str:
    start = pass_through(path, query=query)[0]
    return dict(start["headers"])[b"location"].decode()


@pytest.fixture
def pupil(open_with: OpenServices) -> str:
    """The secret of somebody who is let in."""
    services: Services = open_with("class")
    classroom, _ = services.classroom.hold()
    secret = new_secret()
    services.classroom.enter(classroom.id, "Quiet Otter", secret)
    return secret


def test_a_session_is_opened_for_those_who_are_in(pupil: str) -> None:
    """A WebSocket of anybody else is closed before it is accepted."""
    stream = "/_stcore/stream"
    assert reaches(stream, kind="websocket", secret=pupil)
    for secret in (None, new_secret()):
        assert pass_through(stream, kind="websocket", secret=secret) == [{"type": "websocket.close", "code": 1008}]


def test_what_is_the_same_for_everybody_is_served(pupil: str) -> None:
    """Health checks, and routes of ours, which ask by themselves."""
    assert all(reaches(path) for path in ("/bluetit/photos/x/128.jpg", "/bluetit/door"))


def test_ways_to_the_door(pupil: str) -> None:
    """From however far below the app's address."""
    assert location("/") == "./bluetit/door"
    assert location("/dataset", "dataset=3") == "./bluetit/door?to=dataset%3Fdataset%3D3"
    assert location("/a/b/c") == "../../bluetit/door?to=a%2Fb%2Fc"
    assert location("/train", "x=" + "y" * 1000) == "./bluetit/door"


def test_below_a_base_path(pupil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The door is below it, too; what is elsewhere is not Bluetit's."""
    monkeypatch.setattr(doorkeeper, "routes_path", lambda: "/lab/bluetit")
    assert location("/lab/train") == "./bluetit/door?to=train"
    assert location("/lab/") == "./bluetit/door"
    assert reaches("/lab/bluetit/door")


@pytest.mark.parametrize("access", ["alone", "open"])
def test_nobody_is_kept_where_all_is_in_common(open_with: OpenServices, access: str) -> None:
    """Pages and sessions are for whoever comes."""
    open_with(access)
    assert reaches("/dataset", secret=new_secret())
    assert reaches("/_stcore/stream", kind="websocket", secret=new_secret())


def test_accounts_sign_in_on_a_page(open_with: OpenServices) -> None:
    """So pages and sessions are for everybody; uploads are not."""
    open_with("accounts")
    assert reaches("/", secret=None)
    assert reaches("/_stcore/stream", kind="websocket")
    assert pass_through("/_stcore/upload_file/a/b")[0]["status"] == 403


@pytest.mark.parametrize(
    ("path", "is_remembered"), [("/train", True), ("/", False), ("/oauth2callback", False), ("/auth/login", False)]
)
def test_where_somebody_wanted_to_go_is_remembered(open_with: OpenServices, path: str, is_remembered: bool) -> None:
    """While they sign in elsewhere; the way there and back is no page."""
    open_with("accounts")
    cookies = visit(path, routes=[Route("/{path:path}", lambda _: PlainTextResponse("page"))])
    assert any(cookie.startswith(f"{WANTED_COOKIE}={path[1:]}") for cookie in cookies) is is_remembered


def test_before_anything_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that could not start shows its pages, which say why."""
    monkeypatch.setattr(doorkeeper, "access_now", lambda: None)
    assert reaches("/_stcore/stream", kind="websocket", secret=new_secret())
