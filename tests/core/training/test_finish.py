"""What becomes of a run's checkpoint and of its activations, however the run ends."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import PhaseConfig
from core.errors import StorageError, TaskCancelledError
from core.jobs.status import TaskStatus
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.training.attempt import Attempt
from core.training.mapped_array import MappedArray
from core.training.recording import RunRecorder
from core.training.run import run_train_task
from tests.core.training.training_samples import epochs_of, painted_dataset, submit
from tests.core.training.workshop import Workshop, open_workshop

SIDE_PX = 48
NUM_EPOCHS = 2


@pytest.fixture
def workshop(settings: Settings) -> Iterator[Workshop]:
    with open_workshop(replace(settings, package_after_training=False, activation_memory_bytes=0)) as opened:
        yield opened


@pytest.fixture
def run_id(workshop: Workshop) -> int:
    """A run of the small network, queued."""
    dataset_id = painted_dataset(workshop, num_train=3)  # type: ignore[arg-type]  # what it needs of services
    phase = PhaseConfig(num_epochs=NUM_EPOCHS, batch_size=8)
    return submit(workshop, dataset_id, backbone="scratch", image_size=(SIDE_PX, SIDE_PX), head_phase=phase).id  # type: ignore[arg-type]


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> list[MappedArray]:
    """The arrays on the disk that were removed, each of which must be closed by then."""
    seen: list[MappedArray] = []
    remove = Attempt.remove_activations

    def watch(attempt: Attempt) -> None:
        seen.extend(attempt.mapped_arrays)
        remove(attempt)

    monkeypatch.setattr(Attempt, "remove_activations", watch)
    return seen


def checkpoint_of(workshop: Workshop, run_id: int) -> Path:
    return RunFolder(workshop.settings, run_id).checkpoints_path / "last.npz"


def test_a_run_whose_end_cannot_be_noted_has_nothing_to_train_again(
    workshop: Workshop, run_id: int, mapped: list[MappedArray], monkeypatch: pytest.MonkeyPatch
):
    """The checkpoint outlives a database that fails, and a worker killed in between; it goes when the task is done."""

    def fail(*_: object) -> None:
        raise StorageError("The database is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(RunLibrary, "set_finished", fail)
        context = workshop.begin(1)
        with pytest.raises(StorageError, match="locked"):
            run_train_task(context)
    workshop.end(context, 1, TaskStatus.FAILED)
    assert checkpoint_of(workshop, run_id).is_file()
    epochs = epochs_of(workshop, run_id)  # type: ignore[arg-type]

    workshop.run_desk.resume(run_id)
    context = workshop.begin(2)
    run_train_task(context)
    assert checkpoint_of(workshop, run_id).is_file()  # a kill at this very moment would need it
    workshop.end(context, 2, TaskStatus.DONE)
    assert not checkpoint_of(workshop, run_id).exists()
    assert epochs_of(workshop, run_id) == epochs  # type: ignore[arg-type]  # not one was trained again
    assert len(mapped) == 4
    assert all(array.is_closed for array in mapped)


def test_a_cancelled_run_lets_go_of_its_activations_before_its_folder_goes(
    workshop: Workshop, run_id: int, mapped: list[MappedArray], monkeypatch: pytest.MonkeyPatch
):
    """Cancelled in the middle of an epoch, a run has no file mapped when its folder is deleted."""

    def cancel(*_: object) -> None:
        raise TaskCancelledError("cancelled")

    states: list[bool] = []
    delete = RunFolder.delete

    def watch(folder: RunFolder) -> None:
        states.extend(array.is_closed for array in mapped)
        delete(folder)

    monkeypatch.setattr(RunRecorder, "on_batch", cancel)
    monkeypatch.setattr(RunFolder, "delete", watch)
    with pytest.raises(TaskCancelledError):
        run_train_task(workshop.begin(1))
    assert states == [True, True]
    assert not RunFolder(workshop.settings, run_id).path.exists()


def test_a_folder_that_cannot_be_deleted_makes_no_cancelled_run_fail(
    workshop: Workshop, run_id: int, monkeypatch: pytest.MonkeyPatch
):
    """Somebody has a file open, on Windows: the run is cancelled all the same."""

    def cancel(*_: object, **__: object) -> None:
        raise TaskCancelledError("cancelled")

    def refuse(*_: object) -> None:
        raise StorageError("The file is in use.")

    monkeypatch.setattr(RunRecorder, "begin_phase", cancel)
    monkeypatch.setattr(RunFolder, "delete", refuse)
    with pytest.raises(TaskCancelledError):
        run_train_task(workshop.begin(1))
    assert RunFolder(workshop.settings, run_id).path.is_dir()


def test_the_files_to_take_away_are_asked_for_after_a_training(workshop: Workshop, run_id: int):
    """By itself, as long as the setting says so."""
    workshop.settings = replace(workshop.settings, package_after_training=True)
    run_train_task(workshop.begin(1))
    assert workshop.runs.get_run(run_id).package_status is TaskStatus.QUEUED
