"""Runs as a whole: noted, named, found, put into the trash and out of it."""

import time
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.config import TrainConfig
from core.datasets.shelves.rows import WRITE_TRIES, chunked, refusing_taken_name, unknown_dataset
from core.datasets.snapshots import find_origin
from core.errors import NameRefusedError, RunStateError, UnknownDatasetError
from core.jobs.status import ACTIVE_STATUSES
from core.names import clean_name, clean_text, first_free, name_key
from core.runs.names import default_name
from core.runs.records import RunView, without_nan
from core.runs.refusals import refuse_active, unknown_run
from core.runs.rows import lock_live_run, lock_run, run_marks, run_view, run_views
from core.storage.db import Database
from core.storage.kept import KeptReadings
from core.storage.one_look import read_once
from core.storage.own_rows import space_of
from core.storage.own_use import check_room
from core.storage.schema import Dataset, Run, Snapshot

# Runs that are kept in memory as they were read last; each takes some kilobytes.
_MAX_SEEN = 2_000


class RunShelf:
    """Runs as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: KeptReadings[RunView] = KeptReadings(_MAX_SEEN)

    def create_run(
        self,
        config: TrainConfig,
        *,
        name: str | None = None,
        recipe: str | None = None,
        dataset_id: int | None = None,
        parent_id: int | None = None,
        race: str | None = None,
        detail: str = "",
    ) -> RunView:
        """Note a new run, which nobody trains yet.

        Args:
            config: what it is to be trained with; its snapshot must have been taken.
            name: None: a free one that says what it is, such as "flowers · Quick · MobileNetV2 3".
            recipe: name of the recipe that the config was made from.
            dataset_id: the dataset under which people look for it.
            parent_id: the run that it goes on from, or of which it is a changed copy.
            race: mark that the runs of one race of backbones, or of one sweep over a setting, have in common.
            detail: what tells it from the others of its sweep, behind a name that is found, such as "dropout 0.2".

        Raises:
            NameRefusedError: a run cannot have the name, or another one has it.
            UnknownDatasetError: no such dataset or snapshot.
            UnknownRunError: no such parent.
            LimitReachedError: the space has as many runs as it may keep.
        """
        values = {
            "recipe": recipe,
            "config": without_nan(config.to_json()),  # lists in place of tuples, as they will be read
            "snapshot_hash": config.snapshot,
            "dataset_id": dataset_id,
            "parent_id": parent_id,
            "race": race,
        }
        if name is not None:
            return self._insert(clean_name(name, "run"), values)
        usual = default_name(config, recipe=recipe, dataset_name=self._dataset_name(dataset_id), detail=detail)
        for _ in range(WRITE_TRIES):
            try:
                return self._insert(self.free_name(usual), values)
            except NameRefusedError:
                continue  # somebody else was given this number at the same moment
        raise NameRefusedError("No free name was found for the run: others begin some at this moment. Try again.")

    def free_name(self, name: str) -> str:
        """The name as it would be kept, numbered when another run has it: "quick", "quick 2".

        Raises:
            NameRefusedError: a run cannot have the name.
        """
        with self._database.read_session() as session:
            return _free_name(session, clean_name(name, "run"))

    @read_once
    def get_run(self, run_id: int) -> RunView:
        """One run, in the trash or not.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.read_session() as session:
            return run_view(session, run_id)

    @read_once
    def list_runs(self, dataset_id: int | None = None) -> list[RunView]:
        """The runs out of the trash, of one dataset or of all, the newest first."""
        condition: ColumnElement[bool] = Run.trashed_at.is_(None)
        if dataset_id is not None:
            condition &= Run.dataset_id == dataset_id
        with self._database.read_session() as session:
            # Without configs and outcomes, which are the most of it; nearly always all is as it was a moment ago.
            marks = {row.id: tuple(row) for row in session.execute(run_marks().where(condition))}
            seen = {run_id: self._seen.get(run_id, mark) for run_id, mark in marks.items()}
            for run_ids in chunked([run_id for run_id, view in seen.items() if view is None]):
                for view in run_views(session, Run.id.in_(run_ids)):
                    self._seen.keep(view.id, marks[view.id], view)
                    seen[view.id] = view
        return [view for _, view in sorted(seen.items(), reverse=True) if view is not None]

    def list_trashed(self) -> list[RunView]:
        """The runs in the trash, the latest deleted first."""
        with self._database.read_session() as session:
            return run_views(session, Run.trashed_at.is_not(None), Run.trashed_at.desc(), Run.id.desc())

    def rename(self, run_id: int, name: str) -> None:
        """Give a run another name; the one that it has changes nothing.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is in the trash.
            NameRefusedError: a run cannot have the name, or another one has it.
        """
        name = clean_name(name, "run")
        with self._database.session() as session:
            run = lock_live_run(session, run_id)
            with refusing_taken_name(session, "run", name):
                run.name, run.name_key = name, name_key(name)

    def set_note(self, run_id: int, note: str) -> None:
        """Write what a person wants to remember about a run; line breaks are kept.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is in the trash.
        """
        with self._database.session() as session:
            lock_live_run(session, run_id).note = "\n".join(clean_text(line) for line in note.splitlines()).strip()

    def trash(self, run_id: int) -> None:
        """Put a run that has ended into the trash; one that is there already stays as it is.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it waits or runs.
        """
        with self._database.session() as session:
            run = lock_run(session, run_id)
            if run.trashed_at is None:
                refuse_active(run_view(session, run_id))
                run.trashed_at = time.time()

    def restore(self, run_id: int) -> RunView:
        """Take a run out of the trash, under a numbered name when another has its name now.

        One that is not in the trash stays as it is.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = lock_run(session, run_id)
            if run.trashed_at is not None:
                name = _free_name(session, run.name)
                with refusing_taken_name(session, "run", name):
                    run.name, run.name_key, run.trashed_at = name, name_key(name), None
            return run_view(session, run_id)

    def purge(self, run_id: int) -> None:
        """Delete a run that is in the trash for good, with its events; its folder is the caller's matter.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not in the trash, or a worker uses it or will.
        """
        with self._database.session() as session:
            run = lock_run(session, run_id)
            view = run_view(session, run_id)
            if view.trashed_at is None:
                raise RunStateError(f"The run “{view.name}” is not in the trash. Put it there first.")
            refuse_active(view)
            if view.package_status in ACTIVE_STATUSES:
                raise RunStateError(f"The run “{view.name}” is being packaged. Wait until that is done.")
            session.delete(run)

    def _dataset_name(self, dataset_id: int | None) -> str | None:
        """None where there is none; one that is not there is refused when the run is noted."""
        with self._database.read_session() as session:
            dataset = None if dataset_id is None else session.get(Dataset, dataset_id)
            return None if dataset is None else dataset.name

    def _insert(self, name: str, values: dict[str, Any]) -> RunView:
        with self._database.session() as session:
            _check_references(session, values)
            check_room(session, runs=1)
            run = Run(
                name=name,
                name_key=name_key(name),
                note="",
                last_sequence=0,
                num_rewinds=0,
                created_at=time.time(),
                space_id=space_of(session),
                **values,
            )
            with refusing_taken_name(session, "run", name):
                session.add(run)
            return run_view(session, run.id)


def _check_references(session: Session, values: dict[str, Any]) -> None:
    """Refuse in plain words what a foreign key would refuse, and keep what is there from being deleted meanwhile."""
    snapshot_hash, dataset_id, parent_id = (values[key] for key in ("snapshot_hash", "dataset_id", "parent_id"))
    lock = {"read": True, "key_share": True}
    is_own = find_origin(session, snapshot_hash) is not None
    if not is_own or session.get(Snapshot, snapshot_hash, with_for_update=lock) is None:
        raise UnknownDatasetError(f"No snapshot has the hash {snapshot_hash[:12]}…; take one of the dataset again.")
    if dataset_id is not None and session.get(Dataset, dataset_id, with_for_update=lock) is None:
        raise unknown_dataset(dataset_id)
    if parent_id is not None and session.get(Run, parent_id, with_for_update=lock) is None:
        raise unknown_run(parent_id)


def _free_name(session: Session, name: str) -> str:
    taken = set(session.scalars(select(Run.name_key).where(Run.trashed_at.is_(None))))
    return first_free(name, taken.__contains__)
