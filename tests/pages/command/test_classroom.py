"""This computer as the host of a class."""

import datetime
import shutil
import socket
import ssl
import threading
from dataclasses import replace

import pytest
from cryptography import x509

from core.errors import CertificateError, SettingsError
from core.hosting.addresses import NetworkAddress, sort_addresses
from core.hosting.certificate import names_of, own_certificate
from core.settings import Settings
from pages.command.classroom import ClassHost
from pages.server.invited import INVITATION_BOARD

PORT = 8501


class Laptop:
    """A computer that is carried from one network into another."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    def find(self) -> list[NetworkAddress]:
        return sort_addresses({"wlan0": self.addresses}, self.addresses[:1])


def served_names(context: ssl.SSLContext) -> set[str]:
    """For which the certificate is that a browser gets."""
    near, far = socket.socketpair()
    server = threading.Thread(target=lambda: context.wrap_socket(near, server_side=True).close())
    server.start()
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    with unchecked.wrap_socket(far) as visitor:
        encoded = visitor.getpeercert(binary_form=True)
    server.join()
    assert encoded is not None
    return set(names_of(x509.load_der_x509_certificate(encoded)))


def test_it_follows_into_another_network(settings: Settings):
    """Server and page have the new address within one look, and the certificate is for it."""
    laptop = Laptop("192.168.1.5")
    host = ClassHost(settings, PORT, needs_port=True, find=laptop.find)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host.certificate.certificate_path, host.certificate.key_path)
    assert "10.0.0.7" not in served_names(context)
    laptop.addresses = ("10.0.0.7",)
    moved = host.look_around(context)
    assert moved is not None
    assert moved.typed == "10.0.0.7:8501"
    assert INVITATION_BOARD.current() == moved
    assert {"10.0.0.7", "192.168.1.5"} <= served_names(context)


def test_a_look_that_finds_nothing_new_changes_nothing(settings: Settings):
    """Nor does it say anything; an address that is neither shown nor typed is nothing new."""
    laptop = Laptop("192.168.1.5", "2a02:8109::5")
    host = ClassHost(settings, PORT, needs_port=True, find=laptop.find)
    before = host.certificate.certificate_path.read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for addresses in (laptop.addresses, ("192.168.1.5", "2a02:8109::6")):
        laptop.addresses = addresses
        assert host.look_around(context) is None
    assert host.certificate.certificate_path.read_bytes() == before


def test_a_clock_that_is_put_right_renews_the_certificate(settings: Settings):
    """One that was made with the date of last year is of no use to devices whose clocks are right."""
    laptop = Laptop("192.168.1.5")
    last_year = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=380)
    host = ClassHost(settings, PORT, needs_port=True, find=laptop.find)
    shutil.rmtree(settings.certificate_path)
    old = own_certificate(settings.certificate_path, host.certificate.names, now=last_year)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert host.look_around(context) is None
    assert host.certificate.serial != old.serial
    assert "192.168.1.5" in served_names(context)


def test_wi_fi_that_goes_and_comes_back_keeps_the_certificate(settings: Settings):
    """A lid that was closed is no reason to warn thirty devices again."""
    laptop = Laptop("192.168.1.5")
    host = ClassHost(settings, PORT, needs_port=True, find=laptop.find)
    before = host.certificate.certificate_path.read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    laptop.addresses = ()
    assert host.look_around(context) is not None
    laptop.addresses = ("192.168.1.5",)
    assert host.look_around(context) is not None
    assert host.certificate.certificate_path.read_bytes() == before


def test_where_there_are_long_addresses_only_the_certificate_is_for_them(settings: Settings):
    """Then they are what is scanned."""
    host = ClassHost(settings, PORT, needs_port=True, find=Laptop("2a02:8109::5").find)
    assert "2a02:8109::5" in host.certificate.names
    assert INVITATION_BOARD.current() is not None


def test_a_school_certificate_is_shown_by_its_name(settings: Settings):
    """It is neither renewed nor replaced; files that cannot serve are refused before anything listens."""
    own = ClassHost(settings, PORT, needs_port=True, find=Laptop().find).certificate
    school = replace(settings, certificate_file=own.certificate_path, certificate_key_file=own.key_path)
    assert ClassHost(school, PORT, needs_port=True, find=Laptop().find).certificate.names == own.names
    invitation = INVITATION_BOARD.current()
    assert invitation is not None
    assert not invitation.has_warning
    with pytest.raises(CertificateError, match="holds no certificate"):
        ClassHost(replace(school, certificate_file=own.key_path), PORT, needs_port=True, find=Laptop().find)


def test_half_a_pair_of_settings_is_refused(settings: Settings):
    """Certificate and key are of no use without each other."""
    with pytest.raises(SettingsError, match="belong together"):
        replace(settings, certificate_file=settings.workspace_dir / "fullchain.pem")
