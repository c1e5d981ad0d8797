"""What a deletion is told, and what it answers with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from core.records import Record
from core.storage.schema import Deletion


class DeletionReason(StrEnum):
    """Why something is deleted."""

    CLASS = "class"  # the teacher ends the class
    PUPIL = "pupil"  # the teacher removes one
    OVERDUE = "overdue"  # nobody was there for too long
    ACCOUNT = "account"  # an administrator deletes what an account has


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionPlan(Record):
    """What is to be deleted."""

    reason: DeletionReason
    space_ids: tuple[int, ...]  # that go with everything in them
    emptied_ids: tuple[int, ...] = ()  # that stay, with nothing in them
    classroom_id: int | None = None  # that goes, too
    began_at: float  # when the class, or the first of the spaces, was begun; Unix seconds
    key_hashes: tuple[str, ...] = ()  # of the browsers that were let in

    @property
    def owner_ids(self) -> tuple[int, ...]:
        """The spaces whose things are deleted."""
        return (*self.space_ids, *self.emptied_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Record):
    """That everything is gone, how that was found out, and what is left for which reason; nothing of anybody.

    Times in Unix seconds.
    """

    reason: DeletionReason
    began_at: float
    requested_at: float
    finished_at: float
    num_spaces: int  # of pupils or accounts
    has_teachers: bool  # whether what the teacher made is gone, too
    # What there was
    num_datasets: int
    num_photos: int  # different ones
    photo_bytes: int
    num_runs: int
    num_models: int  # runs that were done
    run_bytes: int
    num_tasks: int
    num_features: int  # entries of the cache of features
    num_other_files: int  # uploads, drafts, maps, logs, packed files
    # What is left of it
    num_kept_photos: int  # because somebody else has them
    # How it was looked for
    num_tables: int
    num_rows: int  # of all tables that were read
    num_files: int  # that were looked through, byte for byte
    num_bytes: int
    num_windows: int  # pieces of photos, and names of them, that were looked for
    num_plain_photos: int  # so plain that their pieces are those of any plain photo: looked for by name alone
    is_database_clean: bool  # whether no deleted row is left in its files
    database_sentence: str
    has_store: bool = False  # whether there was an object store, which was looked through as well


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionView:
    """A deletion as it was when asked for."""

    id: int
    plan: DeletionPlan
    requested_at: float
    finished_at: float | None
    receipt: Receipt | None
    is_dismissed: bool

    @classmethod
    def of(cls, row: Deletion) -> Self:
        """Copy a row."""
        receipt: dict[str, Any] | None = row.receipt
        return cls(
            id=row.id,
            plan=DeletionPlan.from_json(row.plan),
            requested_at=row.requested_at,
            finished_at=row.finished_at,
            receipt=None if receipt is None else Receipt.from_json(receipt),
            is_dismissed=row.dismissed_at is not None,
        )
