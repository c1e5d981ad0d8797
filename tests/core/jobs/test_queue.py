"""The queue gives each task to one worker, keeps its history, and never lets a stranger write."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from core.datasets.ingest.desk import IMPORT_KIND
from core.datasets.tasks import CHECK_KIND
from core.errors import IllegalTransitionError, JobError, TaskLostError, UnknownTaskError
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.views import TaskView
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import Worker
from core.task_kinds import TASK_KINDS
from tests.core.jobs.sample_kinds import KINDS, NETWORK_KINDS, PHOTO_KINDS

pytestmark = pytest.mark.both_databases


def in_threads(number: int, function: Callable[[int], None]) -> None:
    """Run a function in several threads that begin at the same moment; raise what one of them raises."""
    barrier = threading.Barrier(number)
    errors: list[Exception] = []

    def run(index: int) -> None:
        barrier.wait()
        try:
            function(index)
        except Exception as exc:  # noqa: BLE001  # handed to the test's own thread
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def statuses(queue: TaskQueue, task_id: int) -> list[str]:
    return [event.payload["status"] for event in queue.events_after(task_id, 0) if event.kind == "status"]


def messages(queue: TaskQueue, task_id: int) -> list[str]:
    return [event.payload["text"] for event in queue.events_after(task_id, 0) if event.kind == "message"]


def test_submitted_task_waits(queue: TaskQueue) -> None:
    """A new task is queued, with its payload, and its history begins."""
    task = queue.get(queue.submit("count", {"to": 3}, key="k"))
    assert (task.kind, task.payload, task.key, task.status, task.attempts) == (
        "count",
        {"to": 3},
        "k",
        TaskStatus.QUEUED,
        0,
    )
    assert task.is_active
    assert statuses(queue, task.id) == ["queued"]
    assert queue.count_queued() == {"count": 1}


def test_unknown_names_and_numbers(queue: TaskQueue) -> None:
    """A kind or a number that does not exist is refused by every method that needs it."""
    with pytest.raises(UnknownTaskError, match="'paint'; known are count"):
        queue.submit("paint", {})
    for method in (
        *(queue.get, queue.request_cancel, queue.cancel_queued, queue.is_cancel_requested),
        *(queue.requeue, queue.place_in_queue),
    ):
        with pytest.raises(UnknownTaskError, match="number 7"):
            method(7)
    with pytest.raises(UnknownTaskError, match="number 7"):
        queue.append_event(7, None, kind="message", payload={"text": "hello"})


def test_same_key_from_eight_threads(queue: TaskQueue) -> None:
    """However many submit the same work at once, there is one task and all get its number."""
    numbers: list[int] = []
    in_threads(8, lambda _: numbers.append(queue.submit("count", {}, key="same")))
    assert len(numbers) == 8
    assert len(set(numbers)) == 1
    assert len(queue.list_tasks(100)) == 1


def test_key_can_be_used_again(queue: TaskQueue, worker_id: str) -> None:
    """A running task still answers for its key; an ended one does not."""
    first = queue.submit("count", {}, key="k")
    queue.claim(worker_id, KINDS)
    assert queue.submit("count", {}, key="k") == first
    assert queue.find_active("k") == queue.get(first)
    queue.finish(first, worker_id, status=TaskStatus.DONE)
    assert queue.find_active("k") is None
    assert queue.latest("k") == queue.get(first)
    second = queue.submit("count", {}, key="k")
    assert second != first
    assert queue.latest("k") == queue.get(second)
    assert queue.latest("other") is None


def test_tasks_without_key_are_independent(queue: TaskQueue) -> None:
    """Without a key every submit is a new task; the list shows the newest first, up to the limit."""
    numbers = [queue.submit("count", {}) for _ in range(3)]
    assert [task.id for task in queue.list_tasks(2)] == [numbers[2], numbers[1]]


def test_oldest_task_first(queue: TaskQueue, worker_id: str) -> None:
    """Tasks are claimed in the order they were submitted; an empty queue gives None."""
    numbers = [queue.submit("count", {"n": n}) for n in range(3)]
    claimed = [queue.claim(worker_id, KINDS) for _ in range(3)]
    assert [task.id for task in claimed if task] == numbers
    assert [task.payload["n"] for task in claimed if task] == [0, 1, 2]
    assert queue.claim(worker_id, KINDS) is None
    task = queue.get(numbers[0])
    assert (task.status, task.worker_id, task.attempts) == (TaskStatus.RUNNING, worker_id, 1)
    assert task.started_at is not None


def test_claim_keeps_to_its_kinds(queue: TaskQueue) -> None:
    """A worker is never given a task of another lane, however old it is."""
    training, first, second = (queue.submit(kind, {}) for kind in ("count", "photos_count", "photos_count"))
    queue.register_worker("photos", pid=1, host="elsewhere", lane=Lane.PHOTOS)
    queue.register_worker("networks", pid=2, host="elsewhere", lane=Lane.NETWORKS)
    assert queue.count_queued() == {"count": 1, "photos_count": 2}
    claimed = [queue.claim("photos", PHOTO_KINDS) for _ in range(3)]
    assert [task and task.id for task in claimed] == [first, second, None]
    assert queue.count_queued() == {"count": 1}
    later = queue.submit("photos_count", {})
    claimed = [queue.claim("networks", NETWORK_KINDS) for _ in range(2)]
    assert [task and task.id for task in claimed] == [training, None]
    assert queue.get(later).status == TaskStatus.QUEUED


def test_threads_never_claim_the_same_task(queue: TaskQueue) -> None:
    """Claimers that race get each task exactly once."""
    numbers = [queue.submit("count", {}) for _ in range(40)]
    claimed: list[int] = []

    def claim_all(index: int) -> None:
        queue.register_worker(f"w{index}", pid=1, host="elsewhere", lane=Lane.NETWORKS)
        while (task := queue.claim(f"w{index}", KINDS)) is not None:
            claimed.append(task.id)

    in_threads(4, claim_all)
    assert sorted(claimed) == numbers


def test_finished_task(queue: TaskQueue, worker_id: str) -> None:
    """The end of a task is kept with its time and its error."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    queue.finish(number, worker_id, status=TaskStatus.FAILED, error="No luck.")
    task = queue.get(number)
    assert (task.status, task.error) == (TaskStatus.FAILED, "No luck.")
    assert task.finished_at is not None
    assert not task.is_active
    assert statuses(queue, number) == ["queued", "running", "failed"]


