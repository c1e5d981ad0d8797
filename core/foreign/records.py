"""What is known of a model from elsewhere."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Self

from core.errors import ForeignModelError
from core.foreign.labels import LABEL_SUFFIXES
from core.foreign.scaling import Scaling
from core.records import Config, Record


class Origin(StrEnum):
    """Where a model comes from, as far as its file tells."""

    TEACHABLE_MACHINE = "teachable_machine"
    BLUETIT = "bluetit"
    LOBE = "lobe"
    MEDIAPIPE = "mediapipe"  # or TensorFlow Hub: the labels are in the file itself
    KERAS = "keras"
    LITERT = "litert"


class Form(StrEnum):
    """How a model is read."""

    KERAS = "keras"  # of Keras 3
    KERAS_2 = "keras_2"  # which Keras 3 misreads
    LITERT = "litert"


class AnswerForm(StrEnum):
    """What the numbers are that a model gives."""

    PROBABILITIES = "probabilities"  # one per class, which add up to 1
    LOGITS = "logits"  # one per class, any sign: a softmax makes probabilities of them
    INDEPENDENT = "independent"  # one per class, 0-1, each for itself (sigmoid): they are shared out to add up to 1
    SECOND_PROBABILITY = "second_probability"  # one number: the probability of the second of two classes
    SECOND_LOGIT = "second_logit"  # the same before its sigmoid


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSource(Config):
    """Files that somebody wants to bring in; they wait in a folder of their own under their position here."""

    key: str  # 32 hexadecimal digits, another for each
    names: tuple[str, ...]  # of the files, for messages
    accepts_hdf5: bool = False  # whether the person has accepted what an `.h5` file may do
    class_names: tuple[str, ...] = ()  # that the person typed; none: they are in a file

    @property
    def title(self) -> str:
        """The file with the model, for messages: the first that is no list of names."""
        models = (name for name in self.names if PurePosixPath(name.lower()).suffix not in LABEL_SUFFIXES)
        return next(models, self.names[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess(Record):
    """How photos have to be made ready for a model, and how that is known."""

    scaling: Scaling
    reason: str  # for people: one sentence
    is_certain: bool  # whether the file says so itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Record):
    """What looking at files without running anything has told."""

    json_error = ForeignModelError

    form: Form
    origin: Origin
    title: str  # what it may be called
    class_names: tuple[str, ...] | None  # None: nothing says them
    fit_mode: str  # how a photo becomes the square: crop, letterbox, squash
    crop_fraction: float  # part of the central square that `crop` keeps, 0-1
    guess: Guess | None  # None: the file has to be tried first
    # Whether more outputs may follow the probabilities: Bluetit's own exports give their features, too.
    has_more_outputs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Record):
    """What trying a LiteRT file out has told."""

    json_error = ForeignModelError

    image_size: tuple[int, int]  # height and width, px
    dtype: str  # of the input: float32, uint8, int8
    quantisation: tuple[float, int]  # step and zero point of the input; step 0: none
    num_outputs: int  # numbers that it answers with
    output_position: int  # of the tensor that has them, among the outputs of the file
    answers: AnswerForm
    milliseconds: float  # for one photo, on one processor core

    @property
    def num_classes(self) -> int:
        """Classes that these numbers stand for."""
        return 2 if self.answers in (AnswerForm.SECOND_PROBABILITY, AnswerForm.SECOND_LOGIT) else self.num_outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRecord(Record):
    """How a model from elsewhere is asked."""

    json_remedy = "bring the model in again"

    trial: Trial
    guess: Guess  # how the pixels are scaled as far as Bluetit can tell
    scaling: Scaling  # how they are
    fit_mode: str  # how a photo becomes the square: crop, letterbox, squash
    crop_fraction: float  # part of the central square that `crop` keeps, 0-1
    file_name: str  # what was brought in
    digest: str  # SHA-256 of the LiteRT file, hexadecimal
    num_bytes: int  # of it
    notes: tuple[str, ...] = ()  # sentences for people


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignModelView:
    """A model from elsewhere, as the library has it."""

    id: int
    name: str
    origin: Origin
    class_names: tuple[str, ...]  # in the order of the probabilities
    record: ForeignRecord
    created_at: float
    trashed_at: float | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """Of a row of `foreign_models`.

        Raises:
            RecordError: it is damaged, or of another version of Bluetit.
        """
        return cls(
            id=row.id,
            name=row.name,
            origin=Origin(row.origin),
            class_names=tuple(row.class_names),
            record=ForeignRecord.from_json(row.record),
            created_at=row.created_at,
            trashed_at=row.trashed_at,
        )

    def asked_as(self, *, scaling: Scaling) -> Self:
        """The same model, its photos made ready in another way."""
        return replace(self, record=replace(self.record, scaling=scaling))
