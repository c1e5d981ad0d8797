"""Datasets that are deleted for good: at once when somebody wants it, or by themselves after some time in the trash.

What the database knows goes in one transaction. The files of photos that nothing needs any more are deleted by the
worker for photos, between two imports: an import that brings the same photo once more never loses it. A photo stays
as long as a run learned from it, in the trash or not, and as long as another dataset has it.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import aliased

from core.datasets.exporting import forget_exports
from core.datasets.ingest.desk import ImportDesk
from core.datasets.library import Library
from core.datasets.records import DatasetView
from core.datasets.shelves.rows import lock_any_dataset
from core.datasets.tasks import CLEAR_KIND
from core.errors import DatasetError, UnknownDatasetError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import translating_disk_errors
from core.storage.schema import Dataset, DatasetClass, DatasetImage, Run, SnapshotImage

logger = logging.getLogger(__name__)

_DAY_SECONDS = 24 * 3600.0
_MAX_IMPORTS = 100_000  # of one dataset
# Its time of change is when this workspace first counted days in the trash: what was there before is counted from then.
_COUNTING_MARK = "trash_is_counted_since"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOutlook:
    """What would go, and what would stay, if a dataset were deleted for good now."""

    num_photos: int  # different ones, those in the trash of the dataset too
    num_kept_for_runs: int  # because runs learned from them
    kept_by_class: tuple[tuple[str, int], ...]  # (class, photos of it that are kept for runs), most first
    run_names: tuple[str, ...]  # the runs, in the trash or not, that learned from them
    num_kept_elsewhere: int  # because other datasets have them; no run needs them
    dataset_names: tuple[str, ...]  # the datasets, in the trash or not, that have those

    @property
    def num_going(self) -> int:
        """Photos whose files would be deleted."""
        return self.num_photos - self.num_kept_for_runs - self.num_kept_elsewhere


class DatasetTrash:
    """The datasets that were deleted and can be brought back; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        queue: TaskQueue,
        supervisor: Supervisor,
        imports: ImportDesk,
    ) -> None:
        self._settings = settings
        self._database = database
        self._library = Library(database)
        self._queue = queue
        self._supervisor = supervisor
        self._imports = imports

    def foresee(self, dataset_id: int) -> PurgeOutlook:
        """What would become of a dataset's photos if it were deleted for good.

        Raises:
            UnknownDatasetError: no such dataset.
        """
        self._library.datasets.get(dataset_id)
        return foresee_purge(self._database, dataset_id)

    def purge(self, dataset_id: int) -> PurgeOutlook:
        """Delete a dataset in the trash for good, and have the photos deleted that nothing else needs.

        Its imports are stopped, and its exports deleted. Runs stay as they are, with the photos that they learned from.

        Returns:
            What goes and what stays.

        Raises:
            UnknownDatasetError: no such dataset.
            DatasetError: it is not in the trash: somebody has brought it back.
            StorageError: the database or the disk failed.
        """
        dataset = self._library.datasets.get(dataset_id)
        outlook = foresee_purge(self._database, dataset_id)
        imports = self._library.imports.of(dataset_id, limit=_MAX_IMPORTS)
        if dataset.trashed_at is not None:
            for view in imports:
                self._imports.cancel(view.id)
            # Before as well: whoever is killed in between leaves no copies of a dataset that is gone.
            forget_exports(self._settings, dataset)
        purge_dataset(self._database, dataset_id)
        forget_exports(self._settings, dataset)
        self._queue.submit(CLEAR_KIND, {"requested_at": time.time()})
        self._supervisor.wake()
        return outlook

    def purge_overdue(self) -> int:
        """Delete the datasets for good that have been in the trash for too long, and return how many.

        Raises:
            StorageError: the database or the disk failed.
        """
        num_purged = 0
        self._mark_counting()
        for dataset in self._library.datasets.in_trash():
            seconds_left = self.seconds_left(dataset)
            if seconds_left is None or seconds_left > 0:
                continue
            # Another server may do the same, or somebody brings it back at this moment.
            with contextlib.suppress(UnknownDatasetError, DatasetError):
                self.purge(dataset.id)
                logger.info("The dataset “%s” has been in the trash for long enough and is gone.", dataset.name)
                num_purged += 1
        return num_purged

    def seconds_left(self, dataset: DatasetView) -> float | None:
        """How long a dataset stays in the trash, 0 when it goes next; None when it stays, or is not in the trash."""
        if dataset.trashed_at is None or self._settings.dataset_trash_days == 0:
            return None
        now = time.time()
        try:
            counted_since = self._mark_path.stat().st_mtime
        except OSError:  # nobody has counted yet
            counted_since = now
        begun_at = max(dataset.trashed_at, counted_since)
        return max(begun_at + self._settings.dataset_trash_days * _DAY_SECONDS - now, 0.0)

    @property
    def _mark_path(self) -> Path:
        return self._settings.workspace_dir / _COUNTING_MARK

    def _mark_counting(self) -> None:
        """Begin to count: what an older version kept for good must not go on the day of the update."""
        with translating_disk_errors(self._mark_path), contextlib.suppress(FileExistsError):
            self._mark_path.touch(exist_ok=False)


