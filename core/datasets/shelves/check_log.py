"""What checks have found in datasets, what people do not want to see again, and how alike photos are."""

import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.datasets.checks.findings import Finding
from core.datasets.checks.near_duplicates import is_mirror_image
from core.datasets.checks.photo_checks import checks_version
from core.datasets.records import Likeness
from core.datasets.shelves.photo_index import select_own_hashes
from core.datasets.shelves.rows import WRITE_TRIES, Shelf, chunked, lock_dataset
from core.errors import DatasetError, RecordError
from core.storage.db import Database
from core.storage.kept import KeptReadings
from core.storage.one_look import read_once
from core.storage.schema import DatasetCheck, DatasetImage, DismissedFinding, Photo, PhotoPair

# Datasets whose findings are kept in memory: those of a large one are some hundred kilobytes of JSON.
_MAX_CHECKS = 32


class StoredCheck(NamedTuple):
    """The latest check of a dataset."""

    revision: int  # that the dataset had
    findings: list[dict[str, Any]]  # `Finding`s as JSON, dismissed ones too
    made_by: str | None  # what was looked for, as `checks_version` says; None of versions that did not say

    @property
    def is_outdated(self) -> bool:
        """Whether another version looked for other things: a new check is due."""
        return self.made_by != checks_version()

    def as_findings(self) -> list[Finding]:
        """What was found; of a check that is outdated, as far as this version can read it.

        Raises:
            RecordError: the findings are damaged.
        """
        read = []
        for content in self.findings:
            try:
                read.append(Finding.from_json(content))
            except RecordError:
                if not self.is_outdated:
                    raise
        return read


