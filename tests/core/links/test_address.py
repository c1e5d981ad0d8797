"""`core.links.address`: what people write as a link is understood, or refused in words that help."""

import pytest

from core.errors import LinkFailedError, LinkRefusedError
from core.links.photo import fetch_photo
from core.settings import Settings


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("file:///etc/passwd", "'file'"),
        ("FTP://example.com/a.jpg", "'ftp'"),
        ("data:image/png;base64,ä!", "incomplete or was changed"),
        ("blob:https://example.com/4f0e", "'blob'"),
        ("javascript:alert(1)", "'javascript'"),
        ("gopher://127.0.0.1:25/", "'gopher'"),
        ("C:\\photos\\tit.jpg", "'c'"),
        ("blob:https://example.com/1234", "'blob'"),
        ("http://user:pass@example.com/a.jpg", "password"),
        ("http://user@example.com/a.jpg", "password"),
        ("http://example.com\\@127.0.0.1/a.jpg", "password"),
        ("http://example.com\\.evil/a.jpg", "not a possible name"),
        ("https://", "not a possible name"),
        ("https:///a.jpg", "not a possible name"),
        ("http:a.jpg", "not a possible name"),
        ("http://a..b/", "not a possible name"),
        ("http://exa mple.com/", "not a possible name"),
        ("http://%31%32%37.0.0.1/", "not a possible name"),
        ("http://[fe80::1%25eth0]/", "name"),
        ("http://xn--\u2603.example\u3002/", "name"),
        ("http://example.com:99999/", "port"),
        ("http://example.com:x/", "port"),
        ("http://[::1/", "host or port"),
        ("http://example.com/a\r\nX-Evil: 1", "line breaks"),
        ("http://example.com/a\0b", "line breaks"),
        ("http://example.com/\ud800", "control characters"),
        ("http://example.com/" + "a" * 9000, "characters"),
    ],
)
@pytest.mark.usefixtures("no_connections")
def test_links_that_cannot_be_read(link, words):
    """Other schemes, passwords, impossible hosts and endless links are refused in a short message."""
    with pytest.raises(LinkRefusedError) as caught:
        fetch_photo(link, Settings())
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    ("link", "host", "port"),
    [
        ("example.com/a.jpg", "example.com", 443),
        ("//example.com/a.jpg", "example.com", 443),
        ("example.com:8080/a.jpg", "example.com", 8080),
        ("  HTTPS://Example.COM/a.jpg\n", "example.com", 443),
        ("http://example.com", "example.com", 80),
        ("http://müller.example/a.jpg", "xn--mller-kva.example", 80),
        ("http://EXAMPLE.com./a.jpg", "example.com", 80),
    ],
)
def test_how_links_are_understood(link, host, port, dns, connections):
    """Without a scheme https is meant; Unicode hosts become what DNS knows."""
    dns[host] = [["93.184.216.34"]]
    with pytest.raises(LinkFailedError, match="cannot be reached"):
        fetch_photo(link, Settings())
    assert connections == [("93.184.216.34", port)]
    assert dns["asked"][0] == host


def test_path_and_query_are_kept_and_fragment_dropped(server, settings):
    """Spaces and umlauts are encoded, what is encoded stays, the fragment is not sent."""
    fetch_photo(server.url("/photo/blå tit%20.jpg?a=1&b=ü%2F?#middle"), settings)
    assert server.paths == ["/photo/bl%C3%A5%20tit%20.jpg?a=1&b=%C3%BC%2F?"]
