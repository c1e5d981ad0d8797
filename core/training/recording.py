"""What a run tells while it goes on: events for the page, progress for the queue, a log for those who want to know."""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from core.errors import BluetitError, StorageError, TaskCancelledError
from core.jobs.context import TaskContext
from core.runs.desk import training_seconds
from core.runs.library import RunLibrary
from core.runs.records import RunEventKind
from core.runs.story import BatchStory, EpochStory, NoteStory, PhaseName, PhaseStory, PhotosStory
from core.storage.files import translating_disk_errors
from core.storage.limits import tell_time_over
from core.training.checkpoint import Checkpoint, write_checkpoint
from core.training.phase import EpochResult
from core.training.photos import LabelledPhotos

logger = logging.getLogger(__name__)

# The page looks once a second; more often would only fill the database.
_BATCH_SECONDS = 0.4
_PHOTOS_SECONDS = 0.4
_STOP_SECONDS = 0.3
_TIME_SECONDS = 2.0  # the limit is some minutes

_WORDS = {
    PhaseName.FEATURES: "Looking at the photos",
    PhaseName.HEAD: "Training the last layers",
    PhaseName.ACTIVATIONS: "Looking at the photos with the layers that stay as they are",
    PhaseName.FINE_TUNE: "Fine-tuning",
    PhaseName.SCRATCH: "Training from scratch",
    PhaseName.EVALUATION: "Asking about the photos that were kept back",
}


