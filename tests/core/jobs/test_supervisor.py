"""The supervisor keeps workers going whatever happens to them, and kills nothing that is alive and well."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from core.environment import load_settings, to_environment
from core.errors import NewerDatabaseError
from core.jobs import pool as pool_module
from core.jobs import supervisor as supervisor_module
from core.jobs.kinds import Lane, TaskKind
from core.jobs.processes import this_host
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.jobs.views import TaskView
from core.settings import Settings
from core.storage.db import Database
from core.storage.schema import Worker
from tests.core.jobs.sample_kinds import KINDS, KINDS_PATH
from tests.statements import noted_statements
from tests.waiting import wait_until
from tests.worker_processes import is_gone, workers_below

MakeSupervisor = Callable[..., Supervisor]


@pytest.fixture
def make_supervisor(settings: Settings, queue: TaskQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeSupervisor]:
    """Makes supervisors whose workers are gone when the test is over."""
    # A worker of an earlier test elsewhere may still be finishing what it was doing.
    wait_until(lambda: own_workers() == [])
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0.5)
    monkeypatch.setattr(supervisor_module, "TICK_SECONDS", 0.1)
    supervisors: list[Supervisor] = []

    def make(kinds: str = KINDS_PATH, **changes: object) -> Supervisor:
        supervisors.append(Supervisor(replace(settings, **changes), queue, kinds=kinds))  # type: ignore[arg-type]
        return supervisors[-1]

    yield make
    for supervisor in supervisors:
        supervisor.stop()
        for process in own_workers():
            process.kill()
        supervisor.stop()


def own_workers() -> list[psutil.Process]:
    return workers_below(psutil.Process())


def pid_of(queue: TaskQueue, task: TaskView) -> int:
    return next(worker.pid for worker in queue.live_workers(60) if worker.id == task.worker_id)


def wait_for_status(queue: TaskQueue, task_id: int, status: TaskStatus) -> TaskView:
    wait_until(lambda: queue.get(task_id).status == status)
    return queue.get(task_id)


def messages(queue: TaskQueue, task_id: int) -> list[str]:
    return [e.payload["text"] for e in queue.events_after(task_id, 0) if e.kind == "message"]


def make_silent(database: Database, worker_id: str) -> None:
    with database.session() as session:
        session.get_one(Worker, worker_id).heartbeat_at = 0.0


def claim_as_other_server(queue: TaskQueue, kind: str = "count", *, pid: int = 1, host: str) -> int:
    task_id = queue.submit(kind, {})
    queue.register_worker("other", pid=pid, host=host, lane=Lane.NETWORKS)
    queue.claim("other", KINDS)
    return task_id


def test_worker_is_started_when_there_is_work(
    queue: TaskQueue, make_supervisor: MakeSupervisor, settings: Settings
) -> None:
    """Without tasks there is no worker; with one there is, it stays warm, writes its log, and lets us go first."""
    supervisor = make_supervisor()
    supervisor.tick()
    assert own_workers() == []
    supervisor.start()
    first = queue.submit("count", {})
    supervisor.wake()
    worker_id = wait_for_status(queue, first, TaskStatus.DONE).worker_id
    second = queue.submit("count", {})
    assert wait_for_status(queue, second, TaskStatus.DONE).worker_id == worker_id
    (worker,) = own_workers()
    assert worker.nice() > psutil.Process().nice()
    assert "Task 1 (count), attempt 1: begun." in (settings.logs_path / f"worker-{worker_id}.log").read_text()


def test_workers_are_looked_up_once_in_a_tick(
    queue: TaskQueue, database: Database, make_supervisor: MakeSupervisor
) -> None:
    """Those that live and those that fell silent, however many parts of the tick ask."""
    queue.submit("wait_for_cancel", {})
    supervisor = make_supervisor()
    supervisor.tick()  # starts one
    with noted_statements(database) as statements:
        supervisor.tick()
    assert len([each for each in statements if "FROM workers" in each and "heartbeat_at" in each]) == 2


def test_tables_of_a_newer_version(queue: TaskQueue, database: Database, make_supervisor: MakeSupervisor) -> None:
    """No worker is started that would end at once, nor is a task given up; while nothing waits nobody asks."""
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    supervisor = make_supervisor()
    supervisor.tick()
    task_id = queue.submit("count", {})
    with pytest.raises(NewerDatabaseError):
        supervisor.tick()
    assert own_workers() == []
    assert queue.get(task_id).status is TaskStatus.QUEUED


def test_start_twice(make_supervisor: MakeSupervisor) -> None:
    """Starting again while it runs changes nothing; after a stop it runs again."""
    supervisor = make_supervisor()
    for _ in range(2):
        supervisor.start()
        supervisor.start()
        assert [t.name for t in threading.enumerate()].count("supervisor") == 1
        supervisor.stop()
        assert [t.name for t in threading.enumerate()].count("supervisor") == 0


def test_killed_worker_is_tried_again(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """A worker killed in the middle is replaced, people are told, and the second attempt succeeds."""
    make_supervisor().start()
    number = queue.submit("hang_once", {})
    wait_until(lambda: queue.progress(number))
    psutil.Process(pid_of(queue, queue.get(number))).kill()
    task = wait_for_status(queue, number, TaskStatus.DONE)
    assert task.attempts == 2
    assert messages(queue, number) == ["The worker stopped unexpectedly; trying again (attempt 2 of 3)."]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes")
@pytest.mark.parametrize("is_own", [True, False])
def test_what_a_killed_worker_had_begun_is_ended(
    queue: TaskQueue, make_supervisor: MakeSupervisor, is_own: bool
) -> None:
    """A browser that proves an export would else run for ever; so too when the server was killed as well."""
    supervisor = make_supervisor()
    supervisor.start()
    number = queue.submit("begin_program_once", {})
    wait_until(lambda: messages(queue, number))
    program = psutil.Process(int(messages(queue, number)[0]))
    worker = psutil.Process(pid_of(queue, queue.get(number)))
    if not is_own:
        supervisor.stop()
        supervisor = make_supervisor()
    worker.kill()
    if not is_own:
        worker.wait(10)
        supervisor.start()
    wait_until(lambda: is_gone(program))
    assert wait_for_status(queue, number, TaskStatus.DONE).attempts == 2


def test_task_that_always_kills_its_worker(
    queue: TaskQueue, make_supervisor: MakeSupervisor, settings: Settings
) -> None:
    """After its last attempt the task fails and names a log that exists; the next task is not affected."""
    make_supervisor().start()
    number = queue.submit("die", {})
    following = queue.submit("count", {})
    error = wait_for_status(queue, number, TaskStatus.FAILED).error or ""
    assert error.startswith("The worker stopped unexpectedly in attempt 2 of 2, the last one. The details are in")
    assert (settings.logs_path / error.removesuffix(".").split()[-1]).is_file()
    wait_for_status(queue, following, TaskStatus.DONE)


def test_interrupted_task_is_continued(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """A kind that a person must continue waits for that, and then runs to its end."""
    make_supervisor().start()
    number = queue.submit("hang_once_long", {})
    wait_until(lambda: queue.progress(number))
    psutil.Process(pid_of(queue, queue.get(number))).kill()
    wait_for_status(queue, number, TaskStatus.INTERRUPTED)
    queue.requeue(number)
    assert wait_for_status(queue, number, TaskStatus.DONE).attempts == 2


def test_task_that_ignores_a_cancel(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """After the grace time the worker is killed and the task cancelled; the next gets a new worker."""
    make_supervisor().start()
    number = queue.submit("ignore_cancel", {})
    wait_for_status(queue, number, TaskStatus.RUNNING)
    queue.request_cancel(number)
    cancelled = wait_for_status(queue, number, TaskStatus.CANCELLED)
    following = queue.submit("count", {})
    assert wait_for_status(queue, following, TaskStatus.DONE).worker_id != cancelled.worker_id


def test_grace_before_the_kill(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """Within the grace time a cancelled task is left to stop by itself."""
    supervisor = make_supervisor(cancel_grace_seconds=60)
    number = queue.submit("ignore_cancel", {})
    supervisor.tick()
    wait_for_status(queue, number, TaskStatus.RUNNING)
    queue.request_cancel(number)
    supervisor.tick()
    assert queue.get(number).status == TaskStatus.RUNNING
    assert len(own_workers()) == 1


def test_worker_of_another_server_ignores_a_cancel(
    queue: TaskQueue,
    make_supervisor: MakeSupervisor,
    start_worker: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    """On this host another server's worker can be ended, too."""
    number = queue.submit("ignore_cancel", {})
    process = start_worker("w1")
    wait_for_status(queue, number, TaskStatus.RUNNING)
    queue.request_cancel(number)
    make_supervisor(cancel_grace_seconds=0).tick()
    assert queue.get(number).status == TaskStatus.CANCELLED
    process.wait(10)


