"""The worker process: takes tasks of its lane from the queue, one after the other, and runs their handlers.

    python -m core.jobs.worker --worker-id ID --lane LANE --kinds MODULE:ATTRIBUTE [--log-name NAME]

The supervisor starts it and holds the other end of its standard input. When that end closes, the server is
gone: the worker finishes its task and exits. Settings come from the environment; standard output and error
are the log.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from core.environment import load_settings
from core.errors import BluetitError, StorageError, TaskCancelledError, TaskLostError
from core.jobs.context import TaskContext
from core.jobs.handlers import import_attribute, resolve_handler
from core.jobs.kinds import Lane, find_kind, kinds_of
from core.jobs.processes import give_way, this_host, worker_log_name
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.task_bell import TaskBell
from core.jobs.views import ClaimedTask
from core.settings import Settings
from core.storage.db import open_database
from core.storage.own_use import bind_space
from core.storage.schema_version import refuse_newer_tables
from core.storage.told_paths import without_folders

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.15  # between two looks at an empty queue; each costs a millisecond
HEARING_SECONDS = 5.0  # the same where the database tells of new tasks, in case that it does not
# A new worker for photos is there in half a second, one for networks needs many to load TensorFlow again.
PHOTOS_LEAVE_SECONDS = 300.0  # so long without a task, a worker for photos gives its memory back
STORAGE_RETRY_SECONDS = 5.0  # before the next claim, when the database failed
# The result of hours of work is written as soon as the database is back; after that the supervisor decides.
FINISH_RETRY_SECONDS = (1.0, 5.0, 15.0, 30.0)

# Guests cannot read the log, and need not know what is called how on this computer.
UNEXPECTED_FOR_GUESTS = "An unexpected error stopped the task. Try again, and tell your teacher if it comes again."

_HEARTBEAT_SECONDS = 5.0
_HEARTBEATS_PER_DEATH = 6  # a worker counts as dead after so many missed ones


class Worker:
    """One worker: its place in the registry, its heartbeat, its loop."""

    def __init__(
        self,
        queue: TaskQueue,
        settings: Settings,
        *,
        worker_id: str,
        lane: Lane,
        log_name: str,
        server_gone: threading.Event,
        cluster_host: str = "",
    ) -> None:
        """Prepare to work; nothing is begun yet.

        Args:
            queue: to take tasks from.
            settings: for the handlers.
            worker_id: name that no worker had before.
            lane: whose tasks it takes.
            log_name: name of the file with its log, for error messages.
            server_gone: set when it is to leave after its task.
            cluster_host: the node of a cluster on which it takes one task and leaves; empty: a process of its own,
                which goes on.
        """
        self._queue = queue
        self._settings = settings
        self._worker_id = worker_id
        self._lane = lane
        self._log_name = log_name
        self._server_gone = server_gone
        self._cluster_host = cluster_host
        self._leaving = threading.Event()
        self._may_begin = threading.Event()  # while the database is there, and of this version
        self._may_begin.set()
        self._rung = threading.Event()
        self._bell = TaskBell(queue.database, self._rung.set)

    def run(self) -> None:
        """Work until the server is gone, somebody stops the process, or photos are long done."""
        host = self._cluster_host or this_host()
        self._queue.register_worker(self._worker_id, pid=os.getpid(), host=host, lane=self._lane)
        heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        heart.start()
        self._bell.start()
        try:
            self._work()
        except KeyboardInterrupt:
            logger.info("Told to stop.")
            is_in_cluster = bool(self._cluster_host)
            self._queue.recover_tasks_of(self._worker_id, "The worker was told to stop", goes_on=is_in_cluster)
        finally:
            # In this order, or a late heartbeat would say that the worker is alive.
            self._leaving.set()
            self._bell.stop()
            heart.join()
        self._queue.unregister_worker(self._worker_id)

    def _work(self) -> None:
        kind_names = kinds_of(self._lane, self._queue.kinds)
        idle_since = time.monotonic()
        while not self._server_gone.is_set():
            self._rung.clear()  # before the look: what comes after it rings
            if not self._may_begin.is_set():
                self._server_gone.wait(IDLE_SECONDS)
                continue
            try:
                task = self._queue.claim(self._worker_id, kind_names)
            except StorageError:
                logger.exception("No task could be claimed.")
                self._server_gone.wait(STORAGE_RETRY_SECONDS)
                continue
            if task is not None:
                self._perform(task)
                idle_since = time.monotonic()
            if self._cluster_host:
                return  # the place is needed by whoever is next, which the cluster decides
            if task is not None:
                continue
            if self._lane is Lane.PHOTOS and time.monotonic() - idle_since >= PHOTOS_LEAVE_SECONDS:
                logger.info("Nothing to do for a while.")
                return
            self._rest()

    def _rest(self) -> None:
        """Until there may be a task, or the server is gone."""
        look_again_at = time.monotonic() + (HEARING_SECONDS if self._bell.is_listening else IDLE_SECONDS)
        while time.monotonic() < look_again_at and not self._server_gone.is_set():
            if self._rung.wait(IDLE_SECONDS):
                return

    def _perform(self, task: ClaimedTask) -> None:
        logger.info("Task %d (%s), attempt %d: begun.", task.id, task.kind, task.attempt)
        is_done = False
        # A handler sees what is of the space that asked for its work, and nothing else.
        context = self._context_of(task)
        try:
            status, error = self._run_handler(task, context)
            context.flush()
            self._finish(task, status, error)
            is_done = status is TaskStatus.DONE
        except TaskLostError as exc:
            logger.warning("Task %d: %s", task.id, exc)
            return
        finally:
            context.end(is_done=is_done)
        logger.info("Task %d: %s.", task.id, status)

    def _context_of(self, task: ClaimedTask) -> TaskContext:
        for wait_seconds in (*FINISH_RETRY_SECONDS, None):
            try:
                bound = bind_space(self._queue.database, self._settings, task.space_id)
                break
            except StorageError:
                if wait_seconds is None:
                    raise
                logger.exception("Whose task %d is could not be read.", task.id)
                time.sleep(wait_seconds)
        return TaskContext(self._queue.within(bound.database), bound.settings, task, is_guest=bound.is_guest)

    def _run_handler(self, task: ClaimedTask, context: TaskContext) -> tuple[TaskStatus, str | None]:
        """Run the handler and say how the task ended: the one place that catches everything."""
        try:
            resolve_handler(find_kind(task.kind, self._queue.kinds))(context)
        except TaskLostError:
            raise
        except TaskCancelledError:
            return TaskStatus.CANCELLED, None
        except BluetitError as exc:
            logger.exception("Task %d failed.", task.id)
            return TaskStatus.FAILED, without_folders(str(exc), self._settings) if context.is_guest else str(exc)
        except (Exception, SystemExit):
            logger.exception("Task %d failed unexpectedly.", task.id)
            if context.is_guest:
                return TaskStatus.FAILED, UNEXPECTED_FOR_GUESTS
            return TaskStatus.FAILED, f"An unexpected error stopped the task; the details are in {self._log_name}."
        return TaskStatus.DONE, None

    def _finish(self, task: ClaimedTask, status: TaskStatus, error: str | None) -> None:
        for wait_seconds in FINISH_RETRY_SECONDS:
            try:
                self._queue.finish(task.id, self._worker_id, status=status, error=error, attempt=task.attempt)
                return
            except StorageError:
                logger.exception("The result of task %d could not be written.", task.id)
                time.sleep(wait_seconds)
        self._queue.finish(task.id, self._worker_id, status=status, error=error, attempt=task.attempt)

    def _beat(self) -> None:
        interval_seconds = min(_HEARTBEAT_SECONDS, self._settings.worker_dead_after_seconds / _HEARTBEATS_PER_DEATH)
        while not self._leaving.wait(interval_seconds):
            try:
                self._queue.heartbeat(self._worker_id)
                refuse_newer_tables(self._queue.database)
                self._may_begin.set()
            except StorageError as exc:
                logger.warning("No heartbeat could be written, or no task may be begun: %s", exc)
                self._may_begin.clear()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a worker process with the arguments of the command line."""
    options, server_gone = begin_process(
        arguments, program="core.jobs.worker", description="Run Bluetit's background tasks."
    )
    give_way()
    settings = load_settings()
    kinds = import_attribute(options.kinds)
    database = open_database(settings)
    try:
        Worker(
            TaskQueue(database, kinds),
            settings,
            worker_id=options.worker_id,
            lane=Lane(options.lane),
            log_name=options.log_name or worker_log_name(options.worker_id),
            server_gone=server_gone,
        ).run()
    finally:
        database.close()