class RunLog:
    """The file `log.txt` of a run; an error that ends the block is written there with its traceback."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        """Add a line with the time.

        Raises:
            StorageError: the file cannot be written.
        """
        stamp = datetime.now(UTC).astimezone().isoformat(sep=" ", timespec="seconds")
        with translating_disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{stamp}  {text}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        text = str(error) or type(error).__name__
        if isinstance(error, Exception) and not isinstance(error, TaskCancelledError):
            text = "".join(traceback.format_exception(error)).rstrip()
        try:
            self.write(text)
        except BluetitError as exc:  # a full disk may be what the error is about, which must be told all the same
            logger.warning("The log of the run cannot be written: %s", exc)


class RunRecorder:
    """Writes down what happens; `core.training.phase.Recorder` is the part of it that phases know."""

    def __init__(
        self,
        context: TaskContext,
        runs: RunLibrary,
        *,
        run_id: int,
        log: RunLog,
        checkpoints: Path,
        keep: Callable[[], object] = lambda: None,
    ) -> None:
        """Take what it works with.

        Args:
            context: of the task.
            runs: where it is told.
            run_id: the run.
            log: of the run.
            checkpoints: folder in which each epoch is kept.
            keep: called when one was, so that another node can go on from it.
        """
        self.log = log
        self.epoch_seconds: list[float] = []  # of the present phase
        self._context = context
        self._runs = runs
        self._run_id = run_id
        self._checkpoints = checkpoints
        self._keep = keep
        self._is_kept_here_alone = False
        self._phase = PhaseName.FEATURES
        self._num_epochs_before = self._last_epoch = 0
        self._fractions = (0.0, 0.0)  # of the whole run, at the beginning and at the end of the present phase
        self._samples: tuple[LabelledPhotos, Callable[[], npt.NDArray[np.float32]]] | None = None
        self._batch_written_at = self._photos_written_at = self._stop_asked_at = self._time_asked_at = float("-inf")
        self._epoch_began_at = 0.0
        self._is_stopping = False
        self._last_sequence = 0  # of the events that were told

    def begin_phase(self, story: PhaseStory, *, until: float) -> None:
        """A step begins.

        Args:
            story: which.
            until: part of the whole run that will be done at its end, 0-1.
        """
        self._phase = PhaseName(story.phase)
        self._fractions = (self._fractions[1], until)
        self._num_epochs_before = (story.first_epoch or 1) - 1
        self._last_epoch = self._num_epochs_before + (story.num_epochs or 0)
        self.epoch_seconds = []
        self._samples = None
        self._epoch_began_at = time.monotonic()
        self._append("phase", story.to_json())
        self.progress(0.0)
        self.log.write(_WORDS[self._phase])

    def note(self, text: str, *, is_warning: bool = False) -> None:
        """Something that people should know."""
        self._append("note", NoteStory(text=text, is_warning=is_warning).to_json())
        self.log.write(text)

    def progress(self, fraction: float, details: str = "") -> None:
        """How far the present phase is, 0-1."""
        begin, end = self._fractions
        words = _WORDS[self._phase]
        self._context.report(begin + (end - begin) * fraction, f"{words}, {details}" if details else words)

    def show_samples(self, photos: LabelledPhotos, answer: Callable[[], npt.NDArray[np.float32]]) -> None:
        """Tell after each epoch of this phase what the network says to a few photos.

        Args:
            photos: which.
            answer: float32 probabilities (photos, classes).
        """
        self._samples = (photos, answer)

    def is_stop_requested(self) -> bool:
        """Whether somebody asked for an end with the best epoch so far; once said it stays so."""
        now = time.monotonic()
        if not self._is_stopping and now - self._stop_asked_at >= _STOP_SECONDS:
            self._stop_asked_at = now
            self._is_stopping = self._runs.is_stop_requested(self._run_id)
        return self._is_stopping

    def is_time_over(self) -> bool:
        """Whether the space has trained for as long as it may in an hour; then the run says so, once, and is to end.

        To be asked where nothing that was learned is lost: between two epochs.
        """
        room, now = self._context.database.room, time.monotonic()
        minutes = None if room is None else room.limits.training_minutes
        if self._is_stopping or minutes is None or now - self._time_asked_at < _TIME_SECONDS:
            return self._is_stopping
        self._time_asked_at = now
        if training_seconds(self._context.database) >= 60 * minutes:
            self._is_stopping = True
            self.note(tell_time_over(minutes), is_warning=True)
        return self._is_stopping

    def on_batch(self, at: float, logs: dict[str, float], num_photos: int) -> None:
        """After each batch of a phase."""
        self._context.check_cancelled()
        now = time.monotonic()
        if now - self._batch_written_at < _BATCH_SECONDS:
            return
        self._batch_written_at = now
        story = BatchStory(
            at=at,
            loss=logs.get("loss"),
            accuracy=logs.get("accuracy"),
            photos_per_second=num_photos / max(now - self._epoch_began_at, 1e-6),
        )
        self._append("batch", story.to_json())
        epoch = min(int(at) + 1, self._last_epoch)
        num_epochs = max(self._last_epoch - self._num_epochs_before, 1)
        self.progress((at - self._num_epochs_before) / num_epochs, f"epoch {epoch} of {self._last_epoch}")

    def on_epoch(self, result: EpochResult, checkpoint: Callable[[int], Checkpoint]) -> None:
        """After each epoch of a phase: it is kept, then told."""
        self.epoch_seconds.append(result.seconds)
        story = EpochStory(
            epoch=result.epoch,
            phase=self._phase,
            loss=result.loss,
            accuracy=result.accuracy,
            validation_loss=result.validation_loss,
            validation_accuracy=result.validation_accuracy,
            learning_rate=result.learning_rate,
            seconds=result.seconds,
            photos_per_second=result.num_photos / max(result.seconds, 1e-6),
            best_epoch=result.best_epoch,
        )
        events: list[tuple[RunEventKind, dict[str, Any]]] = [("epoch", story.to_json())]
        now = time.monotonic()
        is_last = result.epoch == self._last_epoch
        if self._samples is not None and (is_last or now - self._photos_written_at >= _PHOTOS_SECONDS):
            self._photos_written_at = now
            events.append(("photos", _ask_samples(result.epoch, *self._samples)))
        # In this order: what somebody has seen finished is never trained again. An epoch that was kept, but not told
        # because the process was killed in between, is told by `rewind`.
        write_checkpoint(replace(checkpoint(self._last_sequence), told=story.to_json()), self._checkpoints)
        self._keep_elsewhere()
        self._last_sequence = self._runs.append_events(self._run_id, events)
        self._epoch_began_at = time.monotonic()

    def _keep_elsewhere(self) -> None:
        """Send the checkpoint; what was learned is not given up because the store is away for a while."""
        try:
            self._keep()
            self._is_kept_here_alone = False
        except StorageError as exc:
            if not self._is_kept_here_alone:
                self.note(f"Epochs are kept on this server alone for now. {exc}", is_warning=True)
            self._is_kept_here_alone = True

    def _append(self, kind: RunEventKind, payload: dict[str, Any]) -> None:
        self._last_sequence = self._runs.append_events(self._run_id, [(kind, payload)])


def rewind(runs: RunLibrary, run_id: int, checkpoint: Checkpoint | None) -> None:
    """Forget what a run has told since the last epoch that was kept, and tell of that one where nobody has.

    Args:
        runs: where it is told.
        run_id: the run.
        checkpoint: of the run; None: no epoch was kept.

    Raises:
        RecordError: the checkpoint tells of something else than an epoch.
    """
    last = 0 if checkpoint is None else checkpoint.last_sequence
    if checkpoint is None or checkpoint.told is None:
        runs.drop_events_after(run_id, last)
        return
    later = runs.events_after(run_id, last, limit=1)
    if later and later[0].kind == "epoch":
        runs.drop_events_after(run_id, later[0].sequence)
        return
    runs.drop_events_after(run_id, last)
    runs.append_events(run_id, [("epoch", EpochStory.from_json(checkpoint.told).to_json())])


def _ask_samples(epoch: int, photos: LabelledPhotos, answer: Callable[[], npt.NDArray[np.float32]]) -> dict[str, Any]:
    rows = [
        {
            "hash": photo.hash,
            "suffix": photo.suffix,
            "class_index": int(class_index),
            "probabilities": [round(float(value), 4) for value in probabilities],
        }
        for photo, class_index, probabilities in zip(photos.photos, photos.class_indices, answer(), strict=True)
    ]
    return PhotosStory(epoch=epoch, photos=rows).to_json()
