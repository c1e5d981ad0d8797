"""Processes that read or ask a stranger's file, as their parent sees them: begun with nothing of its own, and ended."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from core.errors import ForeignModelError
from core.foreign.apart import result_name
from core.jobs.supervisor import PROJECT_ROOT
from core.names import clean_text
from core.settings import Settings
from core.storage.files import translating_disk_errors

# Address space that TensorFlow takes without touching it, beyond what it uses: 2.5 GB, and as much again to be sure.
_UNTOUCHED_BYTES = 5_000_000_000
_WATCH_SECONDS = 0.1
_END_SECONDS = 10.0
_MAX_RESULT_BYTES = 8_000_000
_MAX_REFUSAL_CHARS = 900
# What programs need of an environment; passwords of databases and keys of services are in others.
_PASSED_ON = frozenset(
    {"PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApartLimits:
    """What a process may have."""

    memory_bytes: int  # that it really uses
    file_bytes: int  # largest file that it may write
    seconds: float  # longest life

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(
            memory_bytes=settings.foreign_memory_bytes,
            file_bytes=4 * settings.max_foreign_bytes,
            seconds=settings.foreign_read_seconds,
        )


def run_apart(
    module: str, folder: Path, what: str, *, limits: ApartLimits, on_wait: Callable[[], None] = lambda: None
) -> Any:
    """Have `main(folder)` of a module run in a confined process of its own.

    Args:
        module: its name; it is imported there alone.
        folder: the only one that it writes to.
        what: the file that is read, for messages.
        limits: what the process may have.
        on_wait: called some times a second; what it raises ends the process, too.

    Returns:
        What it returned, as JSON has it; a stranger may have had a hand in it.

    Raises:
        ForeignModelError: it refused the file; or it was ended, or ended itself, because of it.
        StorageError: the folder cannot be used.
    """
    deadline = time.monotonic() + limits.seconds
    with translating_disk_errors(folder), (folder / "log.txt").open("wb") as log:
        process = start_apart(module, folder, limits=limits, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while process.poll() is None:
                on_wait()
                if uses_more_than(process, limits.memory_bytes):
                    raise _too_much_memory(what, limits)
                if time.monotonic() > deadline:
                    raise ForeignModelError(
                        f"“{what}” was not read within {limits.seconds:.0f} s, so it was stopped. If the model is only "
                        "large, bring it as LiteRT (.tflite), or ask the administrator to raise "
                        "BLUETIT_FOREIGN_READ_SECONDS."
                    )
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_WATCH_SECONDS)
        finally:
            end(process)
    result = _read_result(folder / result_name(module))
    if not isinstance(result, dict):
        raise ForeignModelError(
            f"“{what}” made the process end that was to read it. The file is damaged, "
            "made to do harm, or needs more than "
            f"{limits.memory_bytes / 1e9:.0f} GB of memory. Nothing else was touched."
        )
    if result.get("is_out_of_memory"):
        raise _too_much_memory(what, limits)
    if "refusal" in result:
        raise ForeignModelError(clean_text(str(result["refusal"]))[:_MAX_REFUSAL_CHARS])
    return result


def _read_result(path: Path) -> Any:
    """What the process left; None where that is missing, too much, or no JSON."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_RESULT_BYTES + 1)
        return None if len(content) > _MAX_RESULT_BYTES else json.loads(content)
    except (OSError, ValueError, RecursionError):
        return None


def start_apart(module: str, folder: Path, *, limits: ApartLimits, **pipes: Any) -> subprocess.Popen[bytes]:
    """Begin such a process; the caller watches and ends it."""
    told = {
        "address_bytes": limits.memory_bytes + _UNTOUCHED_BYTES,
        "file_bytes": limits.file_bytes,
        "seconds": limits.seconds + _END_SECONDS,
    }
    return subprocess.Popen(
        [sys.executable, "-B", "-m", "core.foreign.apart", json.dumps(told), module, str(folder)],
        cwd=PROJECT_ROOT,
        env=_environment(folder),
        start_new_session=True,  # what ends the server by the keyboard ends it through its pipe
        **pipes,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process if it still lives, and wait until it is gone."""
    if process.poll() is None:
        process.kill()
        process.wait(_END_SECONDS)


def uses_more_than(process: subprocess.Popen[bytes], num_bytes: int) -> bool:
    """Whether a process has more in memory."""
    try:
        return int(psutil.Process(process.pid).memory_info().rss) > num_bytes
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _environment(folder: Path) -> dict[str, str]:
    here = str(folder)
    return {
        **{name: value for name, value in os.environ.items() if name.upper() in _PASSED_ON},
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "KERAS_HOME"), here),
        "CUDA_VISIBLE_DEVICES": "-1",  # a graphics card's memory has no limit
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OPENBLAS_NUM_THREADS": "1",  # each of its threads takes address space
        "PYTHONIOENCODING": "utf-8",
    }


def _too_much_memory(what: str, limits: ApartLimits) -> ForeignModelError:
    return ForeignModelError(
        f"“{what}” needs more than {limits.memory_bytes / 1e9:.1f} GB of memory, so "
        "it was stopped; the file is made to do "
        "harm, or for a larger computer. An administrator can raise BLUETIT_FOREIGN_MEMORY_BYTES."
    )
