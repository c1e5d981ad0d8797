"""How long people wait who sort thousands of photos, and for the map of them, and what the map keeps.

    python -m benchmarks.sorting [--photos 10000] [--features FILE.npy]

The photos are features without pictures: of 200 kinds, a fifth of which have a class already, the others are to be
sorted. FILE.npy gives real features in their place, float32 (photos, 1280). The cache, the database and the sorting
desk are the app's own, in a workspace that is deleted afterwards. `next_seconds` is what a person waits for after the
fiftieth decision; `first_seconds` adds reading the features from the disk.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from benchmarks.classify import wait_for_task
from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.datasets.mapping import place_photos
from core.datasets.pile import PILE_NAME
from core.datasets.records import NewImage
from core.environment import load_settings
from core.errors import BluetitError
from core.features.cache import FeatureCache
from core.features.neighbours import nearest, unit_length
from core.photos.record import PhotoRecord
from core.services import Services, open_services
from core.sorting.records import Adviser, Search

_NUM_KINDS, _NUM_CLASSES = 200, 10
_NUM_CHANNELS = 1280
_PER_PAGE = 50
_MIN_PHOTOS = 300  # of the first 200 all have a class
_NUM_NEIGHBOURS = 10
_MAX_JUDGED = 2_000  # photos whose neighbours are compared

Features = npt.NDArray[np.float32]


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--features", type=Path, help="features in place of made ones, as .npy")
    arguments = parser.parse_args()
    features = made_features(arguments.photos) if arguments.features is None else _load(arguments.features, parser)
    if len(features) < _MIN_PHOTOS:
        parser.error(
            f"{len(features):,} photos were given; at least {_MIN_PHOTOS} are needed, so that some are to be sorted"
        )
    print(json.dumps({"photos": len(features), **measure_sorting(features), **measure_map(features)}))


def _load(path: Path, parser: argparse.ArgumentParser) -> Features:
    try:
        features = np.load(path)
    except (OSError, ValueError) as exc:
        parser.error(f"features cannot be read from {path}: {exc}")
    if features.dtype != np.float32 or features.ndim != 2 or features.shape[1] != _NUM_CHANNELS:
        parser.error(f"{path} has {features.dtype} {features.shape}; float32 (photos, {_NUM_CHANNELS}) was expected")
    return cast(Features, features)


def made_features(num_photos: int) -> Features:
    """Features of photos of many kinds, which lie in groups and differ in some directions more than in others.

    Returns:
        float32 (photos, 1280), not negative, as those of a network are.
    """
    chance = np.random.default_rng(0)
    groups = chance.normal(size=(_NUM_KINDS // 7, _NUM_CHANNELS))
    kinds = groups[chance.integers(len(groups), size=_NUM_KINDS)] + 0.5 * chance.normal(
        size=(_NUM_KINDS, _NUM_CHANNELS)
    )
    shared = chance.normal(size=(40, _NUM_CHANNELS)) / 40**0.5
    own = chance.normal(size=(num_photos, 40)) @ shared + 0.3 * chance.normal(size=(num_photos, _NUM_CHANNELS))
    return np.maximum(kinds[np.arange(num_photos) % _NUM_KINDS] + own, 0).astype(np.float32)


def measure_sorting(features: Features) -> dict[str, Any]:
    """Seconds for searches, decisions and suggestions in a workspace of their own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace:
        settings = replace(load_settings(), workspace_dir=Path(workspace), cache_dir=None)
        services = open_services(settings)
        with closing(services):
            wait_for_task(services, services.request_preparation(find_backbone(settings.default_backbone)))
            return _measure_in(services, features)


