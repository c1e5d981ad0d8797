"""The spaces of a database and the browsers that are let into them.

A browser is known by the secret in its cookie (256 random bits), of which only a hash is stored: whoever reads the
database cannot come in as somebody else.
"""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core.errors import UnknownSpaceError
from core.spaces.records import SpaceKind, SpaceView
from core.storage.db import Database
from core.storage.schema import HOME_SPACE_ID, Space, SpaceKey

# How exactly the time of a visit is kept: to write it at each request would make every reader a writer.
_SEEN_SECONDS = 5.0
_LATER_SECONDS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A browser that is let into a space."""

    key_hash: str  # as `hash_secret` makes it
    space_id: int
    kind: SpaceKind
    name: str  # of the space
    came_at: float  # Unix seconds

    def later_of(self, keys: "Iterable[KeyView]") -> "list[KeyView]":
        """Those that came into the same space after this one."""
        return [key for key in keys if key.space_id == self.space_id and key.came_at > self.came_at]


class SpaceRegistry:
    """Which spaces there are and who is let in; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database.of_space(None)

    def home(self) -> SpaceView:
        """The space of whoever uses Bluetit alone."""
        return self.get(HOME_SPACE_ID)

    def get(self, space_id: int) -> SpaceView:
        """One space.

        Raises:
            UnknownSpaceError: there is none.
        """
        with self._database.read_session() as session:
            return SpaceView.of(_find(session, space_id))

    def of_classroom(self, classroom_id: int) -> list[SpaceView]:
        """The spaces of a class: the teacher's first, then the pupils' in the order in which they came."""
        statement = select(Space).where(Space.classroom_id == classroom_id).order_by(Space.id)
        with self._database.read_session() as session:
            found = [SpaceView.of(row) for row in session.scalars(statement)]
        return sorted(found, key=lambda each: each.kind is not SpaceKind.TEACHER)

    def of_accounts(self) -> list[SpaceView]:
        """The spaces of all accounts, in the order in which they came first; without those that are being deleted."""
        statement = select(Space).where(Space.account.is_not(None)).order_by(Space.id)
        with self._database.read_session() as session:
            return [SpaceView.of(row) for row in session.scalars(statement)]

    def find_by_secret(self, secret: str) -> SpaceView | None:
        """The space that a browser with this secret is let into; None: it is let into none."""
        statement = select(Space).join(SpaceKey, SpaceKey.space_id == Space.id)
        with self._database.read_session() as session:
            row = session.scalar(statement.where(SpaceKey.key_hash == hash_secret(secret)))
            return None if row is None else SpaceView.of(row)

    def find_by_account(self, account: str) -> SpaceView | None:
        """The space of an account, by issuer and subject; None: it has none yet."""
        with self._database.read_session() as session:
            row = session.scalar(select(Space).where(Space.account == account))
            return None if row is None else SpaceView.of(row)

    def create(
        self, kind: SpaceKind, name: str, *, classroom_id: int | None = None, account: str | None = None
    ) -> SpaceView:
        """Make an empty space, into which nobody is let yet.

        Raises:
            IntegrityError: the account has one already.
        """
        now = time.time()
        row = Space(
            kind=kind,
            name=name,
            classroom_id=classroom_id,
            account=account,
            created_at=now,
            seen_at=now,
            doing={},
        )
        with self._database.session() as session:
            session.add(row)
            session.flush()
            return SpaceView.of(row)

    def let_in(self, secret: str, space_id: int) -> None:
        """Let a browser into a space, and out of the one in which it was.

        Raises:
            UnknownSpaceError: there is no such space.
        """
        with self._database.session() as session:
            _find(session, space_id)
            add_key(session, space_id, secret)

    def let_out(self, secret: str) -> None:
        """Forget a browser; one that is let in nowhere stays so."""
        with self._database.session() as session:
            session.execute(delete(SpaceKey).where(SpaceKey.key_hash == hash_secret(secret)))

    def list_keys(self) -> list[KeyView]:
        """Every browser that is let in somewhere, by the time at which it came in."""
        with self._database.read_session() as session:
            return every_key(session)

    def let_out_later(self, secret: str) -> int:
        """Forget the browsers that came into the same space after this one, and say how many they were.

        Only those that came later: who comes in with a stolen code cannot throw out whose space it is.
        """
        with self._database.session() as session:
            mine = session.get(SpaceKey, hash_secret(secret))
            if mine is None:
                return 0
            later = delete(SpaceKey).where(
                SpaceKey.space_id == mine.space_id,
                SpaceKey.key_hash != mine.key_hash,
                SpaceKey.created_at >= mine.created_at,
            )
            return len(session.scalars(later.returning(SpaceKey.key_hash)).all())

    def rename(self, space_id: int, name: str) -> None:
        """Call a space something else.

        Raises:
            UnknownSpaceError: there is no such space.
        """
        with self._database.session() as session:
            _find(session, space_id).name = name

    def note_visit(self, space: SpaceView, doing: dict[str, object] | None = None) -> None:
        """Say that somebody is there, and what they do, where that has changed or was said long ago.

        Args:
            space: as it was read just now.
            doing: what they do; None: as before.
        """
        now = time.time()
        is_news = doing is not None and doing != space.doing
        if not is_news and now - space.seen_at < _SEEN_SECONDS:
            return
        values = {"seen_at": now} | ({} if doing is None else {"doing": doing})
        with self._database.session() as session:
            session.execute(update(Space).where(Space.id == space.id).values(values))


def add_key(session: Session, space_id: int, secret: str) -> None:
    """Let a browser into a space, as the latest that came: whatever the clock says, who comes later is later."""
    newest = session.scalar(select(func.max(SpaceKey.created_at)).where(SpaceKey.space_id == space_id))
    came_at = time.time() if newest is None else max(time.time(), newest + _LATER_SECONDS)
    session.merge(SpaceKey(key_hash=hash_secret(secret), space_id=space_id, created_at=came_at))


def every_key(session: Session) -> list[KeyView]:
    """Every browser that is let in somewhere, by the time at which it came in."""
    statement = (
        select(SpaceKey.key_hash, SpaceKey.space_id, Space.kind, Space.name, SpaceKey.created_at)
        .join(Space, SpaceKey.space_id == Space.id)
        .order_by(SpaceKey.created_at, SpaceKey.key_hash)
    )
    return [
        KeyView(key_hash=key_hash, space_id=space_id, kind=SpaceKind(kind), name=name, came_at=came_at)
        for key_hash, space_id, kind, name, came_at in session.execute(statement)
    ]


def hash_secret(secret: str) -> str:
    """What is stored of a secret: 64 hexadecimal digits.

    Plain SHA-256: a secret of 256 random bits cannot be guessed from it, and it is computed at each request.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def _find(session: Session, space_id: int) -> Space:
    row = session.get(Space, space_id)
    if row is None:
        raise UnknownSpaceError(f"No space has the number {space_id}; it may have been deleted.")
    return row
