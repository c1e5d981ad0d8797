"""The desk where a class, a pupil, an account, or whoever was away for too long is deleted for good.

Asking for it is one transaction, after which nobody comes in any more: the browsers of the pupils are let out, the
class's code opens nothing. The rest is a task, which goes on after whatever interrupts it; see `core.spaces.deleting`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from core.errors import SpaceError, UnknownSpaceError
from core.inference.batch_registry import BatchRegistry
from core.jobs.queue import TaskQueue
from core.jobs.status import ACTIVE_STATUSES
from core.jobs.supervisor import Supervisor
from core.jobs.views import Progress, TaskView
from core.spaces.codes import CLASS_CODE_LENGTH, new_code
from core.spaces.deleting.records import DeletionPlan, DeletionReason, DeletionView
from core.spaces.records import SpaceKind
from core.storage.db import Database
from core.storage.schema import Classroom, Deletion, Space, SpaceKey, Task

DELETE_KIND = "delete_spaces"

_RETRY_SECONDS = 300.0  # from an attempt that failed to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionStatus:
    """How a deletion stands."""

    view: DeletionView
    progress: Progress | None
    error: str | None  # why the latest attempt failed, for people


class DeletionDesk:
    """Has things deleted for good, and tells how that goes; safe to share between threads."""

    def __init__(self, database: Database, queue: TaskQueue, supervisor: Supervisor, batches: BatchRegistry) -> None:
        self._database = database.of_space(None)
        self._queue = queue.of_space(None)
        self._supervisor = supervisor
        self._batches = batches

    def request_class(self, classroom_id: int, *, with_teacher: bool) -> int:
        """Have everything of a class deleted; the number of the deletion.

        The teacher stays let in, in a new class with another code, closed and without pupils.

        Args:
            classroom_id: the class.
            with_teacher: whether what the teacher has made goes, too.

        Raises:
            UnknownSpaceError: there is no such class.
            SpaceError: somebody else has asked for it already.
        """
        with self._database.session() as session:
            old = session.get(Classroom, classroom_id)
            if old is None:
                raise UnknownSpaceError(f"No class has the number {classroom_id}; it may have been deleted.")
            pupils = _spaces(session, Space.classroom_id == classroom_id, Space.kind == SpaceKind.PUPIL)
            teachers = _spaces(session, Space.classroom_id == classroom_id, Space.kind == SpaceKind.TEACHER)
            if not teachers:
                raise SpaceError("This class is being deleted already.")
            new = Classroom(
                code=new_code(CLASS_CODE_LENGTH),
                password_hash=old.password_hash,
                is_open=False,
                paused_text=None,
                options=old.options,
                created_at=time.time(),
            )
            # No code that anybody types has a hyphen.
            old.code, old.is_open = f"-{old.id}-", False
            session.add(new)
            session.flush()
            for each in teachers:
                each.classroom_id = new.id
            plan = DeletionPlan(
                reason=DeletionReason.CLASS,
                space_ids=tuple(each.id for each in pupils),
                emptied_ids=tuple(each.id for each in teachers) if with_teacher else (),
                classroom_id=classroom_id,
                began_at=old.created_at,
                key_hashes=_let_all_out(session, pupils),
            )
            deletion_id = _note(session, plan)
        self._begin(deletion_id, plan)
        return deletion_id

    def request_pupils(self, space_ids: Sequence[int], *, reason: DeletionReason = DeletionReason.PUPIL) -> int:
        """Have everything of pupils deleted, who are let out at once; the number of the deletion.

        Raises:
            UnknownSpaceError: one has no such space any more.
            SpaceError: one is no pupil.
        """
        return self._request(space_ids, SpaceKind.PUPIL, reason, "Only pupils can be removed.")

    def request_accounts(self, space_ids: Sequence[int]) -> int:
        """Have everything of accounts deleted; the number of the deletion.

        Whoever has one is let out at once, and has a new, empty space after signing in again.

        Raises:
            UnknownSpaceError: one has no such space any more.
            SpaceError: one is no account's.
        """
        return self._request(
            space_ids, SpaceKind.ACCOUNT, DeletionReason.ACCOUNT, "Only what accounts have can be deleted here."
        )

    def _request(self, space_ids: Sequence[int], kind: SpaceKind, reason: DeletionReason, refusal: str) -> int:
        with self._database.session() as session:
            spaces = _spaces(session, Space.id.in_(space_ids))
            if len(spaces) != len(set(space_ids)) or not spaces:
                raise UnknownSpaceError("Whoever is to be removed is not here any more.")
            if any(each.kind != kind for each in spaces):
                raise SpaceError(refusal)
            if any(each.classroom_id is None and each.account is None for each in spaces):
                raise SpaceError("That is being deleted already.")  # the button was pressed twice
            plan = DeletionPlan(
                reason=reason,
                space_ids=tuple(each.id for each in spaces),
                began_at=min(each.created_at for each in spaces),
                key_hashes=_let_all_out(session, spaces),
            )
            for each in spaces:
                each.classroom_id = each.account = None  # on no board any more, and found by no account
            deletion_id = _note(session, plan)
        self._begin(deletion_id, plan)
        return deletion_id

    def go_on(self) -> None:
        """Begin deletions again whose task failed or was lost, and take photos out that came in meanwhile."""
        for view in self._list(Deletion.finished_at.is_(None)):
            task = self._task(view.id)
            self._give_up_batches(view.plan)
            is_resting = task is not None and time.time() - (task.finished_at or 0.0) < _RETRY_SECONDS
            if task is None or not (task.is_active or is_resting):
                self._begin(view.id, view.plan)

    def shown(self) -> list[DeletionStatus]:
        """The deletions that are under way, and those whose receipt nobody has put away, newest first."""
        views = self._list(Deletion.dismissed_at.is_(None))
        return [
            self.status(view.id) for view in views if view.plan.reason is not DeletionReason.OVERDUE or view.receipt
        ]

    def status(self, deletion_id: int) -> DeletionStatus:
        """How a deletion stands.

        Raises:
            UnknownSpaceError: there is none with this number.
        """
        with self._database.read_session() as session:
            row = session.get(Deletion, deletion_id)
            if row is None:
                raise UnknownSpaceError(f"No deletion has the number {deletion_id}.")
            view = DeletionView.of(row)
        task = None if view.finished_at is not None else self._task(deletion_id)
        return DeletionStatus(
            view=view,
            progress=self._queue.progress(task.id) if task is not None and task.is_active else None,
            error=task.error if task is not None else None,
        )

    def dismiss(self, deletion_id: int) -> None:
        """Put the receipt of a deletion away that is over."""
        with self._database.session() as session:
            row = session.get(Deletion, deletion_id)
            if row is not None and row.finished_at is not None:
                row.dismissed_at = time.time()

    def _begin(self, deletion_id: int, plan: DeletionPlan) -> None:
        with self._database.read_session() as session:
            active = select(Task.id).where(Task.space_id.in_(plan.owner_ids), Task.status.in_(ACTIVE_STATUSES))
            task_ids = session.scalars(active).all()
        for task_id in task_ids:  # or the deletion would wait behind an import of an hour
            self._queue.request_cancel(task_id)
        self._give_up_batches(plan)
        self._queue.submit(DELETE_KIND, {"deletion_id": deletion_id}, key=f"{DELETE_KIND}:{deletion_id}")
        self._supervisor.wake()

    def _give_up_batches(self, plan: DeletionPlan) -> None:
        self._batches.give_up_of(frozenset(plan.key_hashes))

    def _task(self, deletion_id: int) -> TaskView | None:
        return self._queue.latest(f"{DELETE_KIND}:{deletion_id}")

    def _list(self, *conditions: ColumnElement[bool]) -> list[DeletionView]:
        statement = select(Deletion).where(*conditions).order_by(Deletion.id.desc())
        with self._database.read_session() as session:
            return [DeletionView.of(row) for row in session.scalars(statement)]


def _spaces(session: Session, *conditions: ColumnElement[bool]) -> list[Space]:
    statement = select(Space).where(*conditions).order_by(Space.id).with_for_update()
    return list(session.scalars(statement))


def _let_all_out(session: Session, spaces: Sequence[Space]) -> tuple[str, ...]:
    """Let the browsers of spaces out, and have no code open them any more; the hashes of their secrets."""
    space_ids = [each.id for each in spaces]
    hashes = tuple(session.scalars(select(SpaceKey.key_hash).where(SpaceKey.space_id.in_(space_ids))))
    session.execute(delete(SpaceKey).where(SpaceKey.space_id.in_(space_ids)))
    for each in spaces:
        each.pickup_hash, each.doing = None, {}
    return hashes


def _note(session: Session, plan: DeletionPlan) -> int:
    row = Deletion(plan=plan.to_json(), requested_at=time.time(), finished_at=None, receipt=None, dismissed_at=None)
    session.add(row)
    session.flush()
    return row.id
