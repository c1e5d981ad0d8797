"""What Prometheus is told when it asks: the queue, workers and trainings, read from the database at that moment."""

import time
from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import func, select

from core.errors import BluetitError
from core.jobs.kinds import Lane, TaskKind
from core.jobs.status import ACTIVE_STATUSES, TaskStatus
from core.metrics import REGISTRY
from core.storage.db import Database
from core.storage.schema import Run, Task, Worker


def metrics_text(database: Database, kinds: Mapping[str, TaskKind]) -> bytes:
    """Everything in Prometheus' text format, of this server and of the database that it shares with others.

    A database that does not answer is told as `bluetit_database_up 0`; the rest comes all the same.

    Args:
        database: all of it.
        kinds: of tasks, by name.
    """
    gathered = CollectorRegistry()
    gathered.register(_OfDatabase(database, kinds))
    return generate_latest(REGISTRY) + generate_latest(gathered)


class _OfDatabase(Collector):
    """Gauges that are the same whichever server is asked."""

    def __init__(self, database: Database, kinds: Mapping[str, TaskKind]) -> None:
        self._database = database
        self._kinds = kinds

    def describe(self) -> list[Metric]:
        """Nothing: what there is, is found when it is asked for, not when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Look everything up."""
        up = GaugeMetricFamily("bluetit_database_up", "Whether the database answers.")
        try:
            found = [self._tasks(), self._oldest(), self._workers(), self._runs()]
        except BluetitError:
            found = []  # whoever needed the database has logged why
        up.add_metric((), float(bool(found)))
        yield up
        yield from found

    def _lane_of(self, kind: str) -> str:
        return str(self._kinds[kind].lane) if kind in self._kinds else "unknown"

    def _tasks(self) -> Metric:
        told = GaugeMetricFamily("bluetit_tasks", "Tasks that wait or run, by lane.", labels=("lane", "status"))
        counts = {(str(lane), str(status)): 0 for lane in Lane for status in ACTIVE_STATUSES}
        statement = (
            select(Task.kind, Task.status, func.count())
            .where(Task.status.in_(ACTIVE_STATUSES))
            .group_by(Task.kind, Task.status)
        )
        with self._database.read_session() as session:
            for kind, status, number in session.execute(statement):
                key = (self._lane_of(kind), str(status))
                counts[key] = counts.get(key, 0) + number
        for labels, number in counts.items():
            told.add_metric(labels, number)
        return told

    def _oldest(self) -> Metric:
        told = GaugeMetricFamily(
            "bluetit_oldest_waiting_task_seconds", "How long the task waits that waits longest.", labels=("lane",)
        )
        ages = {str(lane): 0.0 for lane in Lane}
        statement = (
            select(Task.kind, func.min(Task.created_at)).where(Task.status == TaskStatus.QUEUED).group_by(Task.kind)
        )
        with self._database.read_session() as session:
            for kind, created_at in session.execute(statement):
                lane = self._lane_of(kind)
                ages[lane] = max(ages.get(lane, 0.0), time.time() - created_at)
        for lane, seconds in ages.items():
            told.add_metric((lane,), seconds)
        return told

    def _workers(self) -> Metric:
        told = GaugeMetricFamily("bluetit_workers", "Worker processes that have not stopped.", labels=("lane",))
        counts = {str(lane): 0 for lane in Lane}
        statement = select(Worker.lane, func.count()).where(Worker.stopped_at.is_(None)).group_by(Worker.lane)
        with self._database.read_session() as session:
            counts |= {str(lane): number for lane, number in session.execute(statement)}
        for lane, number in counts.items():
            told.add_metric((lane,), number)
        return told

    def _runs(self) -> Metric:
        told = GaugeMetricFamily("bluetit_runs", "Trainings that are kept, by how they stand.", labels=("status",))
        statement = (
            select(Task.status, func.count()).select_from(Run).join(Task, Task.id == Run.task_id).group_by(Task.status)
        )
        with self._database.read_session() as session:
            for status, number in session.execute(statement):
                told.add_metric((str(status),), number)
        return told
