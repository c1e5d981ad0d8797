"""What is in a project file, and where: a zip whose every entry has one of the names below.

    project.json                  `ProjectSummary`, first in the file: what a person is shown before anything is done
    dataset.json                  `WholeDataset`
    images.jsonl                  a `WholeImage` in each line
    photos.jsonl                  a `PhotoRow` in each line: every photo of the dataset and of the snapshots, once
    snapshots/<hash>.json         `SnapshotContent`
    runs/<number>/run.json        `ProjectRun`
    runs/<number>/events.jsonl    a `WholeEvent` in each line
    runs/<number>/files/<name>    files of the run's folder, those of `RUN_FILES` and of its model's reactions alone
    networks/<sha>/               the prepared network below the heads of runs, by the SHA-256 of its `model.tflite`
    photos/<ab>/<hash>.jpg        photos as they are stored, named by their SHA-256
    checksums.json                SHA-256 of all the others but photos, last in the file

Nothing of it is a program: weights are arrays without pickles or LiteRT files. A Keras file or a SavedModel would be
one; neither is packed nor accepted, and the files that people take away are made again from the arrays.
"""

import importlib.metadata
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from core.errors import ProjectError
from core.names import clean_name, clean_names
from core.photos.record import PhotoRecord
from core.records import Record
from core.runs.folder import ACTION_FILE_PATTERN
from core.runs.whole_run import WholeRun
from core.storage.column_values import is_moment

FORMAT_VERSION = 2  # grows with every change after which an older Bluetit would read a project wrongly
FORMAT_WITHOUT_REACTIONS = 1  # of those that older ones read as well
SUFFIX = ".bluetit"

SUMMARY, DATASET, IMAGES, PHOTOS = "project.json", "dataset.json", "images.jsonl", "photos.jsonl"
CHECKSUMS = "checksums.json"
NETWORK_MODEL, NETWORK_RECORD = "model.tflite", "artefact.json"
CHECKPOINT = "checkpoint.npz"
ACTIONS = "actions.json"

MAX_RUNS = 1_000  # of one project
_MEGABYTE = 1_000_000
MAX_JSON_BYTES = 40 * _MEGABYTE  # of one JSON file: a snapshot of 100,000 photos takes 10 MB
MAX_TABLE_BYTES = 400 * _MEGABYTE  # of a table, which is read line by line: 100,000 photos take 50 MB
MAX_SUMMARY_BYTES = 4 * _MEGABYTE  # read before anybody has agreed to anything
MAX_LINE_BYTES = _MEGABYTE
MAX_ACTION_FILE_BYTES = 4 * _MEGABYTE  # of a picture or sound, as they are kept

# Files of a run's folder that travel, in it and in the project under the same name, and how much of each is read at
# most; None: as much as of archives. `log.txt` stays behind, which names folders of this machine, `events.json`, which
# the database has as well, and what packaging makes: it is made again.
RUN_FILES: Mapping[str, int | None] = MappingProxyType(
    {
        "config.json": MAX_JSON_BYTES,
        "snapshot.json": MAX_JSON_BYTES,
        "environment.json": MAX_JSON_BYTES,
        "labels.txt": _MEGABYTE,
        "model.json": MAX_JSON_BYTES,
        "report.json": MAX_JSON_BYTES,
        "examination.json": MAX_JSON_BYTES,
        "decision.json": MAX_JSON_BYTES,
        ACTIONS: MAX_JSON_BYTES,
        "head.npz": None,
        "trained.npz": None,
        "predictions.npz": None,
        "reference.npz": None,
        "model.tflite": None,
        CHECKPOINT: None,  # in the folder: checkpoints/last.npz
    }
)

_MOST = 10**15  # no project has as many photos or bytes
_HASH = "[0-9a-f]{64}"
_ENTRY = re.compile(
    rf"project\.json|dataset\.json|images\.jsonl|photos\.jsonl|checksums\.json|snapshots/{_HASH}\.json"
    rf"|runs/[1-9][0-9]{{0,3}}/(?:run\.json|events\.jsonl|files/(?:{'|'.join(map(re.escape, RUN_FILES))}))"
    rf"|runs/[1-9][0-9]{{0,3}}/files/{ACTION_FILE_PATTERN}"
    rf"|networks/{_HASH}/(?:model\.tflite|artefact\.json)|photos/[0-9a-f]{{2}}/{_HASH}\.(?:jpg|png)"
)
_PHOTO_HASH = re.compile(_HASH)


