"""Runs in a space that has limits: so many are kept, and their trainings take so long in an hour."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import update

from core.datasets.library import Library
from core.datasets.tasks import EXPORT_KIND, DatasetTasks
from core.errors import ConfigError, LimitReachedError
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.runs.begin import RunRequest, begin_runs
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.limits import SpaceMeter, usage_of
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.clock import database_now
from core.storage.db import Database, open_database
from core.storage.own_use import bind_space
from core.storage.schema import Task
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.runs.run_samples import config, take

pytestmark = pytest.mark.both_databases


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, access="class", max_space_runs=3, max_space_training_minutes_per_hour=10)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def pupil(database: Database, settings: Settings) -> Database:
    return bind_space(database, settings, SpaceRegistry(database).create(SpaceKind.PUPIL, "Otter").id).database


@pytest.fixture
def desk(pupil: Database, settings: Settings) -> RunDesk:
    queue = TaskQueue(pupil, TASK_KINDS)
    assert pupil.room is not None
    supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
    return RunDesk(RunLibrary(pupil), queue, supervisor, pupil.room.settings)


def train_for(database: Database, seconds: float) -> None:
    """The next training, as a worker would do it, which ends now after so many seconds."""
    queue = TaskQueue(database.of_space(None), TASK_KINDS)
    queue.register_worker("w1", pid=1, host="here", lane=Lane.NETWORKS)
    task = queue.claim("w1", ["train_run"])
    assert task is not None
    queue.finish(task.id, "w1", status=TaskStatus.DONE)
    with queue.database.session() as session:
        values = {"started_at": database_now() - seconds, "finished_at": database_now()}
        session.execute(update(Task).where(Task.id == task.id).values(values))


def test_runs_kept(desk: RunDesk, pupil: Database) -> None:
    """The sentence comes before anything is done, and a race of too many begins none of its runs."""
    dataset_id, snapshot = take(pupil, "Birds", range(4))
    plan = config(snapshot)
    desk.submit(plan)
    requests = [RunRequest(dataset_id=dataset_id, config=plan, race="r") for _ in range(3)]
    with pytest.raises(LimitReachedError, match="You may keep 3 runs and have 1; 3 more would come"):
        begin_runs(pupil, desk, requests)
    assert len(RunLibrary(pupil).list_runs()) == 1
    desk.submit(plan)
    desk.submit(plan)
    with pytest.raises(LimitReachedError, match="You may keep 3 runs and have 3; 1 more"):
        desk.submit(plan)


def test_minutes_in_an_hour(desk: RunDesk, pupil: Database, database: Database, settings: Settings) -> None:
    """Trainings count with what they took; then none begins, and none goes on, until some time has passed."""
    _, snapshot = take(pupil, "Birds", range(4))
    runs = [desk.submit(config(snapshot)) for _ in range(2)]
    train_for(database, 599)
    desk.refuse_without_room(0)
    train_for(database, 120)
    with pytest.raises(LimitReachedError, match="10 minutes an hour and have taken 12"):
        desk.submit(config(snapshot))
    with pytest.raises(LimitReachedError, match="10 minutes an hour"):
        desk.resume(runs[0].id)
    assert pupil.space_id is not None
    assert round(usage_of(database, settings, pupil.space_id).training_minutes) == 12
    with database.session() as session:
        earlier = {"started_at": Task.started_at - 3_400, "finished_at": Task.finished_at - 3_400}
        session.execute(update(Task).values(earlier))
    desk.submit(config(snapshot))


def test_exports(desk: RunDesk, pupil: Database, settings: Settings) -> None:
    """Who has used up the disk has nothing more exported; who has not, has."""
    dataset_id, _ = take(pupil, "Birds", range(4))
    queue = TaskQueue(pupil, TASK_KINDS)
    tasks = DatasetTasks(settings, Library(pupil), queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))
    tasks.request(EXPORT_KIND, dataset_id)
    upload = settings.incoming_path / f"{pupil.space_id}-{'a' * 32}"
    upload.mkdir(parents=True)
    with (upload / "000000").open("wb") as file:
        file.truncate(400_000_000)
    with pytest.raises(LimitReachedError, match="You may use 400 MB of the disk and use 400 MB"):
        tasks.request(EXPORT_KIND, dataset_id)
    tasks.request("check_dataset", dataset_id)


def test_programs(desk: RunDesk, pupil: Database, database: Database, settings: Settings) -> None:
    """Guests train no module of TensorFlow Hub, wherever it may be."""
    _, snapshot = take(pupil, "Birds", range(4))
    with pytest.raises(ConfigError, match="switched off on this server"):
        desk.submit(config(snapshot, backbone="hub:/srv/modules/one"))


def test_what_is_nearly_full(pupil: Database, database: Database, desk: RunDesk) -> None:
    """The meter tells who is nearly there, and nobody else."""
    assert SpaceMeter(pupil).nearly_full() == []
    _, snapshot = take(pupil, "Birds", range(4))
    for _ in range(3):
        desk.submit(config(snapshot))
    assert SpaceMeter(pupil).nearly_full() == ["3 of 3 runs"]
    assert SpaceMeter(database).nearly_full() == []