class CheckLog(Shelf):
    """The findings of each dataset's latest check; none of this changes a dataset's revision."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._checks: KeptReadings[StoredCheck] = KeptReadings(_MAX_CHECKS)

    def save(self, dataset_id: int, revision: int, findings: list[dict[str, Any]]) -> None:
        """Keep what a check found, unless a check of a later revision is kept already.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
        """
        with self._database.session() as session:
            lock_dataset(session, dataset_id)
            check = session.get(DatasetCheck, dataset_id)
            if check is None:
                check = DatasetCheck(dataset_id=dataset_id, revision=revision)
                session.add(check)
            elif check.revision > revision:
                return
            check.revision, check.checked_at = revision, time.time()
            check.findings = {"made_by": checks_version(), "findings": findings}

    @read_once
    def load(self, dataset_id: int) -> StoredCheck | None:
        """The revision that was checked last and what was found, dismissed findings too; None before any check.

        What was found is shared by all who ask, and not to be changed.
        """
        state = select(DatasetCheck.revision, DatasetCheck.checked_at).where(DatasetCheck.dataset_id == dataset_id)
        with self._database.read_session() as session:
            mark = session.execute(state).one_or_none()
            if mark is None:
                return None
            known = self._checks.get(dataset_id, tuple(mark))
            check = session.get(DatasetCheck, dataset_id) if known is None else None
            if check is None:
                return known
            stored = _stored_check(check)
            self._checks.keep(dataset_id, tuple(mark), stored)
            return stored

    @read_once
    def checked_revision(self, dataset_id: int) -> int | None:
        """The revision that was checked last, without reading what was found; None before any check."""
        with self._database.read_session() as session:
            return session.scalar(select(DatasetCheck.revision).where(DatasetCheck.dataset_id == dataset_id))

    def dismiss(self, dataset_id: int, keys: Collection[str]) -> None:
        """Never show findings of a dataset, groups or photos of them again.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
        """
        with self._database.session() as session:
            lock_dataset(session, dataset_id)
            known = select(DismissedFinding.finding_key).where(DismissedFinding.dataset_id == dataset_id)
            missing = set(keys) - set(session.scalars(known))
            session.add_all(
                DismissedFinding(dataset_id=dataset_id, finding_key=key, dismissed_at=time.time())
                for key in sorted(missing)
            )

    def restore(self, dataset_id: int) -> None:
        """Show all findings of a dataset again."""
        with self._database.session() as session:
            session.execute(delete(DismissedFinding).where(DismissedFinding.dataset_id == dataset_id))

    @read_once
    def dismissed(self, dataset_id: int) -> set[str]:
        """Keys of the findings that the person does not want to see."""
        statement = select(DismissedFinding.finding_key).where(DismissedFinding.dataset_id == dataset_id)
        with self._database.read_session() as session:
            return set(session.scalars(statement))

    def pairs(self, hashes: Collection[str]) -> dict[tuple[str, str], float]:
        """The similarities found out so far among those of these photos that one has: cosine of features, -1 to 1.

        Returns:
            Keyed by (lesser hash, greater hash).
        """
        with self._database.read_session() as session:
            return _select_pairs(session, select_own_hashes(session, hashes))

    def likeness(self, dataset_id: int, hashes: Collection[str]) -> Likeness:
        """What is known about how alike these photos of a dataset are, and what was dismissed of it."""
        with self._database.read_session() as session:
            pairs = _select_pairs(session, _select_hashes_of(session, dataset_id) & set(hashes))
            mirrored = _select_mirrored(session, pairs)
        return Likeness(pairs=pairs.keys(), mirrored=mirrored, dismissed=self.dismissed(dataset_id))

    def save_pairs(self, similarities: Mapping[tuple[str, str], float]) -> None:
        """Keep how alike photos are; pairs known already stay as they are, those of photos that one lacks are left out.

        Raises:
            DatasetError: too many others write the same pairs.
        """
        for _ in range(WRITE_TRIES):
            try:
                with self._database.session() as session:
                    _insert_missing_pairs(session, similarities)
                return
            except IntegrityError:
                continue  # another process noted one of them first
        raise DatasetError(f"{len(similarities)} pairs of photos could not be noted: others write them too. Try again.")


def _select_pairs(session: Session, hashes: Collection[str]) -> dict[tuple[str, str], float]:
    wanted = set(hashes)
    return {
        (first, second): similarity
        for chunk in chunked(wanted)
        for first, second, similarity in session.execute(
            select(PhotoPair.first_hash, PhotoPair.second_hash, PhotoPair.similarity).where(
                PhotoPair.first_hash.in_(chunk)
            )
        )
        if second in wanted
    }


def _select_hashes_of(session: Session, dataset_id: int) -> set[str]:
    return set(session.scalars(select(DatasetImage.photo_hash).where(DatasetImage.dataset_id == dataset_id)))


def _select_mirrored(session: Session, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the pairs whose photos are alike only when one of them is mirrored, as was measured of them."""
    phash = Photo.measurements["phash"].as_string()
    mirrored = Photo.measurements["phash_mirrored"].as_string()
    measured = {
        photo_hash: (own, turned)
        for chunk in chunked({photo_hash for pair in pairs for photo_hash in pair})
        for photo_hash, own, turned in session.execute(select(Photo.hash, phash, mirrored).where(Photo.hash.in_(chunk)))
    }
    known = {photo_hash for photo_hash, values in measured.items() if all(values)}
    return {
        (first, second)
        for first, second in pairs
        if first in known and second in known and is_mirror_image(measured[first][0], *measured[second])
    }


def _insert_missing_pairs(session: Session, similarities: Mapping[tuple[str, str], float]) -> None:
    ordered = {(min(pair), max(pair)): similarity for pair, similarity in similarities.items()}
    known = select_own_hashes(session, {photo_hash for pair in ordered for photo_hash in pair})
    missing = ordered.keys() - _select_pairs(session, known).keys()
    rows = [
        {"first_hash": first, "second_hash": second, "similarity": ordered[first, second]}
        for first, second in sorted(missing)
        if first in known and second in known
    ]
    if rows:
        session.execute(insert(PhotoPair), rows)


def _stored_check(check: DatasetCheck) -> StoredCheck:
    found: Any = check.findings
    if isinstance(found, list):
        return StoredCheck(check.revision, found, made_by=None)
    return StoredCheck(check.revision, found["findings"], made_by=found["made_by"])
