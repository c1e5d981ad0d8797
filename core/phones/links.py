"""The links by which phones send photos into a class: opened, found by what stands in their address, withdrawn.

A link's token (256 random bits) is in its address alone; the database has a hash of it. It gives the right to add
photos to one class, and to take back what the same phone has sent, and no other.
"""

import hashlib
import secrets
import threading
import time

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from core.datasets.shelves.rows import Shelf, lock_class
from core.errors import PhoneLinkError, UnknownDatasetError
from core.phones.records import PhoneLinkView
from core.settings import Settings
from core.storage.db import Database
from core.storage.own_rows import space_of
from core.storage.schema import Dataset, DatasetClass, PhoneLink

_TOKEN_BYTES = 32  # which make 43 characters
_MINUTE_SECONDS = 60.0
# A phone that lost its Wi-Fi asks again for a while, and is told why its link is over.
_KEPT_AFTER_END_SECONDS = 24 * 3600.0

_UNKNOWN = "This code is not valid here. Scan the code on the big screen once more."
_WITHDRAWN = "This code was withdrawn, so no more photos are taken. Scan the new one, if there is one."
_EXPIRED = "The time of this code is over. Ask for a new one and scan that."
_CLASS_GONE = "What these photos were for was deleted, so no more are taken."


class PhoneLinks(Shelf):
    """The links into the datasets of one space, or of all; safe to share between threads."""

    def __init__(self, settings: Settings, database: Database) -> None:
        super().__init__(database)
        self._settings = settings
        self._lock = threading.Lock()
        self._tokens: dict[int, str] = {}  # by number of the link; in memory alone, until the server ends

    def open(self, class_id: int) -> PhoneLinkView:
        """Make a link into a class; one that leads there already is withdrawn.

        Raises:
            UnknownDatasetError: no such class, or it or its dataset is in the trash.
        """
        token, now = secrets.token_urlsafe(_TOKEN_BYTES), time.time()
        with self._database.session() as session:
            dataset, found = lock_class(session, class_id)
            _withdraw(session, PhoneLink.class_id == class_id, now)
            row = PhoneLink(
                token_hash=hash_token(token),
                space_id=space_of(session),
                dataset_id=dataset.id,
                class_id=class_id,
                created_at=now,
                expires_at=now + self._settings.phone_link_minutes * _MINUTE_SECONDS,
                num_photos=0,
            )
            session.add(row)
            session.flush()
            view = PhoneLinkView.of(row, found.name)
        with self._lock:
            self._tokens[view.id] = token
        return view

    def token_of(self, link_id: int) -> str | None:
        """What stands in a link's address; None: it was opened before the server was started."""
        with self._lock:
            return self._tokens.get(link_id)

    def living(self, dataset_id: int) -> list[PhoneLinkView]:
        """The links into classes of a dataset by which photos can come now, oldest first."""
        statement = (
            select(PhoneLink, DatasetClass.name)
            .join(DatasetClass, DatasetClass.id == PhoneLink.class_id)
            .where(
                PhoneLink.dataset_id == dataset_id,
                PhoneLink.withdrawn_at.is_(None),
                PhoneLink.expires_at > time.time(),
                DatasetClass.trashed_at.is_(None),
            )
            .order_by(PhoneLink.id)
        )
        with self._database.read_session() as session:
            return [PhoneLinkView.of(row, name) for row, name in session.execute(statement)]

    def withdraw(self, link_id: int) -> None:
        """Let no more photos come by a link; one that is over or gone already stays so."""
        with self._database.session() as session:
            _withdraw(session, PhoneLink.id == link_id, time.time())
        with self._lock:
            self._tokens.pop(link_id, None)

    def find(self, token: str) -> PhoneLinkView:
        """The link with this token, into whose dataset it may be.

        Raises:
            PhoneLinkError: there is none, or it is over; the message says why to who holds the phone.
        """
        statement = (
            select(PhoneLink, DatasetClass.name, DatasetClass.trashed_at, Dataset.trashed_at)
            .join(DatasetClass, DatasetClass.id == PhoneLink.class_id)
            .join(Dataset, Dataset.id == PhoneLink.dataset_id)
            .where(PhoneLink.token_hash == hash_token(token))
        )
        with self._database.of_space(None).read_session() as session:
            found = session.execute(statement).one_or_none()
            if found is None:
                raise PhoneLinkError(_UNKNOWN)
            row, class_name, *trashed = found
            if any(each is not None for each in trashed):
                raise PhoneLinkError(_CLASS_GONE)
            # One that has brought all its photos still lets them be taken back.
            return PhoneLinkView.of(_living(row, None), class_name)

    def forget_ended(self) -> int:
        """Delete the links that were over a day ago, with what is known of their photos' ways; how many they were."""
        ended = PhoneLink.expires_at < time.time() - _KEPT_AFTER_END_SECONDS
        with self._database.session() as session:
            ids = session.scalars(delete(PhoneLink).where(ended).returning(PhoneLink.id)).all()
        with self._lock:
            for link_id in ids:
                self._tokens.pop(link_id, None)
        return len(ids)


def hash_token(token: str) -> str:
    """What is stored of a link's token, or of a photo's key: 64 hexadecimal digits.

    Plain SHA-256: random bits in such numbers cannot be guessed from it.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def lock_link(session: Session, link_id: int, *, max_photos: int | None) -> tuple[PhoneLink, Dataset, DatasetClass]:
    """Lock the dataset of a link that is not over until the end of the transaction.

    Args:
        session: of a transaction that writes.
        link_id: of the link.
        max_photos: after so many it is over, too; None: however many have come.

    Raises:
        PhoneLinkError: it is over, or there is none.
    """
    class_id = session.scalar(select(PhoneLink.class_id).where(PhoneLink.id == link_id))
    if class_id is None:
        raise PhoneLinkError(_UNKNOWN)
    try:
        dataset, found = lock_class(session, class_id)
    except UnknownDatasetError as exc:
        raise PhoneLinkError(_CLASS_GONE) from exc
    row = _living(session.get(PhoneLink, link_id, populate_existing=True), max_photos)
    return row, dataset, found


def _living(row: PhoneLink | None, max_photos: int | None) -> PhoneLink:
    if row is None:
        raise PhoneLinkError(_UNKNOWN)
    if row.withdrawn_at is not None:
        raise PhoneLinkError(_WITHDRAWN)
    if time.time() >= row.expires_at:
        raise PhoneLinkError(_EXPIRED)
    if max_photos is not None and row.num_photos >= max_photos:
        raise PhoneLinkError(
            f"{row.num_photos:,} photos have come by this code, which is as many as it takes. Ask for a new one."
        )
    return row


def _withdraw(session: Session, which: ColumnElement[bool], now: float) -> None:
    session.execute(update(PhoneLink).where(which, PhoneLink.withdrawn_at.is_(None)).values(withdrawn_at=now))
