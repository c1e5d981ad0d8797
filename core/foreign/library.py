"""The library of models from elsewhere: the only code that changes them. Every change is one transaction."""

import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.datasets.shelves.rows import refusing_taken_name
from core.errors import ForeignModelError, UnknownForeignModelError
from core.foreign.records import ForeignModelView, ForeignRecord, Origin
from core.foreign.scaling import Scaling
from core.names import clean_name, first_free, name_key
from core.photos.fit import FitMode
from core.storage.db import Database
from core.storage.own_keys import is_own_key
from core.storage.own_rows import space_of
from core.storage.schema import ForeignModel

_WHAT = "model"


class ForeignLibrary:
    """The models from elsewhere of one database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        record: ForeignRecord,
        *,
        key: str,
        name: str,
        origin: Origin,
        class_names: tuple[str, ...],
        place: Callable[[int], None],
    ) -> ForeignModelView:
        """Note a model that has been read, under its name or a numbered one.

        Args:
            record: how it is asked.
            key: of the source; what was brought under it becomes one model, however often that is tried.
            name: what it may be called.
            origin: where it comes from.
            class_names: in the order of its probabilities.
            place: called with its number, within the transaction: puts its file where it belongs.

        Raises:
            ForeignModelError: another space has brought the source.
            NameRefusedError: a model cannot have the name.
            BluetitError: as `place`; then nothing is noted.
        """
        if not is_own_key(key, self._database.space_id):
            raise ForeignModelError(f"{key[:40]!r} is nothing that was brought. Choose the file again.")
        with self._database.session() as session:
            known = session.scalar(select(ForeignModel).where(ForeignModel.source_key == key))
            if known is not None:
                return ForeignModelView.of(known)
            free = _free_name(session, clean_name(name, _WHAT))
            row = ForeignModel(
                name=free,
                name_key=name_key(free),
                origin=origin,
                class_names=list(class_names),
                record=record.to_json(),
                source_key=key,
                created_at=time.time(),
                space_id=space_of(session),
            )
            with refusing_taken_name(session, _WHAT, free):
                session.add(row)
            place(row.id)
            return ForeignModelView.of(row)

    def get(self, model_id: int) -> ForeignModelView:
        """One model, in the trash or not.

        Raises:
            UnknownForeignModelError: no such model.
        """
        with self._database.read_session() as session:
            return ForeignModelView.of(_known(session.get(ForeignModel, model_id), model_id))

    def list_models(self) -> list[ForeignModelView]:
        """The models out of the trash, the newest first."""
        with self._database.read_session() as session:
            rows = session.scalars(
                select(ForeignModel).where(ForeignModel.trashed_at.is_(None)).order_by(ForeignModel.id.desc())
            )
            return [ForeignModelView.of(row) for row in rows]

    def list_trashed(self) -> list[ForeignModelView]:
        """The models in the trash, the latest deleted first."""
        with self._database.read_session() as session:
            rows = session.scalars(
                select(ForeignModel)
                .where(ForeignModel.trashed_at.is_not(None))
                .order_by(ForeignModel.trashed_at.desc())
            )
            return [ForeignModelView.of(row) for row in rows]

    def all_ids(self) -> set[int]:
        """Numbers of all models, those in the trash included."""
        with self._database.read_session() as session:
            return set(session.scalars(select(ForeignModel.id)))

    def find_brought(self, key: str) -> ForeignModelView | None:
        """The model that a source has become; None: it has not."""
        with self._database.read_session() as session:
            row = session.scalar(select(ForeignModel).where(ForeignModel.source_key == key))
            return None if row is None else ForeignModelView.of(row)

    def rename(self, model_id: int, name: str) -> None:
        """Give a model another name; the one that it has changes nothing.

        Raises:
            UnknownForeignModelError: no such model, or it is in the trash.
            NameRefusedError: a model cannot have the name, or another one has it.
        """
        name = clean_name(name, _WHAT)
        with self._database.session() as session:
            row = _lock_live(session, model_id)
            with refusing_taken_name(session, _WHAT, name):
                row.name, row.name_key = name, name_key(name)

    def set_scaling(self, model_id: int, scaling: Scaling) -> None:
        """Have the pixels of photos scaled in another way.

        Raises:
            UnknownForeignModelError: no such model, or it is in the trash.
        """
        with self._database.session() as session:
            row = _lock_live(session, model_id)
            row.record = replace(ForeignRecord.from_json(row.record), scaling=scaling).to_json()

    def set_fit_mode(self, model_id: int, fit_mode: FitMode) -> None:
        """Have photos made into squares in another way; raises like `set_scaling`."""
        with self._database.session() as session:
            row = _lock_live(session, model_id)
            row.record = replace(ForeignRecord.from_json(row.record), fit_mode=fit_mode.value).to_json()

    def trash(self, model_id: int) -> None:
        """Put a model into the trash; one that is there already stays as it is.

        Raises:
            UnknownForeignModelError: no such model.
        """
        with self._database.session() as session:
            row = _lock(session, model_id)
            if row.trashed_at is None:
                row.trashed_at = time.time()

    def restore(self, model_id: int) -> ForeignModelView:
        """Take a model out of the trash, under a numbered name when another has its name now.

        Raises:
            UnknownForeignModelError: no such model.
        """
        with self._database.session() as session:
            row = _lock(session, model_id)
            if row.trashed_at is not None:
                name = _free_name(session, row.name)
                with refusing_taken_name(session, _WHAT, name):
                    row.name, row.name_key, row.trashed_at = name, name_key(name), None
            return ForeignModelView.of(row)

    def purge(self, model_id: int) -> None:
        """Delete a model that is in the trash for good; its folder is the caller's matter.

        Raises:
            UnknownForeignModelError: no such model, or it is not in the trash.
        """
        with self._database.session() as session:
            row = _lock(session, model_id)
            if row.trashed_at is None:
                raise UnknownForeignModelError(f"The model “{row.name}” is not in the trash. Delete it first.")
            session.delete(row)


def _lock(session: Session, model_id: int) -> ForeignModel:
    return _known(session.get(ForeignModel, model_id, with_for_update=True, populate_existing=True), model_id)


def _lock_live(session: Session, model_id: int) -> ForeignModel:
    row = _lock(session, model_id)
    if row.trashed_at is not None:
        raise UnknownForeignModelError(f"The model “{row.name}” was deleted. Bring it back first.")
    return row


def _known(row: ForeignModel | None, model_id: int) -> ForeignModel:
    if row is None:
        raise UnknownForeignModelError(
            f"No model from elsewhere has the number {model_id}; it may have been deleted for good."
        )
    return row


def _free_name(session: Session, name: str) -> str:
    taken = set(session.scalars(select(ForeignModel.name_key).where(ForeignModel.trashed_at.is_(None))))
    return first_free(name, taken.__contains__)
