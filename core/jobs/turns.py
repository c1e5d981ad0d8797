"""Whose turn it is: the order in which tasks that wait will be begun.

Each space is a party, and so are together the tasks of nobody in particular, such as preparing a network that all may
use. Of what does not give way, a teacher's tasks come first; then the party goes on whose last task of the lane was
begun longest ago, with the oldest of its tasks. So whoever asks for two hundred trainings has one of them in each
round, as everybody else has.

`TaskQueue.claim` takes turns in one statement of the database; `order_of_turns` tells beforehand what it will do.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.jobs.kinds import Lane, TaskKind, kinds_of
from core.jobs.status import TaskStatus
from core.storage.schema import Space, SpaceTurn, Task

FIRST_KIND = "teacher"  # kind of space whose tasks are begun before those of others
NOBODY = 0  # the party of tasks that are of no space; no space has this number


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTask:
    """A task that waits, as far as its turn depends on it."""

    id: int
    kind: str
    party: int  # a space's number, or `NOBODY`
    gives_way: bool  # whether tasks of other kinds are begun first
    is_first: bool  # whether it is a teacher's


def order_of_turns(waiting: Iterable[WaitingTask], turns: Mapping[int, int]) -> list[WaitingTask]:
    """The tasks of a lane in the order in which workers will begin them, if no others come.

    Args:
        waiting: in any order.
        turns: of each party, the number of its last turn in this lane; those without one have had none.
    """
    by_class: defaultdict[tuple[bool, bool], list[WaitingTask]] = defaultdict(list)
    for task in sorted(waiting, key=lambda each: each.id):
        by_class[task.gives_way, not task.is_first].append(task)
    last_turns = dict(turns)
    next_turn = max(last_turns.values(), default=0) + 1
    order: list[WaitingTask] = []
    for tasks in (by_class[key] for key in sorted(by_class)):
        lines: defaultdict[int, deque[WaitingTask]] = defaultdict(deque)
        for task in tasks:
            lines[task.party].append(task)
        parties = [(last_turns.get(party, 0), line[0].id, party) for party, line in lines.items()]
        heapq.heapify(parties)
        while parties:
            _, _, party = heapq.heappop(parties)
            order.append(lines[party].popleft())
            last_turns[party], next_turn = next_turn, next_turn + 1
            if lines[party]:
                heapq.heappush(parties, (last_turns[party], lines[party][0].id, party))
    return order


def party_of(space_id: int | None) -> int:
    """Which party a task belongs to."""
    return NOBODY if space_id is None else space_id


def is_later(kind: InstrumentedAttribute[str]) -> ColumnElement[int]:
    """0 for a teacher's space, whose tasks are begun first; 1 for others and for none."""
    return case((kind == FIRST_KIND, 0), else_=1)


def next_task(kind_names: Collection[str], kinds: Mapping[str, TaskKind]) -> ScalarSelect[int]:
    """The number of the task whose turn it is.

    Args:
        kind_names: of the kinds that a worker takes.
        kinds: all there are.
    """
    candidate = aliased(Task)
    is_yielding = candidate.kind.in_([name for name, row in kinds.items() if row.gives_way])
    lane = case(*((candidate.kind.in_(sorted(kinds_of(lane, kinds))), lane.value) for lane in Lane))
    had_turn = (SpaceTurn.space_id == func.coalesce(candidate.space_id, NOBODY)) & (SpaceTurn.lane == lane)
    return (
        select(candidate.id)
        .outerjoin(Space, Space.id == candidate.space_id)
        .outerjoin(SpaceTurn, had_turn)
        .where(candidate.status == TaskStatus.QUEUED, candidate.kind.in_(kind_names))
        .order_by(
            case((is_yielding, 1), else_=0),
            is_later(Space.kind),
            func.coalesce(SpaceTurn.turn, 0),
            candidate.id,
        )
        .limit(1)
        .with_for_update(of=candidate, skip_locked=True)  # PostgreSQL: two claimers look at different rows
        .scalar_subquery()
    )


def note_turn(session: Session, party: int, lane: str) -> None:
    """Note that a party has had its turn in a lane, in the transaction in which its task is begun.

    Turns are counted: by the clock, a party that was served before somebody set the clock back would wait until that
    moment comes again.
    """
    last = session.scalar(select(func.max(SpaceTurn.turn)).where(SpaceTurn.lane == lane)) or 0
    session.merge(SpaceTurn(space_id=party, lane=lane, turn=last + 1))
