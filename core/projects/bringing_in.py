"""A project comes into a workspace: all of it, in one transaction at the end, or nothing.

What was checked and staged gets its place in this order: photos, which mean nothing as long as no row names them and
are deleted after some days when none does; networks, which are in the cache; then, within the transaction, the folders
of the runs. The transaction also notes the project's key, so that an attempt after one that was killed knows whether
there is anything left to do.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from core.datasets.library import Library
from core.datasets.shelves.whole_dataset import Arrival, add_arrival, insert_whole_dataset
from core.datasets.snapshots import insert_snapshot
from core.errors import StorageError
from core.names import clean_label
from core.photos.record import PhotoRecord
from core.projects.checking import CheckedProject, believable_measurements, check_project
from core.projects.layout import PhotoRow
from core.projects.project_file import ProjectFile
from core.projects.staging import Staging
from core.runs.folder import PLACING_MARK, RunFolder, delete_folder, runs_path
from core.runs.whole_run import insert_whole_run
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import TEMPORARY_PREFIX, ensure_free_space, translating_disk_errors
from core.storage.own_use import refuse_without_room
from core.storage.schema import Dataset

Report = Callable[[float | None, str], None]

_ROOM = 1.05  # bytes on the disk for each byte of the project
_PHOTOS_AT_ONCE = 500
_JOURNAL_PREFIX = f"{TEMPORARY_PREFIX}placing-"  # as sweeps delete it
# Part of the bar at which photos begin, and at which everything gets its place.
_PHOTOS_FRACTION, _PLACING_FRACTION = 0.1, 0.95


class BringingIn:
    """One attempt at bringing a project in."""

    def __init__(self, database: Database, settings: Settings, key: str, *, report: Report = lambda *_: None) -> None:
        """Prepare an attempt.

        Args:
            database: of the workspace.
            settings: folders and limits.
            key: of the project, 32 hexadecimal digits: the same for each attempt, another for each project.
            report: told the fraction done, 0-1, and a sentence; what it raises ends the attempt.
        """
        self._database = database
        self._settings = settings
        self._key = key
        self._report = report
        self._staging = Staging(settings, key)

    def run(self, file: ProjectFile) -> int:
        """Bring a project in; the number of its dataset, the same again where an earlier attempt has done so.

        Raises:
            ProjectError: it is damaged, hostile, or larger than the limits allow; nothing is kept of it.
            LimitReachedError: the space has no room for it; nothing is kept.
            NoSpaceError: the disk is full, or would be; nothing is kept.
            StorageError: the database or the disk failed; nothing is kept.
        """
        self._staging.clear()
        dataset_id = self.settle()
        if dataset_id is not None:
            return dataset_id
        try:
            self._report(0.0, "Looking at what the project says")
            project = check_project(file, self._settings)
            refuse_without_room(self._database, photos=project.num_images, runs=len(project.runs), num_bytes=0)
            ensure_free_space(self._settings.workspace_dir, round(file.num_bytes * _ROOM))
            notes = [*project.notes, *self._stage(project)]
            self._report(_PLACING_FRACTION, "Putting everything in its place")
            self._publish(project)
            return self._insert(project, notes)
        finally:
            self._staging.clear()

    def _stage(self, project: CheckedProject) -> list[str]:
        notes = []
        for network in project.networks:
            self._report(0.02, "Trying out the networks")
            self._staging.stage_network(project, network)
        for number, each in enumerate(project.runs, 1):
            self._report(0.05, f"Looking at the run “{each.run.name}”")
            notes += self._staging.stage_run(project, number)
        part = (_PLACING_FRACTION - _PHOTOS_FRACTION) / max(1, project.num_photos)
        for number, row in enumerate(project.photos()):
            self._report(_PHOTOS_FRACTION + number * part, f"Photo {number + 1:,} of {project.num_photos:,}")
            self._staging.stage_photo(project, row)
        return notes

    def _publish(self, project: CheckedProject) -> None:
        """Give photos and networks their places; each photo is noted first, or a clean-up could take its file."""
        photos = Library(self._database).photos
        for rows in _batched(project.photos(), _PHOTOS_AT_ONCE):
            records = [
                PhotoRecord(
                    hash=row.hash,
                    suffix=row.suffix,
                    width=row.width,
                    height=row.height,
                    original_width=row.original_width,
                    original_height=row.original_height,
                    num_bytes=row.num_bytes,
                    measurements=believable_measurements(row.measurements),
                )
                for row in rows
            ]
            photos.add(records)
            for row in rows:
                self._staging.publish_photo(row)
            self._staging.keep_photos(records)
        for network in project.networks:
            self._staging.publish_network(network)

    def _insert(self, project: CheckedProject, notes: list[str]) -> int:
        try:
            with self._database.session() as session:
                dataset = insert_whole_dataset(session, project.dataset, project.images())
                for snapshot_hash in project.snapshots:
                    content, rows = project.read_snapshot(snapshot_hash)
                    insert_snapshot(
                        session,
                        dataset,
                        dataset_name=clean_label(content.dataset_name),
                        class_names=content.class_names,
                        rows=rows,
                    )
                run_ids = self._insert_runs(session, project, dataset)
                self._note_arrival(session, project, dataset, notes)
                session.flush()
                self._place_runs(run_ids)
                return dataset.id
        finally:
            # The database says whether it was committed. One that does not answer, or a folder that resists, is left to
            # the next attempt.
            with contextlib.suppress(StorageError):
                self.settle()

    def _insert_runs(self, session: Session, project: CheckedProject, dataset: Dataset) -> list[int]:
        run_ids: list[int] = []
        # A race is one of this workspace: a project that is brought in twice has two.
        races = {each.run.race: uuid.uuid4().hex for each in project.runs if each.run.race is not None}
        for number, each in enumerate(project.runs, 1):
            run_ids.append(
                insert_whole_run(
                    session,
                    each.run,
                    project.events(number),
                    dataset_id=dataset.id,
                    parent_id=None if each.parent is None else run_ids[each.parent - 1],
                    race=None if each.run.race is None else races[each.run.race],
                )
            )
        return run_ids

    def _note_arrival(self, session: Session, project: CheckedProject, dataset: Dataset, notes: list[str]) -> None:
        now = time.time()
        number = len(project.runs)
        runs = f" with {number:,} {'run' if number == 1 else 'runs'}: see the pages Train and Results" if number else ""
        arrival = Arrival(
            title=project.file.name,
            num_accepted=project.num_images,
            num_refused=0,
            refused=(),
            notes=(f"This dataset came as a project{runs}.", *notes),
            created_at=now,
            finished_at=now,
        )
        add_arrival(session, dataset, arrival, request={"title": arrival.title, "work_id": self._key}, is_news=True)

    # --- folders of runs ------------------------------------------------------------------------------------

    @property
    def _journal_path(self) -> Path:
        """Is there while folders of runs are being placed."""
        return runs_path(self._settings) / f"{_JOURNAL_PREFIX}{self._key}"

    def _place_runs(self, run_ids: list[int]) -> None:
        """Move the folders of the runs to their numbers, within the transaction that gives these out."""
        if not run_ids:
            return
        with translating_disk_errors(self._journal_path):
            self._journal_path.touch()
            for number, run_id in enumerate(run_ids, 1):
                draft, folder = self._staging.run_draft(number), RunFolder(self._settings, run_id)
                (draft / PLACING_MARK).write_text(self._key, encoding="utf-8")
                folder.set_aside()
                draft.rename(folder.path)
                folder.keep()

    def settle(self) -> int | None:
        """Settle what became of placed folders: those of a transaction that was never committed go.

        Their numbers may have been given to other runs since, which have set these folders aside under other names.

        Returns:
            The dataset, where the transaction was committed; None: there is everything to do.

        Raises:
            StorageError: the database or the disk failed.
        """
        dataset_id = Library(self._database).imports.dataset_of(self._key)
        if self._journal_path.is_file():
            with translating_disk_errors(self._journal_path):
                for mark in runs_path(self._settings).glob(f"*/{PLACING_MARK}"):
                    if mark.read_text(encoding="utf-8") == self._key:
                        delete_folder(mark.parent) if dataset_id is None else mark.unlink()
                self._journal_path.unlink()
        return dataset_id


def settle_abandoned(database: Database, settings: Settings, is_active: Callable[[str], bool]) -> None:
    """Settle the placed folders of projects that nobody is bringing in any more: their workers were killed too often.

    Args:
        database: of the workspace, all of it.
        settings: where folders are.
        is_active: whether a project of this key is being brought in, or will be once more.

    Raises:
        StorageError: the database or the disk failed.
    """
    for journal in runs_path(settings).glob(f"{_JOURNAL_PREFIX}*"):
        key = journal.name.removeprefix(_JOURNAL_PREFIX)
        if not is_active(key):
            BringingIn(database, settings, key).settle()


def _batched(rows: Iterable[PhotoRow], size: int) -> Iterator[list[PhotoRow]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
