"""Models of the tools that people use: each comes in, and answers as it does where it was made."""

import io
import json
import zipfile
from typing import Any

import flatbuffers
import h5py
import keras
import numpy as np
import numpy.typing as npt
import pytest
import tf_keras
from ai_edge_litert import schema_py_generated as schema

from core.foreign.records import AnswerForm, Origin
from core.foreign.scaling import Scaling, scale
from core.photos.fit import FitMode
from tests.core.foreign.conftest import Workshop
from tests.core.foreign.foreign_samples import (
    LABELS,
    LABELS_TXT,
    SIDE,
    as_litert,
    hdf5_bytes,
    keras_bytes,
    rebuilt,
    small_model,
    teachable_bytes,
    teachable_model,
    with_config,
    zipped,
)

NAMES = ("tit", "crow", "finch")
NAMES_TXT = b"tit\ncrow\nfinch"

Pixels = npt.NDArray[np.uint8]


def said_by(model: Any, pixels: Pixels, scaling: Scaling) -> npt.NDArray[np.float32]:
    """What a model says itself."""
    return np.asarray(model(scale(pixels, scaling)[np.newaxis], training=False))[0]


# --- Teachable Machine --------------------------------------------------------------------------------------


def test_teachable_machine_for_keras_answers_as_tf_keras_does(workshop: Workshop, pixels: Pixels):
    """`converted_keras.zip`, which Keras 3 cannot load by itself: -1 to 1, the square in the middle, names in order."""
    content = zipped({"keras_model.h5": teachable_bytes(), "labels.txt": LABELS_TXT})
    model = workshop.bring({"converted_keras.zip": content})
    assert (model.origin, model.class_names) == (Origin.TEACHABLE_MACHINE, LABELS)
    assert (model.record.scaling, model.record.fit_mode, model.record.crop_fraction) == (
        Scaling.SIGNED,
        FitMode.CROP,
        1,
    )
    assert model.record.guess.is_certain
    expected = said_by(teachable_model(), pixels, Scaling.SIGNED)
    np.testing.assert_allclose(workshop.say(model, pixels), expected, atol=1e-5)


def test_keras_3_cannot_load_that_file_itself():
    """Why `tf_keras` builds such models: once Keras can, this test fails, and it can go."""
    with h5py.File(io.BytesIO(teachable_bytes())) as file:
        config = file.attrs["model_config"]
    with pytest.raises((ValueError, TypeError)):
        keras.models.model_from_json(config)


@pytest.mark.parametrize(
    ("name", "quantised", "loss"), [("model_unquant.tflite", None, 1e-5), ("model.tflite", "uint8", 0.1)]
)
def test_teachable_machine_for_litert_answers_alike(
    workshop: Workshop, pixels: Pixels, name: str, quantised: str | None, loss: float
):
    """`converted_tflite.zip` and its quantised sister, in which the numbers themselves say that they are -1 to 1."""
    content = zipped({name: as_litert(teachable_model(), quantised=quantised), "labels.txt": LABELS_TXT})
    model = workshop.bring({"converted_tflite.zip": content})
    assert (model.origin, model.class_names) == (Origin.TEACHABLE_MACHINE, LABELS)
    assert model.record.trial.dtype == (quantised or "float32")
    assert (model.record.scaling, model.record.guess.is_certain) == (Scaling.SIGNED, True)
    expected = said_by(teachable_model(), pixels, Scaling.SIGNED)
    np.testing.assert_allclose(workshop.say(model, pixels), expected, atol=loss)


def test_a_keras_2_archive_answers_as_tf_keras_does(workshop: Workshop, pixels: Pixels):
    """`.keras` files of TensorFlow 2.12 to 2.15 have the new form and the old layers."""
    model = workshop.bring({"old.keras": keras_bytes(teachable_model()), "labels.txt": LABELS_TXT})
    expected = said_by(teachable_model(), pixels, model.record.scaling)
    np.testing.assert_allclose(workshop.say(model, pixels), expected, atol=1e-5)


