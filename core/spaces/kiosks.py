"""Kiosks: screens on which a network or a model answers whoever walks past, by an address with a key of its own.

What a kiosk's camera sees is answered and forgotten; nothing of it is counted or kept.
"""

import re
import secrets
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from sqlalchemy import select

from core.errors import KioskError
from core.names import clean_text
from core.records import Record
from core.runs.library import RunLibrary
from core.storage.db import Database
from core.storage.own_rows import space_of
from core.storage.schema import Kiosk

MIN_IDLE_SECONDS, MAX_IDLE_SECONDS = 5, 600
MAX_TITLE_CHARS = 60
MAX_LINE_CHARS = 80  # of the other lines, which are read at three metres

_TOKEN_BYTES = 16  # nobody guesses it; whoever has it must be let in besides
_TOKEN = re.compile("[0-9a-f]{32}")
_MAX_NETWORK_CHARS = 120


class KioskSource(StrEnum):
    """What a kiosk answers about."""

    CAMERA = "camera"
    SAMPLES = "samples"  # photos that are there, for a screen without a camera


# What is said while nobody is there, and at the foot, as long as nobody has chosen other words.
INVITATIONS = {KioskSource.CAMERA: "Show me something!", KioskSource.SAMPLES: "Touch a photo!"}
NOTES = {KioskSource.CAMERA: "Nothing that the camera sees is kept.", KioskSource.SAMPLES: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskSetup(Record):
    """What a kiosk shows and says."""

    json_error = KioskError
    json_remedy = "set the kiosk up again"

    title: str = ""  # on top; empty: the name of the network
    invitation: str = INVITATIONS[KioskSource.CAMERA]  # while nobody is there
    unknown: str = "I don't know that!"  # instead of a class
    note: str = NOTES[KioskSource.CAMERA]  # at the foot; empty: none
    idle_seconds: int = 20  # without anything that moves, or a touch, until it invites again
    source: KioskSource = KioskSource.CAMERA

    def looking_at(self, source: KioskSource) -> "KioskSetup":
        """The same for another source, in whose usual words it speaks where nobody has chosen other ones."""
        before = self.source
        return replace(
            self,
            source=source,
            invitation=INVITATIONS[source] if self.invitation == INVITATIONS[before] else self.invitation,
            note=NOTES[source] if self.note == NOTES[before] else self.note,
        )

    def __post_init__(self) -> None:
        limits = {"title": MAX_TITLE_CHARS, **dict.fromkeys(("invitation", "unknown", "note"), MAX_LINE_CHARS)}
        for name, limit in limits.items():
            text = getattr(self, name)
            if len(text) > limit or clean_text(text) != text:
                raise KioskError(
                    f"“{clean_text(text)[:30]}…” has {len(text)} characters; at most {limit} visible ones can be read "
                    "from afar. Use fewer words."
                )
        if not self.invitation.strip() or not self.unknown.strip():
            raise KioskError("The invitation, or what is said of something unknown, is empty. Write a word or two.")
        if not MIN_IDLE_SECONDS <= self.idle_seconds <= MAX_IDLE_SECONDS:
            raise KioskError(
                f"After {self.idle_seconds} s: a kiosk begins anew after {MIN_IDLE_SECONDS} to {MAX_IDLE_SECONDS} s."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskView:
    """A kiosk, as it was when asked for."""

    token: str  # in the address
    space_id: int  # whose network answers
    network: str  # as the address of live answers names it
    setup: KioskSetup

    @classmethod
    def of(cls, row: Kiosk) -> Self:
        """Copy a row."""
        return cls(token=row.token, space_id=row.space_id, network=row.network, setup=KioskSetup.from_json(row.setup))


class KioskDesk:
    """Sets kiosks up and takes them down; safe to share between threads."""

    def __init__(self, database: Database, runs: RunLibrary) -> None:
        self._database = database
        self._runs = runs

    def put_up(self, network: str, setup: KioskSetup, *, run_id: int | None = None) -> KioskView:
        """Put a kiosk up for a network, or change the one that it has, whose address stays.

        Args:
            network: as the address of live answers names it; what it names is looked for when somebody asks.
            setup: what it shows and says.
            run_id: whose model it is, with whose run the kiosk goes; None where it is of no run.

        Raises:
            UnknownRunError: no such run.
            KioskError: no network can be called so.
        """
        if not network or len(network) > _MAX_NETWORK_CHARS:
            raise KioskError(f"{network[:40]!r} is no network. Choose one on the page.")
        if run_id is not None:
            self._runs.get_run(run_id)
        with self._database.session() as session:
            # Within one session: the condition of its space holds for it as well.
            row = session.scalar(select(Kiosk).where(Kiosk.network == network, Kiosk.space_id == space_of(session)))
            if row is None:
                row = Kiosk(
                    token=secrets.token_hex(_TOKEN_BYTES),
                    space_id=space_of(session),
                    network=network,
                    run_id=run_id,
                    created_at=time.time(),
                    setup=setup.to_json(),
                )
                session.add(row)
            row.setup = setup.to_json()
            session.flush()
            return KioskView.of(row)

    def of_network(self, network: str) -> KioskView | None:
        """The kiosk of a network; None: it has none."""
        with self._database.read_session() as session:
            row = session.scalar(select(Kiosk).where(Kiosk.network == network).order_by(Kiosk.id).limit(1))
            return None if row is None else KioskView.of(row)

    def take_down(self, network: str) -> None:
        """Take the kiosk of a network down: its address opens nothing then. One that is not there is no failure."""
        with self._database.session() as session:
            for row in session.scalars(select(Kiosk).where(Kiosk.network == network)):
                session.delete(row)

    def find(self, token: str) -> KioskView | None:
        """The kiosk with a key, whoever has put it up; None: there is none, or it was taken down."""
        if not _TOKEN.fullmatch(token):
            return None
        with self._database.of_space(None).read_session() as session:
            row = session.scalar(select(Kiosk).where(Kiosk.token == token))
            return None if row is None else KioskView.of(row)
