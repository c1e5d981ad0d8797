"""What a run tells of an epoch is kept before anybody sees it, whenever the process is killed."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from core.errors import StorageError, StoreError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.runs.library import RunLibrary
from core.runs.story import EpochStory, PhaseName, PhaseStory
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.limits import SpaceLimits, SpaceRoom, UploadPace
from core.storage.schema import HOME_SPACE_ID, Task
from core.task_kinds import TASK_KINDS
from core.training.checkpoint import Checkpoint, read_checkpoint
from core.training.phase import EpochResult
from core.training.recording import RunLog, RunRecorder, rewind
from tests.core.runs.run_samples import config, take


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def runs(database: Database) -> RunLibrary:
    return RunLibrary(database)


@pytest.fixture
def run_id(runs: RunLibrary, database: Database) -> int:
    return runs.create_run(config(take(database, "Birds", range(3))[1])).id


def recorder_of(
    runs: RunLibrary,
    run_id: int,
    database: Database,
    settings: Settings,
    checkpoints: Path,
    keep: Callable[[], object] = lambda: None,
) -> RunRecorder:
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    queue.submit("train_run", {"run_id": run_id})
    task = queue.claim("w1", TASK_KINDS)
    assert task is not None
    log = RunLog(settings.workspace_dir / "log.txt")
    context = TaskContext(queue, settings, task)
    recorder = RunRecorder(context, runs, run_id=run_id, log=log, checkpoints=checkpoints, keep=keep)
    recorder.begin_phase(PhaseStory(phase=PhaseName.HEAD, first_epoch=1, num_epochs=3), until=1.0)
    return recorder


def result(epoch: int) -> EpochResult:
    return EpochResult(
        epoch=epoch,
        loss=1.0 / epoch,
        accuracy=0.5,
        validation_loss=None,
        validation_accuracy=None,
        learning_rate=0.1,
        seconds=0.25,
        num_photos=8,
        best_epoch=epoch,
    )


def checkpoint(sequence: int) -> Checkpoint:
    return Checkpoint(
        phase=PhaseName.HEAD,
        epoch=1,
        last_sequence=sequence,
        stopping={},
        batch_size=8,
        weights=(),
        optimizer=(),
        best_weights=(),
    )


def epochs(runs: RunLibrary, run_id: int) -> list[EpochStory]:
    return [EpochStory.from_json(event.payload) for event in runs.events_after(run_id, 0, kinds=["epoch"])]


def test_an_epoch_that_cannot_be_kept_is_not_told(
    runs: RunLibrary, run_id: int, database: Database, settings: Settings
):
    """What somebody has seen finished would else be lost with the next kill."""
    blocked = settings.workspace_dir / "checkpoints"
    blocked.write_text("a file where the folder should be")
    recorder = recorder_of(runs, run_id, database, settings, blocked)
    with pytest.raises(StorageError):
        recorder.on_epoch(result(1), checkpoint)
    assert epochs(runs, run_id) == []


def test_an_epoch_that_cannot_be_sent_is_told_with_a_warning(
    runs: RunLibrary, run_id: int, database: Database, settings: Settings
):
    """Hours of work do not end because the object store is away; that it is, is said once."""
    folder = settings.workspace_dir / "checkpoints"

    def fail() -> None:
        raise StoreError("The store does not answer.")

    recorder = recorder_of(runs, run_id, database, settings, folder, keep=fail)
    for epoch in (1, 2):
        recorder.on_epoch(result(epoch), checkpoint)
    assert [epoch.epoch for epoch in epochs(runs, run_id)] == [1, 2]
    notes = [event.payload for event in runs.events_after(run_id, 0, kinds=["note"])]
    assert [note["is_warning"] for note in notes] == [True]
    assert "on this server alone" in notes[0]["text"]


def test_killed_between_keeping_and_telling_the_epoch_is_told_afterwards(
    runs: RunLibrary, run_id: int, database: Database, settings: Settings
):
    """It is not trained again, and stands in the story once, as it was."""
    folder = settings.workspace_dir / "checkpoints"
    recorder = recorder_of(runs, run_id, database, settings, folder)
    recorder.on_epoch(result(1), checkpoint)
    (told,) = epochs(runs, run_id)
    kept = read_checkpoint(folder)
    assert kept is not None
    runs.drop_events_after(run_id, kept.last_sequence)  # as if the process had been killed before it told
    for _ in range(2):  # killed once more before anything else happens
        rewind(runs, run_id, kept)
        assert epochs(runs, run_id) == [told]


def test_what_came_after_the_last_kept_epoch_is_forgotten(
    runs: RunLibrary, run_id: int, database: Database, settings: Settings
):
    """The epoch itself stays as it was told, with its number; only what follows it is dropped."""
    folder = settings.workspace_dir / "checkpoints"
    recorder = recorder_of(runs, run_id, database, settings, folder)
    recorder.on_epoch(result(1), checkpoint)
    before = runs.events_after(run_id, 0, kinds=["epoch"])
    recorder.note("The second epoch is half done.")
    rewind(runs, run_id, read_checkpoint(folder))
    events = runs.events_after(run_id, 0)
    assert events[-1:] == before
    assert [event.kind for event in events] == ["phase", "epoch"]


def test_without_a_kept_epoch_the_story_begins_anew(
    runs: RunLibrary, run_id: int, database: Database, settings: Settings
):
    """A run that was killed in its first epoch tells nothing of it."""
    recorder_of(runs, run_id, database, settings, settings.workspace_dir)
    rewind(runs, run_id, None)
    assert runs.events_after(run_id, 0) == []


def test_checkpoints_of_earlier_versions_are_gone_on_from(
    runs: RunLibrary, run_id: int, database: Database, settings: Settings
):
    """They counted the epoch's own events, and held nothing that is to be told."""
    folder = settings.workspace_dir / "checkpoints"
    recorder = recorder_of(runs, run_id, database, settings, folder)
    recorder.on_epoch(result(1), checkpoint)
    last = runs.get_run(run_id).last_sequence
    recorder.note("The second epoch is half done.")
    rewind(runs, run_id, replace(checkpoint(last), told=None))
    assert [event.sequence for event in runs.events_after(run_id, 0)][-1] == last


def test_an_hour_in_which_enough_was_trained_is_over(
    runs: RunLibrary, run_id: int, database: Database, settings: Settings
):
    """The run says so once, and from then on a stop counts as requested."""
    room = SpaceRoom(limits=SpaceLimits(training_minutes=1), settings=settings, pace=UploadPace(None))
    limited = database.of_space(HOME_SPACE_ID, room)
    recorder = recorder_of(runs, run_id, limited, settings, settings.workspace_dir)
    for more_seconds, is_over in ((0.0, False), (50.0, False), (30.0, True), (0.0, True)):
        with database.session() as session:
            session.execute(update(Task).values(started_at=Task.started_at - more_seconds))
        recorder._time_asked_at = float("-inf")
        assert (recorder.is_time_over(), recorder.is_stop_requested()) == (is_over, is_over)
    (note,) = runs.events_after(run_id, 0, kinds=["note"])
    assert "may take 1 minute an hour" in note.payload["text"]
