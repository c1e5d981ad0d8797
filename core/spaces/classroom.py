"""The class that a teacher holds: its code and password, who comes in, and whether it is open."""

import time
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import NotLetInError, SpaceError, UnknownSpaceError
from core.records import Record
from core.spaces.animals import offer_names
from core.spaces.codes import (
    CLASS_CODE_LENGTH,
    PICKUP_CODE_LENGTH,
    hash_password,
    hash_pickup_code,
    in_groups,
    is_password,
    new_code,
    new_password,
    read_code,
)
from core.spaces.records import SpaceKind, SpaceView
from core.spaces.registry import add_key
from core.storage.db import Database
from core.storage.schema import Classroom, Space

_NUM_OFFERED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOptions(Record):
    """What a teacher has chosen for a class."""

    blur_faces: bool = False  # of photos as they come in


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassroomView:
    """A class as it was when asked for."""

    id: int
    code: str  # what pupils type
    is_open: bool  # whether anybody can come in
    paused_text: str | None  # what pupils read instead of going on; None: they go on
    options: ClassOptions
    created_at: float  # Unix seconds
    password_hash: str = field(repr=False)

    @classmethod
    def of(cls, row: Classroom) -> Self:
        """Copy a row."""
        return cls(
            id=row.id,
            code=row.code,
            is_open=row.is_open,
            paused_text=row.paused_text,
            options=ClassOptions.from_json(row.options),
            created_at=row.created_at,
            password_hash=row.password_hash,
        )


