"""What a run tells while it goes on and when it is done: the payloads of its events and its outcome.

The worker writes these, pages read them; both ways they are JSON. Numbers that JSON does not know (a loss that is no
number any more) come back as None.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.records import Record


class PhaseName(StrEnum):
    """The steps of a run, in order; not every run has all of them."""

    FEATURES = "features"  # what the frozen backbone makes of every photo
    HEAD = "head"  # training the new last layers
    ACTIVATIONS = "activations"  # what the layers below the cut make of every photo
    FINE_TUNE = "fine_tune"  # training the upper part of the backbone too
    SCRATCH = "scratch"  # training a whole network that starts from nothing
    EVALUATION = "evaluation"  # validation and test photos, asked once


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStory(Record):
    """Event "phase": a step begins."""

    phase: str  # a `PhaseName`
    first_epoch: int | None = None  # number of its first epoch, from 1; None: the step has no epochs
    num_epochs: int | None = None  # that it may last at most
    num_steps: int | None = None  # batches per epoch
    num_photos: int | None = None  # photos and views that it looks at, in each epoch where there are epochs
    learning_rate: float | None = None  # at its beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStory(Record):
    """Event "batch": how it goes within an epoch, at most a few times a second."""

    at: float  # epochs gone by; 2.5 is the middle of the third
    loss: float | None  # of the last batches, a running mean within the epoch
    accuracy: float | None  # 0-1, likewise
    photos_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStory(Record):
    """Event "epoch": an epoch is finished and cannot be lost any more."""

    epoch: int  # counted through all phases, from 1
    phase: str  # a `PhaseName`
    loss: float | None
    accuracy: float | None  # 0-1
    validation_loss: float | None  # None without validation photos
    validation_accuracy: float | None  # 0-1
    learning_rate: float
    seconds: float
    photos_per_second: float | None
    best_epoch: int | None  # of all so far, this one included


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotosStory(Record):
    """Event "photos": what the model says to a handful of validation photos after an epoch."""

    epoch: int
    # Of each: `hash`, `suffix`, `class_index` (its true class), `probabilities` (one per class, 0-1).
    photos: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStory(Record):
    """Event "note": something that people should know."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Score(Record):
    """How many photos of a split were right, with the interval that so few photos leave."""

    num_photos: int
    num_correct: int
    accuracy: float  # 0-1
    low: float  # 0-1, Wilson interval, 95 %
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Record):
    """The summary of a run that is done: `RunView.outcome`."""

    num_epochs: int  # that were trained
    best_epoch: int | None  # whose weights the model has
    fine_tuning_from: int | None  # epochs before fine-tuning began; None: there was none
    is_stopped: bool  # whether it was ended early, by a person or by a limit
    validation: dict[str, Any] | None  # a `Score`; None without validation photos
    test: dict[str, Any] | None  # a `Score`; None without test photos
    num_train_photos: int
    num_computed: int  # photos and views whose features were not in the cache
    num_classes: int
    num_parameters: int  # of the whole model
    num_trained_parameters: int
    model_bytes: int  # of what answers on the classify page
    milliseconds_per_photo: float | None  # pixels to probabilities, on one thread
    device: str  # for people, such as "CPU, 2 cores"
    seconds: dict[str, float]  # by `PhaseName`, and "total"
    finetune_epoch_seconds: float | None  # mean; None without fine-tuning

    @property
    def validation_score(self) -> Score | None:
        """How it does on the photos by which the best epoch was chosen."""
        return None if self.validation is None else Score.from_json(self.validation)

    @property
    def test_score(self) -> Score | None:
        """How it does on photos that nothing was chosen by."""
        return None if self.test is None else Score.from_json(self.test)