def keras_2_with_operations(*, is_reversed: bool) -> Any:
    """`preprocess_input(x)` inside of a model; `x[..., ::-1]`, too, which Keras 2 can keep in old files only."""
    taken = tf_keras.Input((SIDE, SIDE, 3))
    scaled = tf_keras.applications.mobilenet_v2.preprocess_input(taken)
    ordered = scaled[..., ::-1] if is_reversed else scaled
    found = tf_keras.layers.GlobalAveragePooling2D()(tf_keras.layers.Conv2D(5, 3, activation="relu")(ordered))
    return tf_keras.Model(taken, tf_keras.layers.Dense(3, activation="softmax")(found))


@pytest.mark.parametrize("package", ["tf_keras.src.", "keras.src.", "keras."])
def test_operations_of_keras_2_answer_as_tf_keras_does(workshop: Workshop, pixels: Pixels, package: str):
    """Their modules as TensorFlow 2.16, 2.15 and 2.12 call them; the scaling is known to be inside."""
    original = keras_2_with_operations(is_reversed=False)
    content = with_config(keras_bytes(original), lambda config: _rename_modules(config, package))
    model = workshop.bring({"birds.keras": content, "labels.txt": NAMES_TXT})
    assert (model.record.scaling, model.record.guess.is_certain) == (Scaling.BYTES, True)
    np.testing.assert_allclose(workshop.say(model, pixels), said_by(original, pixels, Scaling.BYTES), atol=1e-5)


def test_operations_in_old_files_answer_as_tf_keras_does(workshop: Workshop, pixels: Pixels):
    """There they have no modules."""
    original = keras_2_with_operations(is_reversed=True)
    model = workshop.bring({"birds.h5": hdf5_bytes(original), "labels.txt": NAMES_TXT})
    np.testing.assert_allclose(workshop.say(model, pixels), said_by(original, pixels, Scaling.BYTES), atol=1e-5)


def _rename_modules(config: dict[str, Any], package: str) -> None:
    text = json.dumps(config)
    assert "tf_op_layer" in text
    config.update(json.loads(text.replace("tf_keras.src.", package)))


# --- Keras 3 ------------------------------------------------------------------------------------------------


def test_a_keras_model_answers_as_keras_does(workshop: Workshop, pixels: Pixels):
    """With its own scaling inside; photos are squeezed, as the data sets of Keras do."""
    original = small_model(first=[keras.layers.Rescaling(1 / 255), keras.layers.RandomFlip("horizontal")])
    model = workshop.bring({"labels.txt": NAMES_TXT, "my_birds.keras": keras_bytes(original)})
    assert model.record.file_name == "my_birds.keras"
    assert (model.name, model.origin, model.class_names) == ("my birds", Origin.KERAS, NAMES)
    assert (model.record.scaling, model.record.guess.is_certain) == (Scaling.BYTES, True)
    assert model.record.fit_mode == FitMode.SQUASH
    np.testing.assert_allclose(workshop.say(model, pixels), said_by(original, pixels, Scaling.BYTES), atol=1e-5)


def test_an_old_file_of_keras_3_answers_as_keras_does(workshop: Workshop, pixels: Pixels):
    """Keras 3 still writes `.h5`."""
    original = small_model()
    model = workshop.bring({"birds.h5": hdf5_bytes(original), "labels.txt": NAMES_TXT})
    np.testing.assert_allclose(workshop.say(model, pixels), said_by(original, pixels, model.record.scaling), atol=1e-5)


def test_functional_models_with_operations_answer_as_keras_does(workshop: Workshop, pixels: Pixels):
    """`x / 127.5 - 1` and `x[..., ::-1]` become operations, which are known for scaling the pixels inside."""
    taken = keras.Input((SIDE, SIDE, 3))
    scaled = taken[..., ::-1] / 127.5 - 1.0
    found = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 3, activation="swish")(scaled))
    original = keras.Model(taken, keras.layers.Dense(3, activation="softmax")(keras.ops.relu(found)))
    model = workshop.bring({"birds.keras": keras_bytes(original), "labels.txt": NAMES_TXT})
    assert (model.record.scaling, model.record.guess.is_certain) == (Scaling.BYTES, True)
    np.testing.assert_allclose(workshop.say(model, pixels), said_by(original, pixels, Scaling.BYTES), atol=1e-5)


