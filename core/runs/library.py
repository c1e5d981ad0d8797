"""The library of runs: the only code that changes them.

Every change is one transaction that locks the run's row first (on SQLite: is the only writer), so pages and workers
that change it at once lose nothing. How a run's tasks stand is read together with it.
"""

import time
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, select, update
from sqlalchemy.orm import Session, aliased

from core.config import TrainConfig
from core.datasets.shelves.rows import WRITE_TRIES, refusing_taken_name, unknown_dataset
from core.errors import NameRefusedError, RunStateError, UnknownDatasetError, UnknownRunError
from core.jobs.status import ACTIVE_STATUSES, TaskStatus
from core.names import clean_name, clean_text, first_free, name_key
from core.runs.names import default_name
from core.runs.records import RunEventKind, RunEventView, RunStatus, RunView, TaskState, without_nan
from core.storage.db import Database
from core.storage.schema import Dataset, Run, RunEvent, Snapshot, Task

_STATUS_WORDS = {
    RunStatus.QUEUED: "waits for its turn",
    RunStatus.RUNNING: "is running",
    RunStatus.STOPPING: "is being stopped",
    RunStatus.DONE: "is done",
    RunStatus.FAILED: "has failed",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.INTERRUPTED: "was interrupted",
}


class RunShelf:
    """Runs as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_run(
        self,
        config: TrainConfig,
        *,
        name: str | None = None,
        recipe: str | None = None,
        dataset_id: int | None = None,
        parent_id: int | None = None,
        race: str | None = None,
    ) -> RunView:
        """Note a new run, which nobody trains yet.

        Args:
            config: what it is to be trained with; its snapshot must have been taken.
            name: None: a free one that says what it is, such as "flowers · Quick · MobileNetV2 3".
            recipe: name of the recipe that the config was made from.
            dataset_id: the dataset under which people look for it.
            parent_id: the run that it goes on from, or of which it is a changed copy.
            race: mark that the runs of one race of backbones have in common.

        Raises:
            NameRefusedError: a run cannot have the name, or another one has it.
            UnknownDatasetError: no such dataset or snapshot.
            UnknownRunError: no such parent.
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
        usual = default_name(config, recipe=recipe, dataset_name=self._dataset_name(dataset_id))
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

    def get_run(self, run_id: int) -> RunView:
        """One run, in the trash or not.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.read_session() as session:
            return _view(session, run_id)

    def list_runs(self, dataset_id: int | None = None) -> list[RunView]:
        """The runs out of the trash, of one dataset or of all, the newest first."""
        condition: ColumnElement[bool] = Run.trashed_at.is_(None)
        if dataset_id is not None:
            condition &= Run.dataset_id == dataset_id
        with self._database.read_session() as session:
            return _views(session, condition, Run.id.desc())

    def list_trashed(self) -> list[RunView]:
        """The runs in the trash, the latest deleted first."""
        with self._database.read_session() as session:
            return _views(session, Run.trashed_at.is_not(None), Run.trashed_at.desc(), Run.id.desc())

    def rename(self, run_id: int, name: str) -> None:
        """Give a run another name; the one that it has changes nothing.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is in the trash.
            NameRefusedError: a run cannot have the name, or another one has it.
        """
        name = clean_name(name, "run")
        with self._database.session() as session:
            run = _lock_live(session, run_id)
            with refusing_taken_name(session, "run", name):
                run.name, run.name_key = name, name_key(name)

    def set_note(self, run_id: int, note: str) -> None:
        """Write what a person wants to remember about a run; line breaks are kept.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is in the trash.
        """
        with self._database.session() as session:
            _lock_live(session, run_id).note = "\n".join(clean_text(line) for line in note.splitlines()).strip()

    def trash(self, run_id: int) -> None:
        """Put a run that has ended into the trash; one that is there already stays as it is.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it waits or runs.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            if run.trashed_at is None:
                _refuse_active(_view(session, run_id))
                run.trashed_at = time.time()

    def restore(self, run_id: int) -> RunView:
        """Take a run out of the trash, under a numbered name when another has its name now.

        One that is not in the trash stays as it is.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            if run.trashed_at is not None:
                name = _free_name(session, run.name)
                with refusing_taken_name(session, "run", name):
                    run.name, run.name_key, run.trashed_at = name, name_key(name), None
            return _view(session, run_id)

    def purge(self, run_id: int) -> None:
        """Delete a run that is in the trash for good, with its events; its folder is the caller's matter.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not in the trash, or a worker uses it or will.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            view = _view(session, run_id)
            if view.trashed_at is None:
                raise RunStateError(f"The run “{view.name}” is not in the trash. Put it there first.")
            _refuse_active(view)
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
            run = Run(
                name=name,
                name_key=name_key(name),
                note="",
                last_sequence=0,
                num_rewinds=0,
                created_at=time.time(),
                **values,
            )
            with refusing_taken_name(session, "run", name):
                session.add(run)
            return _view(session, run.id)