def _measure_in(services: Services, features: Features) -> dict[str, Any]:
    library, settings = services.library, services.settings
    dataset_id = library.datasets.create("benchmark", [PILE_NAME]).id
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(len(features))]
    library.images.add(dataset_id, [_image(number, photo_hash) for number, photo_hash in enumerate(hashes)])
    record = load_artefact(find_backbone(settings.default_backbone), settings).record
    FeatureCache(settings).put(record.fingerprint, record.fit_mode, dict(zip(hashes, features, strict=True)))
    ids = {view.name: view.id for view in library.classes.of(dataset_id)}
    images = library.images.of(dataset_id, class_id=ids[PILE_NAME])
    into, desk = ids["class 0"], services.sorting
    search = Search(into=into, among=ids[PILE_NAME], examples=tuple(image.id for image in images[:5]))
    first, found = _timed(lambda: desk.find(dataset_id, search, limit=_PER_PAGE))
    shown = tuple(image.id for image in found.images)
    decided = replace(search, wanted=shown[:40], unwanted=shown[40:])
    following = min(_timed(lambda: desk.find(dataset_id, decided, limit=_PER_PAGE))[0] for _ in range(3))
    deciding, _ = _timed(lambda: library.images.sort(dataset_id, dict.fromkeys(shown[:25], into)))
    suggesting, suggestions = _timed(lambda: desk.suggest(dataset_id, ids[PILE_NAME], Adviser.EXAMPLES))
    return {
        "first_seconds": round(first, 3),
        "next_seconds": round(following, 3),
        "decisions_seconds": round(deciding, 3),
        "suggestions_seconds": round(suggesting, 3),
        "suggestions": len(suggestions.suggestions),
    }


def _image(number: int, photo_hash: str) -> NewImage:
    kind = number % _NUM_KINDS
    photo = PhotoRecord(
        hash=photo_hash,
        suffix=".jpg",
        width=640,
        height=480,
        original_width=640,
        original_height=480,
        num_bytes=1000,
        measurements={},
    )
    class_name = f"class {kind % _NUM_CLASSES}" if number // _NUM_KINDS % 5 == 0 else PILE_NAME
    return NewImage(photo=photo, class_name=class_name, name=f"{number}.jpg")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def measure_map(features: Features) -> dict[str, Any]:
    """Seconds for a map, and how much of who is near whom it keeps."""
    seconds, points = _timed(
        lambda: place_photos(features, report=lambda _fraction, _message: None, check_cancelled=lambda: None)
    )
    return {"map_seconds": round(seconds, 1), **map_quality(features, points)}


def map_quality(features: Features, points: Features) -> dict[str, float]:
    """What a map keeps of who is near whom, of evenly chosen photos among all.

    `trustworthiness`: 1 where nobody lies near another on the map who is not among its nearest by the features, less
    the farther off those are. `neighbours_kept`: share of the ten nearest by the features that are among the ten
    nearest on the map.

    Source: J. Venna, S. Kaski, "Neighborhood preservation in nonlinear projection methods", ICANN 2001, equation 1.
    """
    num_photos, k = len(features), _NUM_NEIGHBOURS
    directions = unit_length(features)
    judged = np.unique(np.linspace(0, num_photos - 1, min(num_photos, _MAX_JUDGED)).astype(np.int64))
    high = _without_itself(nearest(directions[judged], directions, k + 1)[0], judged)
    away = ((points[judged, np.newaxis] - points[np.newaxis]) ** 2).sum(axis=2)
    low = _without_itself(np.argsort(away, axis=1, kind="stable")[:, : k + 1], judged)
    ranks = np.empty((len(judged), num_photos), np.int64)
    order = np.argsort(-(directions[judged] @ directions.T), axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(num_photos)[np.newaxis], axis=1)
    penalty = np.maximum(np.take_along_axis(ranks, low, axis=1) - k, 0).sum()
    kept = np.mean([len({*one} & {*other}) / k for one, other in zip(high.tolist(), low.tolist(), strict=True)])
    worst = len(judged) * k * (2 * num_photos - 3 * k - 1) / 2
    return {"trustworthiness": round(1 - float(penalty) / worst, 4), "neighbours_kept": round(float(kept), 4)}


def _without_itself(rows: npt.NDArray[np.intp], judged: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The first neighbours of each photo, which is among them at some place, or was pushed out by copies of it."""
    is_other = rows != judged[:, np.newaxis]
    is_other[is_other.all(axis=1), -1] = False
    return rows[is_other].reshape(len(rows), -1)


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
