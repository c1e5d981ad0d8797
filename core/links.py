"""Photos from links: one GET over the network, bounded in time and size, never into a private network.

A visitor may paste any address, and the server that reads it stands inside somebody's network. So the host is
resolved here, every address it has is checked, and the connection goes to the checked address itself: a name
that changes its address between the check and the connection (DNS rebinding) gains nothing. Redirects are
followed by hand and checked like the first link.
"""

import email.message
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpcore
import idna

from core.errors import LinkError, LinkFailedError, LinkRefusedError
from core.settings import Settings

# A signed link to cloud storage has up to 2,000 characters.
MAX_LINK_CHARS = 8_000
MAX_NAME_CHARS = 100
# How often a wait looks whether it is still wanted.
POLL_SECONDS = 0.2
# More addresses than this are checked, but not tried.
MAX_ADDRESSES_TRIED = 4

USER_AGENT = b"Bluetit/0.1 (image classification app; one photo per request)"
REDIRECT_STATUSES = frozenset((301, 302, 303, 307, 308))
COMPRESSIONS = frozenset(("gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"))
SUFFIX_BY_TYPE = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
}
_UPLOAD = "Download the photo with your browser and upload the file instead."


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPhoto:
    """The bytes behind a link, not decoded yet."""

    name: str  # a file name fit for people and folders, at most MAX_NAME_CHARS
    data: bytes  # at least one
    url: str  # the address that delivered them, after all redirects


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """A link taken apart; messages show `host` only, for the rest may hold somebody's key."""

    scheme: str  # http or https
    host: str  # lower-case ASCII, IPv6 without brackets
    port: int
    target: str  # path and query as sent, percent-encoded

    @property
    def host_and_port(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host_and_port}{self.target}"


_DEFAULT_PORTS = {"http": 80, "https": 443}


def fetch_photo(url: str, settings: Settings, *, cancelled: Callable[[], bool] | None = None) -> FetchedPhoto:
    """Read the file behind a link.

    Args:
        url: an http or https address; without a scheme https is meant.
        settings: the `link_...` settings and `max_photo_bytes` count.
        cancelled: asked a few times per second whether to give up.

    Raises:
        LinkRefusedError: the link, or one it redirects to, is not http(s), has a password in it, or leads to
            an address that is not public and not in `link_allowed_private_hosts`.
        LinkFailedError: the server cannot be reached, takes too long, answers with an error, a web page or
            too many bytes, redirects too often, or `cancelled` said so.
    """
    link = first = _parse_link(url)
    watch = _Watch(first.host, settings.link_timeout_seconds, cancelled)
    answer = _get(link, settings, watch)
    for _ in range(settings.link_max_redirects):
        if isinstance(answer, FetchedPhoto):
            return answer
        try:
            link = _parse_link(_join(link, answer))
            answer = _get(link, settings, watch)
        except LinkRefusedError as exc:
            raise LinkRefusedError(f"The link to {first.host} leads on to another address. {exc}") from exc
    if isinstance(answer, FetchedPhoto):
        return answer
    raise LinkFailedError(
        f"The link to {first.host} leads on and on, more than {settings.link_max_redirects} times. "
        f"Open it in your browser, right-click the photo and copy the image address. Or: {_UPLOAD}"
    )


# --- the link itself -------------------------------------------------------------------------------------

