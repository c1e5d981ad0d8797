"""What the library hands out about datasets: frozen copies of rows, safe to keep and to share."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.photos.record import PhotoRecord


class Split(StrEnum):
    """Part of a dataset; no photo is used for two purposes."""

    TRAIN = "train"  # the network learns from it
    VALIDATION = "validation"  # decides when to stop and which run is best
    TEST = "test"  # asked once, at the end


class SplitOrigin(StrEnum):
    """Who put an image into its split."""

    IMPORTED = "imported"  # the folders or the manifest it came with
    PERSON = "person"  # somebody by hand
    AUTOMATIC = "automatic"  # the split by fractions; the next one may change it


class Review(StrEnum):
    """What a person who looked at an image again says of its class."""

    RIGHT = "right"  # it is right, whatever a model says
    UNSURE = "unsure"  # nobody knows: the image is kept, but no run learns from it or is judged by it


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetView:
    """A dataset; times in Unix seconds."""

    id: int
    name: str
    revision: int  # grows with every change to the dataset, its classes or its images
    num_classes: int  # without those in the trash
    num_images: int
    created_at: float
    changed_at: float
    trashed_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassView:
    """A class of a dataset."""

    id: int
    dataset_id: int
    name: str
    position: int  # order on the page
    num_images: int  # without those in the trash


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What is known about how alike the photos of a dataset are; pairs are (lesser hash, greater hash)."""

    pairs: Collection[tuple[str, str]]  # photos that are nearly the same
    mirrored: Collection[tuple[str, str]] = frozenset()  # those of the pairs that are alike only when one is mirrored
    dismissed: Collection[str] = frozenset()  # keys of findings that somebody has said are fine


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageView:
    """An image of a dataset: a photo in a class."""

    id: int
    dataset_id: int
    class_id: int
    photo_hash: str
    name: str  # the original file's name, a label only
    split: Split | None
    split_origin: SplitOrigin | None
    capture_id: int | None
    source_url: str | None
    added_at: float  # Unix seconds
    trashed_at: float | None
    review: Review | None = None  # None: nobody has looked again since it came into its class


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """An image on its way into a dataset; its photo's bytes are in the store already."""

    photo: PhotoRecord
    class_name: str  # made when the dataset has no such class
    name: str
    split: Split | None = None
    split_origin: SplitOrigin | None = None
    capture: str | None = None  # label of the capture it belongs to; made when the dataset has no such capture
    source_url: str | None = None
    review: Review | None = None  # what was said of it where it comes from


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationView:
    """A change that can be undone."""

    id: int
    dataset_id: int
    summary: str  # for people
    created_at: float
    undone_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """What an undo achieved."""

    summary: str  # of the operation that was undone
    num_restored: int  # rows that are as they were before the operation
    num_left_alone: int  # rows that somebody has changed since


class ImportState(StrEnum):
    """How far an import has come."""

    WAITING = "waiting"  # for the worker, or in its hands
    QUESTION = "question"  # a person must decide something before it can go on
    DONE = "done"  # its photos are in the dataset
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportView:
    """One arrival of photos: what was asked for, what came of it; times in Unix seconds."""

    id: int
    dataset_id: int
    request: dict[str, Any]  # an `ImportRequest` as JSON
    task_id: int | None
    state: ImportState
    question: dict[str, Any] | None  # with state QUESTION: what the person must decide
    num_accepted: int
    num_refused: int  # exact, even when `refused` is cut short
    refused: tuple[tuple[str, str], ...]  # (file name, reason)
    created_at: float
    finished_at: float | None
    notes: tuple[str, ...] = ()  # sentences for people: what was understood, scaled, left out
    dismissed_at: float | None = None  # when somebody put the report away


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotImageView:
    """One photo of a snapshot."""

    photo_hash: str
    class_index: int  # into the snapshot's class names
    split: Split | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotView:
    """A dataset frozen for a run; the same content has the same hash, whichever dataset it was taken from."""

    hash: str  # SHA-256, 64 hexadecimal digits
    dataset_id: int | None  # first taken from; None when that dataset is gone for good
    dataset_name: str  # when it was first taken
    class_names: tuple[str, ...]  # sorted; every one has images
    images: tuple[SnapshotImageView, ...]  # sorted by class, split and photo hash
    created_at: float  # Unix seconds
