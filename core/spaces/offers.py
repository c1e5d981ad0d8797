"""Models that their owners let others try: by a link, read only, with a count of how often they were right.

What others show such a model is answered and forgotten; only numbers are kept.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Select, select, update

from core.errors import UnknownRunError
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.runs.refusals import refusal, refuse_trashed
from core.storage.db import Database
from core.storage.own_rows import space_of
from core.storage.schema import ModelOffer

_TOKEN_BYTES = 9  # 72 bits, short enough to be scanned from afar; whoever has it must be let in besides


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """A model that others may try, as it was when asked for."""

    token: str  # in the address
    run_id: int
    space_id: int  # of its owner
    num_photos: int  # that others have shown it
    num_right: int  # of which they said that it was right
    num_wrong: int

    @property
    def num_judged(self) -> int:
        """Photos of which somebody said whether the answer was right."""
        return self.num_right + self.num_wrong

    @classmethod
    def of(cls, row: ModelOffer) -> Self:
        """Copy a row."""
        return cls(
            token=row.token,
            run_id=row.run_id,
            space_id=row.space_id,
            num_photos=row.num_photos,
            num_right=row.num_right,
            num_wrong=row.num_wrong,
        )


class OfferDesk:
    """Offers models, takes them back, and counts what others say; safe to share between threads."""

    def __init__(self, database: Database, runs: RunLibrary) -> None:
        self._database = database
        self._runs = runs

    def offer(self, run_id: int) -> OfferView:
        """Let others try the model of a run; one that is offered already stays so, under the same link.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not done, or in the trash.
        """
        view = self._runs.get_run(run_id)
        refuse_trashed(view)
        if view.status is not RunStatus.DONE:
            raise refusal(view, "only the model of one that is done can be tried by others")
        with self._database.session() as session:
            row = session.scalar(_open_of(run_id))
            if row is None:
                row = ModelOffer(
                    token=secrets.token_urlsafe(_TOKEN_BYTES),
                    run_id=run_id,
                    space_id=space_of(session),
                    created_at=time.time(),
                    num_photos=0,
                    num_right=0,
                    num_wrong=0,
                )
                session.add(row)
                session.flush()
            return OfferView.of(row)

    def of_run(self, run_id: int) -> OfferView | None:
        """How the model of a run is offered; None: it is not."""
        with self._database.read_session() as session:
            row = session.scalar(_open_of(run_id))
            return None if row is None else OfferView.of(row)

    def withdraw(self, run_id: int) -> None:
        """Let nobody else try a model any more; the link opens nothing then."""
        with self._database.session() as session:
            session.execute(
                update(ModelOffer)
                .where(ModelOffer.run_id == run_id, ModelOffer.withdrawn_at.is_(None))
                .values(withdrawn_at=time.time())
                .execution_options(synchronize_session=False)
            )

    def find(self, token: str) -> OfferView:
        """The offer behind a link, whoever has made it.

        Raises:
            UnknownRunError: there is none, or it was withdrawn.
        """
        with self._database.of_space(None).read_session() as session:
            row = session.scalar(select(ModelOffer).where(ModelOffer.token == token))
            if row is None or row.withdrawn_at is not None:
                raise UnknownRunError("This model is not offered any more. Ask whoever gave you the link.")
            return OfferView.of(row)

    def count_photo(self, offer: OfferView) -> None:
        """Note that somebody has shown an offered model a photo."""
        self._count(offer, "num_photos")

    def count_verdict(self, offer: OfferView, *, is_right: bool) -> None:
        """Note that somebody has said whether an answer of an offered model was right."""
        self._count(offer, "num_right" if is_right else "num_wrong")

    def _count(self, offer: OfferView, column: str) -> None:
        counted = getattr(ModelOffer, column)
        with self._database.of_space(None).session() as session:
            session.execute(
                update(ModelOffer)
                .where(ModelOffer.token == offer.token)
                .values({counted: counted + 1})
                .execution_options(synchronize_session=False)
            )


def _open_of(run_id: int) -> Select[ModelOffer]:
    return (
        select(ModelOffer)
        .where(ModelOffer.run_id == run_id, ModelOffer.withdrawn_at.is_(None))
        .order_by(ModelOffer.id.desc())
        .limit(1)
    )
