"""A head on a frozen network is taken away at the moment when somebody asks for it."""

import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from core.config import TrainConfig
from core.datasets.snapshots import take_snapshot
from core.errors import RunStateError
from core.export import at_once
from core.export.desk import ExportState
from core.export.exports import read_export, zip_path
from core.export.formats import find_format
from core.inference.classifier import Classifier
from core.inference.trained_model import TrainedModel
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from tests.core.inference.model_runs import outcome
from tests.core.inference.model_samples import head_for_samples, own_record, record_for, write_model
from tests.core.training.training_samples import COLOURS, painted_dataset
from tests.core.training.workshop import Workshop, open_workshop

ROW = find_format("litert")


@dataclass(frozen=True, kw_only=True)
class Done:
    """A run that is done, with a head on a prepared network, of which nothing has been made."""

    workshop: Workshop
    run_id: int

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.workshop.settings, self.run_id)

    def obtain(self) -> str | None:
        return self.workshop.exports.obtain(self.run_id, ROW.name)

    def state(self) -> ExportState:
        states = self.workshop.exports.states(self.workshop.runs.get_run(self.run_id))
        return {state.row.name: state for state in states}[ROW.name]


@pytest.fixture
def done(prepared_settings: Settings, classifier: Classifier) -> Iterator[Done]:
    with open_workshop(prepared_settings) as workshop:
        dataset_id = painted_dataset(workshop, num_train=1)  # type: ignore[arg-type]  # what it needs of services
        snapshot = take_snapshot(workshop.database, dataset_id)
        config = TrainConfig(snapshot=snapshot.hash, backbone="EfficientNetLite0")
        run_id = workshop.runs.create_run(config, dataset_id=dataset_id).id
        workshop.runs.set_finished(run_id, outcome().to_json())
        made = Done(workshop=workshop, run_id=run_id)
        write_model(made.folder, record_for(classifier, tuple(sorted(COLOURS))), head_for_samples(classifier, 3))
        write_decision(made.folder, Decision(temperature=0.7, min_probability=0.5))
        yield made


def test_it_is_made_when_somebody_takes_it(done: Done, tmp_path: Path):
    """Without a task: the zip has all that every export has, and was proven by its own program to 1e-5."""
    assert done.state().is_at_once
    assert done.obtain() is None
    state = done.state()
    assert (state.is_at_once, state.task) == (False, None)
    assert state.record is not None
    certificate = state.record.proven.certificate
    assert certificate is not None
    assert (certificate.split, certificate.num_photos, certificate.decision_agreement) == ("test", 9, 1.0)
    assert certificate.max_probability_difference <= 1e-5
    with zipfile.ZipFile(zip_path(done.folder, ROW)) as archive:
        names = set(archive.namelist())
        described = json.loads(archive.read("certificate.json"))
    assert described["max_difference_allowed"] == 1e-5
    assert len([name for name in names if name.startswith("samples/")]) == 3
    assert names >= {"model.tflite", "labels.txt", "classify.py", "model.json", "requirements.txt", "expected.json"}


def test_who_comes_meanwhile_gets_the_same_one(done: Done):
    """It is made once; and again where somebody has chosen since when the model does not know."""
    with ThreadPoolExecutor(3) as people:
        assert list(people.map(lambda _: done.obtain(), range(3))) == [None] * 3
    first = zip_path(done.folder, ROW).read_bytes()
    assert done.obtain() is None
    assert zip_path(done.folder, ROW).read_bytes() == first
    write_decision(done.folder, Decision(temperature=0.7, min_probability=0.9))
    assert done.state().is_at_once
    assert done.obtain() is None
    assert zip_path(done.folder, ROW).read_bytes() != first


def test_one_that_answers_otherwise_is_not_handed_out(done: Done, monkeypatch: pytest.MonkeyPatch):
    """By a stricter measure than the worker's, whose turn it is then; the reason is told."""
    write = at_once.write_whole

    def write_otherwise(model: TrainedModel, **values: object) -> bytes:
        assert model.head is not None
        (bias,) = model.head.biases
        shifted = bias + np.array([0.001, 0, 0], np.float32)
        return write(replace(model, head=replace(model.head, biases=(shifted,))), **values)  # type: ignore[arg-type]

    monkeypatch.setattr(at_once, "write_whole", write_otherwise)
    told = done.obtain()
    assert told is not None
    assert "where at most 1e-05 is allowed" in told
    assert not zip_path(done.folder, ROW).exists()
    assert read_export(done.folder, ROW, done.workshop.runs.get_run(done.run_id).name) is not None
    assert not done.state().is_at_once


@pytest.mark.parametrize("obstacle", ["another format", "no head", "in the trash"])
def test_what_cannot_be_made_at_once_is_left_alone(done: Done, obstacle: str):
    """It says that it is not there, or why it cannot be had; nothing is written."""
    name = "onnx" if obstacle == "another format" else ROW.name
    if obstacle == "no head":
        write_model(done.folder, own_record(), None)
    if obstacle == "in the trash":
        done.workshop.runs.trash(done.run_id)
        with pytest.raises(RunStateError, match="was deleted"):
            done.workshop.exports.obtain(done.run_id, name)
    else:
        told = done.workshop.exports.obtain(done.run_id, name)
        assert told is not None
        assert "is not there" in told
    assert not done.folder.exports_path.exists()
