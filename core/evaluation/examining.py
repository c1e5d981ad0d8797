"""The handler of the task kind `examine_run`: a closer look at a run's model, once, after the training.

features of all photos ─┬→ most alike training photos, distances ─→ reference.npz
(from the cache, or     ├→ doubtful labels of training photos ─┐
computed and cached)    └→ learning curve ─────────────────────┼──→ examination.json
heat maps of right answers ─→ shortcuts ───────────────────────┤
validation answers ─→ temperature ─────────────────────────────┴──→ decision.json, unless somebody has decided

Works on LiteRT. Nothing is written before everything is known.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from core.datasets.library import Library
from core.datasets.records import SnapshotView, Split
from core.datasets.snapshots import load_snapshot
from core.errors import DatasetError, ImageError
from core.evaluation.answers import RunAnswers, read_answers
from core.evaluation.calibration import fit_temperature
from core.evaluation.examination import CurvePoint, Examination, Neighbour
from core.evaluation.label_errors import MIN_PHOTOS, find_suspects
from core.evaluation.learning_curve import MIN_PHOTOS_PER_CLASS, learning_curve
from core.evaluation.shortcuts import ShortcutPlan, Tried, choose_photos, judge_classes, try_photo
from core.evaluation.twins import digest_inputs, find_twin
from core.features.cache import FeatureCache
from core.features.embedding import compute_features
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.reference import Reference, write_reference
from core.inference.trained_model import find_trained_model, read_model_record
from core.jobs.context import TaskContext
from core.litert.engine import map_streamed
from core.photos.fit import to_array
from core.photos.record import PhotoRecord
from core.photos.store import PhotoStore
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.model_record import ModelRecord, model_feature_key
from core.runs.records import RunStatus
from core.runs.refusals import refusal
from core.storage.files import write_atomically

NUM_NEIGHBOURS = 5
# Where the progress bar stands after a step. Features take nearly all of the time where they are not in the cache.
_AFTER_FEATURES, _AFTER_NEIGHBOURS, _AFTER_LABELS, _AFTER_CURVE = 0.6, 0.62, 0.68, 0.8
_NAME_DIGITS = 12
_MAX_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Run:
    """A run, what its model said, and all its photos that are still known."""

    run_id: int
    folder: RunFolder
    record: ModelRecord
    answers: RunAnswers
    snapshot: SnapshotView
    photos: Mapping[str, PhotoRecord]  # by hash
    pairs: Collection[tuple[str, str]]  # hashes of photos that are nearly the same
    digest: str  # of all of this, as `digest_inputs` makes it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Split:
    """The photos of a split that could be read."""

    hashes: tuple[str, ...]
    class_indices: npt.NDArray[np.int64]  # (photos,)
    features: npt.NDArray[np.float32]  # (photos, channels)


def run_examine_task(context: TaskContext) -> None:
    """Look closer at a run's model; the payload is `{"run_id": number}`.

    Photos that were deleted since, or cannot be read, are left out and told of.

    Raises:
        UnknownRunError: no such run, or it was deleted meanwhile.
        RunStateError: it is not done.
        RunFileError: a file of the run is missing or damaged.
        ArtefactMissingError: the backbone below the model's head is not prepared any more.
        ArtefactDamagedError: what was prepared is not whole any more.
        DatasetError: none of the training photos can be read.
        TaskCancelledError: somebody asked to stop; features that were computed are kept.
    """
    started = time.monotonic()
    context.report(0.0, "Looking up the photos")
    run = _look_up(context)
    folder = run.folder
    twin = find_twin(context.database, context.settings, run_id=run.run_id, digest=run.digest)
    if twin is None:
        examination = _take_look(context, run, started)
    else:
        examination = twin.examination
        with write_atomically(folder.reference_path) as temporary:
            temporary.write_bytes(twin.reference)
    if not folder.decision_path.is_file():
        write_decision(folder, Decision(temperature=examination.temperature))
    folder.keep()
    folder.write_json(folder.examination_path, examination.to_json())
    RunLibrary(context.database).note_examined(run.run_id, run.digest)
    context.report(1.0, "Looked at the model")


def _take_look(context: TaskContext, run: _Run, started: float) -> Examination:
    """Find everything out, and keep the features of the training photos."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no type information

    # On one thread the fits take moments (5,000 photos of 200 classes: 4 seconds). Several threads wait for each other,
    # up to ten times as long, as soon as anything else runs on the machine, such as a training.
    with threadpool_limits(1):
        examination, reference = _Look(context, run).take(started)
    RunLibrary(context.database).get_run(run.run_id)  # nothing is written into the folder of a run that was deleted
    write_reference(run.folder, reference)
    return examination


