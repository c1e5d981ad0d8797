"""Who is believed about where a request comes from."""

import asyncio
import os

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pages.server.proxies import trust_named_proxies

FORGED = [(b"x-forwarded-for", b"10.9.8.7"), (b"x-forwarded-proto", b"https")]


@pytest.fixture
def seen_by_app(monkeypatch: pytest.MonkeyPatch) -> object:
    """What the app learns of a request with forged headers, given who is connected and what the setting is."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # which somebody left in the environment

    def ask(connected: str, setting: str | None) -> tuple[str, str]:
        if setting is not None:
            monkeypatch.setenv("BLUETIT_TRUSTED_PROXIES", setting)
        trust_named_proxies()
        seen: list[tuple[str, str]] = []

        async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
            seen.append((scope["client"][0], scope["scheme"]))

        scope = {"type": "http", "client": (connected, 5), "scheme": "http", "headers": FORGED}
        middleware = ProxyHeadersMiddleware(app, os.environ["FORWARDED_ALLOW_IPS"])  # type: ignore[arg-type]
        asyncio.run(middleware(scope, None, None))  # type: ignore[arg-type]
        return seen[0]

    return ask


@pytest.mark.parametrize(
    ("connected", "setting", "seen"),
    [
        ("127.0.0.1", None, ("10.9.8.7", "https")),
        ("192.168.0.7", None, ("192.168.0.7", "http")),
        ("192.168.0.7", "192.168.0.7", ("10.9.8.7", "https")),
        ("192.168.0.7", "192.168.0.0/24", ("10.9.8.7", "https")),
        ("127.0.0.1", "[]", ("127.0.0.1", "http")),
        ("127.0.0.1", "192.168.0.7", ("127.0.0.1", "http")),
    ],
)
def test_only_named_servers_are_believed(
    seen_by_app: object, connected: str, setting: str | None, seen: tuple[str, str]
) -> None:
    """Whoever guesses codes cannot write another address into each request."""
    assert seen_by_app(connected, setting) == seen  # type: ignore[operator]


def test_settings_that_cannot_be_read_name_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server starts, and every page says what is wrong."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    monkeypatch.setenv("BLUETIT_ACCESS", "everybody")
    trust_named_proxies()
    assert os.environ["FORWARDED_ALLOW_IPS"] == ""
