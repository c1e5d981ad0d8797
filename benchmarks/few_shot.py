"""How right models are that learned from few photos: by photos a class, network and solver, over several seeds.

    python -m benchmarks.few_shot --data DIR [--photos 5 10 20 50] [--seeds 5] [--no-flips] [--keep DIR]

DIR holds `train/` and `validation/` or `test/`, a folder per class. Of each class so many photos of train/ are drawn,
by each seed others; all photos of the other folder judge. Networks are EfficientNet-Lite0, and all three that come with
Bluetit with answers averaged over mirror images (`--no-flips`: not averaged, for classes that are mirror images).
Solvers of the last layer:

    adam        the recipe *quick*, all of its epochs: there are no photos that could stop it earlier
    lbfgs       logistic regression with scikit-learn's penalty (L2, C = 1), solved to the end
    prototypes  the class whose mean of features of length 1 has the largest cosine

Accuracies are in percent, mean and standard deviation over the seeds. `worth_photos` reckons with how many photos a
class Lite0 with adam would be as right: between its own figures on a logarithmic scale, null beyond them. Features are
kept below the folder of `--keep`, so that a run that was broken off goes on.

Features are computed here. What is drawn, learned and judged from them, once for each network, solver, number of photos
and seed, runs on all cores of this computer, or, with BLUETIT_WORKERS as in docs/scale.md, on all nodes of a Ray
cluster, with one core each in both cases: so the figures are the same.
"""

import argparse
import hashlib
import itertools
import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.few_shot_cells import SOLVERS, Cell, Features, Labels, Material, Seen, run_cells
from benchmarks.train import tell
from core.backbones.artefacts import Artefact, load_artefact
from core.backbones.catalog import ALL_THREE, Backbone, find_backbone, members_of
from core.environment import load_settings
from core.errors import BluetitError
from core.features.cache import FeatureCache
from core.features.key import MIRRORED_VIEW, feature_key, view_name
from core.litert.engine import Engine, map_streamed
from core.photos.fit import TRAINED_CROP_FRACTION, mirrored, to_array
from core.photos.squares import SquareMaker
from core.settings import Settings