class RunProgress:
    """How runs are trained: their tasks, stops and events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_task(self, run_id: int, task_id: int) -> None:
        """Note which task trains a run; an older one than is noted already changes nothing.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            run.task_id = max(task_id, run.task_id or 0)

    def set_package_task(self, run_id: int, task_id: int) -> None:
        """Note which task packages a run; an older one than is noted already changes nothing.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            run.package_task_id = max(task_id, run.package_task_id or 0)

    def request_stop(self, run_id: int) -> None:
        """Ask for a run to end with the best epoch so far; asking again does not move the time.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it neither waits nor runs, or is being cancelled.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            view = _view(session, run_id)
            if not view.is_active:
                raise refusal(view, "only one that waits or runs can be stopped")
            if view.is_cancel_requested:
                raise RunStateError(f"The run “{view.name}” is being cancelled already; nothing of it will be kept.")
            if run.stop_requested_at is None:
                run.stop_requested_at = time.time()

    def is_stop_requested(self, run_id: int) -> bool:
        """Whether somebody asked for a run to end with the best epoch so far.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.read_session() as session:
            row = session.execute(select(Run.stop_requested_at).where(Run.id == run_id)).one_or_none()
            if row is None:
                raise unknown_run(run_id)
            return row.stop_requested_at is not None

    def clear_stop(self, run_id: int) -> None:
        """Take back what `request_stop` asked for.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            _lock(session, run_id).stop_requested_at = None

    def reopen(self, run_id: int) -> RunView:
        """Make sure that a run may go on, and take back an earlier stop, in one step.

        Returns:
            The run as it was before.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it was neither interrupted nor has it failed, or it is in the trash.
        """
        with self._database.session() as session:
            run = _lock_live(session, run_id)
            view = _view(session, run_id)
            if not view.can_go_on:
                raise refusal(view, "only one that was interrupted or has failed can go on")
            run.stop_requested_at = None
            return view

    def set_started(self, run_id: int, *, task_id: int | None = None) -> None:
        """Note that a worker begins, or goes on with, a run; the first time counts.

        Args:
            run_id: the run.
            task_id: the worker's task, in case the server stopped before it could note it.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            run.started_at, run.finished_at = run.started_at or time.time(), None
            if task_id is not None:
                run.task_id = max(task_id, run.task_id or 0)

    def set_finished(self, run_id: int, outcome: dict[str, Any] | None = None) -> None:
        """Note that a worker has come to the end of a run, and what came of it; None leaves the outcome as it is.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = _lock(session, run_id)
            run.finished_at = time.time()
            if outcome is not None:
                run.outcome = without_nan(outcome)

    def append_events(self, run_id: int, events: Sequence[tuple[RunEventKind, dict[str, Any]]]) -> int:
        """Add events to a run, in order and all at once.

        Args:
            run_id: the run.
            events: (kind, payload) of each; payloads are JSON, numbers that JSON does not know become null.

        Returns:
            The sequence number of the run's last event. The new ones have the numbers up to it, without a gap.

        Raises:
            UnknownRunError: no such run.
        """
        # This statement locks the row, so a second writer waits and counts on from here.
        count_on = (
            update(Run)
            .where(Run.id == run_id)
            .values(last_sequence=Run.last_sequence + len(events))
            .returning(Run.last_sequence)
            .execution_options(synchronize_session=False)
        )
        now = time.time()
        with self._database.session() as session:
            last = session.scalar(count_on)
            if last is None:
                raise unknown_run(run_id)
            rows = [
                {
                    "run_id": run_id,
                    "sequence": sequence,
                    "kind": kind,
                    "payload": without_nan(payload),
                    "created_at": now,
                }
                for sequence, (kind, payload) in enumerate(events, last - len(events) + 1)
            ]
            if rows:
                session.execute(insert(RunEvent), rows)
            return last

    def events_after(
        self,
        run_id: int,
        sequence: int,
        *,
        kinds: Collection[RunEventKind] | None = None,
        limit: int | None = None,
    ) -> list[RunEventView]:
        """The events of a run with a greater sequence number, in order; 0 gives all.

        A reader who looks again and again also looks at the run, before this: when its `num_rewinds` has changed,
        events that were read are no longer true, and all are to be read again.

        Args:
            run_id: the run.
            sequence: of the last event that is known already.
            kinds: only these; None: all.
            limit: at most so many, the first ones.
        """
        statement = select(RunEvent).where(RunEvent.run_id == run_id, RunEvent.sequence > sequence)
        if kinds is not None:
            statement = statement.where(RunEvent.kind.in_(kinds))
        with self._database.read_session() as session:
            events = session.scalars(statement.order_by(RunEvent.sequence).limit(limit))
            return [RunEventView.of(event) for event in events]

    def drop_events_after(self, run_id: int, sequence: int) -> int:
        """Delete the events with a greater sequence number, before a run goes on from an earlier point.

        Their numbers are not given again, so that nobody who has read them misses what comes instead.

        Returns:
            How many there were.

        Raises:
            UnknownRunError: no such run.
        """
        later = (RunEvent.run_id == run_id) & (RunEvent.sequence > sequence)
        with self._database.session() as session:
            run = _lock(session, run_id)
            dropped = session.scalars(select(RunEvent.sequence).where(later)).all()
            if dropped:
                session.execute(delete(RunEvent).where(later).execution_options(synchronize_session=False))
                run.num_rewinds += 1
            return len(dropped)


