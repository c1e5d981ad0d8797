"""The door of a class: one port for HTTPS and for whoever types an address without it.

Browsers try plain HTTP first where people type no `https://`, and a port that speaks TLS only answers them with an
error page. Here the first byte that a browser sends tells which of the two it speaks: TLS is passed on as it is, and
whoever speaks plain HTTP is sent to the same address with HTTPS. From this computer itself plain HTTP is served,
too: it leaves the computer nowhere, browsers trust it, and the teacher sees no warning.

The byte is looked at, not taken, and the connection itself is handed over: what comes afterwards costs nothing more.
"""

import contextlib
import ipaddress
import logging
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from core.errors import HostingError

logger = logging.getLogger(__name__)

# Takes a connection, and whether it speaks TLS; called in the door's thread.
Admit = Callable[[socket.socket, bool], None]

_TLS_HANDSHAKE = 0x16  # Source: RFC 8446, section 5.1, ContentType
_BACKLOG = 256
_SILENT_SECONDS = 20.0  # that somebody may stand in the door without a word
_MOST_IN_DOOR = 1_000
_MOST_HEAD_BYTES = 8_192
_TICK_SECONDS = 1.0
_BREATH_SECONDS = 0.02
_PORTS_TRIED = 100
_END_OF_HEAD = b"\r\n\r\n"

