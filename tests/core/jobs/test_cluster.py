"""Workers in a real Ray cluster: tasks are done where there is room, and survive whatever happens to a node."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.environment import to_environment
from core.jobs.cluster.connection import OTHER_VERSION, UNREACHABLE
from core.jobs.cluster.node import app_version, work_once
from core.jobs.kinds import Lane
from core.jobs.processes import worker_log_name
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from tests.core.jobs.sample_kinds import KINDS, KINDS_PATH
from tests.waiting import wait_until

_OBJECT_STORE_BYTES = 80 * 2**20  # the least that Ray takes


class OneMachine:
    """A Ray cluster on this machine, of nodes with a core each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=True, head_node_args=self._size())
        self.address = self._cluster.address

    def add(self) -> Any:
        return self._cluster.add_node(**self._size())

    def kill(self, node: Any) -> None:
        self._cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()

    def _size(self) -> dict[str, Any]:
        return {"num_cpus": 1, "object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster() -> Iterator[OneMachine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        with closing(OneMachine()) as cluster:
            yield cluster


@pytest.fixture
def placing(
    settings: Settings, queue: TaskQueue, cluster: OneMachine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Supervisor]:
    """A supervisor that has the cluster run the workers of networks."""
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    supervisor = Supervisor(replace(settings, workers="auto"), queue, kinds=KINDS_PATH)
    supervisor.start()
    yield supervisor
    supervisor.stop()
    wait_until(lambda: queue.running_tasks() == [])


def statuses(queue: TaskQueue, task_ids: list[int]) -> list[TaskStatus]:
    return [queue.get(task_id).status for task_id in task_ids]


def test_what_happens_to_tasks_in_a_cluster(
    placing: Supervisor, queue: TaskQueue, cluster: OneMachine, settings: Settings, tmp_path: Path
) -> None:
    """Tasks are done by processes that are used again; a second node takes its share; one whose node dies goes on on
    another; one that does not stop is ended after the grace time; one that kills its worker ends as it does at home;
    photos stay with the server."""
    path = tmp_path / "notes"
    first = [queue.submit("note", {"path": str(path)}) for _ in range(4)]
    photos = queue.submit("photos_count", {})
    placing.wake()
    wait_until(lambda: set(statuses(queue, [*first, photos])) == {TaskStatus.DONE}, 60)
    pids = {line.split()[1] for line in path.read_text().splitlines()}
    assert len(pids) == 1
    assert "begun" in (settings.logs_path / worker_log_name(queue.get(first[0]).worker_id or "")).read_text()

    stubborn = queue.submit("ignore_cancel", {})
    placing.wake()
    wait_until(lambda: queue.get(stubborn).status is TaskStatus.RUNNING, 30)
    node = cluster.add()
    hanging = queue.submit("hang_once_long", {})  # the only free core is the new node's
    placing.wake()
    wait_until(lambda: queue.get(hanging).status is TaskStatus.RUNNING, 30)
    cluster.kill(node)
    wait_until(lambda: queue.get(hanging).status is TaskStatus.QUEUED, 30)
    assert queue.messages(hanging) == ["The computer that it ran on is gone; trying again (attempt 2 of 3)."]

    queue.request_cancel(stubborn)
    wait_until(lambda: queue.get(stubborn).status is TaskStatus.CANCELLED, 30)
    wait_until(lambda: queue.get(hanging).status is TaskStatus.DONE, 30)

    deadly = queue.submit("die", {})
    placing.wake()
    wait_until(lambda: queue.get(deadly).status is TaskStatus.FAILED, 30)
    assert "attempt 2 of 2, the last one" in (queue.get(deadly).error or "")
    assert queue.trouble(Lane.NETWORKS) is None


def test_a_cluster_that_nobody_reaches(settings: Settings, queue: TaskQueue) -> None:
    """Tasks wait, whoever waits is told why, and the log names the component; nothing fails."""
    supervisor = Supervisor(replace(settings, workers="ray://127.0.0.1:1"), queue, kinds=KINDS_PATH)
    task_id = queue.submit("count", {})
    supervisor.start()
    wait_until(lambda: queue.trouble(Lane.NETWORKS) is not None, 30)
    supervisor.stop()
    place = queue.place_in_queue(task_id)
    assert place is not None
    assert place.trouble == UNREACHABLE
    assert queue.get(task_id).status is TaskStatus.QUEUED
    (log,) = settings.logs_path.glob(worker_log_name("*"))
    assert "Nothing can be placed in the Ray cluster: Nobody answers at ray://127.0.0.1" in log.read_text()


def test_a_node_with_another_version(settings: Settings, queue: TaskQueue) -> None:
    """It does nothing, takes no task, and says which version belongs there."""
    task_id = queue.submit("count", {})
    refused = work_once("w", Lane.NETWORKS, KINDS_PATH, to_environment(settings), "0.0.1")
    assert refused is not None
    assert app_version() in refused[0]
    assert "the server has 0.0.1. Install the same" in refused[0]
    assert refused[1] == OTHER_VERSION
    assert queue.get(task_id).status is TaskStatus.QUEUED


def test_a_node_without_the_database(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot do is told, with the node's name, and is no crash."""
    for name in to_environment(settings):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    broken = replace(settings, database_url=f"sqlite:////{tmp_path}/nowhere/at/all.sqlite3")
    refused = work_once("w", Lane.NETWORKS, KINDS_PATH, to_environment(broken), app_version())
    assert refused is not None
    assert "cannot work" in refused[0]


def test_who_goes_on_by_itself(queue: TaskQueue, worker_id: str) -> None:
    """What a person would continue is begun again by itself a few times where computers come and go; then a person
    decides."""
    task_id = queue.submit("hang_once_long", {})
    begin: Callable[[], Any] = lambda: queue.claim(worker_id, KINDS)  # noqa: E731
    for _ in range(2):
        begin()
        (left,) = queue.recover_tasks_of(worker_id, "Gone", goes_on=True)
        assert left.status is TaskStatus.QUEUED
    begin()
    (left,) = queue.recover_tasks_of(worker_id, "Gone", goes_on=True)
    assert (left.id, left.status) == (task_id, TaskStatus.INTERRUPTED)
