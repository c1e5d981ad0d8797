"""How long workers were at the tasks of a space lately, whatever somebody did to the clock meanwhile."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.storage.clock import database_now
from core.storage.schema import Task
from core.storage.steady_clock import PROCESS_CLOCK, SteadyClock

HOUR_SECONDS = 3_600.0
_MAX_TASKS = 2_000  # the newest; nobody has begun more in an hour


def seconds_in_last_hour(
    session: Session, kind_names: Collection[str], *, clock: SteadyClock = PROCESS_CLOCK
) -> dict[int, float]:
    """Seconds of work in the last hour, by the number of the space; those without any are left out.

    Args:
        session: of a space, or of all.
        kind_names: of the tasks that count, ended and running ones.
        clock: that tells how long ago a task was begun and ended.
    """
    statement = (
        select(Task.space_id, Task.started_at, Task.finished_at, database_now())
        .where(Task.kind.in_(kind_names), Task.started_at.is_not(None))
        .order_by(Task.id.desc())
        .limit(_MAX_TASKS)
    )
    found: defaultdict[int, float] = defaultdict(float)
    for space_id, started_at, finished_at, now in session.execute(statement):
        begun = 0.0 if started_at is None else min(HOUR_SECONDS, clock.age(started_at, now))
        ended = 0.0 if finished_at is None else min(HOUR_SECONDS, clock.age(finished_at, now))
        if space_id is not None and begun > ended:
            found[space_id] += begun - ended
    return dict(found)


def look_at_clock(session: Session, *, clock: SteadyClock = PROCESS_CLOCK) -> None:
    """Notice whether somebody has set the clock of the database; to be called about once a minute."""
    now = session.scalar(select(database_now()))
    if now is not None:
        clock.look(now)
