"""Several hosts on one machine: processes that reach each other over a network only.

Each is a network namespace with an address of its own on a common bridge, as containers are. Where that is not allowed
(it needs root, and Linux), each has an address of the loopback network instead.
"""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Host:
    """One of them."""

    address: str
    namespace: str | None  # None: it has only an address

    def command(self, words: Sequence[str | os.PathLike[str]]) -> list[str | os.PathLike[str]]:
        """What starts a process there, which has the number that starting this gives."""
        return [*words] if self.namespace is None else ["ip", "netns", "exec", self.namespace, *words]


@contextmanager
def several_hosts(count: int) -> Iterator[list[Host]]:
    """That many hosts; this process reaches all of them."""
    if not _can_divide():
        yield [
            Host(address=f"127.0.{1 + next(_numbers) % 200}.{number}", namespace=None) for number in range(1, count + 1)
        ]
        return
    mark = f"bt{os.getpid() % 100_000}x{next(_numbers)}"
    network = f"10.78.{os.getpid() % 250}"
    with ExitStack() as made:
        _ip("link", "add", mark, "type", "bridge")
        made.callback(_ip, "link", "del", mark)
        _ip("addr", "add", f"{network}.254/24", "dev", mark)
        _ip("link", "set", mark, "up")
        hosts = []
        for number in range(1, count + 1):
            namespace, outside = f"{mark}-{number}", f"{mark}v{number}"
            _ip("netns", "add", namespace)
            made.callback(_ip, "netns", "del", namespace)
            _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            _ip("link", "set", outside, "master", mark, "up")
            for words in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up")):
                _ip("-n", namespace, *words)
            _ip("-n", namespace, "addr", "add", f"{network}.{number}/24", "dev", "eth0")
            hosts.append(Host(address=f"{network}.{number}", namespace=namespace))
        yield hosts


def _can_divide() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    probe = f"bt{os.getpid() % 100_000}probe"
    if subprocess.run(["ip", "link", "add", probe, "type", "bridge"], capture_output=True, check=False).returncode:
        return False
    _ip("link", "del", probe)
    return True


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
