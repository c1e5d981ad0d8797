"""`core.links.hosts`: no address of a private network is contacted, however it is written or named."""

import socket
import threading
import time

import pytest

from core.errors import LinkFailedError, LinkRefusedError
from core.links.photo import fetch_photo
from core.settings import Settings

SETTING_NAME = "link_allowed_private_hosts"


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

    is_over = threading.Event()

    def slow(*args, **kwargs):
        is_over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    start = time.monotonic()
    with pytest.raises(LinkFailedError, match=r"within 0\.3 seconds"):
        fetch_photo("http://slow.example/a.jpg", Settings(link_timeout_seconds=0.3))
    is_over.set()
    assert time.monotonic() - start < 30
