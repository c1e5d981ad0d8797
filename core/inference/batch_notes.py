"""What of a batch on the classify page is to be written down, so that it outlives the server that has it in memory."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from core.inference.batch_records import Photo, PhotoOrigin
from core.inference.classifier import Classification
from core.records import Record
from core.storage.schema import HOME_SPACE_ID

FILE_IS_GONE = "The server that had {name} is gone, and its file with it. Add the photo again."


def batch_owner(space_id: int | None, secret: str) -> str:
    """Whose a batch is: a browser that is let into another space has none of this one's.

    Args:
        space_id: in which the photos were put; None: none in particular.
        secret: of the browser's cookie.
    """
    return f"{space_id}/{secret}"


def secret_of(owner: str) -> str:
    """The secret of the browser whose a batch is."""
    return owner.partition("/")[2]


def space_of(owner: str) -> int:
    """The space in which the photos of a batch were put; that of home where they are of none in particular."""
    number = owner.partition("/")[0]
    return int(number) if number.isascii() and number.isdecimal() else HOME_SPACE_ID


def hash_owner(text: str) -> str:
    """What is stored of an owner, or of a secret: 64 hexadecimal digits, of which nobody guesses it."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPhoto(Record):
    """A photo of a batch as it is written down: its file by name, for another server has another folder."""

    name: str
    origin: PhotoOrigin
    link: str | None = None
    file: str | None = None  # name of the file in the folder of the batch; None: it has not arrived
    num_bytes: int = 0
    error: str | None = None

    @classmethod
    def of(cls, photo: Photo) -> Self:
        """What is written of a photo."""
        return cls(
            name=photo.name,
            origin=photo.origin,
            link=photo.link,
            file=None if photo.path is None else photo.path.name,
            num_bytes=photo.num_bytes,
            error=photo.error,
        )

    def in_folder(self, folder: Path, photo_id: int, *, is_elsewhere: bool) -> Photo:
        """The photo again; one whose file is nowhere says so.

        Args:
            folder: of the batch.
            photo_id: its number.
            is_elsewhere: whether a store has files that are not in the folder; they are brought when they are read.
        """
        # Of the file's name only the last part counts, whatever somebody has written into the database.
        path = None if self.file is None else folder / Path(self.file).name
        photo = Photo(
            photo_id=photo_id,
            name=self.name,
            origin=self.origin,
            link=self.link,
            path=path,
            num_bytes=self.num_bytes,
            error=self.error,
        )
        if path is None or self.error is not None or is_elsewhere or path.is_file():
            return photo
        return replace(photo, path=None, num_bytes=0, error=FILE_IS_GONE.format(name=self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDraft:
    """What is written of a batch in one go: what went, then what is new or changed."""

    batch_id: str
    owner: str
    is_noted: bool  # whether the database has the batch already
    next_photo_id: int
    num_photos: int  # 0: nothing of the batch is to be kept
    num_bytes: int
    gone: frozenset[int]  # photos
    dropped: frozenset[str]  # networks
    photos: dict[int, Photo]
    answers: dict[tuple[int, str], Classification]  # by photo and network

    @property
    def files(self) -> set[Path]:
        """The files that whoever reads this needs."""
        return {photo.path for photo in self.photos.values() if photo.path is not None and photo.error is None}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBatch:
    """A batch as another server has left it."""

    batch_id: str
    generation: int  # how often a server took it over, at least 1
    next_photo_id: int
    photos: dict[int, KeptPhoto]  # in the order of arrival
    answers: dict[str, dict[int, Classification]]  # by network and photo


@dataclass(slots=True)
class BatchNotes:
    """Which photos and answers are not written down yet, by their numbers; whoever has the batch's lock changes it."""

    photos: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    answers: set[tuple[int, str]] = field(default_factory=set)  # photo and network
    dropped: set[str] = field(default_factory=set)  # networks whose answers are kept no more

    @property
    def are_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.photos or self.gone or self.answers or self.dropped)

    def split(self, max_rows: int) -> "tuple[BatchNotes, BatchNotes]":
        """Those that come first, with so many photos and answers at most, and the others; photos before answers."""
        photos, answers = sorted(self.photos), sorted(self.answers)
        num_answers = max(0, max_rows - len(photos))
        first = BatchNotes(set(photos[:max_rows]), self.gone, set(answers[:num_answers]), self.dropped)
        return first, BatchNotes(photos=set(photos[max_rows:]), answers=set(answers[num_answers:]))

    def add(self, other: "BatchNotes") -> None:
        """Note again what could not be written."""
        self.photos |= other.photos
        self.gone |= other.gone
        self.answers |= other.answers
        self.dropped |= other.dropped