def test_lost_task_is_fenced(queue: TaskQueue, worker_id: str) -> None:
    """A worker that was thought dead cannot touch the task that another worker has now."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    queue.recover_tasks_of(worker_id)
    queue.register_worker("w2", pid=2, host="elsewhere", lane=Lane.NETWORKS)

    def write_all() -> None:
        with pytest.raises(TaskLostError, match="no longer belongs to worker w1"):
            queue.finish(number, worker_id, status=TaskStatus.DONE)
        with pytest.raises(TaskLostError, match="no longer belongs to worker w1"):
            queue.append_event(number, worker_id, kind="message", payload={"text": "hello"})

    write_all()  # while it waits
    queue.claim("w2", KINDS)
    write_all()  # while another has it
    queue.finish(number, "w2", status=TaskStatus.DONE)
    write_all()  # when it is over
    assert queue.get(number).status == TaskStatus.DONE


def test_events_are_numbered(queue: TaskQueue, worker_id: str) -> None:
    """Events count 1, 2, ... within each task, also when writers race; readers ask for what is new."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)

    def append(index: int) -> None:
        for _ in range(5):
            writer = worker_id if index % 2 else None
            queue.append_event(number, writer, kind="message", payload={"text": str(index)})

    in_threads(4, append)
    events = queue.events_after(number, 0)
    assert [event.sequence for event in events] == list(range(1, 2 + 4 * 5 + 1))
    assert queue.events_after(number, 20) == events[20:]
    assert queue.events_after(number, 22) == []


