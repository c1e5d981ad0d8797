"""`core.links`: a link gives a photo's bytes, or an error that says what to do; never a private address."""

import socket
import ssl
import time

import httpcore
import pytest

from core import links
from core.errors import LinkError, LinkFailedError, LinkRefusedError
from core.links import MAX_NAME_CHARS, fetch_photo
from core.settings import Settings
from tests.loopback_server import LoopbackServer

SETTING_NAME = "link_allowed_private_hosts"


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


# --- what works ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/photo.jpg", "/chunked.jpg", "/redirect.jpg"])
def test_photo_is_read(server, settings, path):
    """A photo comes whole, whether its length is announced, it comes in chunks, or after a redirect."""
    fetched = fetch_photo(server.url(path), settings)
    assert fetched.data == server.photo
    assert fetched.name == ("photo.jpg" if "redirect" in path else path[1:])
    assert fetched.url == server.url("/photo.jpg" if "redirect" in path else path)


def test_request_headers(server, settings):
    """The request names the host, asks for unpacked bytes, and says who asks."""
    fetch_photo(server.url("/photo.jpg"), settings)
    headers = server.requests[0][1]
    assert headers["host"] == server.host_and_port
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("Bluetit/")
    assert "cookie" not in headers


def test_path_and_query_are_kept_and_fragment_dropped(server, settings):
    """Spaces and umlauts are encoded, what is encoded stays, the fragment is not sent."""
    fetch_photo(server.url("/photo/blå tit%20.jpg?a=1&b=ü%2F?#middle"), settings)
    assert server.paths == ["/photo/bl%C3%A5%20tit%20.jpg?a=1&b=%C3%BC%2F?"]


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.1:{port}"])
def test_allowed_host_with_and_without_port(server, allowed):
    """A private server is read if the administrator allows it, with any port or with this one."""
    settings = Settings(link_allowed_private_hosts=("other.example", allowed.format(port=server.port)))
    assert fetch_photo(server.url("/photo.jpg"), settings).data == server.photo


def test_allowed_host_by_name(server, dns):
    """A name is allowed by its name, whatever private address it has."""
    dns["photos.school"] = [["127.0.0.1"]]
    settings = Settings(link_allowed_private_hosts=("Photos.School",))
    fetched = fetch_photo(f"HTTP://PHOTOS.school.:{server.port}/photo.jpg", settings)
    assert fetched.data == server.photo
    assert server.requests[0][1]["host"] == f"photos.school:{server.port}"


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


# --- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/photo/blue%20tit.jpg?size=2", "blue tit.jpg"),
        ("/photo/blåmes.png", "blåmes.png"),
        ("/photo/", "photo.jpg"),
        ("/photo/..%2F..%2Fetc%2Fpasswd", "passwd.jpg"),
        ("/photo/a%5Cb%5Cc.gif", "c.gif"),
        ("/photo/%2E%2E", "photo.jpg"),
        ("/photo/line%0Abreak%00%E2%80%AEgpj.exe", "linebreakgpj.exe"),
        ("/photo/a%3A%3Cb%3E.jpg", "ab.jpg"),
        ("/photo/" + "x" * 300 + ".jpeg", "x" * 95 + ".jpeg"),
        ("/photo/" + "x" * 300, "x" * 96 + ".jpg"),
        ("/photo/" + "x" * 300 + ".suffix", "x" * 100),
        ("/disposition?attachment;%20filename=%22tit.png%22", "tit.png"),
        ("/disposition?attachment;%20filename=tit.png", "tit.png"),
        ("/disposition?inline;%20filename*=UTF-8''bl%25C3%25A5.png", "blå.png"),
        ("/disposition?inline;%20filename=%22bl%C3%A5.png%22", "blå.png"),
        ("/disposition?attachment;%20filename=%22../../etc/shadow%22", "shadow.png"),
        ("/disposition?attachment;%20filename=%22%22", "disposition.png"),
        ("/disposition?attachment;%20filename*=nonsense''a%25FF", "aÿ.png"),
        ("/disposition?attachment;%20filename*=idna''a%25FF", "disposition.png"),
        ("/disposition?;;;=%22", "disposition.png"),
    ],
)
def test_name(server, settings, path, expected):
    """The name comes from the server's proposal or the address, and cannot leave a folder or fool the eye."""
    name = fetch_photo(server.url(path), settings).name
    assert name == expected
    assert len(name) <= MAX_NAME_CHARS