class RunLibrary(RunShelf, RunProgress):
    """Everything about the runs of one database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)


def unknown_run(run_id: int) -> UnknownRunError:
    """The error for a number that no run has."""
    return UnknownRunError(f"No run has the number {run_id}; it may have been deleted for good.")


def refusal(view: RunView, rule: str) -> RunStateError:
    """The error for what a run's state does not allow.

    Args:
        view: the run.
        rule: what would be possible, such as "only one that is done can be packaged".
    """
    return RunStateError(f"The run “{view.name}” {_STATUS_WORDS[view.status]}; {rule}.")


def refuse_trashed(view: RunView) -> None:
    """Refuse a run that is in the trash.

    Raises:
        RunStateError: it is.
    """
    if view.trashed_at is not None:
        raise _trashed(view.name)


def _trashed(name: str) -> RunStateError:
    return RunStateError(f"The run “{name}” was deleted. Restore it first.")


def _refuse_active(view: RunView) -> None:
    if view.is_active:
        raise refusal(view, "stop or cancel it before you delete it")


def _lock(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise unknown_run(run_id)
    return run


def _lock_live(session: Session, run_id: int) -> Run:
    run = _lock(session, run_id)
    if run.trashed_at is not None:
        raise _trashed(run.name)
    return run


def _check_references(session: Session, values: dict[str, Any]) -> None:
    """Refuse in plain words what a foreign key would refuse, and keep what is there from being deleted meanwhile."""
    snapshot_hash, dataset_id, parent_id = (values[key] for key in ("snapshot_hash", "dataset_id", "parent_id"))
    lock = {"read": True, "key_share": True}
    if session.get(Snapshot, snapshot_hash, with_for_update=lock) is None:
        raise UnknownDatasetError(f"No snapshot has the hash {snapshot_hash[:12]}…; take one of the dataset again.")
    if dataset_id is not None and session.get(Dataset, dataset_id, with_for_update=lock) is None:
        raise unknown_dataset(dataset_id)
    if parent_id is not None and session.get(Run, parent_id, with_for_update=lock) is None:
        raise unknown_run(parent_id)


def _free_name(session: Session, name: str) -> str:
    taken = set(session.scalars(select(Run.name_key).where(Run.trashed_at.is_(None))))
    return first_free(name, taken.__contains__)


def _view(session: Session, run_id: int) -> RunView:
    views = _views(session, Run.id == run_id)
    if not views:
        raise unknown_run(run_id)
    return views[0]


def _views(session: Session, condition: ColumnElement[bool], *order: ColumnElement[Any]) -> list[RunView]:
    """Runs with what their tasks say, all in one statement."""
    statement = _runs_with_tasks().where(condition).order_by(*order)
    return [RunView.of(row[0], _task_state(row[1:5]), _task_state(row[5:9])) for row in session.execute(statement)]


@cache  # a page that watches a run asks some times a second, and making it takes longer than the answer
def _runs_with_tasks() -> Select[Any]:
    training, packaging = aliased(Task), aliased(Task)
    return (
        select(Run, *_columns(training), *_columns(packaging))
        .outerjoin(training, training.id == Run.task_id)
        .outerjoin(packaging, packaging.id == Run.package_task_id)
    )


def _columns(task: type[Task]) -> tuple[Any, ...]:
    return task.status, task.error, task.cancel_requested_at, task.finished_at


def _task_state(columns: Sequence[Any]) -> TaskState | None:
    status, error, cancel_requested_at, finished_at = columns
    if status is None:
        return None
    return TaskState(
        status=TaskStatus(status), error=error, cancel_requested_at=cancel_requested_at, finished_at=finished_at
    )
