"""The zip of everything that belongs to a model."""

import io
import zipfile

import numpy as np
import pytest

from core.export.bundle import write_bundle
from core.inference.reference import Reference, write_reference
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from tests.core.inference.model_samples import own_record

TITLE = "Birds: *mine*"


@pytest.fixture
def folder(settings: Settings) -> RunFolder:
    """A packaged model, examined, with limits that somebody chose."""
    folder = RunFolder(settings, 1)
    folder.create()
    record = own_record()
    folder.write_json(folder.model_record_path, record.to_json())
    for path, content in ((folder.keras_path, "keras"), (folder.litert_path, "litert"), (folder.labels_path, "crow\n")):
        path.write_text(content)
    write_reference(folder, Reference(["0" * 64], np.zeros(1, np.int64), np.ones((1, 4), np.float32)))
    write_decision(folder, Decision(temperature=1.5, min_probability=0.6, max_distance=0.4))
    return folder


def unpack(folder: RunFolder) -> dict[str, bytes]:
    target = io.BytesIO()
    write_bundle(target, TITLE, folder)
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_has_all_that_an_answer_needs(folder: RunFolder):
    """Models, labels, decision, features, and a text that names the files as they are called."""
    found = unpack(folder)
    models = [name for name in found if name.endswith((".keras", ".tflite", " labels.txt"))]
    assert len(models) == 3
    assert set(found) == {*models, "decision.json", "reference.npz", "README.txt"}
    assert found["decision.json"] == folder.decision_path.read_bytes()
    assert found["reference.npz"] == folder.reference_path.read_bytes()
    readme = found["README.txt"].decode()
    assert all(name in readme for name in found if name != "README.txt")
    assert readme.startswith(TITLE)
    assert "is above 0.400" in " ".join(readme.split())


def test_a_model_for_which_nobody_has_chosen_comes_without_limits(folder: RunFolder):
    """The text says so, and its lines need no file that is not there."""
    folder.decision_path.unlink()
    folder.reference_path.unlink()
    found = unpack(folder)
    assert {"decision.json", "reference.npz"} & set(found) == set()
    assert "nobody has chosen" in found["README.txt"].decode()


@pytest.mark.parametrize(
    ("name", "left_out", "told"),
    [
        pytest.param("decision.json", {"decision.json", "reference.npz"}, "decision.json, which says", id="decision"),
        pytest.param("reference.npz", {"reference.npz"}, "only the probability counts", id="features"),
        pytest.param("model.json", set(), "is damaged", id="description"),
    ],
)
def test_what_is_damaged_is_left_out_and_told(folder: RunFolder, name: str, left_out: set[str], told: str):
    """The models themselves can still be taken away."""
    (folder.path / name).write_bytes(b"{")
    found = unpack(folder)
    assert {"decision.json", "reference.npz"} - set(found) == left_out
    assert told in " ".join(found["README.txt"].decode().split())
    assert b"litert" in found.values()