# --- links that are refused without connecting -------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.178.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.0.1.",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "[::1]",
        "[::]",
        "[fc00::1]",
        "[fd12:3456:789a::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[ff0e::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::a00:1]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[100::1]",
    ],
)
@pytest.mark.usefixtures("no_connections")
def test_private_addresses_in_any_spelling(host):
    """No address of this computer or a private network is contacted, however it is written."""
    with pytest.raises(LinkRefusedError) as caught:
        fetch_photo(f"http://{host}:8080/latest/meta-data?secret=abc", Settings())
    message = str(caught.value)
    assert "private network" in message
    assert "upload the file" in message
    assert SETTING_NAME in message
    assert "secret" not in message


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "[64:ff9b::808:808]", "134744072"],
)
def test_public_addresses_are_contacted(address, connections):
    """Public addresses, embedded ones too, are read."""
    with pytest.raises(LinkFailedError, match="cannot be reached"):
        fetch_photo(f"http://{address}/a.jpg", Settings())
    assert len(connections) == 1


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


# --- names that lead to private addresses ------------------------------------------------------------------


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["2606:4700::1", "::1"], ["fe80::1%eth0"]]
)
def test_every_address_of_a_name_must_be_public(addresses, dns, connections):
    """One private address among a name's addresses is enough to refuse it, and none is contacted."""
    dns["evil.example"] = [addresses]
    with pytest.raises(LinkRefusedError, match=r"evil\.example.*private network") as caught:
        fetch_photo("http://evil.example/a.jpg", Settings())
    assert connections == []
    assert not any(address in str(caught.value) for address in addresses)


