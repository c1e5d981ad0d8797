"""Who is believed about where a request comes from."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from pages.server.proxies import believing_named_proxies

FORGED = [(b"x-forwarded-for", b"10.9.8.7"), (b"x-forwarded-proto", b"https")]


def seen_by_app(connected: str) -> tuple[str, str]:
    """What the app learns of a request with forged headers, given who is connected."""
    seen: list[tuple[str, str]] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append((scope["client"][0], scope["scheme"]))

    scope = {"type": "http", "client": (connected, 5), "scheme": "http", "headers": FORGED}
    asyncio.run(believing_named_proxies(app)(scope, None, None))  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("connected", "setting", "seen"),
    [
        ("192.168.0.7", "", ("192.168.0.7", "http")),
        ("192.168.0.7", "192.168.0.7", ("10.9.8.7", "https")),
        ("192.168.0.7", "192.168.0.0/24", ("10.9.8.7", "https")),
        ("192.168.1.7", "192.168.0.0/24", ("192.168.1.7", "http")),
    ],
)
def test_only_named_servers_are_believed(
    monkeypatch: pytest.MonkeyPatch, connected: str, setting: str, seen: tuple[str, str]
) -> None:
    """Whoever guesses codes cannot write another address into each request."""
    monkeypatch.setenv("BLUETIT_TRUSTED_PROXIES", setting)
    assert seen_by_app(connected) == seen


def test_settings_that_cannot_be_read_name_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server starts, and every page says what is wrong."""
    monkeypatch.setenv("BLUETIT_TRUSTED_PROXIES", "192.168.0.7")
    monkeypatch.setenv("BLUETIT_ACCESS", "everybody")
    assert seen_by_app("192.168.0.7") == ("192.168.0.7", "http")
