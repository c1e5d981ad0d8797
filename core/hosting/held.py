"""That a class is held from a workspace: by one process at a time, for each start gives the teacher a new password."""

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from core.errors import HostingError
from core.storage.files import translating_disk_errors, write_atomically

_FILE_NAME = "class-held.json"


@contextmanager
def holding_class(workspace_dir: Path) -> Iterator[None]:
    """Hold the class of a workspace while the block lasts.

    Args:
        workspace_dir: the workspace.

    Raises:
        HostingError: another process holds it.
        StorageError: the workspace cannot be written.
    """
    path = workspace_dir / _FILE_NAME
    holder = _holder(path)
    if holder is not None:
        raise HostingError(
            f"The class of {workspace_dir} is held already, by the process {holder}. Go on with that one, or stop it "
            "first; for another class, set BLUETIT_WORKSPACE_DIR to another folder."
        )
    with translating_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(_me()), encoding="utf-8")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the next start sees that this process is gone
            path.unlink()


def _holder(path: Path) -> int | None:
    """The process that holds the class; None: none that is alive."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        process = psutil.Process(int(noted["pid"]))
        # Numbers of processes are given again: the time tells whether it is the same one.
        is_same = process.pid != os.getpid() and abs(process.create_time() - float(noted["since"])) < 2
        return process.pid if is_same else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def _me() -> dict[str, float]:
    return {"pid": os.getpid(), "since": psutil.Process().create_time()}