def _look_up(context: TaskContext) -> _Run:
    run_id = int(context.payload["run_id"])
    database = context.database
    view = RunLibrary(database).get_run(run_id)
    if view.status is not RunStatus.DONE:
        raise refusal(view, "only one that is done can be looked at closer")
    snapshot = load_snapshot(database, view.config.snapshot)
    library = Library(database)
    hashes = {image.photo_hash for image in snapshot.images if image.split is not None}
    photos, pairs = library.photos.get(hashes), library.checks.pairs(hashes)
    folder = RunFolder(context.settings, run_id)
    record, answers = read_model_record(folder), read_answers(folder)
    digest = digest_inputs(record, folder, snapshot_hash=snapshot.hash, photo_hashes=photos.keys(), pairs=pairs)
    return _Run(
        run_id=run_id,
        folder=folder,
        record=record,
        answers=answers,
        snapshot=snapshot,
        photos=photos,
        pairs=pairs,
        digest=digest,
    )


class _Look:
    """One closer look at one model."""

    def __init__(self, context: TaskContext, run: _Run) -> None:
        """Load the model.

        Raises:
            RunFileError: a file of the model is missing or damaged.
            ArtefactMissingError: the model's backbone is not prepared any more.
            ArtefactDamagedError: likewise, but it was changed or cut off.
        """
        settings = context.settings
        self._context, self._run = context, run
        self._record, self._answers = run.record, run.answers
        self._classifier: Classifier = ClassifierCache(settings).get_trained(run.run_id)
        self._store = PhotoStore.of(settings)
        self._num_classes = len(self._record.class_names)
        self._skipped: list[str] = []
        self._num_missing = 0  # photos that were deleted or cannot be read

    def take(self, started: float) -> tuple[Examination, Reference]:
        """Find everything out.

        Args:
            started: time of the monotonic clock when the task began.

        Raises:
            DatasetError: none of the training photos can be read.
            TaskCancelledError: somebody asked to stop.
        """
        train, validation, test = self._splits(self._features())
        if not train.hashes:
            raise DatasetError(
                "None of the photos that the model learned from can be read. Restore the photos of the workspace from "
                "a backup."
            )
        reference = Reference(train.hashes, train.class_indices, train.features)
        neighbours = {**_neighbours(reference, validation), **_neighbours(reference, test)}
        self._step(_AFTER_NEIGHBOURS, "Looking for doubtful labels")
        suspects = find_suspects(
            train.hashes,
            train.features,
            train.class_indices,
            num_classes=self._num_classes,
            pairs=self._run.pairs,
            check_cancelled=self._context.check_cancelled,
        )
        self._tell_small_classes(train)
        self._step(_AFTER_LABELS, "Estimating whether more photos would help")
        curve = self._learning_curve(train, test if test.hashes else validation)
        self._step(_AFTER_CURVE, "Looking for shortcuts")
        shortcuts = judge_classes(self._try_photos())
        if not len(self._answers.validation):
            self._skipped.append("Without validation photos nobody knows how sure the model should be.")
        examination = Examination(
            fingerprint=self._record.fingerprint,
            temperature=fit_temperature(self._answers.validation),
            distances={photo_hash: found[0].distance for photo_hash, found in neighbours.items()},
            neighbours=neighbours,
            suspects=suspects,
            learning_curve=curve,
            shortcuts=shortcuts,
            skipped=tuple(self._skipped),
            seconds=time.monotonic() - started,
            inputs="" if self._num_missing else self._run.digest,
        )
        self._context.check_cancelled()
        return examination, reference

    def _step(self, fraction: float, message: str) -> None:
        self._context.check_cancelled()
        self._context.report(fraction, message)

    def _features(self) -> dict[str, npt.NDArray[np.float32]]:
        """What the model starts from, float32 (channels,), of every photo that can be read."""
        photos = list(self._run.photos.values())
        computed = compute_features(
            photos,
            self._store,
            self._classifier.embedder(model_feature_key(self._record)),
            FeatureCache(self._context.settings),
        )
        features = {}
        for number, (photo_hash, values) in enumerate(computed, start=1):
            self._step(_AFTER_FEATURES * number / len(photos), f"Looked at {number:,} of {len(photos):,} photos")
            if values is not None:
                features[photo_hash] = values
        wanted = {image.photo_hash for image in self._run.snapshot.images if image.split is not None}
        self._num_missing = missing = len(wanted) - len(features)
        if missing:
            self._skipped.append(
                f"{missing:,} of the {len(wanted):,} photos were deleted or cannot be read; they are left out."
            )
        return features

    def _splits(self, features: Mapping[str, npt.NDArray[np.float32]]) -> tuple[_Split, ...]:
        """Train, validation and test."""
        splits = []
        for split in Split:
            images = [image for image in self._run.snapshot.images if image.split is split]
            known = [image for image in images if image.photo_hash in features]
            splits.append(
                _Split(
                    hashes=tuple(image.photo_hash for image in known),
                    class_indices=np.array([image.class_index for image in known], np.int64),
                    features=np.array([features[image.photo_hash] for image in known], np.float32),
                )
            )
        return tuple(splits)

    def _tell_small_classes(self, train: _Split) -> None:
        counts = np.bincount(train.class_indices, minlength=self._num_classes)
        small = [name for name, count in zip(self._record.class_names, counts, strict=True) if count < MIN_PHOTOS]
        if small:
            shown = ", ".join(small[:_MAX_NAMES]) + (" and others" if len(small) > _MAX_NAMES else "")
            self._skipped.append(f"Fewer than {MIN_PHOTOS} training photos, so no doubtful labels, of {shown}.")

    def _learning_curve(self, train: _Split, judged: _Split) -> tuple[CurvePoint, ...]:
        curve = learning_curve(
            (train.features, train.class_indices),
            (judged.features, judged.class_indices),
            num_classes=self._num_classes,
            check_cancelled=self._context.check_cancelled,
        )
        if not curve:
            self._skipped.append(
                f"Whether more photos would help cannot be estimated: that needs {MIN_PHOTOS_PER_CLASS} training "
                "photos per class, and photos to judge by."
            )
        return curve

    def _try_photos(self) -> list[Tried]:
        """Blank parts of rightly answered photos and ask again."""
        answers = self._answers.judged
        plan = ShortcutPlan.MEASURED_HEAT if self._is_heat_measured() else ShortcutPlan.QUICK_HEAT
        chosen = [
            (self._run.photos[answers.hashes[row]], int(answers.class_indices[row]))
            for row in choose_photos(answers.class_indices, answers.is_correct, plan)
            if answers.hashes[row] in self._run.photos
        ]
        num_known = len({class_index for _, class_index in chosen})
        num_right = len(np.unique(answers.class_indices[answers.is_correct]))
        if num_known < num_right:
            self._skipped.append(
                f"Shortcuts were looked for in {num_known} of {num_right} classes, those it knows best."
            )
        tried = []
        num_threads = self._classifier.engine.num_threads
        for number, found in enumerate(map_streamed(self._try_photo, chosen, num_threads=num_threads), start=1):
            fraction = _AFTER_CURVE + (1 - _AFTER_CURVE) * number / len(chosen)
            self._step(fraction, f"Looked for shortcuts in {number:,} of {len(chosen):,} photos")
            if found is not None:
                tried.append(found)
        return tried

    def _is_heat_measured(self) -> bool:
        """Whether a heat map takes many answers: the model shows no places, or not what it makes of them."""
        rows, columns, _ = self._classifier.engine.feature_map_shape
        return rows * columns == 1 or find_trained_model(self._run.folder, self._context.settings).heat_head is None

    def _try_photo(self, chosen: tuple[PhotoRecord, int]) -> Tried | None:
        """What becomes of one photo; None where it cannot be read, or nothing in it speaks for its class."""
        photo, class_index = chosen
        try:
            square = self._classifier.square(self._store.read(photo.hash, photo.suffix), photo.hash[:_NAME_DIGITS])
        except (DatasetError, ImageError):
            return None
        heat = self._classifier.heat(square, class_index)
        if heat.max() <= 0:
            return None
        return try_photo(
            photo.hash, class_index, to_array(square), heat=heat, answer=partial(_answer, self._classifier)
        )


def _answer(classifier: Classifier, pixels: npt.NDArray[np.uint8]) -> int:
    """The class that a model names."""
    outputs = classifier.engine.run(pixels)
    if classifier.head is None:
        return int(outputs.probabilities.argmax())
    return int(classifier.head.probabilities(outputs.features).argmax())


def _neighbours(reference: Reference, split: _Split) -> dict[str, tuple[Neighbour, ...]]:
    """The nearest training photos of each photo of a split."""
    if not split.hashes:
        return {}
    rows, distances = reference.nearest_rows(split.features, NUM_NEIGHBOURS)
    return {
        photo_hash: tuple(
            Neighbour(
                photo_hash=reference.hashes[row],
                class_index=int(reference.class_indices[row]),
                distance=float(distance),
            )
            for row, distance in zip(of_photo, away, strict=True)
        )
        for photo_hash, of_photo, away in zip(split.hashes, rows, distances, strict=True)
    }
