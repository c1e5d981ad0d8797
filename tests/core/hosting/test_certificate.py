"""The certificate that this computer makes for itself, and one of the school's own."""

import datetime
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from core.errors import CertificateError, StorageError
from core.hosting.certificate import ServerCertificate, given_certificate, name_to_show, own_certificate

NOW = datetime.datetime(2026, 11, 30, 8, tzinfo=datetime.UTC)
ADDRESS, OTHER = "192.168.1.5", "10.0.0.7"


def days(number: float) -> datetime.timedelta:
    return datetime.timedelta(days=number)


def read(certificate: ServerCertificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.certificate_path.read_bytes())


def test_it_is_for_the_addresses_and_for_this_computer(tmp_path: Path):
    """Python's own TLS takes both files, and the names are those asked for and those wished."""
    certificate = own_certificate(tmp_path, [ADDRESS, "laptop.local"], ["2a02:8109::5"], now=NOW)
    assert set(certificate.names) == {"localhost", "127.0.0.1", "::1", ADDRESS, "laptop.local", "2a02:8109::5"}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_path, certificate.key_path)


def test_apple_takes_it(tmp_path: Path):
    """At most 397 days from its first to its last, for web servers, and it vouches for nothing else."""
    made = read(own_certificate(tmp_path, [ADDRESS], now=NOW))
    assert made.not_valid_after_utc - made.not_valid_before_utc <= days(397)
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usages = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_the_key_is_for_its_owner_alone(tmp_path: Path):
    """Whatever new files are allowed elsewhere."""
    before = os.umask(0)
    try:
        certificate = own_certificate(tmp_path / "certificate", [ADDRESS], now=NOW)
    finally:
        os.umask(before)
    assert certificate.key_path.stat().st_mode & 0o777 == 0o600


def test_it_is_kept_while_it_holds(tmp_path: Path):
    """Browsers that were told once are not asked again, whatever long addresses come and go."""
    first = own_certificate(tmp_path, [ADDRESS], ["2a02:8109::5"], now=NOW)
    content = first.certificate_path.read_bytes()
    again = own_certificate(tmp_path, [ADDRESS], ["2a02:8109::6"], now=NOW + days(300))
    assert (again.names, again.certificate_path.read_bytes()) == (first.names, content)


def test_a_new_address_gets_a_new_one_that_is_for_the_old_too(tmp_path: Path):
    """From home to school and back there is one new certificate, not one a day."""
    own_certificate(tmp_path, [ADDRESS], now=NOW)
    moved = own_certificate(tmp_path, [OTHER], now=NOW)
    assert {ADDRESS, OTHER} <= set(moved.names)
    content = moved.certificate_path.read_bytes()
    assert own_certificate(tmp_path, [ADDRESS], now=NOW).certificate_path.read_bytes() == content


@pytest.mark.parametrize("moment", [days(370), days(800), -days(30)], ids=["near its end", "over", "clock set back"])
def test_it_is_made_anew_in_time(tmp_path: Path, moment: datetime.timedelta):
    """Before it ends, after it has, and where it is not valid yet."""
    first = read(own_certificate(tmp_path, [ADDRESS], now=NOW))
    then = read(own_certificate(tmp_path, [ADDRESS], now=NOW + moment))
    assert then.serial_number != first.serial_number
    assert then.not_valid_before_utc <= NOW + moment <= then.not_valid_after_utc


def test_one_made_while_the_clock_was_far_ahead_is_replaced(tmp_path: Path):
    """It would be valid for longer than browsers accept."""
    ahead = own_certificate(tmp_path, [ADDRESS], now=NOW + days(1))
    content = ahead.certificate_path.read_bytes()
    assert own_certificate(tmp_path, [ADDRESS], now=NOW).certificate_path.read_bytes() != content


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem"])
def test_damaged_files_are_replaced(tmp_path: Path, name: str):
    """Nothing of a class depends on them."""
    own_certificate(tmp_path, [ADDRESS], now=NOW)
    (tmp_path / name).write_bytes(b"half of it")
    own_certificate(tmp_path, [ADDRESS], now=NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path):
    """As everywhere else."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        own_certificate(tmp_path / "file", [ADDRESS], now=NOW)


def test_a_school_certificate_is_taken_as_it_is(tmp_path: Path):
    """With the name under which it is shown to be right."""
    school = own_certificate(tmp_path, ["bluetit.school.example"], now=NOW)
    given = given_certificate(school.certificate_path, school.key_path, now=NOW)
    assert given == school


def test_the_shown_name_is_this_computers_own_where_that_fits():
    """A certificate for all names of a school says nothing that could be typed."""

    def shown(*names: str) -> str | None:
        given = ServerCertificate(certificate_path=Path("c"), key_path=Path("k"), names=names, serial=1)
        return name_to_show(given, ["pc17", "pc17.school.example"])

    assert shown("*.school.example") == "pc17.school.example"
    assert shown("www.school.example", "pc17.school.example") == "pc17.school.example"
    assert shown("bluetit.school.example") == "bluetit.school.example"
    assert shown("*.other.example", "localhost", "127.0.0.1") is None


def test_a_school_certificate_that_cannot_serve_is_refused(tmp_path: Path):
    """Each fault in a sentence that names the file."""
    one, two = (own_certificate(tmp_path / name, [ADDRESS], now=NOW) for name in "ab")
    missing = tmp_path / "missing.pem"
    odd = tmp_path / "odd.pem"
    odd.write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    locked = tmp_path / "locked.pem"
    key = serialization.load_pem_private_key(one.key_path.read_bytes(), password=None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    faults = [
        (one.certificate_path, two.key_path, NOW, "is not the one of the certificate"),
        (missing, one.key_path, NOW, "holds no certificate"),
        (one.key_path, one.key_path, NOW, "holds no certificate"),
        (one.certificate_path, missing, NOW, "holds no key"),
        (one.certificate_path, locked, NOW, "without a passphrase"),
        (one.certificate_path, odd, NOW, "unknown to browsers"),
        (one.certificate_path, one.key_path, NOW + days(400), "Renew it"),
    ]
    for certificate_path, key_path, now, sentence in faults:
        with pytest.raises(CertificateError, match=sentence):
            given_certificate(certificate_path, key_path, now=now)
