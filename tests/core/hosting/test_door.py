"""One port for HTTPS and for whoever types an address without it."""

import contextlib
import queue
import socket
from collections.abc import Iterator

import pytest

from core.errors import HostingError
from core.hosting.door import Door, listen, where_to

SECONDS = 30.0
HELLO = bytes([0x16, 3, 1, 0, 5])  # how TLS begins


class OpenDoor:
    """A door on this computer that treats everybody as a stranger, or as near."""

    def __init__(self, *, serves_near_plainly: bool) -> None:
        self.admitted: queue.Queue[tuple[socket.socket, bool]] = queue.Queue()
        listeners, self.port = listen(0)
        self.door = Door(
            listeners, self.port, lambda *who: self.admitted.put(who), serves_near_plainly=serves_near_plainly
        )
        self.door.open()

    def knock(self, *words: bytes) -> socket.socket:
        """Somebody who says something."""
        visitor = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        for word in words:
            visitor.sendall(word)
        return visitor

    def close(self) -> None:
        self.door.close()
        while not self.admitted.empty():
            self.admitted.get()[0].close()


@pytest.fixture
def door() -> Iterator[OpenDoor]:
    with contextlib.closing(OpenDoor(serves_near_plainly=False)) as opened:
        yield opened


def answer_of(visitor: socket.socket) -> str:
    with visitor:
        return b"".join(iter(lambda: visitor.recv(4096), b"")).decode()


def test_tls_is_handed_over_untouched(door: OpenDoor):
    """The byte that was looked at is still there."""
    with door.knock(HELLO):
        connection, is_tls = door.admitted.get(timeout=SECONDS)
        with connection:
            connection.settimeout(SECONDS)
            assert (is_tls, connection.recv(5)) == (True, HELLO)


def test_plain_http_is_sent_to_https(door: OpenDoor):
    """To the address that was typed, for the moment only, however the request comes in."""
    head = f"GET /?code=KQXWMB HTTP/1.1\r\nHost: 192.168.1.5:{door.port}\r\n\r\n".encode()
    for words in ([head], [head[:1], head[1:30], head[30:]]):
        answer = answer_of(door.knock(*words))
        assert answer.startswith("HTTP/1.1 307 ")
        assert f"\r\nLocation: https://192.168.1.5:{door.port}/?code=KQXWMB\r\n" in answer
    assert door.admitted.empty()


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a@evil.example/\r\n\r\n",
        b"GET //a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"x" * 9_000,
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
    ids=["post", "no host", "strange host", "strange path", "endless", "no http"],
)
def test_anything_else_is_told_what_to_do(door: OpenDoor, head: bytes):
    """Nobody is sent anywhere by what they write into a request."""
    answer = answer_of(door.knock(head))
    assert answer.startswith("HTTP/1.1 400 ")
    assert "https://" in answer
    assert "Location" not in answer


def test_who_leaves_without_a_word_leaves_nothing(door: OpenDoor):
    """The door goes on."""
    door.knock().close()
    with door.knock(HELLO):
        door.admitted.get(timeout=SECONDS)[0].close()


def test_a_silent_crowd_keeps_nobody_out(door: OpenDoor):
    """Whoever stands in the door longest goes when there are too many."""
    with contextlib.ExitStack() as crowd:
        for _ in range(1_010):
            crowd.enter_context(door.knock())
        with door.knock(HELLO):
            door.admitted.get(timeout=SECONDS)[0].close()


def test_this_computer_itself_needs_no_https():
    """Browsers trust what does not leave it, and the teacher sees no warning."""
    with contextlib.closing(OpenDoor(serves_near_plainly=True)) as door, door.knock(b"GET / HTTP/1.1\r\n"):
        connection, is_tls = door.admitted.get(timeout=SECONDS)
        with connection:
            connection.settimeout(SECONDS)
            assert (is_tls, connection.recv(3)) == (False, b"GET")


def test_closing_frees_the_port():
    """The next lesson has the same address; whoever stands in the door is let go."""
    door = OpenDoor(serves_near_plainly=True)
    waiting = door.knock()
    door.close()
    assert answer_of(waiting) == ""
    listeners, port = listen(door.port, exactly=True)
    assert port == door.port
    for each in listeners:
        each.close()


def test_a_port_in_use_leads_to_the_next():
    """Also where somebody has it for this computer alone; the very one asked for is refused in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listeners, found = listen(port)
        for each in listeners:
            each.close()
        assert found > port
        with pytest.raises(HostingError, match=f"Port {port} is in use"):
            listen(port, exactly=True)


def test_the_usual_port_of_https_is_not_named():
    """As browsers write addresses."""
    head = b"GET /a HTTP/1.1\r\nhost: [2a02:8109::5]:80\r\n\r\n"
    assert where_to(head, 443) == "https://[2a02:8109::5]/a"
    assert where_to(head, 8501) == "https://[2a02:8109::5]:8501/a"