class ClassroomDesk:
    """Holds a class: one on each server at a time; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database.of_space(None)

    def current(self) -> ClassroomView | None:
        """The class that is held here; None: none."""
        with self._database.read_session() as session:
            return newest_class(session)

    def get(self, classroom_id: int) -> ClassroomView:
        """One class.

        Raises:
            UnknownSpaceError: there is no such class.
        """
        with self._database.read_session() as session:
            return ClassroomView.of(_find(session, classroom_id))

    def hold(self) -> tuple[ClassroomView, str]:
        """The class that is held here, begun where there is none, with a new password for the teacher.

        Returns:
            The class, and the password, which nobody is ever told again: of it only a hash is stored.
        """
        password = new_password()
        stored = hash_password(password)
        now = time.time()
        with self._database.session() as session:
            row = session.scalar(select(Classroom).order_by(Classroom.id.desc()).limit(1))
            if row is None:
                row = Classroom(
                    code=new_code(CLASS_CODE_LENGTH),
                    password_hash=stored,
                    is_open=True,
                    paused_text=None,
                    options=ClassOptions().to_json(),
                    created_at=now,
                )
                session.add(row)
                session.flush()
                session.add(_space(SpaceKind.TEACHER, "Teacher", row.id, now))
            row.password_hash = stored
            session.flush()
            return ClassroomView.of(row), password

    def enter_as_teacher(self, classroom_id: int, password: str, secret: str) -> SpaceView:
        """Let a browser into the teacher's space.

        Raises:
            UnknownSpaceError: there is no such class.
            NotLetInError: that is not the password.
        """
        with self._database.read_session() as session:
            stored = _find(session, classroom_id).password_hash
        if not is_password(password, stored):
            raise NotLetInError("That is not the teacher's password. It was shown when the class was started.")
        with self._database.session() as session:
            teacher = select(Space).where(Space.classroom_id == classroom_id, Space.kind == SpaceKind.TEACHER)
            return _let_in(session, session.scalars(teacher).one(), secret)

    def find_by_code(self, code: str) -> ClassroomView | None:
        """The class with a code, however it was typed; None: there is none."""
        with self._database.read_session() as session:
            row = session.scalar(select(Classroom).where(Classroom.code == read_code(code)))
            return None if row is None else ClassroomView.of(row)

    def offer_names(self, classroom_id: int) -> list[str]:
        """Names that a pupil may choose from, which nobody in the class has."""
        with self._database.read_session() as session:
            taken = set(session.scalars(select(Space.name).where(Space.classroom_id == classroom_id)))
        return offer_names(taken, _NUM_OFFERED)

    def enter(self, classroom_id: int, name: str, secret: str) -> tuple[SpaceView, str]:
        """Let a pupil's browser into a new space of the class.

        Args:
            classroom_id: the class.
            name: one that was offered.
            secret: of the browser's cookie.

        Returns:
            The space, and the pick-up code with which another device comes into it.

        Raises:
            UnknownSpaceError: there is no such class.
            NotLetInError: it is closed.
            SpaceError: somebody else took the name in the meantime.
        """
        pickup = new_code(PICKUP_CODE_LENGTH)
        pickup_hash = hash_pickup_code(pickup, classroom_id)
        with self._database.session() as session:
            if not _find(session, classroom_id).is_open:
                raise NotLetInError("The class is closed at the moment. Ask your teacher to open it.")
            same = select(Space.id).where(Space.classroom_id == classroom_id, Space.name == name)
            if session.scalar(same.limit(1)) is not None:
                raise SpaceError(f"Somebody else is “{name}” by now. Choose another name.")
            row = _space(SpaceKind.PUPIL, name, classroom_id, time.time())
            row.pickup_hash = pickup_hash
            session.add(row)
            session.flush()
            return _let_in(session, row, secret), in_groups(pickup)

    def renew_pickup_code(self, space_id: int) -> str:
        """A new pick-up code for a pupil's space; the one before opens nothing any more.

        Raises:
            UnknownSpaceError: there is no such space in a class.
        """
        pickup = new_code(PICKUP_CODE_LENGTH)
        with self._database.session() as session:
            row = session.get(Space, space_id)
            if row is None or row.classroom_id is None:
                raise UnknownSpaceError(f"No space of a class has the number {space_id}; it may have been deleted.")
            row.pickup_hash = hash_pickup_code(pickup, row.classroom_id)
        return in_groups(pickup)

    def pick_up(self, classroom_id: int, code: str, secret: str) -> SpaceView:
        """Let another device of a pupil into the pupil's space.

        Raises:
            NotLetInError: no space of the class has this pick-up code, or the class is closed.
        """
        pickup_hash = hash_pickup_code(code, classroom_id)
        with self._database.session() as session:
            row = session.scalar(
                select(Space).where(Space.classroom_id == classroom_id, Space.pickup_hash == pickup_hash)
            )
            if row is None or not _find(session, classroom_id).is_open:
                raise NotLetInError("This pick-up code opens nothing. It stands on the page of the other device.")
            return _let_in(session, row, secret)

    def set_open(self, classroom_id: int, *, is_open: bool) -> None:
        """Let pupils come in, or nobody any more; who is in stays."""
        self._change(classroom_id, is_open=is_open)

    def set_paused(self, classroom_id: int, text: str | None) -> None:
        """Have all pupils read a line of text instead of going on; None: they go on."""
        self._change(classroom_id, paused_text=text)

    def pause_of(self, space_id: int) -> str | None:
        """What somebody in a space reads instead of going on; None: nobody holds them up, or they are no pupil."""
        held = (
            select(Classroom.paused_text)
            .join(Space, Space.classroom_id == Classroom.id)
            .where(Space.id == space_id, Space.kind == SpaceKind.PUPIL)
        )
        with self._database.read_session() as session:
            return session.scalar(held)

    def set_options(self, classroom_id: int, options: ClassOptions) -> None:
        """Change what the teacher has chosen."""
        self._change(classroom_id, options=options.to_json())

    def _change(self, classroom_id: int, **values: Any) -> None:
        with self._database.session() as session:
            row = _find(session, classroom_id)
            for name, value in values.items():
                setattr(row, name, value)


def newest_class(session: Session) -> ClassroomView | None:
    """The class that is held; None: none."""
    row = session.scalar(select(Classroom).order_by(Classroom.id.desc()).limit(1))
    return None if row is None else ClassroomView.of(row)


def _find(session: Session, classroom_id: int) -> Classroom:
    row = session.get(Classroom, classroom_id)
    if row is None:
        raise UnknownSpaceError(f"No class has the number {classroom_id}; it may have been deleted.")
    return row


def _space(kind: SpaceKind, name: str, classroom_id: int, now: float) -> Space:
    return Space(kind=kind, name=name, classroom_id=classroom_id, created_at=now, seen_at=now, doing={})


def _let_in(session: Session, space: Space, secret: str) -> SpaceView:
    add_key(session, space.id, secret)
    space.seen_at = time.time()
    session.flush()
    return SpaceView.of(space)
