"""The placer: has a Ray cluster run our workers, one for each task that waits.

    python -m core.jobs.cluster.placer --worker-id ID --lane LANE --kinds MODULE:ATTRIBUTE [--log-name NAME]

The supervisor starts it in place of workers, with the same arguments, and holds the other end of its standard input. It
is a process of its own because Ray ends a process whose cluster is gone. The database remains the truth: whose turn it
is, how far a task is, whether it is to stop. Ray decides where, and says when a node has died.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from core.environment import load_settings, to_environment
from core.errors import BluetitError, ClusterError
from core.jobs.cluster.connection import NODE_FAILS, Share, connect, share_of
from core.jobs.cluster.node import app_version, work_once
from core.jobs.handlers import import_attribute
from core.jobs.kinds import Lane, kinds_of, placer_lane
from core.jobs.processes import this_host, worker_log_name
from core.jobs.queue import WORKER_DIED, TaskQueue
from core.jobs.views import TaskView
from core.jobs.worker import begin_process, stop_on_signals
from core.settings import Settings
from core.storage.db import open_database

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2  # between two looks at the queue
HEARTBEAT_SECONDS = 5.0
RETRY_SECONDS = 5.0  # from one try to reach the cluster to the next
HOLD_SECONDS = 30.0  # until something is placed again after a node has said that it cannot work
KILL_SECONDS = 5.0  # longest wait until a worker is gone that was ended by force
# Many at once, so that the cluster sees how much there is to do and may bring nodes; no more than it could ever use.
MAX_PLACED = 200

NODE_LOST = "The computer that it ran on is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    worker_id: str
    reference: Any  # Ray's own, by which it is asked about


class Placer:
    """Keeps as many workers asked for as tasks wait, and clears up after those that die."""

    def __init__(
        self, queue: TaskQueue, settings: Settings, *, worker_id: str, lane: Lane, kinds: str, leaving: threading.Event
    ) -> None:
        self._queue = queue
        self._settings = settings
        self._worker_id = worker_id
        self._lane = lane
        self._kinds = kinds
        self._kind_names = kinds_of(lane, queue.kinds)
        self._leaving = leaving
        self._ray: ModuleType | None = None
        self._run: Any = None  # our function as Ray knows it, once the cluster is entered,
        self._environment: dict[str, str] = {}  # and what it is given
        self._placed: dict[str, _Placed] = {}  # by worker
        self._trouble = ""
        self._not_before = 0.0  # monotonic clock
        self._beat_at = float("-inf")  # monotonic clock

    def run(self) -> None:
        """Place workers until the server is gone; then wait for those that are at a task."""
        self._queue.register_worker(self._worker_id, pid=os.getpid(), host=this_host(), lane=placer_lane(self._lane))
        try:
            while not self._leaving.is_set():
                self._look()
                self._leaving.wait(LOOK_SECONDS)
            self._leave()
        except KeyboardInterrupt:
            logger.info("Told to stop.")
            if self._ray is not None:
                self._ray.shutdown()  # which ends the workers
            for placed in self._placed.values():
                self._recover(placed, "The server was told to stop")
            self._queue.unregister_worker(self._worker_id)

    def _look(self) -> None:
        try:
            self.tick()
        except BluetitError as exc:
            self._tell(exc)
            self._not_before = time.monotonic() + RETRY_SECONDS

    def tick(self) -> None:
        """Look once at the workers that were placed, at tasks that were asked to stop, and at the queue.

        Raises:
            ClusterError: the cluster cannot be reached or used.
            StorageError: the database failed.
        """
        if time.monotonic() - self._beat_at > HEARTBEAT_SECONDS:
            self._queue.heartbeat(self._worker_id)
            self._beat_at = time.monotonic()
        self._collect()
        for task in self._queue.overdue_tasks(self._settings.cancel_grace_seconds):
            self._end_by_force(task)
        if time.monotonic() >= self._not_before:
            self._place()

    # What was placed

    def _collect(self) -> None:
        """Take note of the workers that have left, and decide what becomes of what dead ones had."""
        if self._ray is None or not self._placed:
            return
        by_reference = {placed.reference: placed for placed in self._placed.values()}
        left, _ = self._ray.wait(list(by_reference), num_returns=len(by_reference), timeout=0)
        for reference in left:
            placed = by_reference[reference]
            refusal = self._result_of(placed)
            del self._placed[placed.worker_id]
            if refusal is not None:
                message, told = refusal
                self._tell(ClusterError(message, told=told))
                self._not_before = time.monotonic() + HOLD_SECONDS

    def _result_of(self, placed: _Placed) -> tuple[str, str] | None:
        """Why a node cannot work, as `work_once` says it; None where it can, or is gone."""
        assert self._ray is not None  # or nothing would be placed
        try:
            result: tuple[str, str] | None = self._ray.get(placed.reference)
            return result
        except self._ray.exceptions.TaskCancelledError:
            self._recover(placed, "The worker was told to stop")
        except self._ray.exceptions.RayTaskError as exc:  # our own function failed, such as where Bluetit is missing
            self._recover(placed, "The worker failed")
            return f"A node of the cluster cannot run Bluetit; is the same version installed there? {exc}", NODE_FAILS
        except (self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.OutOfMemoryError) as exc:
            # Its node lives: it may well be the fault of the task, as with a worker of this computer.
            logger.error("A worker in the Ray cluster has died: %s", exc)
            self._recover(placed, WORKER_DIED, goes_on=False)
        except self._ray.exceptions.RayError as exc:
            logger.error("A node of the Ray cluster is gone: %s", exc)
            self._recover(placed, NODE_LOST)
        return None

    def _recover(self, placed: _Placed, reason: str, *, goes_on: bool = True) -> None:
        log_name = worker_log_name(placed.worker_id)
        self._queue.recover_tasks_of(placed.worker_id, reason, log_name=log_name, goes_on=goes_on)

    def _end_by_force(self, task: TaskView) -> None:
        placed, ray = self._placed.get(task.worker_id or ""), self._ray
        if placed is None or ray is None:
            return

        def end() -> bool:
            ray.cancel(placed.reference, force=True)
            left, _ = ray.wait([placed.reference], timeout=KILL_SECONDS)
            return bool(left)

        self._queue.end_by_force(task, end)

    # What waits

    def _place(self) -> None:
        num_queued = self._num_queued()
        if not num_queued:
            return
        if self._ray is None:
            self._enter()
        num_idle = len(self._placed) - self._num_busy()
        for _ in range(min(num_queued - num_idle, MAX_PLACED - len(self._placed))):
            worker_id = uuid.uuid4().hex
            reference = self._run.remote(worker_id, self._lane.value, self._kinds, self._environment, app_version())
            self._placed[worker_id] = _Placed(worker_id=worker_id, reference=reference)
        if self._trouble:
            logger.info("The Ray cluster can be used again.")
            self._trouble = ""
            self._queue.note_trouble(self._worker_id, None)

    def _num_queued(self) -> int:
        waiting = self._queue.count_queued()
        return sum(waiting.get(name, 0) for name in self._kind_names)

    def _num_busy(self) -> int:
        return len({task.worker_id for task in self._queue.running_tasks()} & self._placed.keys())

    def _enter(self) -> None:
        ray = connect(self._settings.workers)
        share = share_of(ray, num_cpus=self._settings.ray_cpus, num_gpus=self._settings.ray_gpus)
        self._environment = _environment(self._settings, share)
        # A node that dies must not have Ray try again by itself: what becomes of a task is decided in the database.
        options = {"num_cpus": share.num_cpus, "max_retries": 0, "name": "bluetit"}
        self._run = ray.remote(**options, **({"num_gpus": share.num_gpus} if share.num_gpus else {}))(work_once)
        self._ray = ray
        stop_on_signals()  # Ray has put its own way of stopping in the place of ours
        logger.info("Entered the Ray cluster; each training gets %s.", share)

    # The end

    def _leave(self) -> None:
        """Take back what has not begun; what has begun is waited for. Another server places from now on."""
        self._queue.unregister_worker(self._worker_id)
        if self._ray is None:
            return
        busy = {task.worker_id for task in self._queue.running_tasks()}
        for placed in self._placed.values():
            if placed.worker_id not in busy:
                self._ray.cancel(placed.reference)  # one that has just begun is told to stop, and its task goes on
        while self._placed:
            try:
                self._collect()
            except BluetitError:
                logger.exception("What is left in the Ray cluster could not be looked at.")
            time.sleep(LOOK_SECONDS)
        self._ray.shutdown()

    def _tell(self, error: BluetitError) -> None:
        """Log what is wrong once, and say it to those who wait as long as it is."""
        if isinstance(error, ClusterError):  # the database, if that is what is wrong, could not be told of itself
            self._queue.note_trouble(self._worker_id, error.told)
        if str(error) != self._trouble:
            logger.error("Nothing can be placed in the Ray cluster: %s", error)
        self._trouble = str(error)


def _environment(settings: Settings, share: Share) -> dict[str, str]:
    """Variables for a worker in the cluster, which uses no more cores than it was given."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUTF8": "1", **to_environment(settings)}
    if share.num_gpus:
        return environment
    num_threads = str(share.num_cpus)
    environment |= {"TF_NUM_INTRAOP_THREADS": num_threads, "TF_NUM_INTEROP_THREADS": num_threads}
    return environment | {"BLUETIT_INFERENCE_THREADS": num_threads}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the placer with the arguments of the command line."""
    options, leaving = begin_process(
        arguments,
        program="core.jobs.cluster.placer",
        description="Have a Ray cluster run Bluetit's background tasks.",
    )
    settings = load_settings()
    database = open_database(settings)
    try:
        Placer(
            TaskQueue(database, import_attribute(options.kinds)),
            settings,
            worker_id=options.worker_id,
            lane=Lane(options.lane),
            kinds=options.kinds,
            leaving=leaving,
        ).run()
    finally:
        database.close()


if __name__ == "__main__":
    main()