_LITE0 = "EfficientNetLite0"
_PHOTOS = (5, 10, 20, 50)
_SEEDS = 5
_SPLITS_THAT_JUDGE = ("validation", "test")
_BATCH_PHOTOS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The photos of one folder."""

    paths: tuple[Path, ...]
    hashes: tuple[str, ...]
    labels: Labels  # (photos,)


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and validation/ or test/")
    parser.add_argument("--photos", type=int, nargs="+", default=list(_PHOTOS), help="of each class, to learn from")
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="how many draws of photos")
    parser.add_argument("--no-flips", action="store_true", help="answers are not averaged over mirror images")
    parser.add_argument("--keep", type=Path, default=None, help="where networks and features are kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = (arguments.keep or Path(folder)).resolve()
        settings = replace(load_settings(), workspace_dir=workspace, cache_dir=None)
        figures = measure(
            arguments.data.resolve(),
            settings,
            numbers=arguments.photos,
            num_seeds=arguments.seeds,
            averages_flips=not arguments.no_flips,
        )
    print(json.dumps(figures))


def measure(
    folder: Path, settings: Settings, *, numbers: Sequence[int], num_seeds: int, averages_flips: bool
) -> dict[str, Any]:
    """All figures.

    Args:
        folder: with train/ and validation/ or test/.
        settings: where networks and features are kept, and what learns from them.
        numbers: photos a class.
        num_seeds: draws of each number.
        averages_flips: whether answers of all three networks are means over a photo and its mirror image.
    """
    class_names, train, judging = read_folders(folder)
    fewest = int(np.bincount(train.labels, minlength=len(class_names)).min())
    usable = [number for number in numbers if number <= fewest]
    if not usable:
        raise SystemExit(f"A class of {folder / 'train'} has {fewest} photos; at least {min(numbers)} are needed.")
    seen = {
        "lite0": look(find_backbone(_LITE0), train, judging, settings, averages_flips=False),
        "all_three": look(find_backbone(ALL_THREE), train, judging, settings, averages_flips=averages_flips),
    }
    material = Material(seen=seen, train_labels=train.labels, judging_labels=judging.labels)
    cells = [Cell(*each) for each in itertools.product(seen, SOLVERS, usable, range(num_seeds))]
    accuracies = dict(zip(cells, run_cells(cells, material, settings), strict=True))
    rows = []
    for network, solver, number in itertools.product(seen, SOLVERS, usable):
        found = [accuracies[Cell(network, solver, number, seed)] for seed in range(num_seeds)]
        mean, spread = float(np.mean(found)), float(np.std(found))
        rows.append({"network": network, "solver": solver, "photos": number, "mean": mean, "spread": spread})
    baseline = {row["photos"]: row["mean"] for row in rows if (row["network"], row["solver"]) == ("lite0", "adam")}
    return {
        "data": folder.name,
        "classes": len(class_names),
        "judging_images": len(judging.paths),
        "seeds": num_seeds,
        "averages_flips": averages_flips,
        "accuracy": [
            {
                **row,
                "mean": round(row["mean"], 2),
                "spread": round(row["spread"], 2),
                "worth_photos": worth(row["mean"], baseline),
            }
            for row in rows
        ],
    }


def read_folders(folder: Path) -> tuple[tuple[str, ...], Files, Files]:
    """Names of the classes, the photos to learn from, and those that judge."""
    judging = next((folder / name for name in _SPLITS_THAT_JUDGE if (folder / name).is_dir()), None)
    if not (folder / "train").is_dir() or judging is None:
        raise SystemExit(f"{folder} needs a folder train/ and one of {', '.join(_SPLITS_THAT_JUDGE)}.")
    class_names = tuple(sorted(path.name for path in (folder / "train").iterdir() if path.is_dir()))
    if len(class_names) < 2:
        raise SystemExit(f"{folder / 'train'} has {len(class_names)} folders; at least two classes are needed.")
    return class_names, _read(folder / "train", class_names), _read(judging, class_names)


def _read(folder: Path, class_names: Sequence[str]) -> Files:
    found = [
        (path, label)
        for label, name in enumerate(class_names)
        if (folder / name).is_dir()
        for path in sorted((folder / name).iterdir())
        if path.is_file()
    ]
    return Files(
        paths=tuple(path for path, _ in found),
        hashes=tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path, _ in found),
        labels=np.array([label for _, label in found], np.int64),
    )


def look(backbone: Backbone, train: Files, judging: Files, settings: Settings, *, averages_flips: bool) -> Seen:
    """The features of all photos; those that judge perhaps averaged over their mirror images, as answers are."""
    views = (0, MIRRORED_VIEW) if averages_flips else (0,)
    artefacts = [_prepared(member, settings) for member in members_of(backbone)]
    return Seen(
        train=np.concatenate([_features(each, train, 0, settings) for each in artefacts], axis=1),
        judging=np.mean(
            [np.concatenate([_features(each, judging, view, settings) for each in artefacts], 1) for view in views], 0
        ),
    )


def _prepared(backbone: Backbone, settings: Settings) -> Artefact:
    # Here, so that whoever asks for help does not wait for Keras.
    from core.networks.prepare import prepare_backbone

    prepare_backbone(backbone, settings, report=lambda *_: None, check_cancelled=lambda: None)
    return load_artefact(backbone, settings)


def _features(artefact: Artefact, files: Files, view: int, settings: Settings) -> Features:
    record, cache = artefact.record, FeatureCache(settings)
    key = feature_key(record.fingerprint, "crop", TRAINED_CROP_FRACTION)
    name = view_name(None, view)
    known = cache.get(*key, files.hashes, view=name)
    lacking = {
        photo_hash: path for photo_hash, path in zip(files.hashes, files.paths, strict=True) if photo_hash not in known
    }
    for computed in _compute(artefact, lacking, view, settings):
        cache.put(*key, computed, view=name)
        known |= computed
    return np.stack([known[photo_hash] for photo_hash in files.hashes])


def _compute(
    artefact: Artefact, lacking: Mapping[str, Path], view: int, settings: Settings
) -> Iterator[dict[str, Features]]:
    """Features of photos by their hashes, some at a time."""
    if not lacking:
        return
    tell(f"{len(lacking):,} photos through {artefact.record.backbone}{', mirrored' if view else ''}")
    engine = Engine(artefact.model_path, num_threads=settings.num_inference_threads)
    squares = SquareMaker.of(artefact.record.image_size, "crop", settings, crop_fraction=TRAINED_CROP_FRACTION)

    def answer(path: Path) -> Features:
        pixels = to_array(squares.square(path.read_bytes(), path.name))
        return engine.run(mirrored(pixels) if view == MIRRORED_VIEW else pixels).features

    hashes = list(lacking)
    for start in range(0, len(hashes), _BATCH_PHOTOS):
        batch = hashes[start : start + _BATCH_PHOTOS]
        paths = [lacking[photo_hash] for photo_hash in batch]
        answers = map_streamed(answer, paths, num_threads=settings.num_inference_threads)
        yield dict(zip(batch, answers, strict=True))


def worth(accuracy: float, baseline: Mapping[int, float]) -> float | None:
    """With how many photos a class the baseline would be as right; None where it never is, or with fewer than it knows.

    Args:
        accuracy: in percent.
        baseline: photos a class to accuracy.
    """
    numbers = sorted(baseline)
    for fewer, more in itertools.pairwise(numbers):
        low, high = baseline[fewer], baseline[more]
        if low <= accuracy <= high and high > low:
            share = (accuracy - low) / (high - low)
            return round(math.exp(math.log(fewer) + share * (math.log(more) - math.log(fewer))), 1)
    return None


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