def begin_process(
    arguments: Sequence[str] | None, *, program: str, description: str
) -> tuple[argparse.Namespace, threading.Event]:
    """Read the command line that a supervisor writes, log to standard error, and listen for signals and the server.

    Args:
        arguments: of the command line; None: those of this process.
        program: the module that runs.
        description: what it does.

    Returns:
        The options, and what is set once the server is gone.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    # Required: supervisors look for it on the command lines of running processes.
    parser.add_argument("--worker-id", required=True, help="name that no worker had before, such as a UUID")
    parser.add_argument("--lane", required=True, choices=[lane.value for lane in Lane], help="whose tasks it takes")
    parser.add_argument("--log-name", help="name of the file that standard error goes to, for error messages")
    parser.add_argument("--kinds", required=True, help="table of task kinds, as module:attribute")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop_on_signals()
    return options, watch_standard_input()


def stop_on_signals() -> None:
    """Make every polite signal a `KeyboardInterrupt`, once: the second must not disturb the cleaning up."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        signals.append(signal.SIGBREAK)

    def stop(_: int, __: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, stop)


def watch_standard_input() -> threading.Event:
    """An event that is set when the other end of standard input closes.

    The pipe moves to a number of its own and standard input becomes empty: handlers cannot read from the pipe
    by accident, and on Windows loading a DLL would wait for as long as a thread reads from standard input.
    """
    server_gone = threading.Event()
    pipe = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)

    def wait_for_end() -> None:
        while os.read(pipe, 1024):
            pass
        server_gone.set()

    threading.Thread(target=wait_for_end, name="server watch", daemon=True).start()
    return server_gone


if __name__ == "__main__":
    main()
