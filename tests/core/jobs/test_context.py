"""A handler may report and check as often as it likes; the database sees few of them, and always the last."""

import time
from unittest.mock import patch

import pytest

from core.errors import StorageError, TaskCancelledError, TaskLostError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.settings import Settings
from tests.core.jobs.sample_kinds import KINDS
from tests.waiting import wait_until

pytestmark = pytest.mark.both_databases


@pytest.fixture
def context(queue: TaskQueue, settings: Settings) -> TaskContext:
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    queue.submit("count", {"to": 3})
    task = queue.claim("w1", KINDS)
    assert task is not None
    return TaskContext(queue, settings, task)


def reports(queue: TaskQueue, context: TaskContext) -> list[tuple[float | None, str]]:
    return [
        (event.payload["fraction"], event.payload["message"])
        for event in queue.events_after(context.task_id, 0)
        if event.kind == "progress"
    ]


def test_handler_sees_its_task(context: TaskContext, settings: Settings) -> None:
    """Payload, settings and attempt are at hand."""
    assert (context.payload, context.settings, context.attempt) == ({"to": 3}, settings, 1)


def test_many_reports_few_writes(context: TaskContext, queue: TaskQueue) -> None:
    """A thousand quick reports are a few events; first and last are among them."""
    started = time.monotonic()
    for step in range(1001):
        context.report(step / 1000, f"Step {step}")
    context.flush()
    written = reports(queue, context)
    assert written[0] == (0.0, "Step 0")
    assert written[-1] == (1.0, "Step 1000")
    assert len(written) <= 3 + (time.monotonic() - started) * 5


def test_last_report_before_a_silence(context: TaskContext, queue: TaskQueue) -> None:
    """A report that was held back is written by itself when no other follows."""
    context.report(0.5, "Downloading")
    context.report(None, "Converting, which takes minutes")
    wait_until(lambda: reports(queue, context)[-1] == (None, "Converting, which takes minutes"))


@pytest.mark.parametrize(
    ("fraction", "written"),
    [(-0.1, 0.0), (1.0000001, 1.0), (float("nan"), 0.0), (0.3, 0.3), (None, None)],
)
def test_fractions_stay_in_range(
    context: TaskContext, queue: TaskQueue, fraction: float | None, written: float | None
) -> None:
    """Rounding beyond the ends and divisions of nothing do no harm."""
    context.report(fraction, "Working")
    assert reports(queue, context) == [(written, "Working")]


def test_message_comes_after_earlier_reports(context: TaskContext, queue: TaskQueue) -> None:
    """The history keeps the order in which things were said."""
    context.report(0.1, "One")
    context.report(0.2, "Two")
    context.message("Three")
    kinds = [event.kind for event in queue.events_after(context.task_id, 2)]
    assert kinds == ["progress", "progress", "message"]


def test_cancel_is_noticed(context: TaskContext, queue: TaskQueue) -> None:
    """A request to stop reaches the handler at one of its next checks."""
    context.check_cancelled()
    queue.request_cancel(context.task_id)

    def is_cancelled() -> bool:
        try:
            context.check_cancelled()
        except TaskCancelledError:
            return True
        return False

    wait_until(is_cancelled)


def test_checks_are_cheap(context: TaskContext, queue: TaskQueue) -> None:
    """A thousand checks ask the database once or twice."""
    with patch.object(queue, "get", wraps=queue.get) as get:
        for _ in range(1000):
            context.check_cancelled()
    assert get.call_count <= 2


def test_lost_task_stops_the_handler(context: TaskContext, queue: TaskQueue) -> None:
    """A handler whose task was given away is stopped by its next check and by its reports."""
    queue.recover_tasks_of("w1")
    with pytest.raises(TaskLostError):
        context.check_cancelled()
    with pytest.raises(TaskLostError):
        context.report(0.5, "Still here")
    with pytest.raises(TaskLostError):
        context.message("Still here")


def test_late_report_of_a_lost_task(context: TaskContext, queue: TaskQueue) -> None:
    """When a held-back report finds the task lost, the handler learns it at its next call."""
    before = queue.get(context.task_id)
    context.report(0.1, "One")
    context.report(0.2, "Two")
    queue.recover_tasks_of("w1")

    def is_told() -> bool:
        with patch.object(queue, "get", return_value=before):  # the check itself sees nothing wrong
            try:
                context.check_cancelled()
            except TaskLostError:
                return True
            return False

    wait_until(is_told)


def test_database_away_for_a_moment(context: TaskContext, queue: TaskQueue) -> None:
    """Work goes on when a report or a check fails because of the database."""
    with (
        patch.object(queue, "append_event", side_effect=StorageError("away")),
        patch.object(queue, "get", side_effect=StorageError("away")),
    ):
        context.report(0.1, "One")
        context.message("Two")
        context.check_cancelled()
    context.message("Three")
    assert [event.kind for event in queue.events_after(context.task_id, 2)] == ["message"]


def test_what_is_left_for_afterwards_is_done_once_the_end_is_told(context: TaskContext):
    """A handler's cleaning up runs when the worker says so, in order."""
    done: list[str] = []
    context.call_afterwards(lambda: done.append("first"))
    context.call_afterwards(lambda: done.append("second"))
    context.call_when_done(lambda: done.append("deleted"))
    assert done == []
    context.end(is_done=False)
    assert done == ["first", "second"]


def test_what_a_retry_would_need_goes_only_when_the_task_is_done(context: TaskContext):
    """Work for a task that is done comes first, and its failing keeps nothing else from being done."""
    done: list[str] = []

    def fail() -> None:
        raise StorageError("The disk is made of cheese.")

    context.call_afterwards(lambda: done.append("afterwards"))
    context.call_when_done(fail)
    context.call_when_done(lambda: done.append("deleted"))
    context.end(is_done=True)
    assert done == ["deleted", "afterwards"]
