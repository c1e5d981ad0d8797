"""What a teacher hands out to pupils: a dataset, models, or both, as a copy in the space of each.

Who is to get what is noted at once, and copied by a task (`core.spaces.copying`). Photos are on the disk once whoever
has them, and the files of a model are links to the same bytes: thirty copies take little more room than one.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from core.errors import SpaceError, UnknownSpaceError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.records import Record
from core.spaces.records import SpaceKind
from core.storage.db import Database
from core.storage.schema import HOME_SPACE_ID, Dataset, HandOut, HandOutCopy, Run, Space

HAND_OUT_KIND = "hand_out"
_PRESSED_TWICE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOutContent(Record):
    """What is handed out; numbers of the giver's."""

    giver_id: int  # the teacher's space, or that of whoever uses Bluetit alone on this computer
    title: str  # for people, as it was called when it was handed out
    dataset_id: int | None = None
    run_ids: tuple[int, ...] = ()  # that are done


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOutView:
    """What was handed out, and how far that is."""

    id: int
    title: str
    is_for_newcomers: bool
    num_receivers: int  # who have it or are to have it
    num_copied: int
    error: str | None  # why the latest attempt failed, for people

    @property
    def is_under_way(self) -> bool:
        """Whether somebody has it not yet."""
        return self.num_copied < self.num_receivers


class HandOutDesk:
    """Hands things out; safe to share between threads."""

    def __init__(self, database: Database, queue: TaskQueue, supervisor: Supervisor) -> None:
        self._database = database.of_space(None)
        self._queue = queue.of_space(None)
        self._supervisor = supervisor

    def hand_out(
        self,
        classroom_id: int,
        *,
        dataset_id: int | None = None,
        run_ids: Collection[int] = (),
        receiver_ids: Collection[int] | None = None,
        is_for_newcomers: bool = False,
        is_from_home: bool = False,
    ) -> int:
        """Note what is handed out to whom, and have it copied; the number of the hand-out.

        The same again within some seconds is the same press, and nobody gets it twice.

        Args:
            classroom_id: of the class.
            dataset_id: of a dataset of the giver's; None: models alone.
            run_ids: of runs of the giver's that are done.
            receiver_ids: pupils; None: all who are in the class now.
            is_for_newcomers: whether those get it, too, who come in later.
            is_from_home: whether the giver is whoever uses Bluetit alone on this computer, not the teacher; the caller
                knows that the teacher is that person.

        Raises:
            UnknownSpaceError: there is no such class or pupil.
            SpaceError: there is nothing to hand out, or nobody to get it, or it is not the giver's.
        """
        with self._database.session() as session:
            teacher_id = session.scalar(_in_class(classroom_id, SpaceKind.TEACHER))
            if teacher_id is None:
                raise UnknownSpaceError(f"No class has the number {classroom_id}; it may have been deleted.")
            pupils = set(session.scalars(_in_class(classroom_id, SpaceKind.PUPIL)))
            chosen = pupils if receiver_ids is None else set(receiver_ids)
            if chosen - pupils:
                raise UnknownSpaceError("Somebody of those is not in the class any more. Choose again.")
            if not (chosen or is_for_newcomers):
                raise SpaceError("Nobody is in the class yet. Hand it out to everybody who comes, too.")
            giver_id = HOME_SPACE_ID if is_from_home else teacher_id
            content = _content(session, giver_id, dataset_id, tuple(run_ids))
            same = _same_just_now(session, classroom_id, content, is_for_newcomers=is_for_newcomers)
            if same is not None and chosen <= same[1]:
                return same[0]  # the button was pressed twice
            row = HandOut(
                classroom_id=classroom_id,
                content=content.to_json(),
                is_for_newcomers=is_for_newcomers,
                created_at=time.time(),
            )
            session.add(row)
            session.flush()
            session.add_all(HandOutCopy(hand_out_id=row.id, receiver_id=each) for each in sorted(chosen))
            hand_out_id = row.id
        if chosen:
            self._submit(hand_out_id)
        return hand_out_id

    def catch_up(self, space_id: int, classroom_id: int) -> None:
        """Give a pupil what was handed out to everybody who comes; does nothing where they have it."""
        has_copy = select(HandOutCopy.hand_out_id).where(
            HandOutCopy.hand_out_id == HandOut.id, HandOutCopy.receiver_id == space_id
        )
        missing = select(HandOut.id).where(
            HandOut.classroom_id == classroom_id, HandOut.is_for_newcomers, ~has_copy.exists()
        )
        with self._database.session() as session:
            hand_out_ids = session.scalars(missing.order_by(HandOut.id)).all()
            session.add_all(HandOutCopy(hand_out_id=each, receiver_id=space_id) for each in hand_out_ids)
        for each in hand_out_ids:
            self._submit(each)

    def go_on(self) -> None:
        """Have copied what was noted and not copied, because the server stopped at that moment."""
        with self._database.read_session() as session:
            missing = select(HandOutCopy.hand_out_id).where(HandOutCopy.copied_at.is_(None)).distinct()
            hand_out_ids = session.scalars(missing).all()
        for each in hand_out_ids:
            task = self._queue.latest(_key(each))
            if task is None or not (task.is_active or task.error):
                self._submit(each)

    def try_again(self, hand_out_id: int) -> None:
        """Have copied what could not be copied before."""
        self._submit(hand_out_id)

    def stop_for_newcomers(self, hand_out_id: int) -> None:
        """Those who come in from now on do not get it; whoever has it keeps it."""
        with self._database.session() as session:
            row = session.get(HandOut, hand_out_id)
            if row is not None:
                row.is_for_newcomers = False

    def of_classroom(self, classroom_id: int) -> list[HandOutView]:
        """What was handed out in a class, the newest first."""
        counted = (
            select(HandOut.id, func.count(HandOutCopy.receiver_id), func.count(HandOutCopy.copied_at))
            .join(HandOutCopy, HandOutCopy.hand_out_id == HandOut.id, isouter=True)
            .where(HandOut.classroom_id == classroom_id)
            .group_by(HandOut.id)
            .order_by(HandOut.id.desc())
        )
        views = []
        with self._database.read_session() as session:
            for hand_out_id, num_receivers, num_copied in session.execute(counted).all():
                row = session.get_one(HandOut, hand_out_id)
                task = self._queue.latest(_key(hand_out_id)) if num_copied < num_receivers else None
                views.append(
                    HandOutView(
                        id=hand_out_id,
                        title=HandOutContent.from_json(row.content).title,
                        is_for_newcomers=row.is_for_newcomers,
                        num_receivers=num_receivers,
                        num_copied=num_copied,
                        error=None if task is None else task.error,
                    )
                )
        return views

    def _submit(self, hand_out_id: int) -> None:
        self._queue.submit(HAND_OUT_KIND, {"hand_out_id": hand_out_id}, key=_key(hand_out_id))
        self._supervisor.wake()