def test_cancel_of_a_queued_task(queue: TaskQueue, worker_id: str) -> None:
    """A task that nobody began is cancelled at once and never given to a worker."""
    number = queue.submit("count", {})
    queue.request_cancel(number)
    assert queue.get(number).status == TaskStatus.CANCELLED
    assert queue.claim(worker_id, KINDS) is None


def test_cancel_only_while_it_waits(queue: TaskQueue, worker_id: str) -> None:
    """Who wants to cancel a task only while nobody has begun it is told whether that is so."""
    first, second = (queue.submit("count", {}) for _ in range(2))
    queue.claim(worker_id, KINDS)
    running = queue.get(first)
    assert not queue.cancel_queued(first)
    assert queue.get(first) == running
    assert queue.cancel_queued(second)
    assert queue.get(second).status == TaskStatus.CANCELLED
    assert not queue.cancel_queued(second)
    assert queue.claim(worker_id, KINDS) is None


def test_cancel_of_a_running_task(queue: TaskQueue, worker_id: str) -> None:
    """A running task is asked to stop; asking again does not move the time, from which its grace counts."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    assert not queue.is_cancel_requested(number)
    queue.request_cancel(number)
    assert queue.is_cancel_requested(number)
    asked = queue.get(number)
    assert asked.status == TaskStatus.RUNNING
    queue.request_cancel(number)
    assert queue.get(number) == asked


def test_cancel_of_a_finished_task(queue: TaskQueue, worker_id: str) -> None:
    """What is over stays as it is."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    queue.finish(number, worker_id, status=TaskStatus.DONE)
    done = queue.get(number)
    queue.request_cancel(number)
    assert queue.get(number) == done


def test_recovery_tries_again(queue: TaskQueue, worker_id: str) -> None:
    """A kind that may be retried is queued again, says so, and fails after its last attempt."""
    number = queue.submit("count", {})
    for attempt in (1, 2, 3):
        claimed = queue.claim(worker_id, KINDS)
        assert claimed is not None
        assert claimed.attempt == attempt
        (recovered,) = queue.recover_tasks_of(worker_id, log_name="worker-1.log")
    assert messages(queue, number) == [
        "The worker stopped unexpectedly; trying again (attempt 2 of 3).",
        "The worker stopped unexpectedly; trying again (attempt 3 of 3).",
    ]
    assert recovered == queue.get(number)
    assert recovered.status == TaskStatus.FAILED
    assert recovered.error == (
        "The worker stopped unexpectedly in attempt 3 of 3, the last one. The details are in worker-1.log."
    )


def test_recovery_interrupts(queue: TaskQueue, worker_id: str) -> None:
    """A kind that a person must continue is interrupted, and can be queued again."""
    number = queue.submit("hang_once_long", {})
    queue.claim(worker_id, KINDS)
    queue.recover_tasks_of(worker_id)
    task = queue.get(number)
    assert task.status == TaskStatus.INTERRUPTED
    assert task.error == "The worker stopped unexpectedly; the task can be continued."
    queue.requeue(number)
    task = queue.get(number)
    assert (task.status, task.error, task.worker_id) == (TaskStatus.QUEUED, None, None)
    claimed = queue.claim(worker_id, KINDS)
    assert claimed is not None
    assert claimed.attempt == 2