class ProjectRecord(Record):
    """A record of a project file."""

    __slots__ = ()

    json_error = ProjectError
    json_remedy = "take the project home again"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary(ProjectRecord):
    """A run, as a person is told of it."""

    name: str
    backbone: str
    is_done: bool  # or it can go on
    num_correct: int | None  # of its test photos, or of the validation photos where there are none
    num_judged: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSummary(ProjectRecord):
    """What is inside, as a person is told of it; nothing is done by it."""

    format: int
    made_by: str  # version of Bluetit
    made_at: float  # Unix seconds
    dataset_name: str
    class_counts: dict[str, int]  # images of each class, in the order of the dataset
    num_marked: int  # images that somebody has marked as right or unsure
    num_photos: int  # different ones, those of snapshots too
    num_bytes: int  # of the photos
    runs: tuple[RunSummary, ...]

    @property
    def num_images(self) -> int:
        """Images of all classes."""
        return sum(self.class_counts.values())

    def check(self) -> None:
        """Refuse what no page could show.

        Raises:
            NameRefusedError: the dataset, a class or a run cannot have its name.
            ProjectError: it was made at no time, or with less than nothing in it.
        """
        clean_name(self.dataset_name, "dataset")
        clean_names(self.class_counts, "class")
        for run in self.runs:
            clean_name(run.name, "run")
        numbers = (self.num_marked, self.num_photos, self.num_bytes, *self.class_counts.values())
        if not is_moment(self.made_at) or not all(0 <= number <= _MOST for number in numbers):
            raise ProjectError("It was made at a time, or has numbers of photos, that cannot be.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRun(ProjectRecord):
    """A run with what it needs from the rest of the file."""

    run: WholeRun
    parent: int | None  # number in the project of the run that it goes on from
    network: str | None  # folder in `networks` of what is below its head; None: not packed, or it needs none


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRow(ProjectRecord):
    """A photo of a snapshot."""

    is_json_row: ClassVar[bool] = True

    class_index: int
    split: str | None
    photo_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotContent(ProjectRecord):
    """What a run learned from; the name of its entry is the hash of it."""

    dataset_name: str
    class_names: tuple[str, ...]
    images: tuple[SnapshotRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRow(ProjectRecord):
    """A `PhotoRecord`."""

    is_json_row: ClassVar[bool] = True

    hash: str
    suffix: str
    width: int
    height: int
    original_width: int
    original_height: int
    num_bytes: int
    measurements: dict[str, Any]

    @classmethod
    def of(cls, photo: PhotoRecord) -> "PhotoRow":
        """The row of a photo."""
        return cls(**{name: getattr(photo, name) for name in cls.__slots__})

    @property
    def path(self) -> str:
        """Where its file is in the project."""
        return photo_path(self.hash, self.suffix)


def app_version() -> str:
    """The version of this Bluetit."""
    return importlib.metadata.version("bluetit")


def to_line(row: Record) -> bytes:
    """A record whose JSON is a list, as a line of a JSON lines file."""
    return json.dumps(list(row.to_json().values()), allow_nan=False, separators=(",", ":")).encode() + b"\n"


def is_entry(path: str) -> bool:
    """Whether a project may have an entry of this name: none leads out of a folder, is absolute, or of another kind."""
    return _ENTRY.fullmatch(path) is not None


def is_photo_path(path: str) -> bool:
    """Whether the entry is a photo, whose name is its checksum."""
    return path.startswith("photos/")


def is_hash(text: str) -> bool:
    """Whether a text can be a SHA-256."""
    return _PHOTO_HASH.fullmatch(text) is not None


def photo_path(photo_hash: str, suffix: str) -> str:
    """Where the file of a photo is."""
    return f"photos/{photo_hash[:2]}/{photo_hash}{suffix}"


def snapshot_path(snapshot_hash: str) -> str:
    """Where a snapshot is."""
    return f"snapshots/{snapshot_hash}.json"


def run_path(number: int, name: str) -> str:
    """Where something of a run is.

    Args:
        number: of the run in the project, from 1.
        name: such as "run.json" or "files/head.npz".
    """
    return f"runs/{number}/{name}"


def network_path(network: str, name: str) -> str:
    """Where a file of a prepared network is."""
    return f"networks/{network}/{name}"


def max_bytes_of(path: str) -> int | None:
    """How much of an entry is read at most; None: as much as of archives."""
    if path == SUMMARY:
        return MAX_SUMMARY_BYTES
    name = path.rpartition("/")[2]
    if "/files/" in path:
        return RUN_FILES.get(name, MAX_ACTION_FILE_BYTES)
    return {".json": MAX_JSON_BYTES, ".jsonl": MAX_TABLE_BYTES}.get(name[name.rfind(".") :])