def _same_just_now(
    session: Session, classroom_id: int, content: HandOutContent, *, is_for_newcomers: bool
) -> tuple[int, set[int]] | None:
    """The number of the same hand-out of some seconds ago, and who is to have it; None: there is none."""
    newest = select(HandOut).where(HandOut.classroom_id == classroom_id).order_by(HandOut.id.desc()).limit(1)
    row = session.scalar(newest)
    if row is None or abs(time.time() - row.created_at) > _PRESSED_TWICE_SECONDS:
        return None
    if (HandOutContent.from_json(row.content), row.is_for_newcomers) != (content, is_for_newcomers):
        return None
    receivers = select(HandOutCopy.receiver_id).where(HandOutCopy.hand_out_id == row.id)
    return row.id, set(session.scalars(receivers))


def _key(hand_out_id: int) -> str:
    return f"{HAND_OUT_KIND}:{hand_out_id}"


def missing_something(classroom_id: int) -> Select[int]:
    """The spaces of pupils who have not been given what was handed out to everybody who comes."""
    is_copy = and_(HandOutCopy.hand_out_id == HandOut.id, HandOutCopy.receiver_id == Space.id)
    return (
        _in_class(classroom_id, SpaceKind.PUPIL)
        .join(HandOut, HandOut.classroom_id == Space.classroom_id)
        .outerjoin(HandOutCopy, is_copy)
        .where(HandOut.is_for_newcomers, HandOutCopy.receiver_id.is_(None))
        .distinct()
    )


def _in_class(classroom_id: int, kind: SpaceKind) -> Select[int]:
    return select(Space.id).where(Space.classroom_id == classroom_id, Space.kind == kind)


def _content(session: Session, giver_id: int, dataset_id: int | None, run_ids: tuple[int, ...]) -> HandOutContent:
    names = []
    if dataset_id is not None:
        dataset = session.get(Dataset, dataset_id)
        if dataset is None or dataset.space_id != giver_id or dataset.trashed_at is not None:
            raise SpaceError("This dataset cannot be handed out: it is not yours, or was deleted.")
        names.append(dataset.name)
    for run_id in run_ids:
        run = session.get(Run, run_id)
        if run is None or run.space_id != giver_id or run.trashed_at is not None or run.outcome is None:
            raise SpaceError("A model cannot be handed out: it is not yours, is not trained yet, or was deleted.")
        names.append(run.name)
    if not names:
        raise SpaceError("Choose a dataset or a model to hand out.")
    return HandOutContent(giver_id=giver_id, title=", ".join(names), dataset_id=dataset_id, run_ids=run_ids)
