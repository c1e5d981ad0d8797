"""What a batch of photos is told about them, and what it tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from core.inference.classifier import Classification
from core.links.data_address import is_data_address


class PhotoOrigin(StrEnum):
    """How a photo came in."""

    FILE = "file"
    PASTE = "paste"
    CAMERA = "camera"
    LINK = "link"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo of a batch."""

    photo_id: int  # unique within the batch, in the order of arrival
    name: str  # the file's name, as the visitor knows it
    origin: PhotoOrigin
    link: str | None = None  # address to read it from
    path: Path | None = None  # its file, once it has arrived
    num_bytes: int = 0  # of the file
    error: str | None = None  # why it cannot be used, in words for the visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A photo with what one backbone said to it."""

    photo: Photo
    classification: Classification | None  # None: refused, or not yet classified

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be classified."""
        return self.classification is None and self.photo.error is None

    @property
    def has_picture(self) -> bool:
        """Whether there is a file that can be shown."""
        return self.photo.path is not None and self.photo.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """A batch at one moment, as one backbone sees it."""

    answers: tuple[Answer, ...]  # in the order of arrival
    is_running: bool
    seconds_left: float | None  # None: nothing to estimate from

    @property
    def num_waiting(self) -> int:
        """Photos that are still to be classified."""
        return sum(answer.is_waiting for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchChanges:
    """What has changed in a batch since a version, as one backbone sees it."""

    version: int  # of the batch now
    answers: tuple[Answer, ...]  # new or changed ones, in the order of arrival
    photo_ids: tuple[int, ...] | None  # of all photos; None: none came or went
    is_running: bool
    seconds_left: float | None  # None: nothing to estimate from
    num_waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenPhoto:
    """What a visitor gives to a batch: a file, a link, or a file that never arrived."""

    name: str  # as the visitor knows it
    origin: PhotoOrigin
    data: bytes = b""  # of the file
    link: str | None = None  # address to read it from instead
    refusal: str = ""  # why there is nothing to read, in words for the visitor

    @classmethod
    def of_link(cls, link: str) -> Self:
        """A photo behind a link, named by what can be told before it is read."""
        name = link.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or link
        return cls(name="pasted picture" if is_data_address(link) else name, origin=PhotoOrigin.LINK, link=link)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What became of photos that were given together; the three numbers below add up to that of the given."""

    num_given: int
    num_taken: int  # on their way to an answer
    num_refused: int  # listed, with the reason
    no_room: tuple[str, ...]  # names of those for which there was no room; they are not listed
    no_room_because: str = ""  # in words for the visitor, with what to do

    @classmethod
    def of(cls, taken: Sequence[Photo], no_room: Sequence[str], because: str) -> Self:
        """The sum of it.

        Args:
            taken: the photos that are listed, refused ones included.
            no_room: names of those for which there was no room.
            because: why, for the first of them.
        """
        num_refused = sum(photo.error is not None for photo in taken)
        return cls(
            num_given=len(taken) + len(no_room),
            num_taken=len(taken) - num_refused,
            num_refused=num_refused,
            no_room=tuple(no_room),
            no_room_because=because,
        )
