"""Everybody who is let in, and the class that is held, at one moment: what all open pages ask for again and again."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from core.spaces.classroom import ClassroomView, newest_class
from core.spaces.handing_out import missing_something
from core.spaces.notices import Notice
from core.spaces.records import SpaceView
from core.spaces.registry import KeyView, every_key
from core.storage.db import Database
from core.storage.schema import Space, SpaceNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """Everybody at one moment."""

    keys: Mapping[str, KeyView]  # of browsers that are let in somewhere, by hash
    classroom: ClassroomView | None  # that is held here; None: none
    spaces: Mapping[int, SpaceView]  # of its teacher and pupils, by their numbers
    notices: Mapping[int, Notice]  # what pupils are told, by their spaces; of others there is nothing to tell
    are_missing_something: frozenset[int]  # spaces of pupils who have not been given what whoever comes gets


def read_roll(database: Database, now: float) -> Roll:
    """The roll at this moment, in one look at the database.

    Args:
        database: not bound to a space.
        now: Unix seconds.
    """
    with database.read_session() as session:
        keys = {key.key_hash: key for key in every_key(session)}
        classroom = newest_class(session)
        if classroom is None:
            return Roll(keys=keys, classroom=None, spaces={}, notices={}, are_missing_something=frozenset())
        noticed = (
            select(Space, SpaceNotice)
            .outerjoin(SpaceNotice, SpaceNotice.of_space_id == Space.id)
            .where(Space.classroom_id == classroom.id)
        )
        rows = session.execute(noticed).all()
        return Roll(
            keys=keys,
            classroom=classroom,
            spaces={space.id: SpaceView.of(space) for space, _ in rows},
            notices={space.id: Notice.of(notice, now) for space, notice in rows if notice is not None},
            are_missing_something=frozenset(session.scalars(missing_something(classroom.id))),
        )
