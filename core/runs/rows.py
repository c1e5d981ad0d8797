"""Rows of runs: locked before they change, read together with how their tasks stand."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from core.jobs.status import TaskStatus
from core.runs.records import RunView, TaskState
from core.runs.refusals import trashed_error, unknown_run
from core.storage.schema import Run, Task


def lock_run(session: Session, run_id: int) -> Run:
    """The row of a run, which nobody else changes until the transaction ends.

    Raises:
        UnknownRunError: no such run.
    """
    run = session.get(Run, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise unknown_run(run_id)
    return run


def lock_live_run(session: Session, run_id: int) -> Run:
    """The same of a run that must be out of the trash.

    Raises:
        UnknownRunError: no such run.
        RunStateError: it is in the trash.
    """
    run = lock_run(session, run_id)
    if run.trashed_at is not None:
        raise trashed_error(run.name)
    return run


def run_view(session: Session, run_id: int) -> RunView:
    """One run, in the trash or not.

    Raises:
        UnknownRunError: no such run.
    """
    views = run_views(session, Run.id == run_id)
    if not views:
        raise unknown_run(run_id)
    return views[0]


def run_views(session: Session, condition: ColumnElement[bool], *order: ColumnElement[Any]) -> list[RunView]:
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


@cache
def run_marks() -> Select[Any]:
    """Everything of a run and its tasks but its config, which never changes, and its outcome, which comes with
    `finished_at`."""
    training, packaging = aliased(Task), aliased(Task)
    columns = [column for column in Run.__table__.columns if column.key not in ("config", "outcome")]
    return (
        select(*columns, *_columns(training), *_columns(packaging))
        .select_from(Run)
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
