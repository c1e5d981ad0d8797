"""What somebody in a space is told of it, and when spaces that nobody comes to are deleted.

A pupil's space is deleted `space_days` after the last visit. It is told beforehand, on the teacher's board and to the
pupil who comes back, for at least `WARNING_DAYS`: a clock that jumps ahead by a year makes every space overdue, and
deletes nothing before those days have passed once more; whoever sets it right meanwhile has lost nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.settings import Settings
from core.spaces.deleting.desk import DeletionDesk
from core.spaces.deleting.records import DeletionReason
from core.spaces.records import SpaceKind, SpaceView
from core.storage.db import Database
from core.storage.schema import Space, SpaceNotice

WARNING_DAYS = 3.0
LOOKING_SECONDS = 20.0  # after the teacher's last look

_DAY_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is told of a space."""

    is_looked_at: bool = False  # whether the teacher is looking at its results
    was_warned: bool = False  # whether it was told that it will be deleted

    @classmethod
    def of(cls, row: SpaceNotice, now: float) -> Self:
        """What a row says at a moment, in Unix seconds."""
        is_looked_at = row.looked_at is not None and abs(now - row.looked_at) < LOOKING_SECONDS
        return cls(is_looked_at=is_looked_at, was_warned=row.warned_at is not None)


class NoticeBoard:
    """Notes who looks and who is warned, and has deleted who was away for too long; safe to share between threads."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        deletions: DeletionDesk,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database.of_space(None)
        self._settings = settings
        self._deletions = deletions
        self._clock = clock

    def note_look(self, space_id: int) -> None:
        """Say that the teacher is looking at the results of a space now."""
        self._set(space_id, looked_at=self._clock())

    def end_look(self, space_id: int) -> None:
        """Say that the teacher has looked away."""
        self._set(space_id, looked_at=None)

    def due_at(self, space: SpaceView) -> float | None:
        """When a space will be deleted if nobody comes, Unix seconds; None: never by itself."""
        if space.kind is not SpaceKind.PUPIL or not self._settings.space_days:
            return None
        return space.seen_at + self._settings.space_days * _DAY_SECONDS

    def is_due_soon(self, space: SpaceView) -> bool:
        """Whether that is in so few days that it is told."""
        due_at = self.due_at(space)
        return due_at is not None and due_at - self._clock() <= WARNING_DAYS * _DAY_SECONDS

    def look_after(self) -> int:
        """Warn of the spaces that nobody has come to for long, and have those deleted that were warned of long ago.

        Returns:
            How many spaces are to be deleted.

        Raises:
            StorageError: the database failed.
        """
        now = self._clock()
        with self._database.session() as session:
            # A clock that ran ahead and was set right again.
            ahead = Space.seen_at > now + _DAY_SECONDS
            session.execute(update(Space).where(Space.kind == SpaceKind.PUPIL, ahead).values(seen_at=now))
            overdue = [space_id for space_id in self._due_soon(session) if self._is_overdue(session, space_id, now)]
        if overdue:
            self._deletions.request_pupils(overdue, reason=DeletionReason.OVERDUE)
        return len(overdue)

    def _due_soon(self, session: Session) -> list[int]:
        """Warn of spaces, and take back the warnings of those that somebody has come to."""
        pupils = select(Space).where(Space.kind == SpaceKind.PUPIL, Space.classroom_id.is_not(None))
        views = [SpaceView.of(row) for row in session.scalars(pupils.order_by(Space.id))]
        soon = [view.id for view in views if self.is_due_soon(view)]
        for view in views:
            notice = session.get(SpaceNotice, view.id)
            if view.id not in soon:
                if notice is not None:
                    notice.warned_at = None
            elif notice is None:
                session.add(SpaceNotice(of_space_id=view.id, looked_at=None, warned_at=self._clock()))
            elif notice.warned_at is None or notice.warned_at > self._clock():
                notice.warned_at = self._clock()
        session.flush()
        return soon

    def _is_overdue(self, session: Session, space_id: int, now: float) -> bool:
        due_at = self.due_at(SpaceView.of(session.get_one(Space, space_id)))
        warned_at = session.get_one(SpaceNotice, space_id).warned_at
        was_warned = warned_at is not None and now - warned_at >= WARNING_DAYS * _DAY_SECONDS
        return was_warned and due_at is not None and now >= due_at

    def _set(self, space_id: int, **values: Any) -> None:
        with self._database.session() as session:
            if session.get(Space, space_id) is None:
                return
            notice = session.get(SpaceNotice, space_id)
            if notice is None:
                notice = SpaceNotice(of_space_id=space_id, looked_at=None, warned_at=None)
                session.add(notice)
            for name, value in values.items():
                setattr(notice, name, value)
