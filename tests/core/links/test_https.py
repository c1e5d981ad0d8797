"""`core.links.connection` over https: certificates are checked against the name that was asked for."""

import socket
import ssl

import pytest

from core.errors import LinkError, LinkFailedError
from core.links import connection
from core.links.photo import fetch_photo
from core.settings import Settings
from tests.loopback_server import LoopbackServer

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
    monkeypatch.setattr(connection, "_tls_context", lambda: context)


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
