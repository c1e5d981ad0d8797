"""The rows of batches on the classify page: the only code that writes these tables.

A batch has one holder, the server that has it in memory and answers its photos. A balancer that sends the visitor to
another server makes that one take the batch over; the server that had it finds out when it next writes or looks, and
lets go of it.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from core.inference.batch_notes import BatchDraft, KeptBatch, KeptPhoto, hash_owner, secret_of, space_of
from core.inference.classifier import Classification
from core.storage.clock import database_now
from core.storage.db import Database
from core.storage.schema import ClassifyAnswer, ClassifyBatch, ClassifyPhoto, SpaceKey

_CHUNK_SIZE = 400  # values in one statement; SQLite has taken 999 at most

Item = TypeVar("Item")


class BatchShelf:
    """What the database has of batches; for use from any thread."""

    def __init__(self, database: Database, holder: str) -> None:
        """Begin to hold nothing.

        Args:
            database: of everybody.
            holder: this server; no other process has ever had the name.
        """
        self._database = database.of_space(None)
        self._holder = holder

    def write(self, drafts: Sequence[BatchDraft]) -> set[str]:
        """Write down what has changed, in one transaction.

        Returns:
            The batches that this server holds no more, of which nothing was written.

        Raises:
            StorageError: the database failed, and nothing was written.
        """
        with self._database.session() as session:
            return {draft.batch_id for draft in drafts if not self._write(session, draft)}

    def has(self, batch_id: str, owner: str) -> bool:
        """Whether this owner has this batch, whichever server holds it.

        Raises:
            StorageError: the database failed.
        """
        return bool(self._ids(ClassifyBatch.id == batch_id, ClassifyBatch.owner_hash == hash_owner(owner)))

    def take_over(self, batch_id: str, owner: str) -> KeptBatch | None:
        """Hold a batch from now on, and what it holds; None: this owner has no such batch.

        Raises:
            RecordError: a newer Bluetit wrote it; who holds it stays the same.
            StorageError: the database failed.
        """
        its = (ClassifyBatch.id == batch_id) & (ClassifyBatch.owner_hash == hash_owner(owner))
        with self._database.session() as session:
            row = session.scalar(select(ClassifyBatch).where(its).with_for_update())
            if row is None:
                return None
            row.holder, row.generation = self._holder, row.generation + 1
            row.seen_at = session.scalar(select(database_now())) or 0.0
            answers: dict[str, dict[int, Classification]] = {}
            for each in session.scalars(select(ClassifyAnswer).where(ClassifyAnswer.batch_id == batch_id)):
                answers.setdefault(each.fingerprint, {})[each.photo_id] = Classification.from_json(each.content)
            photos = session.scalars(
                select(ClassifyPhoto).where(ClassifyPhoto.batch_id == batch_id).order_by(ClassifyPhoto.photo_id)
            )
            return KeptBatch(
                batch_id=batch_id,
                generation=row.generation,
                next_photo_id=row.next_photo_id,
                photos={each.photo_id: KeptPhoto.from_json(each.content) for each in photos},
                answers=answers,
            )

    def lost(self, batch_ids: Collection[str]) -> dict[str, bool]:
        """Of batches that this server held, those that it does no more: whether another has it, else it is deleted.

        Raises:
            StorageError: the database failed.
        """
        holders: dict[str, str] = {}
        with self._database.read_session() as session:
            for chunk in _chunks(batch_ids):
                found = session.execute(
                    select(ClassifyBatch.id, ClassifyBatch.holder).where(ClassifyBatch.id.in_(chunk))
                )
                holders |= {row.id: row.holder for row in found}
        return {batch_id: batch_id in holders for batch_id in batch_ids if holders.get(batch_id) != self._holder}

    def note_seen(self, batch_ids: Collection[str]) -> None:
        """Note that the visitors of batches are there.

        Raises:
            StorageError: the database failed.
        """
        if batch_ids:
            with self._database.session() as session:
                for chunk in _chunks(batch_ids):
                    session.execute(
                        update(ClassifyBatch).where(ClassifyBatch.id.in_(chunk)).values(seen_at=database_now())
                    )

    def overdue(self, kept_seconds: float) -> dict[str, float]:
        """Batches of other servers whose visitors were last there longer ago: when, in Unix seconds.

        A clock that was set back leaves moments that are yet to come: those count as long ago, too.

        Raises:
            StorageError: the database failed.
        """
        is_long_ago = or_(
            ClassifyBatch.seen_at < database_now() - kept_seconds, ClassifyBatch.seen_at > database_now() + kept_seconds
        )
        statement = select(ClassifyBatch.id, ClassifyBatch.seen_at).where(
            ClassifyBatch.holder != self._holder, is_long_ago
        )
        with self._database.read_session() as session:
            return {row.id: row.seen_at for row in session.execute(statement)}

    def left_by(self, owner: str, left_seconds: float) -> list[str]:
        """Batches of an owner that no visitor has looked at for so long, and that this server does not hold.

        Raises:
            StorageError: the database failed.
        """
        return self._ids(
            ClassifyBatch.owner_hash == hash_owner(owner),
            ClassifyBatch.holder != self._holder,
            ClassifyBatch.seen_at < database_now() - left_seconds,
        )

    def of_keys(self, key_hashes: Collection[str]) -> list[str]:
        """Batches of browsers, whichever server holds them.

        Raises:
            StorageError: the database failed.
        """
        found: list[str] = []
        for chunk in _chunks(key_hashes):
            found += self._ids(ClassifyBatch.key_hash.in_(chunk))
        return found

    def strangers(self, key_hashes: Collection[str]) -> set[str]:
        """Browsers that are let in nowhere: of these, and of those whose batches are here.

        Raises:
            StorageError: the database failed.
        """
        with self._database.read_session() as session:
            keys = set(key_hashes) | set(session.scalars(select(ClassifyBatch.key_hash).distinct()))
            known: set[str] = set()
            for chunk in _chunks(keys):
                known |= set(session.scalars(select(SpaceKey.key_hash).where(SpaceKey.key_hash.in_(chunk))))
            return keys - known

    def all_ids(self) -> set[str]:
        """Every batch that is kept.

        Raises:
            StorageError: the database failed.
        """
        return set(self._ids())

    def delete(self, batch_ids: Collection[str]) -> None:
        """Keep nothing of batches, whichever server holds them.

        Raises:
            StorageError: the database failed.
        """
        if batch_ids:
            with self._database.session() as session:
                for chunk in _chunks(batch_ids):
                    session.execute(delete(ClassifyBatch).where(ClassifyBatch.id.in_(chunk)))

    def elsewhere(self) -> dict[str, tuple[int, int]]:
        """How many photos and bytes each owner has in batches that other servers hold, by `hash_owner`.

        Raises:
            StorageError: the database failed.
        """
        statement = (
            select(ClassifyBatch.owner_hash, func.sum(ClassifyBatch.num_photos), func.sum(ClassifyBatch.num_bytes))
            .where(ClassifyBatch.holder != self._holder)
            .group_by(ClassifyBatch.owner_hash)
        )
        with self._database.read_session() as session:
            return {owner: (int(photos), int(size)) for owner, photos, size in session.execute(statement)}

    def _ids(self, *conditions: ColumnElement[bool]) -> list[str]:
        with self._database.read_session() as session:
            return list(session.scalars(select(ClassifyBatch.id).where(*conditions)))

    def _write(self, session: Session, draft: BatchDraft) -> bool:
        """Whether this server holds the batch, which is written down then."""
        its = (ClassifyBatch.id == draft.batch_id) & (ClassifyBatch.holder == self._holder)
        if not draft.num_photos:
            session.execute(delete(ClassifyBatch).where(its))
            return True
        values = {
            "next_photo_id": draft.next_photo_id,
            "num_photos": draft.num_photos,
            "num_bytes": draft.num_bytes,
        }
        noted = session.execute(update(ClassifyBatch).where(its).values(values).returning(ClassifyBatch.id))
        if noted.one_or_none() is None:
            if draft.is_noted:
                return False
            session.execute(insert(ClassifyBatch).values(self._beginning(draft) | values))
        _delete_old(session, draft)
        photos = [
            {"batch_id": draft.batch_id, "photo_id": photo_id, "content": KeptPhoto.of(photo).to_json()}
            for photo_id, photo in draft.photos.items()
        ]
        answers = [
            {"batch_id": draft.batch_id, "photo_id": photo_id, "fingerprint": network, "content": found.to_json()}
            for (photo_id, network), found in draft.answers.items()
            if _is_finite(found)
        ]
        if photos:
            session.execute(insert(ClassifyPhoto), photos)
        if answers:
            session.execute(insert(ClassifyAnswer), answers)
        return True

    def _beginning(self, draft: BatchDraft) -> dict[str, Any]:
        return {
            "id": draft.batch_id,
            "space_id": space_of(draft.owner),
            "owner_hash": hash_owner(draft.owner),
            "key_hash": hash_owner(secret_of(draft.owner)),
            "holder": self._holder,
            "generation": 1,
            "seen_at": database_now(),
        }


def _is_finite(found: Classification) -> bool:
    """Whether JSON can hold an answer; those of networks that have come apart are computed again."""
    return all(map(math.isfinite, (found.group_probability, *(each.probability for each in found.predictions))))


def _delete_old(session: Session, draft: BatchDraft) -> None:
    """What went, and what is written anew."""
    photo, answer = ClassifyPhoto, ClassifyAnswer
    for gone in _chunks(draft.gone):
        session.execute(delete(photo).where(photo.batch_id == draft.batch_id, photo.photo_id.in_(gone)))
        session.execute(delete(answer).where(answer.batch_id == draft.batch_id, answer.photo_id.in_(gone)))
    for networks in _chunks(draft.dropped):
        session.execute(delete(answer).where(answer.batch_id == draft.batch_id, answer.fingerprint.in_(networks)))
    for again in _chunks(draft.photos):
        session.execute(delete(photo).where(photo.batch_id == draft.batch_id, photo.photo_id.in_(again)))
    for network in {network for _, network in draft.answers}:
        for again in _chunks(photo_id for photo_id, each in draft.answers if each == network):
            its = (answer.batch_id == draft.batch_id) & (answer.fingerprint == network)
            session.execute(delete(answer).where(its, answer.photo_id.in_(again)))


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK_SIZE)):
        yield chunk
