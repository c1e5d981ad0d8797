"""How fast, how right and how heavy classifying photos is, against Keras on the same photos.

    python -m benchmarks.classify --images DIR [--backbone NAME] [--limit N]

DIR holds photos named `<wnid>_<label>.*`. Single and batch start from file bytes; `keras_` figures are
`model.predict` on the same files with the same decoding; `litert_` is inference alone on decoded squares. The
backbone is prepared afresh, in a worker process and a temporary workspace. Memory is the peak before Keras is imported.

What is compared takes turns, a photo or a pass at a time, and ratios are medians of the turns': what else the machine
does then slows both.
"""

import argparse
import json
import math
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from core.backbones.catalog import Backbone, find_backbone
from core.backbones.weights import obtain_weights
from core.environment import load_settings
from core.errors import BluetitError
from core.inference.classifier import Classification, Classifier
from core.jobs.status import TaskStatus
from core.litert.engine import Engine, map_streamed
from core.photos.fit import to_array
from core.services import Services, open_services
from core.settings import Settings

_BATCH_ROUNDS = 5  # passes over all photos
_KERAS_BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo's file and the class its name states."""

    name: str
    data: bytes
    wnid: str


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of photos named <wnid>_<label>.*")
    parser.add_argument("--backbone", default="EfficientNetLite0", help="name in the catalogue")
    parser.add_argument("--limit", type=int, default=None, help="use the first N photos")
    arguments = parser.parse_args()
    photos = read_photos(arguments.images, arguments.limit)
    backbone = find_backbone(arguments.backbone)
    # Windows cannot delete a database file that a worker has just let go of.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace:
        settings = replace(load_settings(), workspace_dir=Path(workspace), default_backbone=backbone.name)
        print(json.dumps(measure(photos, backbone, settings)))


def read_photos(folder: Path, limit: int | None) -> list[LabelledPhoto]:
    """The photos of a folder, sorted by name, in memory."""
    files = sorted(path for path in folder.iterdir() if re.match(r"n\d{8}_", path.name))[:limit]
    if not files:
        raise SystemExit(f"{folder} has no photos named <wnid>_<label>.*")
    return [LabelledPhoto(path.name, path.read_bytes(), path.name.split("_")[0]) for path in files]


def measure(photos: Sequence[LabelledPhoto], backbone: Backbone, settings: Settings) -> dict[str, Any]:
    """All figures, one run."""
    classifier = prepared_classifier(backbone, settings)
    classify_all(classifier, photos)  # warm up
    answers = classify_all(classifier, photos)
    rss_mb = peak_memory_mb()
    predict = load_keras(backbone, settings)  # from here on the process holds TensorFlow as well
    squares = [to_array(classifier.square(photo.data, photo.name)) for photo in photos]
    single, keras_single = time_singles(classifier, predict, photos)
    batch, litert, keras_batch = time_passes(
        lambda: classify_all(classifier, photos),
        lambda: run_all(classifier.engine, squares),
        lambda: keras_batch_predict(classifier, predict, photos),
    )
    return {
        "backbone": backbone.name,
        "images": len(photos),
        "top1": share_right(answers, photos, 1),
        "top5": share_right(answers, photos, 5),
        "single_p50_ms": round(statistics.median(single) * 1000, 2),
        "single_p95_ms": round(percentile(single, 0.95) * 1000, 2),
        "keras_single_p50_ms": round(statistics.median(keras_single) * 1000, 2),
        "single_speedup": round(median_ratio(keras_single, single), 2),
        "batch_images_per_second": round(len(photos) / statistics.median(batch), 1),
        "keras_batch_images_per_second": round(len(photos) / statistics.median(keras_batch), 1),
        "batch_speedup": round(median_ratio(keras_batch, batch), 2),
        "litert_images_per_second": round(len(photos) / statistics.median(litert), 1),
        "litert_share": round(median_ratio(litert, batch), 3),
        "rss_mb": round(rss_mb, 1),
        "prepare_seconds": round(classifier.record.prepare_seconds, 1),
    }


def prepared_classifier(backbone: Backbone, settings: Settings) -> Classifier:
    """Prepare the backbone in a worker process, as the app does, and load it."""
    services = open_services(settings)
    try:
        wait_for_task(services, services.request_preparation(backbone))
    finally:
        services.close()
    return services.classifiers.get(backbone)


