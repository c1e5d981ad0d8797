"""A server on this machine, and a network that tests can watch."""

import socket

import pytest

from core.settings import Settings
from tests.loopback_server import LoopbackServer


@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def settings(server):
    """The server is allowed, time is short."""
    return Settings(
        link_allowed_private_hosts=(server.host_and_port,),
        link_timeout_seconds=5.0,
        max_photo_bytes=200_000,
        link_max_redirects=3,
    )


@pytest.fixture
def hurried(server):
    """Like `settings`, for tests that wait until the time is over."""
    return Settings(link_allowed_private_hosts=(server.host_and_port,), link_timeout_seconds=0.4)


@pytest.fixture
def no_connections(monkeypatch):
    """Fails the test if anything connects anywhere or asks DNS."""

    def forbidden(*args, **kwargs):
        raise AssertionError(f"a connection was made: {args}")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)


@pytest.fixture
def dns(monkeypatch):
    """A DNS of our own: `dns[host] = [answer, answer, ...]`, each answer the addresses of one question."""
    answers: dict[str, list[list[str]]] = {}
    asked: list[str] = []
    real = socket.getaddrinfo

    def fake(host, port, *args, **kwargs):
        asked.append(host)
        if host in answers:
            addresses = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
            return [
                (
                    socket.AF_INET6 if ":" in address else socket.AF_INET,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (address, port),
                )
                for address in addresses
            ]
        if host[0].isdigit() or ":" in host:  # how the connection itself is made
            return real(host, port, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    answers["asked"] = asked
    return answers


@pytest.fixture
def connections(monkeypatch):
    """Where connections went; none of them succeeds."""
    made: list[tuple] = []

    def refuse(self, address):
        made.append(address[:2])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return made
