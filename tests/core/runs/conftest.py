"""A library and a desk of runs on an empty workspace with one dataset, and a second session on the same one."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from core.config import TrainConfig
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.runs.run_samples import HandWorker, config, take


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def other_database(database: Database, settings: Settings) -> Iterator[Database]:
    """Another process would see the same: its own connections to the same file."""
    with closing(open_database(settings)) as other:
        yield other


@pytest.fixture
def runs(database: Database) -> RunLibrary:
    return RunLibrary(database)


@pytest.fixture
def other_runs(other_database: Database) -> RunLibrary:
    return RunLibrary(other_database)


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    return TaskQueue(database, TASK_KINDS)


@pytest.fixture
def worker(queue: TaskQueue, runs: RunLibrary) -> HandWorker:
    return HandWorker(queue, runs)


@pytest.fixture
def desk(runs: RunLibrary, queue: TaskQueue, settings: Settings) -> RunDesk:
    """Its supervisor is never started: tests decide what a worker does."""
    return RunDesk(runs, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH), settings)


@pytest.fixture
def other_desk(other_runs: RunLibrary, other_database: Database, settings: Settings) -> RunDesk:
    queue = TaskQueue(other_database, TASK_KINDS)
    return RunDesk(other_runs, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH), settings)


@pytest.fixture
def frozen(database: Database) -> tuple[int, str]:
    """A dataset's number and the hash of its snapshot."""
    return take(database, "Birds", range(3))


@pytest.fixture
def dataset_id(frozen: tuple[int, str]) -> int:
    return frozen[0]


@pytest.fixture
def plan(frozen: tuple[int, str]) -> TrainConfig:
    """A config that can be trained, as far as the library can tell."""
    return config(frozen[1])