@pytest.mark.parametrize("backbone", ["MobileNetV2", "ResNet50", "DenseNet121"])
def test_the_scaling_is_guessed_by_the_network_inside(workshop: Workshop, pixels: Pixels, backbone: str):
    """Each was published with its own; it is said to be a guess, and why."""
    base = getattr(keras.applications, backbone)(input_shape=(SIDE, SIDE, 3), weights=None, include_top=False)
    small = keras.Model(base.input, base.layers[6].output, name=base.name)
    pooled = keras.layers.GlobalAveragePooling2D()(small.output)
    original = keras.Model(small.input, keras.layers.Dense(3, activation="softmax")(pooled), name=base.name)
    model = workshop.bring({"birds.keras": keras_bytes(original), "labels.txt": NAMES_TXT})
    wanted = {"MobileNetV2": Scaling.SIGNED, "ResNet50": Scaling.CAFFE, "DenseNet121": Scaling.TORCH}[backbone]
    assert (model.record.scaling, model.record.guess.is_certain) == (wanted, False)
    assert "built on" in model.record.guess.reason
    np.testing.assert_allclose(workshop.say(model, pixels), said_by(original, pixels, wanted), atol=1e-4)


# --- kinds of answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num_outputs", "last", "form"),
    [
        (3, "softmax", AnswerForm.PROBABILITIES),
        (3, None, AnswerForm.LOGITS),
        (3, "sigmoid", AnswerForm.INDEPENDENT),
        (1, "sigmoid", AnswerForm.SECOND_PROBABILITY),
        (1, None, AnswerForm.SECOND_LOGIT),
    ],
)
def test_whatever_a_model_gives_becomes_probabilities(
    workshop: Workshop, pixels: Pixels, num_outputs: int, last: str | None, form: AnswerForm
):
    """Softmax and logits, sigmoids for many classes or for two."""
    original = small_model(num_classes=num_outputs, last=last)
    names = NAMES[: max(2, num_outputs)]
    model = workshop.bring({"birds.tflite": as_litert(original), "labels.txt": "\n".join(names).encode()})
    assert (model.record.trial.answers, model.class_names) == (form, names)
    numbers = said_by(original, pixels, model.record.scaling).astype(np.float64)
    match form:
        case AnswerForm.LOGITS:
            numbers = np.exp(numbers) / np.exp(numbers).sum()
        case AnswerForm.INDEPENDENT:
            numbers = numbers / numbers.sum()
        case AnswerForm.SECOND_PROBABILITY:
            numbers = np.array([1 - numbers[0], numbers[0]])
        case AnswerForm.SECOND_LOGIT:
            second = 1 / (1 + np.exp(-numbers[0]))
            numbers = np.array([1 - second, second])
    np.testing.assert_allclose(workshop.say(model, pixels), numbers, atol=1e-5)
    assert any("sigmoid" in note for note in model.record.notes) == (form is AnswerForm.INDEPENDENT)


# --- other tools --------------------------------------------------------------------------------------------


def test_labels_and_scaling_inside_a_litert_file_are_found(workshop: Workshop):
    """As MediaPipe Model Maker and TensorFlow Hub write them: a zip behind the network, a table of metadata in it."""
    packed = rebuilt(as_litert(small_model()), lambda model: _add_metadata(model, mean=127.5, deviation=127.5))
    target = io.BytesIO(packed)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("labels.txt", NAMES_TXT)
    model = workshop.bring({"birds.tflite": target.getvalue()})
    assert (model.origin, model.class_names) == (Origin.MEDIAPIPE, NAMES)
    assert (model.record.scaling, model.record.guess.is_certain) == (Scaling.SIGNED, True)