def foresee_purge(database: Database, dataset_id: int) -> PurgeOutlook:
    """What would become of the photos of a dataset, which need not be in the trash, if it were deleted for good."""
    own = DatasetImage.dataset_id == dataset_id
    kept_for_runs, kept_elsewhere = _is_in_a_run(), _is_in_another(dataset_id)
    num_different = func.count(DatasetImage.photo_hash.distinct())
    by_class = (
        select(DatasetClass.name, num_different)
        .join(DatasetClass, DatasetClass.id == DatasetImage.class_id)
        .where(own, kept_for_runs)
        .group_by(DatasetClass.name)
        .order_by(num_different.desc(), DatasetClass.name)
    )
    hashes = select(DatasetImage.photo_hash).where(own)
    snapshots = select(SnapshotImage.snapshot_hash).where(SnapshotImage.photo_hash.in_(hashes))
    other = aliased(DatasetImage)
    others = select(other.dataset_id).where(
        other.photo_hash.in_(hashes.where(~kept_for_runs)), other.dataset_id != dataset_id
    )
    with database.read_session() as session:
        return PurgeOutlook(
            num_photos=session.scalar(select(num_different).where(own)) or 0,
            num_kept_for_runs=session.scalar(select(num_different).where(own, kept_for_runs)) or 0,
            kept_by_class=tuple((name, number) for name, number in session.execute(by_class)),
            run_names=tuple(session.scalars(select(Run.name).where(Run.snapshot_hash.in_(snapshots)).order_by(Run.id))),
            num_kept_elsewhere=session.scalar(select(num_different).where(own, ~kept_for_runs, kept_elsewhere)) or 0,
            dataset_names=tuple(
                session.scalars(select(Dataset.name).where(Dataset.id.in_(others)).order_by(Dataset.id))
            ),
        )


def purge_dataset(database: Database, dataset_id: int) -> None:
    """Delete a dataset in the trash for good, with its classes, images, imports and undo history.

    Raises:
        UnknownDatasetError: no such dataset.
        DatasetError: it is not in the trash.
    """
    with database.session() as session:
        dataset = lock_any_dataset(session, dataset_id)
        if dataset.trashed_at is None:
            raise DatasetError(
                f"The dataset “{dataset.name}” is not in the trash, so nothing was deleted. Somebody may have brought "
                "it back; delete it first."
            )
        # First, because they refer to captures as well.
        images = delete(DatasetImage).where(DatasetImage.dataset_id == dataset_id)
        session.execute(images.execution_options(synchronize_session=False))
        session.delete(dataset)


def _is_in_a_run() -> ColumnElement[bool]:
    """Whether a run learned from the photo of an image, or was judged by it."""
    return (
        exists()
        .where(SnapshotImage.photo_hash == DatasetImage.photo_hash, Run.snapshot_hash == SnapshotImage.snapshot_hash)
        .correlate(DatasetImage)
    )


def _is_in_another(dataset_id: int) -> ColumnElement[bool]:
    other = aliased(DatasetImage)
    return exists().where(other.photo_hash == DatasetImage.photo_hash, other.dataset_id != dataset_id)
