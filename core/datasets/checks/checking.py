"""The work of a check: find near-duplicates among a dataset's photos, and everything else that may be wrong with it.

Nothing is found out twice: measurements come with the photos, features stay in their cache, and pairs of
near-duplicates in the database. Features are computed only for photos that look like another one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.datasets.checks.near_duplicates import is_mirror_image, near_duplicates, photos_to_compare
from core.datasets.checks.photo_checks import is_flat
from core.datasets.checks.problems import DatasetContent, find_problems
from core.datasets.library import Library
from core.datasets.records import Likeness
from core.errors import ArtefactDamagedError, ArtefactMissingError, DatasetError, ImageError, UnknownBackboneError
from core.features.cache import FeatureCache
from core.features.embedding import Embedder, compute_features
from core.jobs.context import TaskContext
from core.photos.decode import decode_image
from core.photos.measurements import is_measured, measure
from core.photos.record import PhotoRecord
from core.photos.store import PhotoStore
from core.settings import Settings

# How the time is divided, for the progress that is shown: nearly all of it goes into computing features.
_SHARE_OF_FEATURES = 0.9

_HASHES = frozenset({"phash", "phash_mirrored"})  # without which a photo cannot be compared

Pairs = dict[tuple[str, str], float]


def run_check_task(context: TaskContext) -> None:
    """Handler of the task kind `check_dataset`; its payload is `{"dataset_id": number}`.

    Raises:
        UnknownDatasetError: no such dataset, or it is in the trash.
    """
    database = context.database
    check_dataset(Library(database), int(context.payload["dataset_id"]), context)


def check_dataset(library: Library, dataset_id: int, context: TaskContext) -> None:
    """Check a dataset and keep what was found, for the revision that it had at the beginning.

    Raises:
        UnknownDatasetError: no such dataset, or it is in the trash.
        TaskCancelledError: somebody asked to stop; features that were computed are kept.
    """
    context.report(0.0, "Looking at the photos")
    revision = library.datasets.get(dataset_id).revision
    images = library.images.of(dataset_id)
    photos = _measured_by_now(library, library.photos.get({image.photo_hash for image in images}), context)
    # Empty photos resemble each other in every way; sorted, so that every check sees them in the same order.
    in_order = [photos[photo_hash] for photo_hash in sorted(photos)]
    comparable = [photo for photo in in_order if photo.measurements.keys() >= _HASHES and not is_flat(photo)]
    known = library.checks.pairs([photo.hash for photo in comparable])
    found, with_features = _Search(comparable, known, context).run()
    if with_features:
        library.checks.save_pairs(found)
    content = DatasetContent(
        classes=library.classes.of(dataset_id),
        images=images,
        photos=photos,
        likeness=_likeness(known.keys() | found.keys(), photos),
        with_features=with_features,
    )
    findings = [finding.to_json() for finding in find_problems(content)]
    library.checks.save(dataset_id, revision, findings)
    context.report(1.0, "Checked")


def _measured_by_now(library: Library, photos: dict[str, PhotoRecord], context: TaskContext) -> dict[str, PhotoRecord]:
    """The photos, those measured by an older version measured again; one that cannot be read stays as it is."""
    outdated = [photo for photo in photos.values() if not is_measured(photo.measurements)]
    store = PhotoStore.of(context.settings)
    renewed: dict[str, PhotoRecord] = {}
    for number, photo in enumerate(outdated):
        context.check_cancelled()
        context.report(0.0, f"Measured {number:,} of {len(outdated):,} photos again")
        try:
            image = decode_image(store.read(photo.hash, photo.suffix), photo.hash[:12])
        except (DatasetError, ImageError):
            continue  # the pages say so where the photo is shown
        values = measure(image, (photo.original_width, photo.original_height))
        renewed[photo.hash] = replace(photo, measurements={**photo.measurements, **values})
    library.photos.save_measurements({photo.hash: photo.measurements for photo in renewed.values()})
    return photos | renewed


def _likeness(pairs: Collection[tuple[str, str]], photos: Mapping[str, PhotoRecord]) -> Likeness:
    def hashes(photo_hash: str) -> tuple[str, str]:
        measured = photos[photo_hash].measurements
        return str(measured["phash"]), str(measured["phash_mirrored"])

    mirrored = {(first, second) for first, second in pairs if is_mirror_image(hashes(first)[0], *hashes(second))}
    return Likeness(pairs=pairs, mirrored=mirrored)


class _Search:
    """The search for near-duplicates among photos."""

    def __init__(self, photos: Sequence[PhotoRecord], known: Collection[tuple[str, str]], context: TaskContext) -> None:
        self._photos = photos
        self._hashes = [str(photo.measurements["phash"]) for photo in photos]
        self._mirrored = [str(photo.measurements["phash_mirrored"]) for photo in photos]
        positions = {photo.hash: position for position, photo in enumerate(photos)}
        self._known = [(positions[first], positions[second]) for first, second in known]
        self._context = context
        self._store = PhotoStore.of(context.settings)
        self._cache = FeatureCache(context.settings)

    def run(self) -> tuple[Pairs, bool]:
        """New pairs of near-duplicates with their similarity, and whether features confirmed them."""
        needed = photos_to_compare(self._hashes, self._mirrored, self._known)
        if needed.size == 0:
            return {}, True
        embedder = _load_embedder(self._context.settings)
        if embedder is not None:
            self._compute([self._photos[position] for position in needed], embedder)
        return self._confirm(embedder), embedder is not None

    def _compute(self, photos: Sequence[PhotoRecord], embedder: Embedder) -> None:
        """Have the features of all these photos in the cache."""
        by_hash = {photo.hash: photo for photo in photos}
        missing = self._cache.missing(*embedder.key, by_hash)
        answers = compute_features((by_hash[photo_hash] for photo_hash in missing), self._store, embedder, self._cache)
        for number, _ in enumerate(answers, start=1):
            self._context.check_cancelled()
            fraction = _SHARE_OF_FEATURES * number / len(missing)
            self._context.report(fraction, f"Compared {number:,} of {len(missing):,} photos that resemble others")

    def _confirm(self, embedder: Embedder | None) -> Pairs:
        pairs = near_duplicates(
            self._hashes,
            self._mirrored,
            known=self._known,
            features=None if embedder is None else partial(self._features, embedder),
        )
        return {
            (self._photos[first].hash, self._photos[second].hash): similarity for first, second, similarity in pairs
        }

    def _features(self, embedder: Embedder, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Features of the photos at these positions, float32 (photos, channels); zeros for one that cannot be read."""
        self._context.check_cancelled()
        photos = [self._photos[position] for position in positions]
        vectors = np.zeros((len(photos), embedder.num_features), dtype=np.float32)
        for row, (_, values) in enumerate(compute_features(photos, self._store, embedder, self._cache)):
            if values is not None:
                vectors[row] = values
        return vectors


def _load_embedder(settings: Settings) -> Embedder | None:
    """The default backbone, if it has been prepared: a check does not wait for that."""
    try:
        return Embedder.of_artefact(load_artefact(find_backbone(settings.default_backbone), settings), settings)
    except (UnknownBackboneError, ArtefactMissingError, ArtefactDamagedError):
        return None