def _add_metadata(model: Any, *, mean: float, deviation: float) -> None:
    """The part of TensorFlow Lite Support's metadata that says how pixels are scaled."""
    builder = flatbuffers.Builder(256)

    def vector(numbers: list[int], *, are_floats: bool = False, values: tuple[float, ...] = ()) -> int:
        builder.StartVector(4, len(values) or len(numbers), 4)
        for each in reversed(values):
            builder.PrependFloat32(each)
        for each in reversed(numbers):
            builder.PrependUOffsetTRelative(each)
        return int(builder.EndVector())

    def table(size: int, fields: dict[int, int], *, kinds: dict[int, int] | None = None) -> int:
        builder.StartObject(size)
        for place, offset in fields.items():
            builder.PrependUOffsetTRelativeSlot(place, offset, 0)
        for place, kind in (kinds or {}).items():
            builder.PrependUint8Slot(place, kind, 0)
        return int(builder.EndObject())

    means, deviations = vector([], values=(mean,)), vector([], values=(deviation,))
    options = table(2, {0: means, 1: deviations})
    unit = table(2, {1: options}, kinds={0: 1})
    tensor = table(7, {4: vector([unit])})
    graph = table(11, {2: vector([tensor])})
    builder.Finish(table(8, {3: vector([graph])}), b"M001")
    buffer = schema.BufferT()
    buffer.data = list(builder.Output())
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"TFLITE_METADATA", len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]


def test_edge_impulse_in_whole_numbers_comes_in_with_typed_names(workshop: Workshop, pixels: Pixels):
    """Its file has no names; the numbers say that it takes 0 to 1."""
    original = small_model()
    content = as_litert(original, quantised="int8", values=(0.0, 1.0))
    files = {"ei-birds-classifier-tensorflow-lite-int8-quantized-model.lite": content}
    assert "does not say what its 3 classes are called" in workshop.refusal(files)
    model = workshop.bring(files, class_names=NAMES)
    assert (model.record.trial.dtype, model.record.scaling) == ("int8", Scaling.UNIT)
    np.testing.assert_allclose(workshop.say(model, pixels), said_by(original, pixels, Scaling.UNIT), atol=0.05)


def test_lobe_for_litert_comes_in(workshop: Workshop):
    """A folder as a zip: `saved_model.tflite`, `labels.txt` and `signature.json`."""
    files = {"saved_model.tflite": as_litert(small_model()), "labels.txt": NAMES_TXT, "signature.json": b"{}"}
    model = workshop.bring({"birds.zip": zipped({f"Birds TFLite/{name}": each for name, each in files.items()})})
    assert (model.origin, model.class_names, model.record.scaling) == (Origin.LOBE, NAMES, Scaling.UNIT)


def test_a_network_for_imagenet_needs_no_list_of_names(workshop: Workshop):
    """1,000 outputs, or 1,001 with the background first, are taken for ImageNet's classes, and that is said."""
    model = workshop.bring({"mobilenet.tflite": as_litert(small_model(num_classes=1001))})
    assert len(model.class_names) == 1001
    assert model.class_names[:2] == ("background", "tench")
    assert "taken for those of ImageNet" in model.record.notes[0]


def test_an_export_of_bluetit_is_known_whole(workshop: Workshop, pixels: Pixels):
    """Names, square, scaling: all of it is in `model.json`; its features, a second output, are passed over."""
    taken = keras.Input((SIDE, SIDE, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 3)(keras.layers.Rescaling(1 / 255)(taken)))
    original = keras.Model(taken, [keras.layers.Dense(3, activation="softmax")(features), features])
    described = {
        "title": "Birds of my garden",
        "class_names": list(NAMES),
        "fit_mode": "letterbox",
        "crop_fraction": 1.0,
        "temperature_is_inside": True,
    }
    files = {"model.tflite": as_litert(original), "model.json": json.dumps(described).encode(), "labels.txt": NAMES_TXT}
    model = workshop.bring({"birds-litert.zip": zipped({f"birds/{name}": each for name, each in files.items()})})
    assert (model.name, model.origin, model.class_names) == ("Birds of my garden", Origin.BLUETIT, NAMES)
    assert (model.record.scaling, model.record.fit_mode) == (Scaling.BYTES, FitMode.LETTERBOX)
    expected = np.asarray(original(scale(pixels, Scaling.BYTES)[np.newaxis], training=False)[0])[0]
    np.testing.assert_allclose(workshop.say(model, pixels), expected, atol=1e-5)


# --- what does not fit --------------------------------------------------------------------------------------


