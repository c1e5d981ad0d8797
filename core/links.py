"""Files from links: GET requests over the network, bounded in time and size, never into a private network.

A visitor may paste any address, and the server that reads it stands inside somebody's network. So the host is
resolved here, every address it has is checked, and the connection goes to the checked address itself: a name
that changes its address between the check and the connection (DNS rebinding) gains nothing. Redirects are
followed by hand and checked like the first link.

`fetch_photo` reads one photo into memory. `open_link` is the engine below it, which
`core.datasets.sources.downloads` shares.
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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpcore
import idna

from core.data_addresses import HeldFile, is_data_address, read_data_address
from core.errors import LinkBrokenError, LinkError, LinkFailedError, LinkRefusedError
from core.settings import Settings

# A signed link to cloud storage has up to 2,000 characters.
MAX_LINK_CHARS = 8_000
MAX_NAME_CHARS = 100
# How often a wait looks whether it is still wanted.
POLL_SECONDS = 0.2
# More addresses than this are checked, but not tried.
MAX_ADDRESSES_TRIED = 4

USER_AGENT = "Bluetit/0.1 (image classification app; one file per request)"
REDIRECT_STATUSES = frozenset((301, 302, 303, 307, 308))
# With these the next try may succeed.
PASSING_STATUSES = frozenset((408, 429, 500, 502, 503, 504))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPhoto:
    """The bytes behind a link, not decoded yet."""

    name: str  # a file name fit for people and folders, at most MAX_NAME_CHARS
    data: bytes  # at least one
    url: str  # the address that delivered them, after all redirects; empty if the link held them itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link taken apart; messages show `host` only, for the rest may hold somebody's key."""

    scheme: str  # http or https
    host: str  # lower-case ASCII, IPv6 without brackets
    port: int
    target: str  # path and query as sent, percent-encoded

    @property
    def host_and_port(self) -> str:
        """The host as people and servers write it; the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.scheme}://{self.host_and_port}{self.target}"


_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server behind a link says, after all redirects."""

    link: Link  # the address that answers
    status: int
    headers: dict[str, str]  # names in lower case
    body: Iterator[bytes]  # to be read while the link is open


def fetch_photo(url: str, settings: Settings, *, cancelled: Callable[[], bool] | None = None) -> FetchedPhoto:
    """Read the file behind a link.

    Args:
        url: an http or https address, without a scheme https is meant; or a data address, which holds the photo.
        settings: the `link_...` settings and `max_photo_bytes` count.
        cancelled: asked a few times per second whether to give up.

    Raises:
        LinkRefusedError: the link, or one it redirects to, is not http(s), has a password in it, or leads to
            an address that is not public and not in `link_allowed_private_hosts`.
        LinkFailedError: the server cannot be reached, takes too long, answers with an error, a web page or
            too many bytes, redirects too often, or `cancelled` said so.
    """
    if is_data_address(url):
        held = read_data_address(url, settings.max_photo_bytes)
        return FetchedPhoto(name=held_name(held), data=held.data, url="")
    watch = Watch(url, settings.link_timeout_seconds, cancelled=cancelled)
    with open_link(watch, settings, headers={"Accept": "image/*,*/*;q=0.1"}) as answer:
        check_head(answer, watch, settings.max_photo_bytes)
        _check_encoding(answer, watch)
        data = _read_body(answer, watch, settings.max_photo_bytes)
    if looks_like_web_page(data):
        raise web_page_error(answer.link, watch)
    return FetchedPhoto(name=file_name(answer), data=data, url=answer.link.url)


@contextmanager
def open_link(watch: "Watch", settings: Settings, *, headers: Mapping[str, str]) -> Iterator[Answer]:
    """Ask the server behind a link, and those that it redirects to.

    Args:
        watch: knows the link, how long to wait, and whether the answer is still wanted.
        settings: `link_max_redirects` and `link_allowed_private_hosts` count.
        headers: sent besides those that every request has.

    Yields:
        The answer, whatever its status.

    Raises:
        LinkRefusedError: the link, or one it redirects to, is not one that is read.
        LinkBrokenError: the server cannot be reached, falls silent or breaks off; reading the body raises it too.
        LinkFailedError: the server redirects too often, or the answer is not wanted any more.
    """
    with ExitStack() as stack:
        answer = stack.enter_context(_request(watch.link, watch, settings, headers))
        for _ in range(settings.link_max_redirects):
            if not _is_redirect(answer):
                break
            stack.close()
            try:
                link = _parse_link(_join(answer, watch), watch.noun)
                answer = stack.enter_context(_request(link, watch, settings, headers))
            except LinkRefusedError as exc:
                raise LinkRefusedError(f"The link to {watch.link.host} leads on to another address. {exc}") from exc
        if _is_redirect(answer):
            raise LinkFailedError(
                f"The link to {watch.link.host} leads on and on, more than {settings.link_max_redirects} times. "
                f"Open it in your browser, right-click the photo and copy the image address. Or: {watch.remedy}"
            )
        yield answer