def wait_for_task(services: Services, task_id: int) -> None:
    """Wait until the worker has finished; stop with its error if it failed."""
    task = services.queue.get(task_id)
    while task.status in (TaskStatus.QUEUED, TaskStatus.RUNNING):
        time.sleep(0.2)
        task = services.queue.get(task_id)
    if task.status is not TaskStatus.DONE:
        raise SystemExit(f"{task.status}: {task.error}")


def classify_all(classifier: Classifier, photos: Sequence[LabelledPhoto]) -> list[Classification]:
    """Every photo from bytes to answer, as the page does it."""
    return list(
        map_streamed(
            lambda photo: classifier.classify(photo.data, photo.name),
            photos,
            num_threads=classifier.engine.num_threads,
        )
    )


def run_all(engine: Engine, squares: Sequence[npt.NDArray[np.uint8]]) -> None:
    """Inference alone."""
    for _ in map_streamed(engine.run, squares, num_threads=engine.num_threads):
        pass


def load_keras(backbone: Backbone, settings: Settings) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
    """`model.predict` of the backbone: uint8 (n, height, width, 3) to probabilities (n, 1000)."""
    from core.networks.build import build_classifier  # here, so that memory is measured without TensorFlow

    path = obtain_weights(backbone, settings, report=lambda *_: None, check_cancelled=lambda: None)
    model = build_classifier(backbone, path).model

    def predict(squares: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return model.predict(squares.astype(np.float32), batch_size=_KERAS_BATCH_SIZE, verbose=0)[0]

    return predict


def time_singles(
    classifier: Classifier, predict: Callable[..., Any], photos: Sequence[LabelledPhoto]
) -> tuple[list[float], list[float]]:
    """Seconds per photo, bytes to answer: ours and Keras', in turn, so that both meet the same noise."""
    ours, keras = [], []
    predict(to_array(classifier.square(photos[0].data, photos[0].name))[np.newaxis])  # warm up
    for photo in photos:
        started = time.perf_counter()
        classifier.classify(photo.data, photo.name, is_alone=True)
        between = time.perf_counter()
        predict(to_array(classifier.square(photo.data, photo.name))[np.newaxis])
        ours.append(between - started)
        keras.append(time.perf_counter() - between)
    return ours, keras


def keras_batch_predict(classifier: Classifier, predict: Callable[..., Any], photos: Sequence[LabelledPhoto]) -> None:
    """Every photo from bytes to Keras' answer; decoded on as many threads as ours."""
    squares = map_streamed(
        lambda photo: to_array(classifier.square(photo.data, photo.name)),
        photos,
        num_threads=classifier.engine.num_threads,
    )
    predict(np.stack(list(squares)))


def time_passes(*actions: Callable[[], object]) -> list[list[float]]:
    """Seconds of each action in each round, after a round that is not counted."""
    seconds: list[list[float]] = [[] for _ in actions]
    for action in actions:
        action()
    for _ in range(_BATCH_ROUNDS):
        for action, taken in zip(actions, seconds, strict=True):
            started = time.perf_counter()
            action()
            taken.append(time.perf_counter() - started)
    return seconds


def median_ratio(seconds: Sequence[float], to_seconds: Sequence[float]) -> float:
    """Median over the turns of how many times as long one took as the other."""
    return statistics.median(one / other for one, other in zip(seconds, to_seconds, strict=True))


def percentile(values: Sequence[float], fraction: float) -> float:
    """Nearest-rank percentile; `fraction` 0-1."""
    return sorted(values)[max(0, math.ceil(fraction * len(values)) - 1)]


def share_right(answers: Sequence[Classification], photos: Sequence[LabelledPhoto], k: int) -> float:
    """Part of the photos whose class is among the `k` likeliest, 0-1."""
    right = sum(
        photo.wnid in [prediction.wnid for prediction in answer.predictions[:k]]
        for answer, photo in zip(answers, photos, strict=True)
    )
    return round(right / len(photos), 4)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far; the present one where the system keeps no peak of its own."""
    status = Path("/proc/self/status")  # Linux; getrusage would count what the parent process had when it forked
    if status.is_file():
        peak_kib = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak_kib) * 1024 / 1e6
    memory = psutil.Process().memory_info()
    return float(getattr(memory, "peak_wset", memory.rss)) / 1e6


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
