"""Kinds of task for tests, done by real worker processes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from core.errors import StorageError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane, TaskKind, kinds_of

KINDS_PATH = "tests.core.jobs.sample_kinds:KINDS"

_HEAVY_PACKAGES = ("tensorflow", "keras", "streamlit", "ai_edge_litert", "numpy")
_LONGER_THAN_ANY_TEST_SECONDS = 120.0


def _kind(name: str, on_worker_death: str = "retry", max_attempts: int = 3, *, lane: Lane = Lane.NETWORKS) -> TaskKind:
    return TaskKind(
        name=name,
        title=name.title(),
        handler=f"tests.core.jobs.sample_kinds:{name.removeprefix('photos_')}",
        lane=lane,
        max_attempts=max_attempts,
        on_worker_death=on_worker_death,  # type: ignore[arg-type]
    )


KINDS = {
    kind.name: kind
    for kind in (
        _kind("count"),
        _kind("note"),
        _kind("wait_for_cancel"),
        _kind("ignore_cancel"),
        _kind("hang_once"),
        _kind("begin_program_once"),
        _kind("hang_once_long", on_worker_death="interrupt"),
        _kind("die", max_attempts=2),
        _kind("crash"),
        _kind("leave"),
        _kind("refuse"),
        _kind("list_modules"),
        _kind("wait_for_file"),
        _kind("missing_function"),
        _kind("photos_count", lane=Lane.PHOTOS),
        _kind("photos_hang_once", lane=Lane.PHOTOS),
        _kind("photos_list_modules", lane=Lane.PHOTOS),
        _kind("photos_wait_for_file", lane=Lane.PHOTOS),
    )
}
NETWORK_KINDS = kinds_of(Lane.NETWORKS, KINDS)
PHOTO_KINDS = kinds_of(Lane.PHOTOS, KINDS)


def count(context: TaskContext) -> None:
    for step in range(1, 1001):
        context.report(step / 1000, f"Step {step}")
        context.check_cancelled()


def note(context: TaskContext) -> None:
    line = f"{context.task_id} {os.getpid()}\n".encode()
    descriptor = os.open(context.payload["path"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line)
    os.close(descriptor)


def wait_for_cancel(context: TaskContext) -> None:
    pause = threading.Event()
    while True:
        context.check_cancelled()
        pause.wait(0.02)


def ignore_cancel(context: TaskContext) -> None:
    threading.Event().wait(_LONGER_THAN_ANY_TEST_SECONDS)


def hang_once(context: TaskContext) -> None:
    context.report(0.1, f"Attempt {context.attempt}")
    if context.attempt == 1:
        threading.Event().wait(_LONGER_THAN_ANY_TEST_SECONDS)


hang_once_long = hang_once


def begin_program_once(context: TaskContext) -> None:
    if context.attempt == 1:
        program = f"import time; time.sleep({_LONGER_THAN_ANY_TEST_SECONDS})"
        process = subprocess.Popen([sys.executable, "-c", program])
        context.message(str(process.pid))
        process.wait()


def die(context: TaskContext) -> None:
    os._exit(9)


def crash(context: TaskContext) -> None:
    raise ZeroDivisionError("the handler is broken")


def leave(context: TaskContext) -> None:
    sys.exit("good-bye")


def refuse(context: TaskContext) -> None:
    raise StorageError("The disk is made of cheese.")


def list_modules(context: TaskContext) -> None:
    context.message(" ".join(name for name in _HEAVY_PACKAGES if name in sys.modules) or "none")


def wait_for_file(context: TaskContext) -> None:
    context.report(None, "Waiting")
    pause = threading.Event()
    while not Path(context.payload["path"]).exists():
        pause.wait(0.02)
    context.report(1.0, "Found")
