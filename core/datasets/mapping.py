"""The map of a dataset: photos that look alike to the network lie close together in two dimensions.

Features of the default backbone → PCA to 50 dimensions → t-SNE. Runs in the worker, as the task kind `map_dataset`; the
points are kept in the cache, under a name that depends on the photos only, so that a map is drawn once.

Measured on one core, besides the features: 10,000 photos take 9 seconds, where scikit-learn's t-SNE took 61.

Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", 2008,
https://www.jmlr.org/papers/v9/vandermaaten08a.html; start from PCA: D. Kobak and P. Berens, "The art of using t-SNE for
single-cell transcriptomics", 2019, https://doi.org/10.1038/s41467-019-13056-x; interpolation on a grid: G. Linderman
and others, "Fast interpolation-based t-SNE", 2019, https://doi.org/10.1038/s41592-018-0308-4.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.datasets.library import Library
from core.features.cache import FeatureCache
from core.features.embedding import Embedder, compute_features
from core.jobs.context import TaskContext
from core.photos.record import PhotoRecord
from core.photos.store import PhotoStore
from core.settings import Settings
from core.storage.files import translating_disk_errors, write_atomically

MAP_VERSION = 2  # part of a map's name; grows with every change to how points are placed
MAX_KEPT_MAPS = 50  # a map of 10,000 photos has 80 kB

MAX_FITTED_PHOTOS = 10_000  # more photos are placed beside those that t-SNE placed
NUM_NEIGHBOURS = 3  # of a photo that is placed beside others
NUM_DIMENSIONS = 50  # that t-SNE sees; what PCA leaves out is mostly noise
MIN_PHOTOS_FOR_TSNE = 10  # of fewer photos the first two principal components say all there is to say
PERPLEXITY = 30.0  # neighbours that a photo is pulled towards; fewer in a small dataset
# Iterations of each step; the first exaggerates attractions. On 10,000 photos three times as many keep one neighbour
# of a hundred more (docs/sorting.md).
STEPS = (100, 125, 125)
EARLY_EXAGGERATION = 12.0
MOMENTUM = 0.8
# From so many photos on, what pushes them apart is interpolated on a grid (FFT), which is then faster than a tree
# (Barnes-Hut). With cells twice as wide as openTSNE has them a step takes a third of the time.
INTERPOLATED_FROM = 2_000
CELL_WIDTH, FEWEST_CELLS = 2, 30
_STEP_OF_SCIKIT_LEARN = 250  # iterations, the fewest that it does
SEED = 0

# Part of the progress bar that computing features takes, when they are not in the cache yet.
_FEATURES_FRACTION = 0.5

Points = npt.NDArray[np.float32]
Report = Callable[[float, str], None]


def run_map_task(context: TaskContext) -> None:
    """Handler of the task kind `map_dataset`; its payload is `{"dataset_id": number}`.

    Photos whose file cannot be read are left off the map.

    Raises:
        UnknownDatasetError: no such dataset, or it is in the trash.
        ArtefactMissingError: the default backbone has not been prepared yet.
        ArtefactDamagedError: what was prepared is not whole any more.
        TaskCancelledError: somebody asked to stop; features that were computed are kept.
    """
    dataset_id, settings = int(context.payload["dataset_id"]), context.settings
    context.report(0.0, "Looking up the photos")
    library = Library(context.database)
    library.datasets.get(dataset_id)
    photos = library.photos.get({image.photo_hash for image in library.images.of(dataset_id)})
    hashes = sorted(photos)
    if load_map(settings, hashes) is None:
        features = _compute_features([photos[photo_hash] for photo_hash in hashes], context)
        is_readable = np.isfinite(features).all(axis=1)
        points = np.full((len(hashes), 2), np.nan, np.float32)
        points[is_readable] = place_photos(
            features[is_readable],
            report=lambda fraction, message: context.report(
                _FEATURES_FRACTION + (1 - _FEATURES_FRACTION) * fraction, message
            ),
            check_cancelled=context.check_cancelled,
        )
        save_map(settings, hashes, points)
    context.report(1.0, "The map is ready")


def _compute_features(photos: Sequence[PhotoRecord], context: TaskContext) -> npt.NDArray[np.float32]:
    """Features of the photos, float32 (photos, channels); not-a-number for a photo that cannot be read."""
    settings = context.settings
    embedder = Embedder.of_artefact(load_artefact(find_backbone(settings.default_backbone), settings), settings)
    store = PhotoStore.of(settings)
    features = np.full((len(photos), embedder.num_features), np.nan, np.float32)
    answers = compute_features(photos, store, embedder, FeatureCache(settings))
    for row, (_, values) in enumerate(answers):
        context.check_cancelled()
        context.report(_FEATURES_FRACTION * row / len(photos), f"Looked at {row:,} of {len(photos):,} photos")
        if values is not None:
            features[row] = values
    return features


def load_map(settings: Settings, hashes: Iterable[str]) -> dict[str, tuple[float, float]] | None:
    """The map of these photos; None when it has not been drawn yet, or can no longer be read.

    Args:
        settings: the cache folder and the backbone.
        hashes: of the photos, in any order, repeated or not.

    Returns:
        Photo hash to (x, y), each from -1 to 1; photos that could not be read when it was drawn are left out.
    """
    names = sorted(set(hashes))
    try:
        points = np.load(map_path(settings, names), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        # Whatever is wrong with the file, drawing the map again is the remedy.
        return None
    if points.dtype != np.float32 or points.shape != (len(names), 2):
        return None
    return {name: (float(x), float(y)) for name, (x, y) in zip(names, points, strict=True) if np.isfinite(x + y)}


def save_map(settings: Settings, hashes: Iterable[str], points: Points) -> None:
    """Keep the map of these photos, and forget the oldest of too many maps.

    Args:
        settings: the cache folder and the backbone.
        hashes: of the photos, sorted, each once.
        points: float32 (photos, 2), in the order of the hashes; not-a-number for a photo that has no place.

    Raises:
        StorageError: the file cannot be written.
    """
    path = map_path(settings, hashes)
    with write_atomically(path) as draft:
        np.save(draft, points, allow_pickle=False)
    with translating_disk_errors(path.parent):
        maps = sorted(path.parent.glob("[!.]*.npy"), key=lambda kept: kept.stat().st_mtime, reverse=True)
        for outdated in maps[MAX_KEPT_MAPS:]:
            outdated.unlink(missing_ok=True)


def map_path(settings: Settings, hashes: Iterable[str]) -> Path:
    """File of the map of these photos, whether it exists or not."""
    name = json.dumps([MAP_VERSION, settings.default_backbone, sorted(set(hashes))])
    return settings.cache_path / "maps" / f"{hashlib.sha256(name.encode()).hexdigest()}.npy"


def place_photos(features: npt.NDArray[np.float32], *, report: Report, check_cancelled: Callable[[], None]) -> Points:
    """Lay photos out in two dimensions; the same features always give the same map, up to rounding.

    Of more than `MAX_FITTED_PHOTOS` only so many, evenly chosen, are laid out by t-SNE; each of the others goes between
    the three of them that look most like it, nearer to the more alike.

    Args:
        features: float32 (photos, channels), any number of photos.
        report: called with the fraction done, 0-1, and a sentence.
        check_cancelled: called between the steps; raises to stop.

    Returns:
        float32 (photos, 2), each from -1 to 1.
    """
    num_photos = len(features)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions = features / np.maximum(lengths, np.finfo(np.float32).tiny)  # alike is what points the same way
    if num_photos < 2 or float(np.ptp(directions, axis=0).max()) == 0.0:
        return np.zeros((num_photos, 2), np.float32)
    report(0.0, "Looking for the main differences between the photos")
    fitted = np.unique(np.linspace(0, num_photos - 1, min(num_photos, MAX_FITTED_PHOTOS)).astype(np.int64))
    components = _principal_components(directions, fitted)
    check_cancelled()
    if num_photos < MIN_PHOTOS_FOR_TSNE:
        return _normalised(_first_two(components))
    points = np.empty((num_photos, 2), np.float32)
    points[fitted] = _run_tsne(components[fitted], report=report, check_cancelled=check_cancelled)
    others = np.setdiff1d(np.arange(num_photos), fitted)
    if len(others):
        report(0.95, "Placing the other photos beside those that they look like")
        points[others] = _beside_neighbours(components[others], components[fitted], points[fitted])
    return _normalised(points)


def _principal_components(directions: Points, fitted: npt.NDArray[np.int64]) -> Points:
    """Coordinates of all photos, float32 (photos, at most 50), along the directions in which the fitted ones differ."""
    from sklearn.decomposition import PCA

    num_components = min(NUM_DIMENSIONS, len(fitted) - 1, directions.shape[1])
    pca = PCA(num_components, svd_solver="randomized", random_state=SEED).fit(directions[fitted])
    return np.asarray(pca.transform(directions), np.float32)


def _run_tsne(components: Points, *, report: Report, check_cancelled: Callable[[], None]) -> Points:
    """Points of photos, float32 (photos, 2), by t-SNE from their first two principal components."""
    first = _first_two(components)
    start = first / max(float(first[:, 0].std()), float(np.finfo(np.float32).tiny)) * 1e-4
    perplexity = min(PERPLEXITY, (len(components) - 1) / 3)

    def begin_step(step: int) -> None:
        check_cancelled()
        report(0.05 + 0.9 * step / len(STEPS), f"Arranging {len(components):,} photos, step {step + 1} of {len(STEPS)}")

    arrange = _arrange if find_spec("openTSNE") else _arrange_slowly
    points = arrange(components, start, perplexity, begin_step)
    check_cancelled()
    return points


def _arrange(components: Points, start: Points, perplexity: float, begin_step: Callable[[int], None]) -> Points:
    """t-SNE with what pushes photos apart interpolated on a grid."""
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    begin_step(0)
    # One thread adds up in one order: a map drawn again is the same.
    affinities = PerplexityBasedNN(components, perplexity, method="exact", n_jobs=1, random_state=SEED)
    embedding = TSNEEmbedding(
        np.asarray(start, np.float64),
        affinities,
        negative_gradient_method="fft" if len(components) >= INTERPOLATED_FROM else "bh",
        ints_in_interval=CELL_WIDTH,
        min_num_intervals=FEWEST_CELLS,
        n_jobs=1,
        random_state=SEED,
    )
    for step, num_iterations in enumerate(STEPS):
        if step:
            begin_step(step)
        exaggeration = EARLY_EXAGGERATION if step == 0 else None
        embedding.optimize(num_iterations, exaggeration=exaggeration, momentum=MOMENTUM, inplace=True)
    return np.asarray(embedding, np.float32)


def _arrange_slowly(components: Points, start: Points, perplexity: float, begin_step: Callable[[int], None]) -> Points:
    """The same with scikit-learn, where openTSNE has no package (Linux on ARM); it takes several times as long."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no type information

    points = start
    for step in range(len(STEPS)):
        begin_step(step)
        tsne = TSNE(
            perplexity=perplexity,
            early_exaggeration=EARLY_EXAGGERATION if step == 0 else 1.0,
            max_iter=_STEP_OF_SCIKIT_LEARN,
            init=points,
            random_state=SEED,
        )
        # Several threads wait for each other thousands of times: as soon as anything else runs on the machine, that
        # takes longer than the work itself. One thread also adds up in one order: a map drawn again is the same.
        with threadpool_limits(1, user_api="openmp"):
            points = np.asarray(tsne.fit_transform(components), np.float32)
    return points


def _beside_neighbours(others: Points, fitted: Points, points: Points) -> Points:
    """Points of photos that t-SNE did not see: between their nearest neighbours', weighted by closeness."""
    from sklearn.neighbors import KNeighborsRegressor

    regressor = KNeighborsRegressor(NUM_NEIGHBOURS, weights="distance").fit(fitted, points)
    return np.asarray(regressor.predict(others), np.float32)


def _first_two(components: Points) -> Points:
    """The first two columns; zeros for a second one where two photos differ in one way only."""
    missing = max(0, 2 - components.shape[1])
    return np.pad(components[:, :2], ((0, 0), (0, missing)))


def _normalised(points: Points) -> Points:
    """Moved to the middle and scaled, so that the farthest coordinate is 1 or -1."""
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    centred = points - middle
    return np.asarray(centred / max(float(np.abs(centred).max()), float(np.finfo(np.float32).tiny)), np.float32)