def test_dns_rebinding(dns, connections):
    """The connection goes to the address that was checked, though DNS would now give another one."""
    dns["rebind.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    with pytest.raises(LinkFailedError):
        fetch_photo("http://rebind.example/a.jpg", Settings())
    assert connections == [("93.184.216.34", 80)]
    assert dns["asked"].count("rebind.example") == 1


def test_unknown_name(dns):
    """A name that nobody has is a matter of spelling or of the network."""
    with pytest.raises(LinkFailedError, match="spelling") as caught:
        fetch_photo("http://no-such-host.invalid/a.jpg?key=secret", Settings())
    assert "no-such-host.invalid" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_slow_dns(monkeypatch):
    """A name server that does not answer cannot hold anybody longer than the time limit."""

    def slow(*args, **kwargs):
        time.sleep(1.5)
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    start = time.monotonic()
    with pytest.raises(LinkFailedError, match=r"within 0\.3 seconds"):
        fetch_photo("http://slow.example/a.jpg", Settings(link_timeout_seconds=0.3))
    assert time.monotonic() - start < 1.2


# --- redirects -------------------------------------------------------------------------------------------


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


# --- servers that do not deliver ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/drip.jpg", "/drip-head.jpg", "/stalled.jpg", "/stalled-body.jpg"])
def test_deadline(server, hurried, path):
    """The time limit is for everything together: neither silence nor single bytes now and then prolong it."""
    start = time.monotonic()
    with pytest.raises(LinkFailedError, match=r"127\.0\.0\.1 did not deliver .* within 0\.4 seconds"):
        fetch_photo(server.url(path), hurried)
    assert time.monotonic() - start < 1.5


@pytest.mark.parametrize("path", ["/drip.jpg", "/stalled.jpg"])
def test_cancelled(server, settings, path):
    """A visitor's wish to stop is honoured within a moment, also while the server is silent."""
    start = time.monotonic()
    with pytest.raises(LinkFailedError, match="was stopped"):
        fetch_photo(server.url(path), settings, cancelled=lambda: time.monotonic() - start > 0.2)
    assert time.monotonic() - start < 1.5


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


def test_closed_port():
    """A server that is not there cannot be reached; httpcore's error stays as the cause."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(LinkFailedError, match="cannot be reached") as caught:
            fetch_photo(f"http://{address}/a.jpg", Settings(link_allowed_private_hosts=(address,)))
    assert isinstance(caught.value.__cause__, httpcore.ConnectError)


# --- https -----------------------------------------------------------------------------------------------

# Made for these tests only, for the host photos.test, valid from 2020 to 2100; it protects nothing.
TEST_KEY_AND_CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8YBSXuEi5P2FFK3Q
c41nPc8/WqG7sKNVQzf1SmO3q62hRANCAARJ0j2dEX8N1pg519+8mZo2pKX30rIX
F1HvLIOtjuymhJsj5zYaw5Y6ohVYYsInoieDsaZYsEUrqrcscvpQgc6C
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBZzCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAWMRQwEgYDVQQDDAtwaG90b3Mu
dGVzdDAgFw0yMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowFjEUMBIGA1UE
AwwLcGhvdG9zLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARJ0j2dEX8N
1pg519+8mZo2pKX30rIXF1HvLIOtjuymhJsj5zYaw5Y6ohVYYsInoieDsaZYsEUr
qrcscvpQgc6Co0owSDAWBgNVHREEDzANggtwaG90b3MudGVzdDAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBTqoXhGQZKDLr5hQcIVcalwkvRuETAKBggqhkjOPQQD
AgNIADBFAiBsziaoB5OUDk7P4F0MgqKJGwILiPp86n4DXJvmLikZbQIhAPDGIECJ
UqTZ0CPkAPESowRwD5oDow+XsJ8OWAIHTdEt
-----END CERTIFICATE-----
"""


@pytest.fixture
def tls_server(tmp_path):
    path = tmp_path / "photos.test.pem"
    path.write_text(TEST_KEY_AND_CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    running = LoopbackServer()
    running.use_tls(context)
    with running:
        yield running


@pytest.fixture
def trusted(monkeypatch):
    """The test certificate counts as issued by an authority."""
    context = ssl.create_default_context(
        cadata=TEST_KEY_AND_CERTIFICATE[TEST_KEY_AND_CERTIFICATE.index("-----BEGIN CERT") :]
    )
    monkeypatch.setattr(links, "_tls_context", lambda: context)


@pytest.mark.usefixtures("trusted")
def test_https(tls_server, dns):
    """Over https the certificate is checked against the name, though the connection goes to an address."""
    dns["photos.test"] = [["127.0.0.1"]]
    fetched = fetch_photo(
        f"photos.test:{tls_server.port}/photo.jpg", Settings(link_allowed_private_hosts=("photos.test",))
    )
    assert fetched.data == tls_server.photo
    assert fetched.url.startswith("https://photos.test:")


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_host(tls_server, dns):
    """A trusted certificate for another name does not count."""
    dns["other.test"] = [["127.0.0.1"]]
    with pytest.raises(LinkFailedError, match=r"other\.test cannot prove .* certificate .*upload"):
        fetch_photo(
            f"https://other.test:{tls_server.port}/photo.jpg",
            Settings(link_allowed_private_hosts=("other.test",)),
        )
    assert tls_server.requests == []


def test_certificate_of_nobody(tls_server, dns):
    """A certificate that no authority vouches for does not count, with the real list of authorities."""
    dns["photos.test"] = [["127.0.0.1"]]
    with pytest.raises(LinkFailedError, match=r"certificate is not valid \(self.signed certificate\)"):
        fetch_photo(
            f"https://photos.test:{tls_server.port}/photo.jpg",
            Settings(link_allowed_private_hosts=("photos.test",)),
        )


@pytest.mark.usefixtures("trusted")
def test_slow_drip_over_https(tls_server, dns):
    """The time limit holds for encrypted connections too."""
    dns["photos.test"] = [["127.0.0.1"]]
    with pytest.raises(LinkFailedError, match=r"within 0\.5 seconds"):
        fetch_photo(
            f"https://photos.test:{tls_server.port}/drip.jpg",
            Settings(link_allowed_private_hosts=("photos.test",), link_timeout_seconds=0.5),
        )


def test_https_to_a_server_that_speaks_http(server, settings):
    """A server without https is named as such, with the way out."""
    with pytest.raises(LinkFailedError, match=r"does not answer over https.*http://"):
        fetch_photo(f"https://{server.host_and_port}/photo.jpg", settings)


def test_handshake_that_never_comes(hurried):
    """A server that accepts the connection and stays silent cannot hold the TLS handshake open."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings(link_allowed_private_hosts=(address,), link_timeout_seconds=0.4)
        with pytest.raises(LinkError, match=r"too long|within"):
            fetch_photo(f"https://{address}/photo.jpg", settings)