def test_a_worker_that_has_gone_on_to_the_next_task_is_left_alone(
    queue: TaskQueue, make_supervisor: MakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that ignored its cancel ends just when the supervisor has decided to end its worker: nobody is killed."""
    supervisor = make_supervisor(cancel_grace_seconds=0)
    first = queue.submit("wait_for_cancel", {})
    supervisor.tick()
    running = wait_for_status(queue, first, TaskStatus.RUNNING)
    queue.request_cancel(first)
    overdue = replace(running, cancel_requested_at=queue.get(first).cancel_requested_at)
    following = queue.submit("ignore_cancel", {})
    wait_for_status(queue, following, TaskStatus.RUNNING)
    monkeypatch.setattr(queue, "overdue_tasks", lambda _: [overdue])
    supervisor.tick()
    assert queue.get(first).status == TaskStatus.CANCELLED
    assert queue.get(following).worker_id == running.worker_id
    assert queue.get(following).status == TaskStatus.RUNNING
    assert len(own_workers()) == 1


def test_stranger_with_the_number_of_a_worker(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """A process that only has the number of a dead worker is not killed (this test's own process)."""
    number = claim_as_other_server(queue, pid=os.getpid(), host=this_host())
    queue.request_cancel(number)
    make_supervisor(cancel_grace_seconds=0).tick()
    assert queue.get(number).status == TaskStatus.CANCELLED


def test_never_more_workers_than_allowed(queue: TaskQueue, make_supervisor: MakeSupervisor, tmp_path: Path) -> None:
    """There are as many workers as tasks need, and not more than the setting says."""
    supervisor = make_supervisor(max_workers=2)
    for num_expected in (1, 2, 2):
        queue.submit("wait_for_file", {"path": str(tmp_path / "file")})
        supervisor.tick()
        supervisor.tick()
        assert len(own_workers()) == num_expected


def test_workers_of_other_servers_count(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """While another server's worker lives, a second one would be one too many."""
    queue.register_worker("other", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    queue.submit("count", {})
    make_supervisor().tick()
    assert own_workers() == []


def test_silent_worker_of_another_host(queue: TaskQueue, database: Database, make_supervisor: MakeSupervisor) -> None:
    """On another host only the heartbeat tells: a recent one protects the task, an old one does not."""
    supervisor = make_supervisor()
    number = claim_as_other_server(queue, "hang_once_long", host="elsewhere")
    supervisor.tick()
    assert queue.get(number).status == TaskStatus.RUNNING
    make_silent(database, "other")
    supervisor.tick()
    assert queue.get(number).status == TaskStatus.INTERRUPTED
    assert queue.dead_workers(60) == []


def test_vanished_worker_of_this_host(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """After a crash of server and worker nobody waits for a heartbeat to become old."""
    number = claim_as_other_server(queue, "hang_once_long", pid=2**22 + 1, host=this_host())
    make_supervisor().tick()
    assert queue.get(number).status == TaskStatus.INTERRUPTED


def test_silent_worker_that_runs(
    queue: TaskQueue,
    database: Database,
    make_supervisor: MakeSupervisor,
    start_worker: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    """When the laptop wakes up all heartbeats are old; workers of other servers here keep their tasks."""
    number = queue.submit("ignore_cancel", {})
    start_worker("w1")
    wait_for_status(queue, number, TaskStatus.RUNNING)
    make_silent(database, "w1")
    make_supervisor().tick()
    assert queue.get(number).status == TaskStatus.RUNNING


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that suspends")
def test_suspended_child(queue: TaskQueue, database: Database, make_supervisor: MakeSupervisor) -> None:
    """An own worker is judged by its process: silence alone takes nothing from it."""
    supervisor = make_supervisor()
    number = queue.submit("ignore_cancel", {})
    supervisor.tick()
    task = wait_for_status(queue, number, TaskStatus.RUNNING)
    os.kill(pid_of(queue, task), signal.SIGSTOP)
    make_silent(database, task.worker_id or "")
    supervisor.tick()
    assert queue.get(number) == task
    assert len(own_workers()) == 1


def test_worker_that_cannot_start(
    queue: TaskQueue, make_supervisor: MakeSupervisor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three starts that fail the task fails and names the log with the reason."""
    monkeypatch.setattr(pool_module, "BACK_OFF_SECONDS", 0.05)
    number = queue.submit("count", {})
    make_supervisor("no_such_module:KINDS").start()
    error = wait_for_status(queue, number, TaskStatus.FAILED).error or ""
    assert error.startswith("The background worker stopped at once each time it was started (3 times).")
    log = settings.logs_path / error.removesuffix(".").split()[-1]
    assert "No module named 'no_such_module'" in log.read_text()
    assert len(list(settings.logs_path.iterdir())) == 3


def test_pause_after_a_failed_start(
    queue: TaskQueue, make_supervisor: MakeSupervisor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start waits; ticks in between start nothing."""
    monkeypatch.setattr(pool_module, "BACK_OFF_SECONDS", 1000.0)
    queue.submit("count", {})
    supervisor = make_supervisor("no_such_module:KINDS")
    supervisor.tick()
    wait_until(lambda: own_workers() == [])
    for _ in range(3):
        supervisor.tick()
    assert own_workers() == []
    assert len(list(settings.logs_path.iterdir())) == 1


def test_program_that_cannot_be_run(
    queue: TaskQueue, make_supervisor: MakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the system refuses a new process, that is a failed start, not the end of the supervisor."""
    monkeypatch.setattr(pool_module, "BACK_OFF_SECONDS", 0.0)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    number = queue.submit("count", {})
    supervisor = make_supervisor()
    for _ in range(4):
        supervisor.tick()
    assert queue.get(number).status == TaskStatus.FAILED


def test_stop_lets_a_busy_worker_finish(queue: TaskQueue, make_supervisor: MakeSupervisor, tmp_path: Path) -> None:
    """Stopping the server does not stop what is being done."""
    supervisor = make_supervisor()
    supervisor.start()
    number = queue.submit("wait_for_file", {"path": str(tmp_path / "file")})
    wait_until(lambda: queue.progress(number))
    supervisor.stop()
    assert queue.get(number).status == TaskStatus.RUNNING
    (tmp_path / "file").touch()
    wait_for_status(queue, number, TaskStatus.DONE)
    wait_until(lambda: own_workers() == [])


def test_photos_do_not_wait_for_networks(queue: TaskQueue, make_supervisor: MakeSupervisor, tmp_path: Path) -> None:
    """While the only worker for networks is busy, photos have a worker of their own, and one is enough."""
    supervisor = make_supervisor(max_workers=1)
    supervisor.start()
    training = queue.submit("wait_for_file", {"path": str(tmp_path / "training")})
    wait_until(lambda: queue.progress(training))
    photos = queue.submit("photos_wait_for_file", {"path": str(tmp_path / "photos")})
    wait_until(lambda: queue.progress(photos))
    following = queue.submit("photos_count", {})
    (tmp_path / "photos").touch()
    assert wait_for_status(queue, following, TaskStatus.DONE).worker_id == queue.get(photos).worker_id
    assert queue.get(training).status == TaskStatus.RUNNING
    assert sorted(worker.lane for worker in queue.live_workers(60)) == [Lane.NETWORKS, Lane.PHOTOS]


def test_one_photos_worker_whatever_is_queued(
    queue: TaskQueue, make_supervisor: MakeSupervisor, tmp_path: Path
) -> None:
    """The setting is about workers for networks: photos are done by one, and those of the others do not count."""
    supervisor = make_supervisor(max_workers=2)
    for _ in range(3):
        queue.submit("wait_for_file", {"path": str(tmp_path / "file")})
        queue.submit("photos_wait_for_file", {"path": str(tmp_path / "file")})
    supervisor.tick()
    lanes = sorted(worker.lane for worker in queue.live_workers(60))
    assert lanes == [Lane.NETWORKS, Lane.NETWORKS, Lane.PHOTOS]
    assert len(own_workers()) == 3


def test_killed_photos_worker_is_replaced(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """A dead worker for photos gets a successor of the same lane, which tries the task again."""
    make_supervisor().start()
    number = queue.submit("photos_hang_once", {})
    wait_until(lambda: queue.progress(number))
    first = queue.get(number).worker_id
    psutil.Process(pid_of(queue, queue.get(number))).kill()
    task = wait_for_status(queue, number, TaskStatus.DONE)
    assert (task.attempts, task.worker_id != first) == (2, True)
    assert [worker.lane for worker in queue.live_workers(60)] == [Lane.PHOTOS]


def test_two_supervisors_share_a_photos_worker(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """A server sees the worker that another one has just started, before that worker itself can say a word."""
    number = queue.submit("photos_count", {})
    first, second = make_supervisor(), make_supervisor()
    for _ in range(3):
        first.tick()
        second.tick()
    assert len(own_workers()) == 1
    wait_for_status(queue, number, TaskStatus.DONE)
    second.tick()
    assert len(own_workers()) == 1


def test_workers_of_other_servers_count_for_their_lane(queue: TaskQueue, make_supervisor: MakeSupervisor) -> None:
    """Another server's worker for networks does not keep a worker for photos from being started."""
    queue.register_worker("other", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    queue.submit("count", {})
    queue.submit("photos_count", {})
    make_supervisor().tick()
    assert len(own_workers()) == 1
    assert sorted(worker.lane for worker in queue.live_workers(60)) == [Lane.NETWORKS, Lane.PHOTOS]


def test_failed_starts_of_one_lane(
    queue: TaskQueue, make_supervisor: MakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers for photos that cannot start take nothing from the other lane, nor does their back-off."""
    monkeypatch.setattr(pool_module, "BACK_OFF_SECONDS", 0.05)
    supervisor = make_supervisor("no_such_module:KINDS")
    photos = queue.submit("photos_count", {})
    queue.register_worker("other", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    training = queue.submit("count", {})
    supervisor.start()
    error = wait_for_status(queue, photos, TaskStatus.FAILED).error or ""
    assert error.startswith("The background worker stopped at once each time it was started (3 times).")
    assert queue.get(training).status == TaskStatus.QUEUED


def test_unknown_kind_fails(queue: TaskQueue, database: Database, make_supervisor: MakeSupervisor) -> None:
    """A task that only another version of Bluetit knows fails with a reason; no worker is started for it."""
    kind = TaskKind(
        name="paint", title="Paint", handler="x:y", lane=Lane.PHOTOS, max_attempts=1, on_worker_death="retry"
    )
    number = TaskQueue(database, {**KINDS, "paint": kind}).submit("paint", {})
    make_supervisor().tick()
    assert queue.get(number).status == TaskStatus.FAILED
    assert (queue.get(number).error or "").startswith("No kind of task is named 'paint'; known are count")
    assert own_workers() == []


def test_settings_travel_through_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's settings are exactly the given ones, whatever file or variable lies about."""
    (tmp_path / "bluetit.toml").write_text('max_workers = 7\nweights_dir = "/from/file"\n')
    monkeypatch.chdir(tmp_path)
    for settings in (
        Settings(workspace_dir=tmp_path),
        Settings(
            workspace_dir=tmp_path / "räum lich",
            cache_dir=tmp_path / "cache",
            database_url="postgresql://user@host/name?a=b",
            link_allowed_private_hosts=("school:80", "10.0.0.1"),
            cancel_grace_seconds=0.1 + 0.2,
            max_workers=3,
        ),
    ):
        inherited = {"BLUETIT_WEIGHTS_DIR": "/inherited", "BLUETIT_MAX_WORKERS": "9"}
        assert load_settings({**inherited, **to_environment(settings)}) == settings
