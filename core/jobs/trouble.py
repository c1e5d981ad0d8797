"""What keeps workers from being begun elsewhere, as those who wait are told it."""

from sqlalchemy import ScalarSelect, bindparam, select
from sqlalchemy.orm import Session

from core.jobs.kinds import placer_lane
from core.storage.clock import database_now
from core.storage.schema import Worker

# What nobody has repeated for so long is over: whoever places workers says it again each time that it fails.
_TOLD_SECONDS = 120.0


def trouble_of_placer() -> ScalarSelect[str | None]:
    """The same as `read_trouble`, as part of a statement; the parameter `placer` is the lane of those who place."""
    return (
        select(Worker.trouble)
        .where(Worker.lane == bindparam("placer"), Worker.heartbeat_at > database_now() - _TOLD_SECONDS)
        .order_by(Worker.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )


def read_trouble(session: Session, lane: str) -> str | None:
    """Why nothing of a lane can be begun at present, in sentences for people; None: nothing is wrong.

    Args:
        session: of everything.
        lane: a `Lane`.
    """
    return session.scalar(select(trouble_of_placer()), {"placer": placer_lane(lane)})
