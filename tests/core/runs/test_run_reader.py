"""Runs read once for everybody: only what is new, anew after a run went back, and forgotten after a while."""

import pytest

from core.config import TrainConfig
from core.jobs.queue import TaskQueue
from core.runs import reader as reader_module
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.reader import RunReader
from core.runs.records import RunEventKind, RunView
from core.runs.story import EpochStory, PhaseName, PhaseStory
from core.settings import Settings
from core.storage.db import Database
from tests.core.runs.run_samples import HandWorker
from tests.statements import noted_statements

Events = list[tuple[RunEventKind, dict]]


@pytest.fixture
def reader(runs: RunLibrary, queue: TaskQueue, database: Database, settings: Settings) -> RunReader:
    return RunReader(runs, queue, database, settings)


def epochs(*numbers: int, accuracy: float | None = 0.5) -> Events:
    stories = [
        EpochStory(
            epoch=number,
            phase=PhaseName.HEAD,
            loss=1.0,
            accuracy=accuracy,
            validation_loss=None,
            validation_accuracy=None,
            learning_rate=1e-3,
            seconds=1.0,
            photos_per_second=None,
            best_epoch=None,
        )
        for number in numbers
    ]
    return [("epoch", story.to_json()) for story in stories]


def begun(runs: RunLibrary, plan: TrainConfig, *events: tuple[RunEventKind, dict]) -> RunView:
    """A run that a worker has, which told these things."""
    view = runs.create_run(plan)
    runs.set_started(view.id)
    runs.append_events(view.id, list(events))
    return runs.get_run(view.id)


def test_only_what_is_new_is_read(reader: RunReader, runs: RunLibrary, database: Database, plan: TrainConfig) -> None:
    """However many look: where nothing happened, nothing is asked but where the run stands."""
    view = begun(runs, plan, *epochs(1, 2))
    assert reader.history(view).num_epochs == 2
    with noted_statements(database) as statements:
        assert reader.history(view).num_epochs == 2
        assert reader.accuracies(view) == (0.5, 0.5)
        assert reader.accuracies(view) == (0.5, 0.5)
    assert len([sql for sql in statements if sql.startswith("SELECT")]) == 1
    runs.append_events(view.id, epochs(3, accuracy=0.75))
    later = runs.get_run(view.id)
    assert reader.read(later).history.num_epochs == 3
    assert reader.accuracies(later) == (0.5, 0.5, 0.75)


def test_a_run_that_went_back_is_read_anew(reader: RunReader, runs: RunLibrary, plan: TrainConfig) -> None:
    """Epochs that are not true any more are told to nobody, not even by one who looked a moment earlier."""
    before = begun(runs, plan, *epochs(1, 2, 3))
    assert reader.read(before).history.num_epochs == 3
    assert len(reader.accuracies(before)) == 3
    runs.drop_events_after(before.id, 1)
    after = runs.get_run(before.id)
    assert reader.read(after).history.num_epochs == 1
    assert len(reader.accuracies(after)) == 1
    assert reader.history(before).num_epochs == 1


def test_facts_of_a_run(reader: RunReader, runs: RunLibrary, plan: TrainConfig, settings: Settings) -> None:
    """Its classes; what it is trained on, once it has noted that."""
    view = begun(runs, plan)
    now = reader.read(view)
    assert (now.class_names, now.device, now.progress, now.config) == (("crow",), None, None, plan)
    folder = RunFolder(settings, view.id)
    folder.create()
    folder.write_json(folder.environment_path, {"device": "CPU, 2 cores"})
    phase = PhaseStory(phase=PhaseName.HEAD, first_epoch=1, num_epochs=3)
    runs.append_events(view.id, [("phase", phase.to_json())])
    assert reader.read(runs.get_run(view.id)).device == "CPU, 2 cores"
    assert reader.class_names(view) == ("crow",)


def test_the_place_of_a_run_that_waits(
    reader: RunReader, runs: RunLibrary, queue: TaskQueue, worker: HandWorker, plan: TrainConfig
) -> None:
    """Who waits knows how many are before it, and how many workers are at; one that was begun has no place."""
    views = [runs.create_run(plan) for _ in range(3)]
    for view in views:
        runs.set_task(view.id, queue.submit("train_run", {"run_id": view.id}))

    def places() -> list[tuple[int, int] | None]:
        found = [reader.read(runs.get_run(view.id)).place for view in views]
        return [place and (place.num_before, place.num_running) for place in found]

    assert places() == [(0, 0), (1, 0), (2, 0)]
    worker.begin()
    assert places() == [None, (0, 1), (1, 1)]


def test_what_nobody_looks_at_is_forgotten(
    reader: RunReader, runs: RunLibrary, database: Database, plan: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded, whatever people look at; one that is asked for again is read again."""
    monkeypatch.setattr(reader_module, "_MAX_RUNS", 2)
    views = [begun(runs, plan, *epochs(1)) for _ in range(3)]
    for view in views:
        reader.history(view)
    with noted_statements(database) as statements:
        reader.history(views[2])
        assert statements == []
        assert reader.history(views[0]).num_epochs == 1
    assert any("run_events" in sql for sql in statements)
