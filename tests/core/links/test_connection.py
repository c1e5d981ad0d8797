"""`core.links.connection`: redirects, time limits and addresses of a connection."""

import socket
import time

import httpcore
import pytest

from core.errors import LinkFailedError, LinkRefusedError
from core.links.photo import fetch_photo
from core.settings import Settings
from tests.loopback_server import MAX_ROUTE_SECONDS, LoopbackServer


def test_request_headers(server, settings):
    """The request names the host, asks for unpacked bytes, and says who asks."""
    fetch_photo(server.url("/photo.jpg"), settings)
    headers = server.requests[0][1]
    assert headers["host"] == server.host_and_port
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("Bluetit/")
    assert "cookie" not in headers


def test_proxies_of_the_environment_are_not_used(server, settings, monkeypatch):
    """A proxy would resolve the host itself, so it is not asked."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert fetch_photo(server.url("/photo.jpg"), settings).data == server.photo


def test_second_address_is_tried(server, dns):
    """If the first of a host's addresses does not answer, the next one does."""
    dns["two.example"] = [["127.0.0.2", "127.0.0.1"]]
    settings = Settings(link_allowed_private_hosts=("two.example",))
    assert fetch_photo(f"http://two.example:{server.port}/photo.jpg", settings).data == server.photo


def test_closed_port():
    """A server that is not there cannot be reached; httpcore's error stays as the cause."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(LinkFailedError, match="cannot be reached") as caught:
            fetch_photo(f"http://{address}/a.jpg", Settings(link_allowed_private_hosts=(address,)))
    assert isinstance(caught.value.__cause__, httpcore.ConnectError)


@pytest.mark.parametrize("path", ["/drip.jpg", "/drip-head.jpg", "/stalled.jpg", "/stalled-body.jpg"])
def test_deadline(server, hurried, path):
    """The time limit is for everything together: neither silence nor single bytes now and then prolong it."""
    start = time.monotonic()
    with pytest.raises(LinkFailedError, match=r"127\.0\.0\.1 did not deliver .* within 0\.4 seconds"):
        fetch_photo(server.url(path), hurried)
    assert time.monotonic() - start < MAX_ROUTE_SECONDS / 2


@pytest.mark.parametrize("path", ["/drip.jpg", "/stalled.jpg"])
def test_cancelled(server, settings, path):
    """A visitor's wish to stop is honoured within a moment, also while the server is silent."""
    start = time.monotonic()
    with pytest.raises(LinkFailedError, match="was stopped"):
        fetch_photo(server.url(path), settings, cancelled=lambda: time.monotonic() - start > 0.2)
    assert time.monotonic() - start < MAX_ROUTE_SECONDS / 2


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:9/",
        "//192.168.0.1/a.jpg",
        "http://[::1]/",
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "http://user:pass@example.com/",
        "http://[broken/",
    ],
)
def test_redirects_are_checked(server, settings, target):
    """A redirect to what would be refused as a link is refused, and the message names the first host."""
    with pytest.raises(LinkRefusedError, match=r"127\.0\.0\.1 leads on"):
        fetch_photo(server.redirect_to(target), settings)
    assert len(server.requests) == 1


def test_redirect_to_another_port_of_an_allowed_server(server, settings):
    """Allowing one port of a private host does not allow its others: the second server is never asked."""
    with LoopbackServer() as other:
        with pytest.raises(LinkRefusedError, match="private network"):
            fetch_photo(server.redirect_to(other.url("/photo.jpg")), settings)
        assert other.requests == []


def test_redirect_loop(server, settings):
    """Redirects end after the number in the settings."""
    with pytest.raises(LinkFailedError, match="on and on, more than 3 times"):
        fetch_photo(server.url("/redirect-loop"), settings)
    assert len(server.requests) == 4


def test_no_redirects_allowed(server):
    """With zero redirects only direct links work."""
    settings = Settings(link_allowed_private_hosts=("127.0.0.1",), link_max_redirects=0)
    assert fetch_photo(server.url("/photo.jpg"), settings).data == server.photo
    with pytest.raises(LinkFailedError, match="on and on"):
        fetch_photo(server.url("/redirect.jpg"), settings)
