"""The text beside a model that people take away: what it says is run, and answers as Bluetit does."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from core.config import SCRATCH, HeadConfig
from core.export.model_readme import TakenFiles, describe_files, photo_code
from core.inference.classifier_cache import ClassifierCache
from core.inference.judging import Rule, read_rule
from core.inference.reference import Reference, write_reference
from core.inference.trained_model import read_model_record
from core.networks.convert import convert_to_litert
from core.networks.network import BackboneNetwork
from core.photos.fit import FitMode
from core.photos.squares import SquareMaker
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.settings import Settings
from core.training.assembly import WholeModel
from core.training.baseline import build_baseline
from core.training.heads import assemble, build_head, to_probabilities
from tests.core.inference.model_samples import SAMPLES, own_record

SIDE_PX = 48

# Keras 3.15 does not know NumPy 2.4's `copy` keyword.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def record_of(backbone: str, **values: object) -> ModelRecord:
    known = {
        "class_names": ("a 'cat'", "cup of coffee", "rocket"),
        "image_size": (SIDE_PX, SIDE_PX),
        "has_linear_head": False,
    }
    return own_record(backbone=backbone, **{**known, **values})


def small_network() -> WholeModel:
    """A backbone of one convolution, and a head with a hidden layer, put together as packaging does."""
    keras.utils.set_random_seed(7)
    pixels = keras.Input((SIDE_PX, SIDE_PX, 3), name="pixels")
    scaled = keras.layers.Rescaling(1 / 64, -2)(pixels)
    feature_map = keras.layers.Conv2D(24, 5, strides=4, activation="relu")(scaled)
    features = keras.layers.GlobalAveragePooling2D(name="features")(feature_map)
    model = keras.Model(pixels, [features, feature_map])
    network = BackboneNetwork(model=model, layers=tuple(model.layers), crossings={0: pixels})
    whole = assemble(network, build_head(HeadConfig(hidden_units=(16,)), 24, 3, seed=1))
    return WholeModel(model=whole, features=features, feature_map=feature_map)


def network_from_scratch() -> WholeModel:
    baseline = build_baseline((SIDE_PX, SIDE_PX), 3, seed=1)
    model = keras.Model(baseline.inputs, to_probabilities(baseline.outputs[0]), name="classifier")
    features, feature_map = (baseline.get_layer(name).output for name in ("hidden", "pool4"))
    return WholeModel(model=model, features=features, feature_map=feature_map)


def code_blocks(readme: str) -> list[str]:
    """The lines that are indented, by the paragraph they stand in."""
    blocks = re.findall(r"(?:^    .*\n)+", readme, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks]


def write_run(folder: RunFolder, record: ModelRecord, whole: WholeModel) -> None:
    folder.create()
    folder.write_json(folder.model_record_path, record.to_json())
    folder.labels_path.write_text("".join(f"{name}\n" for name in record.class_names), "utf-8")
    whole.model.save(folder.keras_path)
    convert_to_litert(whole.with_inner_values(), folder.litert_path)


@pytest.mark.parametrize(
    ("backbone", "make"),
    [
        pytest.param("EfficientNetLite0", small_network, id="on a backbone"),
        pytest.param(SCRATCH, network_from_scratch, id="from scratch"),
    ],
)
def test_its_lines_answer_as_bluetit_does(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, backbone: str, make
):
    """Photo in, class or "I don't know" out, with Keras and with LiteRT, by probability and by distance."""
    folder = RunFolder(settings, 1)
    write_run(folder, record_of(backbone), make())
    plain = ClassifierCache(settings).get_trained(1)
    outputs = [plain.answer(plain.square(photo, "photo")) for photo in SAMPLES]
    write_reference(folder, Reference(["0" * 64], np.zeros(1, np.int64), outputs[0].features[np.newaxis]))
    # Limits between those of the samples, so that some are refused for either reason and some are not.
    shares = sorted(float(output.probabilities.max()) for output in outputs)
    write_decision(folder, Decision(temperature=0.8, min_probability=shares[1], max_distance=0.02))
    model = ClassifierCache(settings).get_trained(1)
    assert model.problem is None
    expected = [model.classify(photo, "photo") for photo in SAMPLES]
    assert {found.is_refused for found in expected} == {True, False}
    names = (folder.keras_path.name, folder.litert_path.name, folder.labels_path.name)
    files = TakenFiles(keras=names[0], litert=names[1], labels=names[2], has_decision=True, has_reference=True)
    readme = describe_files("Mine", read_model_record(folder), read_rule(folder), files)
    photo, litert, with_keras, decision = code_blocks(readme)
    monkeypatch.chdir(folder.path)
    for sample, found in zip(SAMPLES, expected, strict=True):
        Path("photo.jpg").write_bytes(sample)
        best = found.predictions[0]
        for asked in (litert, with_keras):
            said: dict = {}
            exec(photo + asked + decision, said)
            assert said["answer"] == ("I don't know" if found.is_refused else best.label)
            assert said["share"] == pytest.approx(best.probability, abs=1e-3)
    assert "I don't know" in capsys.readouterr().out


@pytest.mark.parametrize("fit_mode", list(FitMode))
def test_its_photo_is_the_one_that_the_network_sees(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, fit_mode: FitMode
):
    """To the last pixel, for each way of fitting, and for a width that is not the height."""
    record = record_of("EfficientNetLite0", fit_mode=fit_mode.value, crop_fraction=0.875, image_size=(96, 160))
    squares = SquareMaker.of(record.image_size, record.fit_mode, settings, crop_fraction=record.crop_fraction)
    monkeypatch.chdir(tmp_path)
    for sample in SAMPLES[1:3]:  # a PNG and a JPEG
        Path("photo.jpg").write_bytes(sample)
        said: dict = {}
        exec(photo_code(record), said)
        np.testing.assert_array_equal(said["pixels"][0], np.asarray(squares.square(sample, "photo")))


@pytest.mark.parametrize(
    ("rule", "files", "told", "untold"),
    [
        pytest.param(Rule(decision=Decision()), {}, "nobody has chosen", "decision.json", id="no decision"),
        pytest.param(
            Rule(decision=Decision(), problem="The file is damaged."), {}, "is damaged", "json.loads", id="damaged"
        ),
        pytest.param(
            Rule(decision=Decision(max_distance=0.5)),
            {"has_decision": True},
            "only the probability counts",
            "np.load",
            id="no reference",
        ),
        pytest.param(
            Rule(decision=Decision(min_probability=0.5)),
            {"has_decision": True, "has_reference": True},
            "less than 50 %",
            "np.load",
            id="no distance",
        ),
    ],
)
def test_it_speaks_of_what_is_there(rule: Rule, files: dict[str, bool], told: str, untold: str):
    """Nobody looks for a file that was not put in, or runs a line that needs one."""
    there = {"keras": None, "litert": "a.tflite", "labels": "a.txt", "has_decision": False, "has_reference": False}
    text = describe_files("Mine", record_of("EfficientNetLite0"), rule, TakenFiles(**{**there, **files}))
    assert told in " ".join(text.split())
    assert untold not in text
    assert "keras" not in text
    compile("".join(code_blocks(text)), "README.txt", "exec")


def test_a_module_of_tensorflow_hub_is_loaded_with_bluetit():
    """Keras runs another's program only when told to."""
    files = TakenFiles(keras="a.keras", litert=None, labels="a.txt", has_decision=False, has_reference=False)
    text = describe_files("Mine", record_of("hub:/somewhere"), Rule(decision=Decision()), files)
    assert "safe_mode=False" in text
    assert "import core.networks.hub" in text
