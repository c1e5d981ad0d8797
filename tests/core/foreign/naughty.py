"""What a file would do that has taken its reader over; run in a confined process by `test_apart`."""

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import ForeignModelError


class _Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("I was run",))


def main(folder: Path) -> dict[str, Any]:
    """Do what the file `wish` says; without one, try everything and tell what came of it."""
    wish = (folder / "wish").read_text() if (folder / "wish").is_file() else ""
    match wish:
        case "sleep":
            time.sleep(600)
        case "fill":
            blocks = [bytearray(50_000_000) for _ in range(200)]
            time.sleep(600 + len(blocks))
        case "crash":
            os.abort()
        case "refuse":
            raise ForeignModelError("“x” cannot be read.\u202e\n" + "!" * 5_000)
        case "chatter":
            return {"text": "x" * 20_000_000}
    (folder / "own").write_text("mine")
    attempts: dict[str, Callable[[], object]] = {
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
        "program": lambda: subprocess.run([sys.executable, "-c", ""], check=False),
        "shell": lambda: os.system("true"),
        "pickle": lambda: pickle.loads(pickle.dumps(_Program())),
        "write elsewhere": lambda: (folder.parent / "elsewhere").write_text("x"),
    }
    return {"attempts": {name: _outcome(attempt) for name, attempt in attempts.items()}, "variables": list(os.environ)}


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except PermissionError:
        return "forbidden"
    except OSError:
        return "failed"
    return "done"
