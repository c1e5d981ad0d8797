"""One attempt at one run: what all its steps share, and how they tell where they are."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from core.config import SCRATCH
from core.datasets.library import Library
from core.datasets.snapshots import load_snapshot
from core.jobs.context import TaskContext
from core.photos.fit import TRAINED_CROP_FRACTION
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.story import PhaseName, PhaseStory
from core.storage.db import Database
from core.training.device import choose_device
from core.training.mapped_array import MappedArray
from core.training.photos import LabelledPhotos, ViewLoader, gather_photos
from core.training.recording import RunLog, RunRecorder
from core.training.source import find_source

_NUM_SAMPLES = 6  # validation photos whose answers are shown while the network learns
# Where the progress bar of the whole run stands after a step. What takes longest differs from run to run, so these are
# no more than an order.
_ENDS_OF_HEAD_ALONE = {PhaseName.FEATURES: 0.6, PhaseName.HEAD: 0.9, PhaseName.EVALUATION: 1.0}
_ENDS = {
    PhaseName.FEATURES: 0.2,
    PhaseName.HEAD: 0.3,
    PhaseName.ACTIVATIONS: 0.4,
    PhaseName.FINE_TUNE: 0.9,
    PhaseName.SCRATCH: 0.9,
    PhaseName.EVALUATION: 1.0,
}


class StoppedEarly(Exception):  # noqa: N818  # no error: somebody has what they wanted
    """Somebody asked for an end while nothing was being trained, and there is an epoch to keep."""


class Attempt:
    """Config, photos, network, device and recorder of a run that a worker has begun."""

    def __init__(self, context: TaskContext, database: Database, folder: RunFolder, log: RunLog) -> None:
        """Read what the run is made from, and find its network, preparing it where that is needed.

        Raises:
            TrainingDataError: there is nothing that could be learned from the photos.
            BackboneError: the network is unknown, cannot be had, or cannot be prepared.
            StorageError: the disk failed.
        """
        self.run_id = int(context.payload["run_id"])
        self.runs = RunLibrary(database)
        self.config = self.runs.get_run(self.run_id).config
        self.settings = context.settings
        self.folder = folder
        self.log = log
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}  # by phase
        self.mapped_arrays: list[MappedArray] = []  # activations on the disk
        self.num_computed = 0  # photos and views whose features were not in the cache
        self.context = context
        self.recorder = RunRecorder(
            context,
            self.runs,
            run_id=self.run_id,
            log=log,
            checkpoints=folder.checkpoints_path,
            keep=folder.keep_checkpoint,
        )
        self.snapshot = load_snapshot(database, self.config.snapshot)
        records = Library(database).photos.get({image.photo_hash for image in self.snapshot.images})
        self.photos = gather_photos(self.snapshot, records)
        self.samples = _sample(self.photos.validation)
        self.device = choose_device(precision=self.config.precision, uses_all_gpus=self.config.uses_all_gpus)
        self.source = find_source(
            self.config,
            self.settings,
            report=lambda _, message: context.report(None, message),
            check_cancelled=context.check_cancelled,
        )
        squares = SquareMaker.of(
            self.source.image_size, self.config.fit_mode, self.settings, crop_fraction=TRAINED_CROP_FRACTION
        )
        store = PhotoStore.of(self.settings)
        self.loader = ViewLoader(store, squares, self.config.augment)

    @property
    def num_classes(self) -> int:
        """Number of classes, at least 2."""
        return len(self.photos.class_names)

    @contextmanager
    def phase(self, story: PhaseStory) -> Iterator[None]:
        """A step of the run, told and timed."""
        phase = PhaseName(story.phase)
        is_head_alone = self.config.fine_tune is None and self.config.backbone != SCRATCH
        self.recorder.begin_phase(story, until=(_ENDS_OF_HEAD_ALONE if is_head_alone else _ENDS)[phase])
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.monotonic() - started

    def counter(self, num_items: int, *, may_stop: bool = False) -> Callable[[int], None]:
        """Counts photos for the progress bar, and raises where the run was cancelled or may be stopped and is."""
        num_done = 0

        def watch(num_more: int) -> None:
            nonlocal num_done
            num_done += num_more
            self.check_cancelled()
            if may_stop and (self.recorder.is_stop_requested() or self.recorder.is_time_over()):
                raise StoppedEarly
            self.recorder.progress(num_done / max(num_items, 1), f"{num_done:,} of {num_items:,}")

        return watch

    def check_cancelled(self) -> None:
        """Raises `TaskCancelledError` when the run is to be discarded."""
        self.context.check_cancelled()

    def warn(self, text: str) -> None:
        """Something that people should know, and that is not as they wanted it."""
        self.recorder.note(text, is_warning=True)

    def remove_activations(self) -> None:
        """Let go of activations on the disk and delete them; what cannot be deleted waits for the next attempt."""
        # In this order: Windows deletes no file that is mapped, nor the folder that it is in.
        for array in self.mapped_arrays:
            array.close()
        self.mapped_arrays.clear()
        shutil.rmtree(self.folder.activations_dir, ignore_errors=True)


def _sample(photos: LabelledPhotos) -> LabelledPhotos:
    """A handful of photos, of as many classes as possible."""
    by_class = [np.flatnonzero(photos.class_indices == index) for index in np.unique(photos.class_indices)]
    longest = max((len(rows) for rows in by_class), default=0)
    rows = [int(rows[turn]) for turn in range(longest) for rows in by_class if turn < len(rows)][:_NUM_SAMPLES]
    return LabelledPhotos(
        photos=tuple(photos.photos[row] for row in rows), class_indices=photos.class_indices[np.array(rows, int)]
    )