# "localhost:8501/a.jpg" has a port, not a scheme.
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(?!\d+(?:[/?#]|$))")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")
# Everything that may stand in a path or query, the percent sign of what is encoded already included.
_SAFE_IN_TARGET = "/%:@!$&'()*+,;=~-._?"


def _parse_link(url: str) -> _Link:
    text = url.strip()
    if not text:
        raise LinkRefusedError("The link is empty; an address such as https://example.org/bird.jpg is needed.")
    scheme_match = _SCHEME.match(text)
    scheme = scheme_match[1].lower() if scheme_match else "https"
    if scheme not in _DEFAULT_PORTS:
        raise LinkRefusedError(
            f"The link begins with {scheme[:20]!r}; only links beginning with http: or https: are read. "
            "To use a file from this computer, upload it."
        )
    if len(text) > MAX_LINK_CHARS:
        raise LinkRefusedError(
            f"The link has {len(text):,} characters; at most {MAX_LINK_CHARS:,} are accepted. {_UPLOAD}"
        )
    # Cs: halves of characters, which cannot be sent
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise LinkRefusedError("The link has line breaks or control characters in it. Copy it again.")
    if not scheme_match:
        text = "https:" + text if text.startswith("//") else "https://" + text
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise LinkRefusedError("The link cannot be understood: its host or port is wrong. Copy it again.") from exc
    if "@" in parts.netloc:
        raise LinkRefusedError(
            f"The link has a user name or password in it (before the @). Such links are not read. {_UPLOAD}"
        )
    return _Link(
        scheme=scheme,
        host=_ascii_host(parts.hostname or ""),
        port=_DEFAULT_PORTS[scheme] if port is None else port,
        target=urllib.parse.quote(parts.path or "/", safe=_SAFE_IN_TARGET)
        + (urllib.parse.quote("?" + parts.query, safe=_SAFE_IN_TARGET) if parts.query else ""),
    )


def _ascii_host(host: str) -> str:
    """A host as DNS knows it: "müller.de" becomes "xn--mller-kva.de"."""
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as exc:
            raise LinkRefusedError(f"The link's host {host[:80]!r} is not a possible name. Copy it again.") from exc
    host = host.removesuffix(".")
    if not _HOST.fullmatch(host):
        raise LinkRefusedError(
            f"The link's host {host[:80]!r} is not a possible name; an address such as "
            "https://example.org/bird.jpg is needed."
        )
    return host


def _join(link: _Link, location: str) -> str:
    """The address that a redirect means, which may be relative to the link's own."""
    try:
        return urllib.parse.urljoin(link.url, location)
    except ValueError as exc:
        raise LinkRefusedError(f"That address cannot be understood. {_UPLOAD}") from exc


# --- which addresses -------------------------------------------------------------------------------------

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Source: https://www.iana.org/assignments/ipv6-address-space: the only block of public IPv6 addresses.
_IPV6_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Source: RFC 6052: the last 32 bits are an IPv4 address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Special blocks that Python 3.11 takes for public. Sources: RFC 6890, RFC 7526, RFC 9637.
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))


def _checked_addresses(link: _Link, settings: Settings, watch: "_Watch") -> list[str]:
    """The host's addresses, all of them allowed."""
    addresses = _literal_addresses(link.host) or _resolve(link, watch)
    if not _is_allowed_private_host(link, settings) and not all(map(_is_public, addresses)):
        # The address is not shown: it would tell a stranger how the private network looks.
        raise LinkRefusedError(
            f"The link leads to {link.host_and_port}, which is not a public server but inside a private "
            f"network or this computer itself. {_UPLOAD} "
            "An administrator can allow the server with the setting link_allowed_private_hosts."
        )
    return [str(address) for address in dict.fromkeys(addresses)]


def _is_allowed_private_host(link: _Link, settings: Settings) -> bool:
    host = f"[{link.host}]" if ":" in link.host else link.host
    names = {link.host, host, f"{host}:{link.port}"}
    return any(entry.lower() in names for entry in settings.link_allowed_private_hosts)


def _literal_addresses(host: str) -> list[_Address]:
    """The address that a host spells out, in any spelling; empty if the host is a name."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        # The C library's rules, which connecting would follow too: 2130706433 and 0x7f.1 are 127.0.0.1.
        return [ipaddress.IPv4Address(socket.inet_aton(host))]
    except OSError:
        return []


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded_ipv4(address)
        if inner is not None:
            return _is_public(inner)
        if address not in _IPV6_GLOBAL_UNICAST:
            return False
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4 or NAT64."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _resolve(link: _Link, watch: "_Watch") -> list[_Address]:
    """Ask DNS for the host's addresses.

    `getaddrinfo` takes no time limit, so it runs in a thread that is left behind when it is too slow; the
    system's own limit, some 30 seconds, ends that thread.
    """
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(link.host, link.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as exc:
            answers.put(exc)

    threading.Thread(target=ask, name=f"resolve {link.host[:40]}", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=watch.next_wait_seconds())
            break
        except queue.Empty:
            continue  # the watch says when it is enough
    if isinstance(answer, Exception):
        raise LinkFailedError(
            f"No server named {link.host} was found. Check the spelling of the link, and whether this "
            "computer is connected to the internet."
        ) from answer
    # A scope such as fe80::1%eth0 is no part of the address; such addresses are refused anyway.
    return [ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in answer]


# --- the connection --------------------------------------------------------------------------------------


class _Watch:
    """One deadline for everything that happens to a link, and the visitor's wish to stop."""

    def __init__(self, host: str, seconds: float, cancelled: Callable[[], bool] | None) -> None:
        self._host = host
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._cancelled = cancelled

    def remaining_seconds(self) -> float:
        """Time left, above 0.

        Raises:
            LinkFailedError: the time is over, or the visitor does not want the photo any more.
        """
        if self._cancelled is not None and self._cancelled():
            raise LinkFailedError(f"Reading the link to {self._host} was stopped.")
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self.timeout_error()
        return remaining

    def next_wait_seconds(self) -> float:
        """How long to wait before asking again; raises like `remaining_seconds`."""
        return min(self.remaining_seconds(), POLL_SECONDS)

    def timeout_error(self) -> LinkFailedError:
        return LinkFailedError(
            f"{self._host} did not deliver the photo within {self._seconds:g} seconds. Try again later. Or: {_UPLOAD}"
        )


class _WatchedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the watch; httpcore's limits start anew with each byte."""

    def __init__(self, stream: httpcore.NetworkStream, watch: _Watch) -> None:
        self._stream = stream
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            try:
                return self._stream.read(max_bytes, timeout=self._watch.next_wait_seconds())
            except httpcore.ReadTimeout:
                continue  # the watch says when it is enough

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._watch.remaining_seconds())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, self._watch.remaining_seconds())
        except httpcore.ConnectError as exc:
            # Told apart here, because the pool drops the cause.
            raise _tls_failure(server_hostname or "The server", exc) from exc
        return _WatchedStream(stream, self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _CheckedBackend(httpcore.SyncBackend):
    """Connects to the addresses that were checked, whatever host is asked for.

    httpcore keeps the host's name for TLS and the Host header, so certificates are checked against the name.
    """

    def __init__(self, addresses: list[str], watch: _Watch) -> None:
        self._addresses = addresses[:MAX_ADDRESSES_TRIED]
        self._watch = watch

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        for num_left in range(len(self._addresses), 0, -1):
            address = self._addresses[-num_left]
            # A share of the time each: a dead IPv6 route must not use up all of it.
            share_seconds = self._watch.remaining_seconds() / num_left
            try:
                stream = super().connect_tcp(address, port, share_seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if num_left == 1:
                    raise
            else:
                return _WatchedStream(stream, self._watch)
        raise httpcore.ConnectError(f"{host} has no address")


@lru_cache(maxsize=1)  # reading the certificates takes 20 ms
def _tls_context() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


@contextmanager
def _translated_errors(link: _Link) -> Iterator[None]:
    try:
        yield
    except LinkError:
        raise
    except httpcore.TimeoutException as exc:
        raise LinkFailedError(f"{link.host} took too long to answer. Try again later. Or: {_UPLOAD}") from exc
    except httpcore.ConnectError as exc:
        raise LinkFailedError(
            f"{link.host_and_port} cannot be reached ({_reason(exc)}). Check the link, and whether this "
            "computer is connected to the internet."
        ) from exc
    except (httpcore.NetworkError, httpcore.ProtocolError) as exc:
        raise LinkFailedError(
            f"The connection to {link.host} broke off before the whole photo was there ({_reason(exc)}). "
            f"Try again. Or: {_UPLOAD}"
        ) from exc
    except (OSError, ValueError) as exc:
        # TLS refuses some host names, too long ones for example, outside of httpcore's own errors.
        raise LinkFailedError(f"{link.host} cannot be reached ({_reason(exc)}). Check the link.") from exc


def _tls_failure(host: str, exc: httpcore.ConnectError) -> LinkFailedError:
    cause = exc.__cause__ or exc
    if isinstance(cause, ssl.SSLCertVerificationError):
        return LinkFailedError(
            f"{host} cannot prove that it is {host}: its certificate is not valid "
            f"({cause.verify_message.strip(' .') or 'unknown reason'}). {_UPLOAD}"
        )
    return LinkFailedError(
        f"{host} does not answer over https ({_reason(cause)}). "
        "If the link works in your browser with http:// at its beginning, use it like that."
    )


def _reason(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:120] or type(exc).__name__


# --- the answer ------------------------------------------------------------------------------------------


def _get(link: _Link, settings: Settings, watch: _Watch) -> FetchedPhoto | str:
    """One request: the photo, or the address that the server redirects to."""
    addresses = _checked_addresses(link, settings, watch)
    request_headers = [
        (b"Host", link.host_and_port.encode("ascii")),
        (b"User-Agent", USER_AGENT),
        (b"Accept", b"image/*,*/*;q=0.1"),
        # Photos are compressed already; what is not unpacked cannot be a bomb.
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
    ]
    url = httpcore.URL(
        scheme=link.scheme.encode("ascii"),
        host=link.host.encode("ascii"),
        port=link.port,
        target=link.target.encode("ascii"),
    )
    # No proxy, whatever HTTP_PROXY says (httpcore does not look): a proxy resolves the host itself, so it
    # could be led to an address that was never checked.
    with (
        _translated_errors(link),
        httpcore.ConnectionPool(
            ssl_context=_tls_context(),
            network_backend=_CheckedBackend(addresses, watch),
            max_connections=1,
        ) as pool,
        pool.stream("GET", url, headers=request_headers) as response,
    ):
        headers = {name.lower().decode("latin-1"): _text(value) for name, value in response.headers}
        location = headers.get("location")
        if response.status in REDIRECT_STATUSES and location:
            return location
        _check_head(link, response.status, headers, settings.max_photo_bytes)
        data = _read_body(link, response, settings.max_photo_bytes, watch)
    if _looks_like_web_page(data):
        raise _web_page_error(link)
    return FetchedPhoto(name=_photo_name(link, headers), data=data, url=link.url)


def _text(value: bytes) -> str:
    """A header's value: ASCII by the rules, UTF-8 or Latin-1 in practice."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


_STATUS_REMEDIES = {
    401: "It asks for a password. " + _UPLOAD,
    403: "It does not give the photo to programs, only to browsers or people who are logged in. " + _UPLOAD,
    404: "There is nothing at this address (any more). Check the link.",
    410: "The photo was removed. Look for another one.",
    429: "It wants to be asked less often. Wait a few minutes and try again.",
    451: "It may not give the photo for legal reasons. Look for another one.",
}


def _check_head(link: _Link, status: int, headers: dict[str, str], max_bytes: int) -> None:
    if status != 200:
        remedy = _STATUS_REMEDIES.get(
            status,
            "It has a problem of its own. Try again later." if status >= 500 else f"Check the link. Or: {_UPLOAD}",
        )
        raise LinkFailedError(f"{link.host} answered with status {status} instead of a photo. {remedy}")
    if _media_type(headers) in ("text/html", "application/xhtml+xml"):
        raise _web_page_error(link)
    if headers.get("content-encoding", "").strip().lower() in COMPRESSIONS:
        raise LinkFailedError(
            f"{link.host} sends the photo packed ({headers['content-encoding'].strip()[:20]}) although that "
            f"was not asked for. {_UPLOAD}"
        )
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large_error(link, max_bytes)


def _read_body(link: _Link, response: httpcore.Response, max_bytes: int, watch: _Watch) -> bytes:
    data = bytearray()
    for chunk in response.iter_stream():
        watch.remaining_seconds()
        data += chunk
        if len(data) > max_bytes:
            raise _too_large_error(link, max_bytes)
    if not data:
        raise LinkFailedError(f"{link.host} delivered an empty file (0 bytes). Check the link. Or: {_UPLOAD}")
    return bytes(data)


def _too_large_error(link: _Link, max_bytes: int) -> LinkFailedError:
    return LinkFailedError(
        f"The file from {link.host} has more than {max_bytes / 1e6:,.1f} MB, the most that is read. "
        "Download it with your browser, save a smaller copy and upload that."
    )


def _web_page_error(link: _Link) -> LinkFailedError:
    return LinkFailedError(
        f"The link to {link.host} leads to a web page, not to a photo: "
        "right-click the photo and copy the image address."
    )


def _looks_like_web_page(data: bytes) -> bool:
    return data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _media_type(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _photo_name(link: _Link, headers: dict[str, str]) -> str:
    """A name for the photo from the server's proposal or the address, safe as a file's name."""
    path = link.target.partition("?")[0]
    proposals = (_proposed_name(headers), urllib.parse.unquote(path.rpartition("/")[2]))
    name = next(filter(None, map(_clean_name, proposals)), "photo")
    if "." not in name:
        name += SUFFIX_BY_TYPE.get(_media_type(headers), "")
    stem, dot, suffix = name.rpartition(".")
    # A long name keeps its suffix.
    if len(name) > MAX_NAME_CHARS and dot and len(suffix) <= 5:
        return stem[: MAX_NAME_CHARS - len(suffix) - 1] + dot + suffix
    return name[:MAX_NAME_CHARS]


def _proposed_name(headers: dict[str, str]) -> str:
    message = email.message.Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    try:
        return message.get_filename("")
    except (ValueError, TypeError, LookupError):
        # The header may name any of Python's codecs, and some of them cannot decode it.
        return ""


def _clean_name(name: str) -> str:
    """The last part of a path, without characters that are invisible or that file systems refuse."""
    last = re.split(r"[/\\]", name)[-1]
    # Categories C: control, format (right-to-left tricks), surrogates, unassigned
    visible = "".join(char for char in last if unicodedata.category(char)[0] != "C" and char not in '<>:"|?*')
    return " ".join(visible.split()).strip(". ")
