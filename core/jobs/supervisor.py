"""Keeps worker processes alive from inside the server process.

The server's own workers are children: they are dead when the operating system says so. Workers of other
servers on this host are looked up among its processes; those of other hosts are dead when their heartbeat
stops. A suspended laptop therefore kills nothing.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from core.environment import to_environment
from core.errors import BluetitError, UnknownTaskError
from core.home import give_home
from core.jobs.kinds import find_kind
from core.jobs.pool import CLUSTER_LOST, Pool, pools_of
from core.jobs.processes import (
    NUM_LOGS_KEPT,
    end_left_behind,
    end_process,
    is_running,
    remove_old_logs,
    worker_log_name,
)
from core.jobs.queue import WORKER_DIED, TaskQueue
from core.jobs.task_bell import TaskBell
from core.jobs.views import TaskView, WorkerView
from core.settings import Settings
from core.storage.files import translating_disk_errors
from core.storage.one_look import one_look
from core.storage.schema_version import refuse_newer_tables

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
STOP_SECONDS = 5.0  # idle workers leave within this time
KILL_SECONDS = 5.0  # longest wait until a killed child is gone

MAX_FAILED_STARTS = 3  # in a row; then the queued tasks of the lane fail
STARTED_AFTER_SECONDS = 30.0  # a worker that lived so long has started well

PROJECT_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    process: subprocess.Popen[bytes]
    pool: Pool
    started_at: float  # monotonic clock
    log_name: str


class Supervisor:
    """Starts workers when there is work, clears up after dead ones, ends those that ignore a cancel."""

    def __init__(self, settings: Settings, queue: TaskQueue, *, kinds: str, is_work_host: bool = False) -> None:
        """Prepare to supervise; nothing is started yet.

        Args:
            settings: handed to the workers, too.
            queue: the queue that the workers take tasks from.
            kinds: where the workers find the queue's table of kinds, as "module:attribute".
            is_work_host: whether `max_workers` is of this host alone, which does nothing else; else workers of other
                servers take the place of this one's.
        """
        self._is_work_host = is_work_host
        self._settings = settings
        self._has_cluster = settings.workers != "local"
        self._queue = queue
        self._kinds = kinds
        self._lock = threading.Lock()  # held while children are looked at or changed
        self._children: dict[str, _Child] = {}  # of all lanes
        self._pools = pools_of(settings, queue.kinds)
        self._thread: threading.Thread | None = None
        self._waking = threading.Event()
        self._stopping = threading.Event()
        self._bell = TaskBell(queue.database, self.wake)

    def start(self) -> None:
        """Begin to supervise in a thread of its own; does nothing when it has begun already."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
                self._thread.start()
                self._bell.start()

    def stop(self, *, finish_seconds: float | None = None) -> None:
        """Stop supervising and let the workers go: idle ones leave now, others when their task is done.

        Args:
            finish_seconds: how long busy ones are waited for, which are told to stop then and give their tasks back;
                None: they go on by themselves.
        """
        self._stopping.set()
        self._bell.stop()
        self._waking.set()
        if self._thread is not None:
            self._thread.join()
        deadline = time.monotonic() + (STOP_SECONDS if finish_seconds is None else finish_seconds)
        with self._lock:
            for child in self._children.values():
                if child.process.stdin is not None:
                    child.process.stdin.close()
            for child in self._children.values():
                _wait(child.process, deadline - time.monotonic())
            if finish_seconds is not None:
                _tell_to_stop([child.process for child in self._children.values()])
            self._reap_children()
            _let_go(child.process for child in self._children.values())

    def wake(self) -> None:
        """Look at the queue now; call it after a submit."""
        self._waking.set()

    @one_look()
    def tick(self) -> None:
        """Look once at children, other workers, cancelled tasks and the queue, and do what is needed.

        Raises:
            StorageError: the database failed, a newer Bluetit has changed it, or a log cannot be written.
        """
        with self._lock:
            self._reap_children()
            self._recover_from_others()
            self._end_overdue_tasks()
            self._start_workers()
            for pool in self._pools:
                if pool.is_placing:
                    pool.note_trouble(self._queue.trouble(pool.lane))

    def _run(self) -> None:
        last_problem = ""
        while not self._stopping.is_set():
            try:
                self.tick()
                last_problem = ""
            except BluetitError as exc:
                if str(exc) != last_problem:  # once, not once a second
                    logger.error("The supervisor could not do its work: %s", exc)
                last_problem = str(exc)
            self._waking.wait(TICK_SECONDS)
            self._waking.clear()

    def _reap_children(self) -> None:
        for worker_id, child in list(self._children.items()):
            lived_seconds = time.monotonic() - child.started_at
            return_code = child.process.poll()
            if return_code is None:
                if lived_seconds > STARTED_AFTER_SECONDS:
                    child.pool.failed_starts = 0
                continue
            end_left_behind(child.process.pid)
            left = self._queue.recover_tasks_of(worker_id, WORKER_DIED, log_name=child.log_name)
            if child.pool.is_placing and return_code != 0:
                self._queue.note_trouble(worker_id, CLUSTER_LOST)
            # Only now: when the database failed above, the next tick tries again.
            del self._children[worker_id]
            if child.process.stdin is not None:
                child.process.stdin.close()
            has_worked = bool(left) or self._queue.has_worked(worker_id)
            if return_code == 0 or has_worked or lived_seconds > STARTED_AFTER_SECONDS:
                child.pool.failed_starts = 0
            else:
                child.pool.note_failed_start(f"ended with code {return_code}", child.log_name)

    def _recover_from_others(self) -> None:
        limit_seconds = self._settings.worker_dead_after_seconds
        recent, silent = self._queue.live_workers(limit_seconds), self._queue.dead_workers(limit_seconds)
        for worker in [*recent, *silent]:
            if worker.id in self._children:
                continue
            runs = is_running(worker)
            if runs is False:
                end_left_behind(worker.pid)
                self._queue.recover_tasks_of(worker.id, log_name=worker_log_name(worker.id))
            elif runs is None and worker in silent:
                self._queue.recover_tasks_of(
                    worker.id,
                    log_name=worker_log_name(worker.id),
                    silent_seconds=limit_seconds,
                    goes_on=self._has_cluster,  # whose computers come and go
                )

    def _end_overdue_tasks(self) -> None:
        """Kill the workers of tasks that were asked to stop and did not."""
        for task in self._queue.overdue_tasks(self._settings.cancel_grace_seconds):
            self._end_worker_of(task)
        self._reap_children()

    def _end_worker_of(self, task: TaskView) -> None:
        child = self._children.get(task.worker_id or "")
        if child is not None:
            self._queue.end_by_force(task, partial(_kill, child.process))
            return
        for worker in self._other_workers():
            if worker.id == task.worker_id:
                self._queue.end_by_force(task, partial(end_process, worker))

    def _other_workers(self) -> list[WorkerView]:
        limit_seconds = self._settings.worker_dead_after_seconds
        workers = self._queue.live_workers(limit_seconds) + self._queue.dead_workers(limit_seconds)
        return [worker for worker in workers if worker.id not in self._children]

    def _start_workers(self) -> None:
        num_queued = self._queue.count_queued()
        if not num_queued:
            return
        refuse_newer_tables(self._queue.database)  # workers of this version would end at once
        self._refuse_unknown(num_queued)
        others = self._other_workers()
        busy = {task.worker_id for task in self._queue.running_tasks()}
        for pool in self._pools:
            own = {worker_id for worker_id, child in self._children.items() if child.pool is pool}
            workers = own | {worker.id for worker in others if worker.lane == pool.row_lane}
            num_waiting = sum(num_queued.get(name, 0) for name in pool.kind_names) - len(workers - busy)
            if num_waiting <= 0:
                continue
            if not workers and pool.failed_starts >= MAX_FAILED_STARTS and not pool.is_placing:
                self._give_up(pool)
            elif time.monotonic() >= pool.next_start_at:
                num_counted = len(own) if self._is_work_host else len(workers)
                for _ in range(min(num_waiting, pool.max_workers - num_counted)):
                    self._start_worker(pool)

    def _refuse_unknown(self, kind_names: Iterable[str]) -> None:
        """Fail the tasks of kinds that only another version of Bluetit knows: no worker would ever take them."""
        for name in kind_names:
            try:
                find_kind(name, self._queue.kinds)
            except UnknownTaskError as exc:
                self._queue.fail_queued([name], str(exc))

    def _start_worker(self, pool: Pool) -> None:
        worker_id = uuid.uuid4().hex
        logs_path = self._settings.logs_path
        log_name = worker_log_name(worker_id)
        command = [sys.executable, "-m", pool.program]
        command += ["--worker-id", worker_id, "--lane", pool.lane]
        command += ["--log-name", log_name, "--kinds", self._kinds]
        with translating_disk_errors(logs_path):
            logs_path.mkdir(parents=True, exist_ok=True)
            remove_old_logs(logs_path, num_kept=NUM_LOGS_KEPT)
            log = (logs_path / log_name).open("ab")  # goes on at its end, also where that was cut off
        with log:
            self._queue.announce_worker(worker_id, pool.row_lane)
            try:
                process = _popen(command, log, self._environment())
            except OSError as exc:  # no memory, too many processes
                pool.note_failed_start(f"could not be started: {exc}", log_name)
                self._queue.unregister_worker(worker_id)
                return
        self._children[worker_id] = _Child(process=process, pool=pool, started_at=time.monotonic(), log_name=log_name)

    def _environment(self) -> dict[str, str]:
        """The worker's environment: ours, with exactly our settings."""
        paths = [str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            "TF_CPP_MIN_LOG_LEVEL": "2",  # TensorFlow's warnings and errors, not its chatter
            **os.environ,
            **to_environment(self._settings),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUTF8": "1",  # the log, on Windows
        }
        give_home(self._settings.workspace_dir, environment)
        return environment

    def _give_up(self, pool: Pool) -> None:
        self._queue.fail_queued(
            pool.kind_names,
            f"The background worker stopped at once each time it was started ({pool.failed_starts} times). "
            f"The details are in {pool.failed_log_name}.",
        )
        pool.failed_starts = 0
        pool.next_start_at = 0.0


# Workers that were busy when their supervisor stopped: they finish their task and leave. They are remembered, because
# Python complains about a process that is forgotten while it runs.
_let_go_processes: set[subprocess.Popen[bytes]] = set()


def _let_go(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    _let_go_processes.update(processes)
    _let_go_processes.difference_update([process for process in _let_go_processes if process.poll() is not None])


def _popen(command: list[str], log: IO[bytes], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a worker that Ctrl+C in the server's terminal does not reach."""
    creation_flags = 0
    if sys.platform == "win32":
        creation_flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=PROJECT_ROOT,
        env=environment,
        start_new_session=True,  # no effect on Windows
        creationflags=creation_flags,
    )


def _kill(process: subprocess.Popen[bytes]) -> bool:
    """End a child and say whether it is gone; then it is reaped like one that died by itself."""
    process.kill()
    _wait(process, KILL_SECONDS)
    return process.poll() is not None


def _tell_to_stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Have workers that are busy give their tasks back; they are children of a host that is about to go."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + KILL_SECONDS
    for process in processes:
        _wait(process, deadline - time.monotonic())


def _wait(process: subprocess.Popen[bytes], timeout_seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, timeout_seconds))