def test_recovery_honours_a_cancel(queue: TaskQueue, worker_id: str) -> None:
    """A task that should stop anyway is not begun again."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    queue.request_cancel(number)
    queue.recover_tasks_of(worker_id)
    assert queue.get(number).status == TaskStatus.CANCELLED


def test_recovery_of_an_unknown_kind(queue: TaskQueue, database: Database, worker_id: str) -> None:
    """A task that only another version of Bluetit knows fails instead of stopping the recovery."""
    number = queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    TaskQueue(database, {}).recover_tasks_of(worker_id)
    assert queue.get(number).status == TaskStatus.FAILED


def test_recovery_touches_only_its_worker(queue: TaskQueue, worker_id: str) -> None:
    """Tasks of others, ended tasks and queued tasks stay; a second recovery finds nothing."""
    queue.register_worker("w2", pid=2, host="elsewhere", lane=Lane.NETWORKS)
    mine, others, ended, queued = (queue.submit("count", {}) for _ in range(4))
    queue.claim(worker_id, KINDS)
    queue.claim("w2", KINDS)
    queue.claim(worker_id, KINDS)
    queue.finish(ended, worker_id, status=TaskStatus.DONE)
    assert [task.id for task in queue.recover_tasks_of(worker_id)] == [mine]
    assert queue.recover_tasks_of(worker_id) == []
    assert queue.get(others).status == TaskStatus.RUNNING
    assert queue.get(ended).status == TaskStatus.DONE
    assert queue.get(queued).status == TaskStatus.QUEUED


def test_requeue_needs_an_interrupted_task(queue: TaskQueue, worker_id: str) -> None:
    """Neither a running nor an ended task can be queued again, nor one whose key is in use."""
    number = queue.submit("hang_once_long", {}, key="k")
    queue.claim(worker_id, KINDS)
    with pytest.raises(IllegalTransitionError, match="is running"):
        queue.requeue(number)
    queue.recover_tasks_of(worker_id)
    queue.submit("hang_once_long", {}, key="k")
    with pytest.raises(JobError, match="another one for the same thing"):
        queue.requeue(number)
    assert queue.get(number).status == TaskStatus.INTERRUPTED


def test_giving_up(queue: TaskQueue, worker_id: str) -> None:
    """When no worker can be started every queued task of its kinds fails; running ones and others stay."""
    running, queued, other = (queue.submit(kind, {}) for kind in ("count", "count", "photos_count"))
    queue.claim(worker_id, KINDS)
    queue.fail_queued(NETWORK_KINDS, "No worker.")
    assert queue.get(other).status == TaskStatus.QUEUED
    assert queue.get(running).status == TaskStatus.RUNNING
    assert (queue.get(queued).status, queue.get(queued).error) == (TaskStatus.FAILED, "No worker.")


def test_live_and_dead_workers(queue: TaskQueue) -> None:
    """A worker lives while its heartbeat is young; one that signed off is neither alive nor dead."""
    queue.register_worker("w1", pid=11, host="elsewhere", lane=Lane.NETWORKS)
    queue.register_worker("w2", pid=22, host="elsewhere", lane=Lane.NETWORKS)
    assert [(worker.id, worker.pid) for worker in queue.live_workers(60)] == [("w1", 11), ("w2", 22)]
    assert queue.dead_workers(60) == []
    queue.unregister_worker("w2")
    assert [worker.id for worker in queue.live_workers(60)] == ["w1"]
    assert [worker.id for worker in queue.dead_workers(-60)] == ["w1"]


def test_announced_worker(queue: TaskQueue) -> None:
    """A worker counts for its lane before its process runs; when that says who it is, it is still one."""
    queue.announce_worker("w1", Lane.PHOTOS)
    (announced,) = queue.live_workers(60)
    assert (announced.id, announced.lane, announced.host) == ("w1", Lane.PHOTOS, "")
    queue.recover_tasks_of("w1")  # it took so long that another server thinks it dead
    queue.register_worker("w1", pid=11, host="elsewhere", lane=Lane.PHOTOS)
    (registered,) = queue.live_workers(60)
    assert (registered.id, registered.lane, registered.pid) == ("w1", Lane.PHOTOS, 11)


def test_heartbeat(queue: TaskQueue, worker_id: str) -> None:
    """A heartbeat makes a worker younger, and brings back one that was taken for dead."""
    (before,) = queue.live_workers(60)
    queue.recover_tasks_of(worker_id)
    assert queue.live_workers(60) == []
    queue.heartbeat(worker_id)
    (after,) = queue.live_workers(60)
    assert after.heartbeat_at >= before.heartbeat_at


def test_worker_that_signed_off_too_early(queue: TaskQueue, worker_id: str) -> None:
    """A worker that left a running task behind can still be found dead, so the task is recovered."""
    queue.submit("count", {})
    queue.claim(worker_id, KINDS)
    queue.unregister_worker(worker_id)
    assert [worker.id for worker in queue.dead_workers(-60)] == [worker_id]
    queue.recover_tasks_of(worker_id)
    assert queue.dead_workers(-60) == []


def test_what_gives_way_comes_last(database: Database):
    """A packaging that waits longer lets every other task go first, and knows how many do."""
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("w1", pid=1, host="here", lane=Lane.NETWORKS)
    packaging, training = queue.submit("package_run", {"run_id": 1}), queue.submit("train_run", {"run_id": 2})
    places = queue.places_in_queue([packaging, training])
    assert [place and place.num_before for place in places.values()] == [1, 0]
    claimed = [queue.claim("w1", ["package_run", "train_run"]) for _ in range(2)]
    assert [task.id for task in claimed if task is not None] == [training, packaging]


def test_photos_that_arrive_go_before_those_that_are_checked(database: Database):
    """In a class there is one worker for photos: checks of those who were quick would keep the others' photos out."""
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("w1", pid=1, host="here", lane=Lane.PHOTOS)
    check, photos = queue.submit(CHECK_KIND, {"dataset_id": 1}), queue.submit(IMPORT_KIND, {"import_id": 2})
    claimed = [queue.claim("w1", [CHECK_KIND, IMPORT_KIND]) for _ in range(2)]
    assert [task.id for task in claimed if task is not None] == [photos, check]