def _is_redirect(answer: Answer) -> bool:
    return answer.status in REDIRECT_STATUSES and bool(answer.headers.get("location"))


# --- the link itself -------------------------------------------------------------------------------------

# "localhost:8501/a.jpg" has a port, not a scheme.
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(?!\d+(?:[/?#]|$))")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")
# Everything that may stand in a path or query, the percent sign of what is encoded already included.
_SAFE_IN_TARGET = "/%:@!$&'()*+,;=~-._?"


def _parse_link(url: str, noun: str) -> Link:
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
            f"The link has {len(text):,} characters; at most {MAX_LINK_CHARS:,} are accepted. {_remedy(noun)}"
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
            f"The link has a user name or password in it (before the @). Such links are not read. {_remedy(noun)}"
        )
    return Link(
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


def _join(answer: Answer, watch: "Watch") -> str:
    """The address that a redirect means, which may be relative to the link's own."""
    try:
        return urllib.parse.urljoin(answer.link.url, answer.headers["location"])
    except ValueError as exc:
        raise LinkRefusedError(f"That address cannot be understood. {watch.remedy}") from exc


def _remedy(noun: str) -> str:
    return f"Download the {noun} with your browser and upload the file instead."


# --- which addresses -------------------------------------------------------------------------------------

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Source: https://www.iana.org/assignments/ipv6-address-space: the only block of public IPv6 addresses.
_IPV6_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Source: RFC 6052: the last 32 bits are an IPv4 address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Special blocks that Python 3.11 takes for public. Sources: RFC 6890, RFC 7526, RFC 9637.
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))


def _checked_addresses(link: Link, settings: Settings, watch: "Watch") -> list[str]:
    """The host's addresses, all of them allowed."""
    addresses = _literal_addresses(link.host) or _resolve(link, watch)
    if not _is_allowed_private_host(link, settings) and not all(map(_is_public, addresses)):
        # The address is not shown: it would tell a stranger how the private network looks.
        raise LinkRefusedError(
            f"The link leads to {link.host_and_port}, which is not a public server but inside a private "
            f"network or this computer itself. {watch.remedy} "
            "An administrator can allow the server with the setting link_allowed_private_hosts."
        )
    return [str(address) for address in dict.fromkeys(addresses)]


def _is_allowed_private_host(link: Link, settings: Settings) -> bool:
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


def _resolve(link: Link, watch: "Watch") -> list[_Address]:
    """Ask DNS for the host's addresses.

    `getaddrinfo` takes no time limit, so it runs in a thread that is left behind when it is too slow; the
    system's own limit, some 30 seconds, ends that thread.
    """
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(link.host, link.port, type=socket.SOCK_STREAM))
        except Exception as exc:  # noqa: BLE001 - raised below: a thread that died would look like a slow answer
            answers.put(exc)

    threading.Thread(target=ask, name=f"resolve {link.host[:40]}", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=watch.next_wait_seconds())
            break
        except queue.Empty:
            continue  # the watch says when it is enough
    if isinstance(answer, Exception):
        if not isinstance(answer, (OSError, ValueError)):
            raise answer
        raise LinkFailedError(
            f"No server named {link.host} was found. Check the spelling of the link, and whether this "
            "computer is connected to the internet."
        ) from answer
    # A scope such as fe80::1%eth0 is no part of the address; such addresses are refused anyway.
    return [ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in answer]


# --- the connection --------------------------------------------------------------------------------------