def test_names_that_do_not_fit_the_outputs_are_told_with_both_numbers(workshop: Workshop):
    """Too few, too many, and one of a model with a single output."""
    content = as_litert(small_model())
    said = workshop.refusal({"birds.tflite": content, "labels.txt": b"tit\ncrow"})
    assert "has 3 classes, and there are 2 names (tit, crow)" in said
    one = as_litert(small_model(num_classes=1, last="sigmoid"))
    assert "has 2 classes, and there are 3 names" in workshop.refusal({"birds.tflite": one, "labels.txt": NAMES_TXT})


def two_inputs() -> keras.Model:
    first, second = keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Concatenate()([first, second]))
    return keras.Model([first, second], keras.layers.Dense(3)(pooled))


def two_outputs() -> keras.Model:
    taken = keras.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(taken)
    return keras.Model(taken, [keras.layers.Dense(3)(pooled), keras.layers.Dense(2)(pooled)])


def of_shape(*shape: int | None) -> keras.Model:
    return keras.Sequential([keras.Input(shape), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])


def a_picture() -> keras.Model:
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Conv2D(3, 3)])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (two_inputs, "2 inputs"),
        (two_outputs, "2 outputs"),
        (lambda: of_shape(SIDE, SIDE, 1), "1"),
        (lambda: of_shape(None, None, 3), "any size"),
        (lambda: of_shape(4, 4, 3), "4 × 4 pixels"),
        (a_picture, "such as a picture"),
    ],
    ids=["two inputs", "two outputs", "grey", "any size", "tiny", "picture"],
)
def test_a_keras_model_that_names_nothing_in_a_photo_is_refused(workshop: Workshop, model: Any, said: str):
    """The sentence says what it takes or gives, and what was expected."""
    assert said in workshop.refusal({"model.keras": keras_bytes(model()), "labels.txt": NAMES_TXT})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (two_outputs, "2 outputs"),
        (lambda: of_shape(SIDE, SIDE, 1), "grey pictures"),
        (a_picture, "such as a picture"),
    ],
    ids=["two outputs", "grey", "picture"],
)
def test_the_same_of_litert(workshop: Workshop, model: Any, said: str):
    """With the choice in the tool that would give the right one."""
    assert said in workshop.refusal({"model.tflite": as_litert(model()), "labels.txt": NAMES_TXT})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"model.onnx": b"\x08\x07\x12\x07pytorch"}, "ONNX"),
        ({"model.pt": b"PK\x03\x04"}, "cut off"),
        ({"model.safetensors": b"\x10\0\0\0\0\0\0\0{}"}, "does not say of which network"),
        ({"saved_model.pb": b"\x08\x01\x12"}, "SavedModel"),
        ({"a.zip": zipped({"m/saved_model.pb": b"x", "m/variables/variables.index": b""})}, "choose Keras"),
        ({"lobe.zip": zipped({"saved_model.pb": b"x", "signature.json": b"{}"})}, "In Lobe choose Export"),
        ({"tm.zip": zipped({"model.json": b"{}", "weights.bin": b"", "metadata.json": b""})}, "Tensorflow → Keras"),
        ({"a.zip": zipped({"model.onnx": b"x"})}, "ONNX"),
        ({"tinyml.zip": zipped({"model.cpp": b"x", "model.h": b"x"})}, "microcontrollers"),
        ({"photos.zip": zipped({"crow/1.jpg": b"x"})}, "no model in it, but 1.jpg"),
        ({"a.rar": b"Rar!\x1a\x07\0"}, "as a zip"),
        ({"model.tflite": b""}, "It is empty"),
        ({"weights.h5": hdf5_bytes}, "does not say of which network"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_cannot_be_read_is_told_with_the_export_to_choose(workshop: Workshop, files: dict[str, Any], said: str):
    """No dead end: what it is, and what to take in its place."""
    contents = {name: _weights_alone() if callable(each) else each for name, each in files.items()}
    assert said in workshop.refusal(contents)


def _weights_alone() -> bytes:
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file["dense/kernel"] = np.zeros((3, 3), np.float32)
    return target.getvalue()