_REQUEST_LINE = re.compile(rb"(GET|HEAD) (/[\x21-\x7e]*) HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"\r\nhost:[ \t]*([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?[ \t]*\r\n", re.IGNORECASE)
_ONLY_HTTPS = b"This address is to be opened with https:// in front of it.\n"


def listen(port: int, *, exactly: bool = False) -> tuple[list[socket.socket], int]:
    """Listen on all addresses of this computer, on a port or the next that is free.

    Args:
        port: the one wanted; 0 for any.
        exactly: whether no other will do.

    Returns:
        The sockets, of IPv4 and, where the system has it, IPv6, and the port.

    Raises:
        HostingError: there is no free port.
    """
    for candidate in range(port, port + (1 if exactly else _PORTS_TRIED)):
        if candidate and _is_answered(candidate):
            continue
        try:
            return _listen_on(candidate)
        except OSError as exc:
            logger.info("Port %d cannot be used: %s.", candidate, exc)
    which = f"Port {port} is" if exactly else f"The ports from {port} to {port + _PORTS_TRIED - 1} are"
    raise HostingError(
        f"{which} in use, or may not be used. Another Bluetit may be running: stop it, or choose another port "
        "(--port 9000)."
    )


def where_to(head: bytes, secure_port: int) -> str | None:
    """The address with HTTPS to which a browser is sent that asked without; None: it asked for something else.

    Args:
        head: of its request.
        secure_port: that serves HTTPS.
    """
    asked, host = _REQUEST_LINE.match(head), _HOST.search(head)
    if asked is None or host is None:
        return None
    port = "" if secure_port == 443 else f":{secure_port}"
    return f"https://{host[1].decode()}{port}{asked[2].decode()}"


@dataclass(slots=True)
class _Visitor:
    """Somebody who stands in the door."""

    since: float
    is_near: bool  # on this computer
    head: bytearray = field(default_factory=bytearray)


class Door:
    """Looks at who comes in, in a thread of its own, from when it is opened until it is closed."""

    def __init__(
        self, listeners: Iterable[socket.socket], port: int, admit: Admit, *, serves_near_plainly: bool = True
    ) -> None:
        """Prepare to open.

        Args:
            listeners: sockets that listen; the door closes them.
            port: of them, which serves HTTPS.
            admit: gets the connections that come in.
            serves_near_plainly: whether those from this computer may come in without TLS.
        """
        self._listeners = tuple(listeners)
        self._port = port
        self._admit = admit
        self._serves_near_plainly = serves_near_plainly
        self._selector = selectors.DefaultSelector()
        self._bell, self._bell_button = socket.socketpair()
        self._thread = threading.Thread(target=self._keep, name="door", daemon=True)
        self._in_door: dict[socket.socket, _Visitor] = {}

    def open(self) -> None:
        """Let people come in from now on."""
        for each in self._listeners:
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ, self._accept)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._thread.start()

    def close(self) -> None:
        """Let nobody come in any more; who is in stays."""
        if self._thread.is_alive():
            self._bell_button.send(b"x")
            self._thread.join()
        for each in (*self._listeners, *self._in_door, self._bell, self._bell_button):
            each.close()
        self._selector.close()

    def _keep(self) -> None:
        while True:
            for key, _ in self._selector.select(_TICK_SECONDS):
                if key.fileobj is self._bell:
                    return
                key.data(key.fileobj)
            self._send_away(self._silent())

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, peer = listener.accept()
        except OSError:  # gone again, or there are no more file handles: then whoever waits is there next time, too
            time.sleep(_BREATH_SECONDS)
            return
        connection.setblocking(False)
        is_near = ipaddress.ip_address(peer[0].split("%")[0]).is_loopback
        self._in_door[connection] = _Visitor(since=time.monotonic(), is_near=is_near)
        self._selector.register(connection, selectors.EVENT_READ, self._look)
        if len(self._in_door) > _MOST_IN_DOOR:
            self._send_away([next(iter(self._in_door))])

    def _look(self, connection: socket.socket) -> None:
        visitor = self._in_door.get(connection)
        if visitor is None:  # sent away in the same round
            return
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            first = b""
        if not first:
            self._send_away([connection])
        elif visitor.head or first[0] != _TLS_HANDSHAKE:
            self._hear(connection, visitor)
        else:
            self._hand_over(connection, is_tls=True)

    def _hear(self, connection: socket.socket, visitor: _Visitor) -> None:
        """Of somebody who speaks plainly."""
        if visitor.is_near and self._serves_near_plainly:
            self._hand_over(connection, is_tls=False)
            return
        with contextlib.suppress(OSError):
            visitor.head += connection.recv(_MOST_HEAD_BYTES)
            if _END_OF_HEAD not in visitor.head and len(visitor.head) < _MOST_HEAD_BYTES:
                return
            connection.send(_answer(where_to(bytes(visitor.head), self._port)))
            connection.shutdown(socket.SHUT_WR)
        self._send_away([connection])

    def _hand_over(self, connection: socket.socket, *, is_tls: bool) -> None:
        del self._in_door[connection]
        self._selector.unregister(connection)
        self._admit(connection, is_tls)

    def _silent(self) -> list[socket.socket]:
        oldest = time.monotonic() - _SILENT_SECONDS
        return [connection for connection, visitor in self._in_door.items() if visitor.since < oldest]

    def _send_away(self, connections: Iterable[socket.socket]) -> None:
        for connection in connections:
            del self._in_door[connection]
            self._selector.unregister(connection)
            connection.close()


def _answer(address: str | None) -> bytes:
    lines = [b"Connection: close", b"Cache-Control: no-store", b"Content-Type: text/plain; charset=utf-8"]
    # For the moment, not for good: on another day something else may be at this address.
    status = b"400 Bad Request" if address is None else b"307 Temporary Redirect"
    if address is not None:
        lines.append(b"Location: " + address.encode())
    lines.append(b"Content-Length: %d" % len(_ONLY_HTTPS))
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", _ONLY_HTTPS])


def _is_answered(port: int) -> bool:
    """Whether a server that listens on this computer only has the port: some systems give it away a second time."""
    for host in ("127.0.0.1", "::1"):
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
            return True
    return False


def _listen_on(port: int) -> tuple[list[socket.socket], int]:
    first = _bind(socket.AF_INET, "0.0.0.0", port)
    port = first.getsockname()[1]
    if not socket.has_ipv6:
        return [first], port
    try:
        # A socket of its own: shared with IPv4, all addresses of visitors would look like IPv6.
        return [first, _bind(socket.AF_INET6, "::", port)], port
    except OSError:
        if _has_ipv6():
            first.close()
            raise
        return [first], port


def _has_ipv6() -> bool:
    """Whether the system has IPv6 not only compiled in but also switched on."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # With its protocol named: Python then sends small messages at once, as it does for sockets that it has made itself.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":  # where the other option would share the port with whoever has it already
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