class Watch:
    """One deadline for everything that happens to a link, and the visitor's wish to stop."""

    def __init__(
        self, url: str, seconds: float, *, noun: str = "photo", cancelled: Callable[[], bool] | None = None
    ) -> None:
        """Take a link apart and begin to count the time.

        Args:
            url: an http or https address; without a scheme https is meant.
            seconds: until the deadline.
            noun: what messages call that which is expected behind the link.
            cancelled: asked a few times per second whether to give up; may raise an error of its own.

        Raises:
            LinkRefusedError: the link is not http(s), has a password in it, or cannot be understood.
        """
        self.noun = noun
        self.link = _parse_link(url, noun)
        self.seconds = seconds
        self._cancelled = cancelled
        self.restart()

    @property
    def remedy(self) -> str:
        """How to get what is behind the link without Bluetit, a sentence."""
        return _remedy(self.noun)

    def restart(self) -> None:
        """Begin to count the time anew."""
        self._deadline = time.monotonic() + self.seconds

    def remaining_seconds(self) -> float:
        """Time left, above 0.

        Raises:
            LinkBrokenError: the time is over.
            LinkFailedError: the visitor does not want the answer any more.
        """
        if self._cancelled is not None and self._cancelled():
            raise LinkFailedError(f"Reading the link to {self.link.host} was stopped.")
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self.timeout_error()
        return remaining

    def next_wait_seconds(self) -> float:
        """How long to wait before asking again; raises like `remaining_seconds`."""
        return min(self.remaining_seconds(), POLL_SECONDS)

    def timeout_error(self) -> LinkBrokenError:
        """The error for a deadline that has passed."""
        return LinkBrokenError(
            f"{self.link.host} did not deliver the {self.noun} within {self.seconds:g} seconds. "
            f"Try again later. Or: {self.remedy}"
        )


