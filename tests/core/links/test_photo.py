"""`core.links.photo`: a link gives a photo's bytes, or an error that says what to do."""

import pytest

from core.errors import LinkFailedError
from core.links.photo import fetch_photo
from core.settings import Settings


@pytest.mark.parametrize("path", ["/photo.jpg", "/chunked.jpg", "/redirect.jpg"])
def test_photo_is_read(server, settings, path):
    """A photo comes whole, whether its length is announced, it comes in chunks, or after a redirect."""
    fetched = fetch_photo(server.url(path), settings)
    assert fetched.data == server.photo
    assert fetched.name == ("photo.jpg" if "redirect" in path else path[1:])
    assert fetched.url == server.url("/photo.jpg" if "redirect" in path else path)


@pytest.mark.parametrize("path", ["/endless.jpg", "/huge.jpg"])
def test_size_limit(server, settings, path):
    """Too many bytes are refused, announced or not, with the limit and what to do."""
    with pytest.raises(LinkFailedError, match=r"more than 0\.2 MB.*smaller copy"):
        fetch_photo(server.url(path), settings)


def test_size_limit_is_exact(server, settings):
    """A photo of exactly the allowed size is read, one byte less allowed is too few."""
    exact = Settings(link_allowed_private_hosts=settings.link_allowed_private_hosts, max_photo_bytes=len(server.photo))
    assert fetch_photo(server.url("/photo.jpg"), exact).data == server.photo
    assert fetch_photo(server.url("/chunked.jpg"), exact).data == server.photo
    fewer = Settings(
        link_allowed_private_hosts=settings.link_allowed_private_hosts, max_photo_bytes=len(server.photo) - 1
    )
    for path in ("/photo.jpg", "/chunked.jpg"):
        with pytest.raises(LinkFailedError, match="more than"):
            fetch_photo(server.url(path), fewer)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "/page.jpg",
            "leads to a web page, not to a photo: right-click the photo and copy the image address",
        ),
        ("/disguised-page.jpg", "leads to a web page"),
        ("/status/404", "status 404 instead of a photo. There is nothing"),
        ("/status/403", "Download the photo with your browser"),
        ("/status/401", "password"),
        ("/status/429", "Wait a few minutes"),
        ("/status/500", "Try again later"),
        ("/status/503", "Try again later"),
        ("/status/204", "status 204"),
        ("/status/206", "status 206"),
        ("/status/302", "status 302"),
        ("/short.jpg", "broke off"),
        ("/endless-head.jpg", "broke off"),
        ("/not-http", "broke off"),
        ("/hang-up", "broke off"),
        ("/empty.jpg", "empty file"),
        ("/gzip.jpg", "packed (gzip)"),
    ],
)
def test_failures_say_what_to_do(server, settings, path, words):
    """Each failure names the server, what happened, and the remedy, and nothing of the query."""
    with pytest.raises(LinkFailedError) as caught:
        fetch_photo(server.url(path + "?key=secret"), settings)
    message = str(caught.value)
    assert "127.0.0.1" in message
    assert words in message
    assert "secret" not in message
