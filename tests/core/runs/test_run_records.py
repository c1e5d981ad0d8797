"""A run's status follows from its newest task, and JSON takes every event."""

import json
import math
import time

import pytest

from core.config import FineTuneConfig, TrainConfig
from core.errors import ConfigError
from core.jobs.status import TaskStatus
from core.runs.library import RunLibrary
from core.runs.records import BEGIN_SECONDS, RunStatus, TaskState, derive_status, without_nan
from core.storage.db import Database
from core.storage.schema import Run
from tests.core.runs.run_samples import config


def task(status: TaskStatus, cancel_requested_at: float | None = None) -> TaskState:
    return TaskState(status=status, error=None, cancel_requested_at=cancel_requested_at, finished_at=None)


@pytest.mark.parametrize("status", list(TaskStatus))
def test_status_of_the_task(status: TaskStatus) -> None:
    """A run stands as its task does, as long as nobody asked for an end."""
    assert derive_status(Run(created_at=0.0), task(status)) is RunStatus(status)


@pytest.mark.parametrize("status", list(TaskStatus))
@pytest.mark.parametrize(("stop_requested_at", "cancel_requested_at"), [(1.0, None), (None, 1.0), (1.0, 1.0)])
def test_stopping(status: TaskStatus, stop_requested_at: float | None, cancel_requested_at: float | None) -> None:
    """Only a run that is still running can be stopping; one that waits or has ended says so."""
    run = Run(created_at=0.0, stop_requested_at=stop_requested_at)
    expected = RunStatus.STOPPING if status is TaskStatus.RUNNING else RunStatus(status)
    assert derive_status(run, task(status, cancel_requested_at)) is expected


def test_run_without_a_task(runs: RunLibrary, plan: TrainConfig, database: Database) -> None:
    """A run whose server stopped before it queued the task does not wait for ever; it can be taken up."""
    run_id = runs.create_run(plan).id
    assert (runs.get_run(run_id).status, runs.get_run(run_id).error) == (RunStatus.QUEUED, None)
    with database.session() as session:
        session.get_one(Run, run_id).created_at = time.time() - BEGIN_SECONDS - 1
    view = runs.get_run(run_id)
    assert (view.status, view.can_go_on) == (RunStatus.INTERRUPTED, True)
    assert view.error == "The run was never begun: the server stopped at that moment. Let it go on."
    runs.set_finished(run_id, {"accuracy": 0.5})
    assert runs.get_run(run_id).status is RunStatus.DONE


def test_config_comes_back(runs: RunLibrary, plan: TrainConfig) -> None:
    """The config of a run is the one that it was made with, tuples and nested configs included."""
    whole = config(plan.snapshot, image_size=(160, 160), fine_tune=FineTuneConfig(first_layer=100))
    assert runs.create_run(whole).config == whole


def test_config_of_another_version(runs: RunLibrary, plan: TrainConfig, database: Database) -> None:
    """A config that this version cannot read spoils neither the run nor the list."""
    run_id = runs.create_run(plan).id
    with database.session() as session:
        session.get_one(Run, run_id).config = {"telepathy": True}
    (view,) = runs.list_runs()
    with pytest.raises(ConfigError, match="telepathy"):
        _ = view.config


def test_without_nan() -> None:
    """Infinite numbers and those that are none become null at any depth; everything else stays."""
    values = {"loss": math.nan, "curve": [1.0, math.inf, (-math.inf, 2)], "name": "a", "flag": True, "none": None}
    cleaned = without_nan(values)
    assert cleaned == {"loss": None, "curve": [1.0, None, [None, 2]], "name": "a", "flag": True, "none": None}
    assert json.loads(json.dumps(cleaned, allow_nan=False)) == cleaned
