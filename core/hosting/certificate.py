"""The certificate with which this computer speaks HTTPS: made and signed by itself, kept from lesson to lesson.

Browsers warn once of such a certificate, for nobody else vouches for it. It is kept as long as it holds, so that the
warning does not come back at each lesson.
"""

import datetime
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.errors import CertificateError
from core.storage.files import translating_disk_errors, write_atomically

# Apple's devices refuse certificates that are valid for more than 398 days.
# Source: https://support.apple.com/102028
_DAYS_VALID = 390
_DAYS_LEFT_AT_LEAST = 30
_DAYS_BACKDATED = 2  # clocks of other devices may be behind
_MOST_NAMES = 40
_OWNER_ALONE = 0o600  # may read and write
_AS_IT_IS = getattr(os, "O_BINARY", 0)  # Windows would change the ends of lines
_LOCALHOST = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """Where a certificate and its key are, both as PEM."""

    certificate_path: Path
    key_path: Path
    names: tuple[str, ...]  # host names and addresses for which it is
    serial: int  # another number in every certificate


def own_certificate(
    folder: Path, needed: Iterable[str], wished: Iterable[str] = (), *, now: datetime.datetime
) -> ServerCertificate:
    """The certificate that this computer has made for itself; made anew where the one of before does not hold any more.

    Args:
        folder: where it is kept.
        needed: host names and addresses for which it must be.
        wished: those that it gets besides when it is made; they change too often to make one for each.
        now: the time, with its time zone.

    Raises:
        StorageError: the files cannot be written.
    """
    needed = tuple(dict.fromkeys((*_LOCALHOST, *needed)))
    paths = folder / "certificate.pem", folder / "key.pem"
    kept = _read_kept(*paths)
    if kept is not None and _holds(kept, needed, now):
        return _described(kept, *paths)
    # The names of before stay: whoever teaches in two places needs one certificate for both.
    names = tuple(dict.fromkeys((*needed, *wished, *(() if kept is None else names_of(kept)))))[:_MOST_NAMES]
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _make(key, names, now)
    with translating_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _write_key(paths[1], key)
    with write_atomically(paths[0]) as path:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return _described(certificate, *paths)


def given_certificate(certificate_path: Path, key_path: Path, *, now: datetime.datetime) -> ServerCertificate:
    """A certificate of the school's own, as two settings name it.

    Args:
        certificate_path: PEM of the certificate, followed by those that vouch for it.
        key_path: PEM of its key, without a passphrase.
        now: the time, with its time zone.

    Raises:
        CertificateError: a file is not there or holds something else, they do not fit each other, or it is not valid
            at present.
    """
    certificate = _read_certificate(certificate_path)
    if _read_key(key_path).public_key() != certificate.public_key():
        raise CertificateError(
            f"The key in {key_path} is not the one of the certificate in {certificate_path}. Give the two files that "
            "were issued together."
        )
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise CertificateError(
            f"The certificate in {certificate_path} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} to "
            f"{certificate.not_valid_after_utc:%Y-%m-%d}, and today is {now:%Y-%m-%d}. Renew it, set the clock, or "
            "leave the two settings out: Bluetit then makes one."
        )
    return _described(certificate, certificate_path, key_path)


def name_to_show(certificate: ServerCertificate, own_names: Iterable[str]) -> str | None:
    """The host name under which a school's certificate is shown to be right; None: it has none that can be typed.

    Args:
        certificate: of the school.
        own_names: of this computer; the one that the certificate is for goes before others in it.
    """
    own = [name for name in own_names if any(_matches(name, pattern) for pattern in certificate.names)]
    typable = [name for name in certificate.names if not name.startswith("*.") and name not in _LOCALHOST]
    return next(iter((*own, *typable)), None)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Host names and addresses for which a certificate is."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def _described(certificate: x509.Certificate, certificate_path: Path, key_path: Path) -> ServerCertificate:
    return ServerCertificate(
        certificate_path=certificate_path,
        key_path=key_path,
        names=names_of(certificate),
        serial=certificate.serial_number,
    )


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or (pattern.startswith("*.") and name.partition(".")[2] == pattern[2:])


def _holds(certificate: x509.Certificate, needed: Iterable[str], now: datetime.datetime) -> bool:
    left = certificate.not_valid_after_utc - now
    is_timely = certificate.not_valid_before_utc <= now and left >= datetime.timedelta(days=_DAYS_LEFT_AT_LEAST)
    # A clock that was far ahead when it was made has given it more time than browsers accept.
    return is_timely and left <= datetime.timedelta(days=_DAYS_VALID) and set(needed) <= set(names_of(certificate))


def _make(key: ec.EllipticCurvePrivateKey, names: Iterable[str], now: datetime.datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bluetit on this computer")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=_DAYS_BACKDATED))
        .not_valid_after(now + datetime.timedelta(days=_DAYS_VALID))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        # It vouches for itself and for nothing else: whoever trusts it trusts this computer alone.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with write_atomically(path) as temporary:
        # Made for the owner alone: there is no moment at which others could read it.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _AS_IT_IS, _OWNER_ALONE)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)


def _read_kept(certificate_path: Path, key_path: Path) -> x509.Certificate | None:
    """The certificate that was made before; None where there is none that can be used."""
    try:
        certificate = _read_certificate(certificate_path)
        return certificate if _read_key(key_path).public_key() == certificate.public_key() else None
    except CertificateError:
        return None


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError) as exc:
        raise CertificateError(
            f"{path} holds no certificate that can be read ({exc}). A file in PEM format was expected, which begins "
            "with BEGIN CERTIFICATE."
        ) from exc


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as exc:
        raise CertificateError(
            f"{path} holds no key that can be read ({exc}). A file in PEM format without a passphrase was expected, "
            "which begins with BEGIN PRIVATE KEY."
        ) from exc
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise CertificateError(f"{path} holds a key of a kind unknown to browsers. An RSA or EC key was expected.")
    return key
