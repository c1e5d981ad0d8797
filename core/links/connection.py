"""Connections to what links lead to: GET requests over the network, bounded in time, never into a private network.

The connection goes to the address that was checked: a name that changes its address between the check and the
connection (DNS rebinding) gains nothing. Redirects are followed by hand and checked like the first link.
"""

import ssl
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any

import httpcore

from core.errors import LinkBrokenError, LinkError, LinkFailedError, LinkRefusedError
from core.links.address import Link, parse_link
from core.links.answer import Answer
from core.links.hosts import checked_addresses
from core.links.watch import Watch
from core.settings import Settings

# More addresses than this are checked, but not tried.
MAX_ADDRESSES_TRIED = 4

USER_AGENT = "Bluetit/0.1 (image classification app; one file per request)"
REDIRECT_STATUSES = frozenset((301, 302, 303, 307, 308))


@contextmanager
def open_link(watch: Watch, settings: Settings, *, headers: Mapping[str, str]) -> Iterator[Answer]:
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
                link = parse_link(_join(answer, watch), watch.noun)
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


def _join(answer: Answer, watch: Watch) -> str:
    """The address that a redirect means, which may be relative to the link's own."""
    try:
        return urllib.parse.urljoin(answer.link.url, answer.headers["location"])
    except ValueError as exc:
        raise LinkRefusedError(f"That address cannot be understood. {watch.remedy}") from exc


@contextmanager
def _request(link: Link, watch: Watch, settings: Settings, headers: Mapping[str, str]) -> Iterator[Answer]:
    """One request, to the checked addresses of the link's host."""
    with _translated_errors(link, watch), ExitStack() as connection:
        # No proxy, whatever HTTP_PROXY says (httpcore does not look): a proxy resolves the host itself, so it
        # could be led to an address that was never checked.
        pool = connection.enter_context(
            httpcore.ConnectionPool(
                ssl_context=_tls_context(),
                network_backend=_CheckedBackend(checked_addresses(link, settings, watch), watch),
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
