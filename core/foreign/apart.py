"""Begins a process in which a stranger's file is read: with little memory, no network, no other programs, no pickles.

    python -B -m core.foreign.apart LIMITS MODULE FOLDER

LIMITS is JSON: `address_bytes`, `file_bytes` and `seconds`. `main(folder)` of the module is called, and what it returns
is written to `<folder>/<module's last name>.json`; a `BluetitError` that it raises becomes `{"refusal": sentence}`.
"""

import contextlib
import ctypes
import importlib
import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

# Source: unshare(2), prctl(2).
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_NO_NEW_PRIVS = 38

# What Python tells before it does it, and what no reader of a model does.
# Source: https://docs.python.org/3/library/audit_events.html
_FORBIDDEN = frozenset(
    {
        *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg", "urllib.Request"),
        *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.spawn", "os.posix_spawn"),
        *("os.startfile", "pickle.find_class", "webbrowser.open"),
    }
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def main() -> None:
    """Confine this process, then do what was asked for."""
    limits, module_name, folder = json.loads(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    end_after(limits["seconds"])
    confine(address_bytes=limits["address_bytes"], file_bytes=limits["file_bytes"])
    module = importlib.import_module(module_name)
    watch_over(folder)
    from core.errors import BluetitError

    try:
        result: Any = module.main(folder)
    except BluetitError as exc:
        result = {"refusal": str(exc)}
    except MemoryError:
        result = {"is_out_of_memory": True}
    (folder / result_name(module_name)).write_text(json.dumps(result), encoding="utf-8")


def result_name(module_name: str) -> str:
    """Name of the file with the result."""
    return f"{module_name.rpartition('.')[2]}.json"


def confine(*, address_bytes: int, file_bytes: int) -> None:
    """Give up what is not needed; before any library is loaded, for threads would keep Linux from it.

    Args:
        address_bytes: most address space; systems without such a limit have the parent's watch alone.
        file_bytes: largest file that can be written.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limits, some systems refuse one
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        resource.setrlimit(resource.RLIMIT_AS, (address_bytes, address_bytes))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            system = ctypes.CDLL(None)
            system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            # A network of its own, with nobody in it; where containers forbid that, the watch below stays.
            system.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def end_after(seconds: float) -> None:
    """Have the system end this process when it takes longer, whatever it does then and whether its parent still lives.

    Args:
        seconds: from now on; 0: as long as it likes. Windows has no such clock, and the parent's watch alone.
    """
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds))


def watch_over(folder: Path) -> None:
    """Refuse from now on whatever no reader of a model does: networks, programs, pickles, files elsewhere.

    Args:
        folder: where files may be written.
    """
    allowed = (str(folder.resolve()) + os.sep, str(folder) + os.sep, os.devnull)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"{event} is not allowed here.")
        if event == "open" and isinstance(arguments[0], str | bytes) and arguments[2] & _WRITING:
            path = os.fsdecode(arguments[0])
            if not path.startswith(allowed):
                raise PermissionError(f"{path} may not be written here.")

    sys.addaudithook(refuse)


if __name__ == "__main__":
    main()