@contextmanager
def clock_wrong_by(seconds: float) -> Iterator[None]:
    """The clock of one host, while the others are right."""
    right = time.time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: right() + seconds)
        yield


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0], ids=["two hours slow", "two hours fast"])
class TestClocks:
    """Times are the database's, whatever the clocks of servers and workers say."""

    def test_a_worker_with_a_wrong_clock_is_alive_and_then_dead(self, queue: TaskQueue, seconds: float) -> None:
        """Its heartbeat counts as what it is: now; and its silence is noticed."""
        with clock_wrong_by(seconds):
            queue.register_worker("w", pid=1, host="elsewhere", lane=Lane.NETWORKS)
            queue.heartbeat("w")
        assert [worker.id for worker in queue.live_workers(60)] == ["w"]
        assert [worker.id for worker in queue.dead_workers(-1)] == ["w"]

    def test_a_supervisor_with_a_wrong_clock_neither_hurries_nor_waits(
        self, queue: TaskQueue, worker_id: str, seconds: float
    ) -> None:
        """Whoever asked for the end, and whoever counts the time of grace, agree on when that was."""
        task_id = queue.submit("count", {})
        queue.claim(worker_id, NETWORK_KINDS)
        queue.request_cancel(task_id)
        with clock_wrong_by(seconds):
            assert queue.overdue_tasks(60.0) == []
            assert [task.id for task in queue.overdue_tasks(0.0)] == [task_id]
            assert [worker.id for worker in queue.live_workers(60)] == [worker_id]


