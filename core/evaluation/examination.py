"""What looking closer at a run's model found out: `examination.json` in the run's folder.

The task `examine_run` writes it (`core.evaluation.examining`), the results page reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import RunFileError
from core.records import Record
from core.runs.folder import RunFolder

# Another way of examining gets another number; older examinations count as not made.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour(Record):
    """A training photo that is like another photo."""

    photo_hash: str
    class_index: int
    distance: float  # cosine, 0 (alike) to 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect(Record):
    """A training photo whose class is doubtful."""

    photo_hash: str
    class_index: int  # that it has
    suggested_index: int  # that it looks like
    quality: float  # 0-1, of its label: the lowest are the likeliest errors
    is_flagged: bool  # whether it is held for an error, not only ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint(Record):
    """How good a head becomes on part of the training photos."""

    share: float  # of the training photos, 0-1
    num_photos: int
    mean: float  # accuracy over the repeats, 0-1
    low: float  # band: 10th and 90th percentile of the repeats
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassShortcut(Record):
    """What becomes of right answers when parts of the photos are blanked."""

    class_index: int
    num_photos: int  # that were tried, all answered rightly
    survives_without_warmest: float  # share of the answers that stay when the warmest region is blanked, 0-1
    survives_only_warmest: float  # ... when everything else is
    # The place where all photos look the same, if there is one, else that which is in most warmest regions: row and
    # column of its middle, 0-1 from the upper left corner.
    place: tuple[float, float]
    same_place: float  # share of the photos whose warmest region has that place, 0-1
    is_suspected: bool  # whether the model seems to look at something that gives the class away
    examples: tuple[str, ...]  # photo hashes, most telling first
    has_same_look: bool = False  # whether all photos of the class look the same there, and those of others do not


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination(Record):
    """Everything that was found out."""

    json_error = RunFileError
    json_remedy = "look at the model again"

    fingerprint: str  # of the model (`ModelRecord.fingerprint`) that was looked at
    temperature: float  # fitted on the validation photos; 1 without
    distances: Mapping[str, float]  # validation and test photos by hash: cosine distance to the nearest training photo
    neighbours: Mapping[str, tuple[Neighbour, ...]]  # validation and test photos by hash: nearest first, at most five
    suspects: tuple[Suspect, ...]  # of the training photos, most doubtful first; at most 200
    learning_curve: tuple[CurvePoint, ...]  # by share; empty where there are too few photos
    shortcuts: tuple[ClassShortcut, ...]  # by class; classes without right answers are left out
    skipped: tuple[str, ...]  # for people: what could not be looked at, and why
    seconds: float
    inputs: str = ""  # digest of all that this follows from (`core.evaluation.twins`); none where photos were left out
    version: int = VERSION  # of the way of examining


def read_examination(folder: RunFolder) -> Examination | None:
    """What was found out about a run's model; None where nobody has looked, or an older version did.

    Raises:
        RunFileError: the file is damaged.
        StorageError: the file cannot be read.
    """
    if not folder.examination_path.is_file():
        return None
    values = folder.read_json(folder.examination_path)
    if isinstance(values, Mapping) and values.get("version") != VERSION:
        return None
    return folder.as_record(values, folder.examination_path, Examination)
