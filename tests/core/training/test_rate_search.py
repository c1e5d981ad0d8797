"""The search for a learning rate: alone and with helpers, of whom one does its share, one is slow and one fails."""

from collections.abc import Iterator

import pytest

from core.config import PhaseConfig
from core.errors import TaskCancelledError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.runs.desk import RATES_KIND
from core.runs.story import EpochStory, NoteStory
from core.settings import Settings
from core.training import rate_search
from core.training.rate_finder import RATES, suggest_rate
from core.training.rate_helper import run_rates_task
from core.training.run import run_train_task
from tests.core.training.training_samples import epochs_of, painted_dataset, submit
from tests.core.training.workshop import Workshop, open_workshop


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("rates") / "workspace", package_after_training=False)
    with open_workshop(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def dataset_id(workshop: Workshop) -> int:
    return painted_dataset(workshop, num_train=3)  # type: ignore[arg-type]  # what it needs of services


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, ...]]:
    """The losses of each search."""
    seen: list[tuple[float, ...]] = []

    def suggest(losses: tuple[float, ...], config: PhaseConfig) -> float:
        seen.append(losses)
        return suggest_rate(losses, config)

    monkeypatch.setattr(rate_search, "suggest_rate", suggest)
    return seen


def begun(workshop: Workshop, dataset_id: int, number: int) -> tuple[int, TaskContext]:
    """A run of the small network that a worker has begun, and that searches for its rate."""
    phase = PhaseConfig(num_epochs=1, batch_size=8)
    values = {"backbone": "scratch", "image_size": (48, 48), "head_phase": phase, "finds_learning_rate": True}
    run_id = submit(workshop, dataset_id, **values).id  # type: ignore[arg-type]
    return run_id, workshop.begin(number)


def train(workshop: Workshop, dataset_id: int, number: int) -> int:
    run_id, context = begun(workshop, dataset_id, number)
    run_train_task(context)
    workshop.end(context, number, TaskStatus.DONE)
    return run_id


def notes_of(workshop: Workshop, run_id: int) -> list[str]:
    events = workshop.runs.events_after(run_id, 0, kinds=["note"])
    return [NoteStory.from_json(event.payload).text for event in events]


def helpers_of(queue: TaskQueue) -> list[TaskStatus]:
    return [task.status for task in queue.list_tasks(100)[::-1] if task.kind == RATES_KIND]


def claim(workshop: Workshop, name: str) -> TaskContext:
    workshop.queue.register_worker(name, pid=1, host="elsewhere", lane=Lane.NETWORKS)
    task = workshop.queue.claim(name, [RATES_KIND])
    assert task is not None
    return TaskContext(workshop.queue, workshop.settings, task)


def told(story: EpochStory) -> tuple[float, float | None, float]:
    return story.loss, story.validation_loss, story.learning_rate


def test_helpers_change_nothing_but_the_time(
    workshop: Workshop, dataset_id: int, found: list[tuple[float, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a helper that does its share, one that is slow and one that fails, the search finds the same losses to the
    bit, and the training goes the same way, as alone; what failed is told, and nothing is left that waits or a file."""
    alone = train(workshop, dataset_id, 1)
    assert helpers_of(workshop.queue) == []  # so few short trials are not worth a task
    assert len(found[0]) == len(RATES)

    take_back = rate_search._Search._take_back
    came: list[TaskContext] = []

    def others_come_first(search: rate_search._Search, stretch: rate_search._Stretch) -> bool:
        if not came:
            came.extend(claim(workshop, name) for name in ("quick", "slow", "unlucky"))
            run_rates_task(came[0])
            workshop.queue.finish(came[0].task_id, "quick", status=TaskStatus.DONE)
            workshop.queue.finish(came[2].task_id, "unlucky", status=TaskStatus.FAILED, error="The disk is full.")
        return take_back(search, stretch)

    monkeypatch.setattr(rate_search, "WORTH_HELP_SECONDS", 0.0)
    monkeypatch.setattr(rate_search._Search, "_take_back", others_come_first)
    helped = train(workshop, dataset_id, 2)
    assert found[1] == found[0]
    curves = [[told(story) for story in epochs_of(workshop, run_id)] for run_id in (alone, helped)]  # type: ignore[arg-type]
    assert curves[0] == curves[1]
    notes = notes_of(workshop, helped)
    assert "A worker that helped in the search for the learning rate failed: The disk is full." in notes
    assert any("takes long; what it tries is tried here as well" in note for note in notes)
    assert any("13 short trials, 2 of them by other workers:" in note for note in notes)
    assert helpers_of(workshop.queue) == [
        *(TaskStatus.DONE, TaskStatus.RUNNING, TaskStatus.FAILED),
        *[TaskStatus.CANCELLED] * 3,
    ]
    with pytest.raises(TaskCancelledError):  # the slow one is told that nobody waits for it
        came[1].check_cancelled()
    assert list(workshop.settings.workspace_dir.rglob("rates.npz")) == []


def test_a_training_that_is_cancelled_takes_its_questions_back(
    workshop: Workshop, dataset_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever discards a training waits for no trial, and leaves none to others; a helper that has begun by then finds
    that nobody asks any more."""
    before = len(helpers_of(workshop.queue))
    run_id, context = begun(workshop, dataset_id, 3)
    late: list[TaskContext] = []

    def cancel_meanwhile(search: rate_search._Search, stretch: rate_search._Stretch) -> bool:
        late.append(claim(workshop, "late"))
        workshop.run_desk.cancel(run_id)
        return True

    monkeypatch.setattr(rate_search, "WORTH_HELP_SECONDS", 0.0)
    monkeypatch.setattr(rate_search._Search, "_take_back", cancel_meanwhile)
    monkeypatch.setattr("core.jobs.context.CANCEL_CHECK_SECONDS", 0.0)
    with pytest.raises(TaskCancelledError):
        run_train_task(context)
    workshop.end(context, 3, TaskStatus.CANCELLED)
    assert helpers_of(workshop.queue)[before:] == [TaskStatus.RUNNING, *[TaskStatus.CANCELLED] * 5]
    run_rates_task(late[0])
    assert workshop.queue.result(late[0].task_id) is None
