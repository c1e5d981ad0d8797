"""What the spaces hand out: frozen copies of rows, never live database objects."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from core.storage.limits import GUEST_KINDS
from core.storage.schema import Space


class SpaceKind(StrEnum):
    """Who has a space."""

    HOME = "home"  # whoever uses Bluetit alone, or all who come where it is open
    TEACHER = "teacher"
    PUPIL = "pupil"
    ACCOUNT = "account"  # known by an identity provider


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceView:
    """A space as it was when asked for; times in Unix seconds."""

    id: int
    kind: SpaceKind
    name: str  # for people, such as "Quiet Otter"
    classroom_id: int | None  # of teachers and pupils
    created_at: float
    seen_at: float  # when somebody was there last
    doing: dict[str, Any]  # what they do now, for the teacher

    @property
    def is_guest(self) -> bool:
        """Whether it is of somebody whom the owner of this computer lets in, and who must not reach its files."""
        return self.kind in GUEST_KINDS

    @classmethod
    def of(cls, row: Space) -> Self:
        """Copy a row."""
        return cls(
            id=row.id,
            kind=SpaceKind(row.kind),
            name=row.name,
            classroom_id=row.classroom_id,
            created_at=row.created_at,
            seen_at=row.seen_at,
            doing=row.doing,
        )