class TestEndByForce:
    """A worker is ended for the task that was asked to stop, never for the next one."""

    @pytest.fixture
    def overdue(self, queue: TaskQueue, worker_id: str) -> TaskView:
        """As a supervisor has read it."""
        task_id = queue.submit("count", {})
        queue.claim(worker_id, NETWORK_KINDS)
        queue.request_cancel(task_id)
        return queue.get(task_id)

    def test_the_task_is_cancelled_with_its_worker(self, queue: TaskQueue, overdue: TaskView) -> None:
        """Once the worker is gone the task is cancelled, and nobody waits for the worker any more."""
        assert queue.end_by_force(overdue, lambda: True)
        assert queue.get(overdue.id).status is TaskStatus.CANCELLED
        assert queue.live_workers(60) == []

    def test_a_worker_that_cannot_be_ended_keeps_its_task(self, queue: TaskQueue, overdue: TaskView) -> None:
        """It may still stop by itself."""
        assert not queue.end_by_force(overdue, lambda: False)
        assert queue.get(overdue.id) == overdue

    def test_a_worker_that_has_the_next_task_is_left_alone(
        self, queue: TaskQueue, worker_id: str, overdue: TaskView
    ) -> None:
        """It stopped by itself after the supervisor had looked."""
        queue.finish(overdue.id, worker_id, status=TaskStatus.CANCELLED)
        following = queue.submit("count", {})
        queue.claim(worker_id, NETWORK_KINDS)
        ended: list[str] = []
        assert not queue.end_by_force(overdue, lambda: ended.append(worker_id) is None)
        assert ended == []
        assert queue.get(following).status is TaskStatus.RUNNING

    def test_the_next_attempt_is_left_alone(self, queue: TaskQueue, worker_id: str) -> None:
        """The same worker may have the same task once more."""
        task_id = queue.submit("count", {})
        queue.claim(worker_id, NETWORK_KINDS)
        first = queue.get(task_id)
        queue.recover_tasks_of(worker_id)
        queue.claim(worker_id, NETWORK_KINDS)
        queue.request_cancel(task_id)
        assert not queue.end_by_force(first, lambda: pytest.fail("the worker was ended"))
        assert queue.get(task_id).attempts == 2

    def test_while_it_is_ended_it_takes_no_other_task(
        self, queue: TaskQueue, worker_id: str, overdue: TaskView, settings: Settings
    ) -> None:
        """The worker's own last words wait, and come too late."""
        words: list[str] = []

        def finish() -> None:
            with closing(open_database(settings)) as database:
                try:
                    TaskQueue(database, KINDS).finish(overdue.id, worker_id, status=TaskStatus.DONE)
                except TaskLostError as exc:
                    words.append(str(exc))

        thread = threading.Thread(target=finish)

        def end() -> bool:
            thread.start()
            thread.join(0.5)
            return thread.is_alive()

        assert queue.end_by_force(overdue, end)
        thread.join()
        assert len(words) == 1
        assert queue.get(overdue.id).status is TaskStatus.CANCELLED


def test_late_words_of_an_earlier_attempt_are_dropped(queue: TaskQueue, worker_id: str) -> None:
    """A worker that has the same task again does not take a report of the first attempt for one of the second."""
    task_id = queue.submit("count", {})
    first = queue.claim(worker_id, NETWORK_KINDS)
    assert first is not None
    queue.recover_tasks_of(worker_id)
    queue.claim(worker_id, NETWORK_KINDS)
    payload = {"fraction": 0.9, "message": "late"}
    with pytest.raises(TaskLostError):
        queue.append_event(task_id, worker_id, kind="progress", payload=payload, attempt=first.attempt)
    with pytest.raises(TaskLostError):
        queue.finish(task_id, worker_id, status=TaskStatus.DONE, attempt=first.attempt)
    assert queue.progress(task_id) is None
    queue.finish(task_id, worker_id, status=TaskStatus.DONE, attempt=2)


def test_a_silent_worker_that_speaks_again_keeps_its_tasks(
    queue: TaskQueue, database: Database, worker_id: str
) -> None:
    """Between the look of a supervisor and its decision a heartbeat may have come."""
    task_id = queue.submit("count", {})
    queue.claim(worker_id, NETWORK_KINDS)
    assert queue.recover_tasks_of(worker_id, silent_seconds=60) == []
    assert queue.get(task_id).status is TaskStatus.RUNNING
    with database.session() as session:
        session.get_one(Worker, worker_id).heartbeat_at = 0.0
    assert len(queue.recover_tasks_of(worker_id, silent_seconds=60)) == 1
