"""How fast photos become a checked dataset, and whether time and memory grow as they should.

    python -m benchmarks.dataset --images DIR [--sizes 2500 5000 10000]

DIR is a folder per class. It is imported and checked as it is, then repeated to each of the sizes, every copy a little
changed (cropped, lighter or darker, saved anew). Each size has a workspace of its own; the photos go through the app's
own worker process, whose peak memory is reported. Preparing the network is not counted: the app does it at its first
start.
"""

import argparse
import io
import itertools
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from PIL import ImageEnhance

from benchmarks.classify import wait_for_task
from core.backbones.catalog import find_backbone
from core.datasets.checks.findings import FindingKind
from core.datasets.records import DatasetView, ImportState
from core.datasets.sources.requests import ImportRequest, ServerFolder
from core.datasets.tasks import CHECK_KIND
from core.environment import load_settings
from core.errors import BluetitError
from core.photos.decode import decode_image
from core.services import Services, open_services

_SIZES = (2_500, 5_000, 10_000)
_POLL_SECONDS = 0.1


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder with one folder per class")
    parser.add_argument("--sizes", type=int, nargs="*", default=_SIZES, help="numbers of photos to repeat it to")
    arguments = parser.parse_args()
    if not arguments.images.is_dir():
        raise SystemExit(f"{arguments.images} is no folder.")
    figures = measure(arguments.images.resolve())
    figures["repeated"] = [measure_repeated(arguments.images.resolve(), size) for size in arguments.sizes]
    figures["growth"] = growth(figures["repeated"])
    print(json.dumps(figures))


def measure_repeated(folder: Path, num_photos: int) -> dict[str, Any]:
    """The figures for the folder repeated to a number of photos."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as copies:
        write_copies(folder, Path(copies), num_photos)
        return measure(Path(copies).resolve())


def write_copies(folder: Path, target: Path, num_photos: int) -> None:
    """Fill `target` with the folder's photos, then with changed copies of them, in the same class folders."""
    photos = sorted(path for path in folder.rglob("*") if path.is_file())
    for number, path in enumerate(itertools.islice(itertools.cycle(photos), num_photos)):
        copy = target / path.relative_to(folder).with_name(f"{number:06d}{path.suffix}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if number < len(photos):
            shutil.copyfile(path, copy)
        else:
            copy.with_suffix(".jpg").write_bytes(changed(path.read_bytes(), path.name, random.Random(number)))


def changed(data: bytes, name: str, chance: random.Random) -> bytes:
    """A photo a little cropped, lighter or darker, and saved anew as JPEG."""
    image = decode_image(data, name)
    left, top, right, bottom = (chance.uniform(0, 0.03) for _ in range(4))
    width, height = image.size
    image = image.crop((int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height)))
    target = io.BytesIO()
    ImageEnhance.Brightness(image).enhance(chance.uniform(0.92, 1.08)).save(target, "JPEG", quality=85)
    return target.getvalue()


def measure(folder: Path) -> dict[str, Any]:
    """Import a folder into a new workspace and check it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace:
        settings = replace(load_settings(), workspace_dir=Path(workspace), cache_dir=None, import_dirs=(str(folder),))
        services = open_services(settings)
        try:
            wait_for_task(services, services.request_preparation(find_backbone(settings.default_backbone)))
            return measure_in(services, folder)
        finally:
            services.close()


def measure_in(services: Services, folder: Path) -> dict[str, Any]:
    """Import a folder into the open workspace and check it."""
    dataset = services.library.datasets.create("benchmark")
    import_id = services.imports.submit(
        ImportRequest(dataset_id=dataset.id, source=ServerFolder(path=str(folder)), title="benchmark")
    )
    import_seconds, import_rss_mb = time_task(services, services.imports.status(import_id).view.task_id)
    view = services.imports.status(import_id).view
    if view.state is not ImportState.DONE:
        raise SystemExit(
            f"The import ended as {view.state}: {view.question or services.imports.status(import_id).error}"
        )
    check_seconds, check_rss_mb = time_task(services, services.dataset_tasks.request(CHECK_KIND, dataset.id))
    num_images = view.num_accepted + view.num_refused
    return {
        "images": num_images,
        "accepted": view.num_accepted,
        "rejected": view.num_refused,
        "import_seconds": round(import_seconds, 2),
        "images_per_second": round(num_images / (import_seconds + check_seconds), 1),
        "check_seconds": round(check_seconds, 2),
        "near_duplicate_groups": num_near_duplicate_groups(dataset, services),
        "rss_mb": round(max(import_rss_mb, check_rss_mb), 1),
        "disk_mb": round(sum(path.stat().st_size for path in files_of(services)) / 1e6, 1),
    }


def files_of(services: Services) -> Iterator[Path]:
    """Everything that the dataset occupies: photos, features, database."""
    settings = services.settings
    for path in settings.workspace_dir.rglob("*"):
        if path.is_file() and not path.is_relative_to(settings.cache_path / "backbones"):
            yield path


def num_near_duplicate_groups(dataset: DatasetView, services: Services) -> int:
    """Groups of photos that the check found to be nearly the same."""
    check = services.library.checks.load(dataset.id)
    findings = check.as_findings() if check else []
    return sum(len(finding.groups) for finding in findings if finding.kind == FindingKind.NEAR_DUPLICATES)


def time_task(services: Services, task_id: int | None) -> tuple[float, float]:
    """Seconds that a task ran, and the peak memory in MB of the worker that ran it."""
    if task_id is None:
        raise SystemExit("The import has no task.")
    peak_mb = 0.0
    while (task := services.queue.get(task_id)).is_active:
        peak_mb = max(peak_mb, worker_memory_mb(services, task.worker_id))
        time.sleep(_POLL_SECONDS)
    if task.error or task.started_at is None or task.finished_at is None:
        raise SystemExit(f"The task ended as {task.status}: {task.error}")
    return task.finished_at - task.started_at, peak_mb


def worker_memory_mb(services: Services, worker_id: str | None) -> float:
    """Resident memory of a worker process; 0 before it has a task."""
    for worker in services.queue.live_workers(services.settings.worker_dead_after_seconds):
        if worker.id == worker_id:
            return float(psutil.Process(worker.pid).memory_info().rss) / 1e6
    return 0.0


def growth(rows: list[dict[str, Any]]) -> float | None:
    """Seconds per photo at the largest size against the smallest; 1 is linear."""
    if len(rows) < 2:
        return None
    first, last = (row["images_per_second"] for row in (rows[0], rows[-1]))
    return round(first / last, 3)


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
