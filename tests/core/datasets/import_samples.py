"""Photos, archives and a worker in this process, for tests of imports."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from core.datasets.ingest.importing import run_import_task
from core.errors import BluetitError, TaskCancelledError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.settings import Settings

WORKER_ID = "worker of the test"


def photo(number: int, side_px: int = 24, image_format: str = "JPEG") -> bytes:
    """A photo that looks different for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).resize((side_px, side_px)).save(target, image_format)
    return target.getvalue()


def photos(*paths: str) -> dict[str, bytes]:
    return {path: photo(number) for number, path in enumerate(paths)}


def zip_of(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return target.getvalue()


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def work(queue: TaskQueue, settings: Settings) -> TaskStatus:
    """Do the oldest queued task, as a worker process would."""
    if not queue.live_workers(1e9):
        queue.register_worker(WORKER_ID, pid=1, host="elsewhere", lane=Lane.PHOTOS)
    task = queue.claim(WORKER_ID, ["import_photos"])
    assert task is not None
    context = TaskContext(queue, settings, task)
    status, error = TaskStatus.DONE, None
    try:
        run_import_task(context)
    except TaskCancelledError:
        status = TaskStatus.CANCELLED
    except BluetitError as exc:
        status, error = TaskStatus.FAILED, str(exc)
    context.flush()
    queue.finish(task.id, WORKER_ID, status=status, error=error)
    return status
