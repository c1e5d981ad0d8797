"""Real worker processes do what the queue gives them, report every end, and leave when they should."""

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from core.errors import StorageError
from core.jobs import worker as worker_module
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.worker import Worker
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from tests.waiting import TIMEOUT_SECONDS, wait_until

# Only a limit: a worker needs a moment, on a busy machine a long one.
END_SECONDS = 60.0

StartWorker = Callable[..., subprocess.Popen[bytes]]

has_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot ask a process to stop")


def wait_for_end(queue: TaskQueue, task_id: int) -> None:
    wait_until(lambda: not queue.get(task_id).is_active)


def close_pipe(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def test_task_runs_to_its_end(queue: TaskQueue, start_worker: StartWorker) -> None:
    """A task is done, and of its many reports the last one is kept."""
    number = queue.submit("count", {})
    start_worker("w1")
    wait_for_end(queue, number)
    assert queue.get(number).status == TaskStatus.DONE
    events = queue.events_after(number, 0)
    assert [event.kind for event in events if event.kind != "progress"] == ["status"] * 3
    assert events[-1].payload["status"] == "done"
    fractions = [event.payload["fraction"] for event in events if event.kind == "progress"]
    assert fractions == [1.0]
    progress = queue.progress(number)
    assert progress is not None
    assert (progress.message, progress.seconds_left) == ("Step 1000", 0.0)


def test_every_end_is_reported(queue: TaskQueue, start_worker: StartWorker, tmp_path: Path) -> None:
    """Whatever a handler does, the worker writes how it ended and takes the next task."""
    crash, leave, refuse, missing = (
        queue.submit(name, {}) for name in ("crash", "leave", "refuse", "missing_function")
    )
    last = queue.submit("count", {})
    start_worker("w1")
    wait_for_end(queue, last)
    for number in (crash, leave, missing):
        assert queue.get(number).error == ("An unexpected error stopped the task; the details are in w1.log.")
    assert queue.get(refuse).error == "The disk is made of cheese."
    assert {queue.get(n).status for n in (crash, leave, refuse, missing)} == {TaskStatus.FAILED}
    assert queue.get(last).status == TaskStatus.DONE
    log = (tmp_path / "w1.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "ZeroDivisionError: the handler is broken" in log


@pytest.mark.parametrize(("lane", "kind"), [(Lane.NETWORKS, "list_modules"), (Lane.PHOTOS, "photos_list_modules")])
def test_worker_is_light(queue: TaskQueue, start_worker: StartWorker, lane: Lane, kind: str) -> None:
    """Only handlers load what is heavy: a worker is there in a second, and one for photos stays small."""
    number = queue.submit(kind, {})
    start_worker("w1", lane)
    wait_for_end(queue, number)
    assert queue.messages(number) == ["none"]


def test_worker_keeps_to_its_lane(queue: TaskQueue, start_worker: StartWorker) -> None:
    """A worker leaves older tasks of the other lane alone, and says which lane it is of."""
    training, photos = queue.submit("count", {}), queue.submit("photos_count", {})
    start_worker("w1", Lane.PHOTOS)
    wait_for_end(queue, photos)
    assert [worker.lane for worker in queue.live_workers(60)] == [Lane.PHOTOS]
    assert queue.get(training).status == TaskStatus.QUEUED


def test_cancel_while_running(queue: TaskQueue, start_worker: StartWorker) -> None:
    """A running task that listens is cancelled, and its worker goes on to the next one."""
    number = queue.submit("wait_for_cancel", {})
    start_worker("w1")
    wait_until(lambda: queue.get(number).status == TaskStatus.RUNNING)
    queue.request_cancel(number)
    wait_for_end(queue, number)
    assert (queue.get(number).status, queue.get(number).error) == (TaskStatus.CANCELLED, None)
    following = queue.submit("count", {})
    wait_for_end(queue, following)
    assert queue.get(following).worker_id == "w1"


def test_idle_worker_leaves_with_its_server(queue: TaskQueue, start_worker: StartWorker) -> None:
    """When the server's end of the pipe closes, an idle worker signs off and exits."""
    process = start_worker("w1")
    wait_until(lambda: queue.live_workers(60))
    close_pipe(process)
    assert process.wait(END_SECONDS) == 0
    assert queue.live_workers(60) == []


def test_busy_worker_finishes_before_it_leaves(queue: TaskQueue, start_worker: StartWorker, tmp_path: Path) -> None:
    """A worker whose server is gone finishes its task, begins no other, and exits."""
    number = queue.submit("wait_for_file", {"path": str(tmp_path / "file")})
    following = queue.submit("count", {})
    process = start_worker("w1")
    wait_until(lambda: queue.progress(number))
    close_pipe(process)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    (tmp_path / "file").touch()
    assert process.wait(END_SECONDS) == 0
    assert queue.get(number).status == TaskStatus.DONE
    assert queue.get(following).status == TaskStatus.QUEUED
    assert queue.live_workers(60) == []


@has_signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_told_to_stop(queue: TaskQueue, start_worker: StartWorker, number: signal.Signals) -> None:
    """A polite signal puts the task back as its kind wants, and the worker signs off."""
    task_id = queue.submit("hang_once", {})
    process = start_worker("w1")
    wait_until(lambda: queue.progress(task_id))
    process.send_signal(number)
    assert process.wait(END_SECONDS) == 0
    assert queue.get(task_id).status == TaskStatus.QUEUED
    texts = [e.payload["text"] for e in queue.events_after(task_id, 0) if e.kind == "message"]
    assert texts == ["The worker was told to stop; trying again (attempt 2 of 3)."]
    assert queue.live_workers(60) == []


def test_two_workers_race(queue: TaskQueue, start_worker: StartWorker, tmp_path: Path) -> None:
    """Of fifty tasks each is done once, and both workers have their share."""
    starting_gun, path = tmp_path / "gun", tmp_path / "notes"
    waiting = [queue.submit("wait_for_file", {"path": str(starting_gun)}) for _ in range(2)]
    numbers = [queue.submit("note", {"path": str(path)}) for _ in range(50)]
    start_worker("w1")
    start_worker("w2")
    wait_until(lambda: all(queue.progress(number) for number in waiting))
    starting_gun.touch()
    wait_until(lambda: not any(task.is_active for task in queue.list_tasks(100)))
    notes = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    assert sorted(int(task_id) for task_id, _ in notes) == numbers
    assert len(Counter(pid for _, pid in notes)) == 2
    assert {task.attempts for task in queue.list_tasks(100)} == {1}


def test_lost_task_is_dropped(queue: TaskQueue, start_worker: StartWorker, tmp_path: Path) -> None:
    """A worker whose task was given away says so in its log, changes nothing, and goes on."""
    number = queue.submit("wait_for_file", {"path": str(tmp_path / "file")})
    start_worker("w1")
    wait_until(lambda: queue.progress(number))
    queue.recover_tasks_of("w1")
    (tmp_path / "file").touch()
    wait_for_end(queue, number)
    assert (queue.get(number).status, queue.get(number).attempts) == (TaskStatus.DONE, 2)
    assert "no longer belongs" in (tmp_path / "w1.log").read_text(encoding="utf-8")


class TestIdleWorker:
    """Workers in threads of the test, for which any idle moment is a long time."""

    @pytest.fixture
    def run_worker(
        self, queue: TaskQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[[Lane], threading.Thread]]:
        monkeypatch.setattr(worker_module, "PHOTOS_LEAVE_SECONDS", 0.0)
        server_gone = threading.Event()
        threads: list[threading.Thread] = []

        def run(lane: Lane) -> threading.Thread:
            worker = Worker(queue, settings, worker_id="w1", lane=lane, log_name="w1.log", server_gone=server_gone)
            threads.append(threading.Thread(target=worker.run))
            threads[-1].start()
            return threads[-1]

        yield run
        server_gone.set()
        for thread in threads:
            thread.join()

    def test_photos(self, queue: TaskQueue, run_worker: Callable[[Lane], threading.Thread]) -> None:
        """A worker for photos that has nothing to do signs off and frees its memory."""
        number = queue.submit("photos_list_modules", {})
        run_worker(Lane.PHOTOS).join(TIMEOUT_SECONDS)
        assert queue.get(number).status == TaskStatus.DONE
        assert queue.live_workers(60) == []

    def test_networks(self, queue: TaskQueue, run_worker: Callable[[Lane], threading.Thread]) -> None:
        """A worker for networks keeps what it has loaded, however long it waits."""
        first = queue.submit("list_modules", {})
        thread = run_worker(Lane.NETWORKS)
        wait_for_end(queue, first)
        thread.join(worker_module.IDLE_SECONDS * 2)
        second = queue.submit("list_modules", {})
        wait_for_end(queue, second)
        assert queue.get(second).worker_id == "w1"


class TestHeartbeat:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, worker_dead_after_seconds=6.0)

    def test_busy_worker_stays_alive(self, queue: TaskQueue, start_worker: StartWorker) -> None:
        """The heart beats several times per limit, also while a handler works."""
        number = queue.submit("ignore_cancel", {})
        start_worker("w1")
        wait_until(lambda: queue.get(number).status == TaskStatus.RUNNING)
        (worker,) = queue.live_workers(60)
        wait_until(lambda: queue.live_workers(60)[0].heartbeat_at > worker.heartbeat_at + 0.5)
        assert [worker.id for worker in queue.live_workers(6.0)] == ["w1"]


class TestDatabaseAway:
    """The worker in a thread of the test, its database failing now and then."""

    @pytest.fixture
    def run_worker(
        self, queue: TaskQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[[], None]]:
        monkeypatch.setattr(worker_module, "FINISH_RETRY_SECONDS", (0.0, 0.0, 0.0))
        monkeypatch.setattr(worker_module, "STORAGE_RETRY_SECONDS", 0.01)
        server_gone = threading.Event()
        worker = Worker(queue, settings, worker_id="w1", lane=Lane.NETWORKS, log_name="w1.log", server_gone=server_gone)
        thread = threading.Thread(target=worker.run)
        yield thread.start
        server_gone.set()
        thread.join()

    def test_no_claim(self, queue: TaskQueue, run_worker: Callable[[], None]) -> None:
        """A claim that fails is tried again later."""
        number = queue.submit("list_modules", {})
        failures = [StorageError("away"), StorageError("away")]
        with patch.object(queue, "claim", side_effect=failing_first(failures, queue.claim)):
            run_worker()
            wait_for_end(queue, number)
        assert not failures

    def test_result_is_not_lost(self, queue: TaskQueue, run_worker: Callable[[], None]) -> None:
        """The result of a task is written as soon as the database is back."""
        number = queue.submit("list_modules", {})
        failures = [StorageError("away"), StorageError("away")]
        with patch.object(queue, "finish", side_effect=failing_first(failures, queue.finish)):
            run_worker()
            wait_for_end(queue, number)
        assert not failures
        assert (queue.get(number).status, queue.get(number).attempts) == (TaskStatus.DONE, 1)


def failing_first(failures: list[StorageError], method: Callable[..., object]) -> Callable[..., object]:
    def call(*arguments: object, **options: object) -> object:
        if failures:
            raise failures.pop()
        return method(*arguments, **options)

    return call


def test_guests_do_not_read_what_is_called_how_here(
    queue: TaskQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Whose task failed unexpectedly is told no log if they are a guest, and whoever looks after the computer is."""
    guest, teacher = (
        queue.of_space(SpaceRegistry(queue.database).create(kind, "Otter").id)
        for kind in (SpaceKind.PUPIL, SpaceKind.TEACHER)
    )
    of_guest, of_teacher = guest.submit("crash", {}), teacher.submit("crash", {})
    dying = guest.submit("die", {})
    start_worker("w1")
    for task_id in (of_guest, of_teacher):
        wait_for_end(queue, task_id)
    assert queue.get(of_guest).error == worker_module.UNEXPECTED_FOR_GUESTS
    assert "the details are in w1.log" in (queue.get(of_teacher).error or "")
    wait_until(lambda: queue.get(dying).status is TaskStatus.RUNNING)
    for _ in range(2):
        queue.recover_tasks_of("w1", log_name="w1.log")
        queue.claim("w1", ["die"])
    queue.recover_tasks_of("w1", log_name="w1.log")
    assert queue.get(dying).error == "The worker stopped unexpectedly in attempt 2 of 2, the last one."
