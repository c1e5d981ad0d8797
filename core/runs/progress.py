"""How runs are trained: their tasks, stops and events; by the clock of the database, for workers may have others."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update

from core.errors import RunStateError
from core.runs.records import RunEventKind, RunEventView, RunView, without_nan
from core.runs.refusals import refusal, unknown_run
from core.runs.rows import lock_live_run, lock_run, run_view
from core.storage.clock import database_now
from core.storage.db import Database
from core.storage.schema import Run, RunEvent, RunLook


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
            run = lock_run(session, run_id)
            run.task_id = max(task_id, run.task_id or 0)

    def set_package_task(self, run_id: int, task_id: int) -> None:
        """Note which task packages a run; an older one than is noted already changes nothing.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = lock_run(session, run_id)
            run.package_task_id = max(task_id, run.package_task_id or 0)

    def request_stop(self, run_id: int) -> None:
        """Ask for a run to end with the best epoch so far; asking again does not move the time.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it neither waits nor runs, or is being cancelled.
        """
        with self._database.session() as session:
            run = lock_run(session, run_id)
            view = run_view(session, run_id)
            if not view.is_active:
                raise refusal(view, "only one that waits or runs can be stopped")
            if view.is_cancel_requested:
                raise RunStateError(f"The run “{view.name}” is being cancelled already; nothing of it will be kept.")
            if run.stop_requested_at is None:
                run.stop_requested_at = session.scalar(select(database_now()))

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
            lock_run(session, run_id).stop_requested_at = None

    def reopen(self, run_id: int) -> RunView:
        """Make sure that a run may go on, and take back an earlier stop, in one step.

        Returns:
            The run as it was before.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it was neither interrupted nor has it failed, or it is in the trash.
        """
        with self._database.session() as session:
            run = lock_live_run(session, run_id)
            view = run_view(session, run_id)
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
            run = lock_run(session, run_id)
            run.started_at, run.finished_at = run.started_at or session.scalar(select(database_now())), None
            if task_id is not None:
                run.task_id = max(task_id, run.task_id or 0)

    def set_finished(self, run_id: int, outcome: dict[str, Any] | None = None) -> None:
        """Note that a worker has come to the end of a run, and what came of it; None leaves the outcome as it is.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            run = lock_run(session, run_id)
            run.finished_at = session.scalar(select(database_now()))
            if outcome is not None:
                run.outcome = without_nan(outcome)

    def note_examined(self, run_id: int, digest: str) -> None:
        """Note that a closer look at a run was taken here.

        Args:
            run_id: the run.
            digest: of all that it followed from.

        Raises:
            UnknownRunError: no such run.
        """
        with self._database.session() as session:
            lock_run(session, run_id)
            session.merge(RunLook(run_id=run_id, digest=digest))

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
            .returning(Run.last_sequence, database_now())
            .execution_options(synchronize_session=False)
        )
        with self._database.session() as session:
            counted = session.execute(count_on).one_or_none()
            if counted is None:
                raise unknown_run(run_id)
            last, now = counted
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
            return int(last)

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
            run = lock_run(session, run_id)
            dropped = session.scalars(select(RunEvent.sequence).where(later)).all()
            if dropped:
                session.execute(delete(RunEvent).where(later).execution_options(synchronize_session=False))
                run.num_rewinds += 1
            return len(dropped)