class _WatchedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the watch; httpcore's limits start anew with each byte."""

    def __init__(self, stream: httpcore.NetworkStream, watch: Watch) -> None:
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
            raise _tls_failure(server_hostname or "The server", exc, self._watch) from exc
        return _WatchedStream(stream, self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _CheckedBackend(httpcore.SyncBackend):
    """Connects to the addresses that were checked, whatever host is asked for.

    httpcore keeps the host's name for TLS and the Host header, so certificates are checked against the name.
    """

    def __init__(self, addresses: list[str], watch: Watch) -> None:
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
def _translated_errors(link: Link, watch: Watch) -> Iterator[None]:
    try:
        yield
    except LinkError:
        raise
    except httpcore.TimeoutException as exc:
        raise LinkBrokenError(f"{link.host} took too long to answer. Try again later. Or: {watch.remedy}") from exc
    except httpcore.ConnectError as exc:
        raise LinkBrokenError(
            f"{link.host_and_port} cannot be reached ({_reason(exc)}). Check the link, and whether this "
            "computer is connected to the internet."
        ) from exc
    except (httpcore.NetworkError, httpcore.ProtocolError) as exc:
        raise LinkBrokenError(
            f"The connection to {link.host} broke off before the whole {watch.noun} was there ({_reason(exc)}). "
            f"Try again. Or: {watch.remedy}"
        ) from exc
    except (OSError, ValueError) as exc:
        # TLS refuses some host names, too long ones for example, outside of httpcore's own errors.
        raise LinkFailedError(f"{link.host} cannot be reached ({_reason(exc)}). Check the link.") from exc


def _tls_failure(host: str, exc: httpcore.ConnectError, watch: Watch) -> LinkFailedError:
    cause = exc.__cause__ or exc
    if isinstance(cause, ssl.SSLCertVerificationError):
        return LinkFailedError(
            f"{host} cannot prove that it is {host}: its certificate is not valid "
            f"({cause.verify_message.strip(' .') or 'unknown reason'}). {watch.remedy}"
        )
    return LinkFailedError(
        f"{host} does not answer over https ({_reason(cause)}). "
        "If the link works in your browser with http:// at its beginning, use it like that."
    )


def _reason(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:120] or type(exc).__name__


# --- the answer ------------------------------------------------------------------------------------------


@contextmanager
def _request(link: Link, watch: Watch, settings: Settings, headers: Mapping[str, str]) -> Iterator[Answer]:
    """One request, to the checked addresses of the link's host."""
    with _translated_errors(link, watch), ExitStack() as connection:
        # No proxy, whatever HTTP_PROXY says (httpcore does not look): a proxy resolves the host itself, so it
        # could be led to an address that was never checked.
        pool = connection.enter_context(
            httpcore.ConnectionPool(
                ssl_context=_tls_context(),
                network_backend=_CheckedBackend(_checked_addresses(link, settings, watch), watch),
                max_connections=1,
            )
        )
        response = connection.enter_context(pool.stream("GET", _target(link), headers=_headers(link, headers)))
        opened = connection.pop_all()
    # Outside of the translation: an error of whoever reads the answer is none of the connection's.
    with opened:
        yield Answer(
            link=link,
            status=response.status,
            headers={name.lower().decode("latin-1"): _text(value) for name, value in response.headers},
            body=_body(response, link, watch),
        )


def _target(link: Link) -> httpcore.URL:
    return httpcore.URL(
        scheme=link.scheme.encode("ascii"),
        host=link.host.encode("ascii"),
        port=link.port,
        target=link.target.encode("ascii"),
    )


def _headers(link: Link, more: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        ("Host", link.host_and_port),
        ("User-Agent", USER_AGENT),
        # What is not unpacked cannot be a bomb.
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        *more.items(),
    ]


def _body(response: httpcore.Response, link: Link, watch: Watch) -> Iterator[bytes]:
    with _translated_errors(link, watch):
        for chunk in response.iter_stream():
            watch.remaining_seconds()
            yield chunk


def _text(value: bytes) -> str:
    """A header's value: ASCII by the rules, UTF-8 or Latin-1 in practice."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


_STATUS_REMEDIES = {
    401: "It asks for a password. {remedy}",
    403: "It does not give the {noun} to programs, only to browsers or people who are logged in. {remedy}",
    404: "There is nothing at this address (any more). Check the link.",
    410: "The {noun} was removed. Look for another one.",
    429: "It wants to be asked less often. Wait a few minutes and try again.",
    451: "It may not give the {noun} for legal reasons. Look for another one.",
}


def check_head(answer: Answer, watch: Watch, max_bytes: int, *, statuses: Collection[int] = (200,)) -> None:
    """Refuse an answer that is an error, a web page, or too large by its own account.

    Args:
        answer: of which no byte of the body has been read yet.
        watch: knows what was expected.
        max_bytes: largest body that is accepted.
        statuses: those that are no errors; 206, a part of the file, is one unless that was asked for.

    Raises:
        LinkBrokenError: the server has a problem that may pass.
        LinkFailedError: any other.
    """
    host, status = answer.link.host, answer.status
    if status not in statuses:
        remedy = _STATUS_REMEDIES.get(
            status,
            "It has a problem of its own. Try again later." if status >= 500 else "Check the link. Or: {remedy}",
        ).format(noun=watch.noun, remedy=watch.remedy)
        error = LinkBrokenError if status in PASSING_STATUSES else LinkFailedError
        raise error(f"{host} answered with status {status} instead of a {watch.noun}. {remedy}")
    if _media_type(answer.headers) in ("text/html", "application/xhtml+xml"):
        raise web_page_error(answer.link, watch)
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large_error(answer.link, watch, max_bytes)


def _check_encoding(answer: Answer, watch: Watch) -> None:
    encoding = answer.headers.get("content-encoding", "").strip()
    if encoding.lower() in COMPRESSIONS:
        raise LinkFailedError(
            f"{answer.link.host} sends the photo packed ({encoding[:20]}) although that was not asked for. "
            f"{watch.remedy}"
        )


def _read_body(answer: Answer, watch: Watch, max_bytes: int) -> bytes:
    data = bytearray()
    for chunk in answer.body:
        data += chunk
        if len(data) > max_bytes:
            raise too_large_error(answer.link, watch, max_bytes)
    if not data:
        raise empty_file_error(answer.link, watch)
    return bytes(data)


def empty_file_error(link: Link, watch: Watch) -> LinkFailedError:
    """The error for an answer without a byte."""
    return LinkFailedError(f"{link.host} delivered an empty file (0 bytes). Check the link. Or: {watch.remedy}")


def too_large_error(link: Link, watch: Watch, max_bytes: int) -> LinkFailedError:
    """The error for an answer of too many bytes."""
    return LinkFailedError(
        f"The {watch.noun} from {link.host} has more than {max_bytes / 1e6:,.1f} MB, the most that is read. "
        "Download it with your browser, save a smaller copy and upload that."
    )


def web_page_error(link: Link, watch: Watch) -> LinkFailedError:
    """The error for an answer that is made for a browser."""
    return LinkFailedError(
        f"The link to {link.host} leads to a web page, not to a {watch.noun}: "
        "right-click the photo and copy the image address."
    )


def looks_like_web_page(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a web page, whatever the server calls it."""
    return head[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _media_type(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def held_name(held: HeldFile) -> str:
    """A name for a file that an address held."""
    return "pasted picture" + SUFFIX_BY_TYPE.get(held.media_type, "")


def file_name(answer: Answer) -> str:
    """A name for the file from the server's proposal or the address, safe as a file's name."""
    path = answer.link.target.partition("?")[0]
    proposals = (_proposed_name(answer.headers), urllib.parse.unquote(path.rpartition("/")[2]))
    name = next(filter(None, map(_clean_name, proposals)), "photo")
    if "." not in name:
        name += SUFFIX_BY_TYPE.get(_media_type(answer.headers), "")
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
