"""Models as other tools write them: small, of random weights, by the real libraries."""

import io
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import h5py
import keras
import numpy as np
import tensorflow as tf
import tf_keras
from ai_edge_litert import schema_py_generated as schema

SIDE = 64
LABELS = ("Blue tit", "Amsel, große", "crow")
LABELS_TXT = "".join(f"{number} {name}\r\n" for number, name in enumerate(LABELS)).encode("utf-8-sig")


def teachable_model(num_classes: int = 3) -> Any:
    """As Teachable Machine builds it: a MobileNet with pooling, and two dense layers, the last without bias."""
    tf_keras.utils.set_random_seed(3)
    base = tf_keras.applications.MobileNet(input_shape=(SIDE, SIDE, 3), alpha=0.25, weights=None, include_top=False)
    cut = tf_keras.Model(base.input, base.get_layer("conv_pw_5_relu").output)
    head = tf_keras.Sequential(
        [
            tf_keras.layers.Dense(20, activation="relu", input_shape=(cut.output.shape[-1],)),
            tf_keras.layers.Dense(num_classes, use_bias=False, activation="softmax"),
        ]
    )
    model = tf_keras.Sequential([tf_keras.Sequential([cut, tf_keras.layers.GlobalAveragePooling2D()]), head])
    model.build((None, SIDE, SIDE, 3))
    _enliven(model)
    return model


def _enliven(model: Any) -> None:
    """Give it weights of which photos make different answers."""
    generator = np.random.default_rng(5)
    model.set_weights(
        [
            generator.uniform(0.5, 1.5, each.shape)
            if each.ndim == 1
            else generator.normal(0, 1.2 / np.sqrt(np.prod(each.shape[:-1])), each.shape)
            for each in model.get_weights()
        ]
    )


def small_model(*, num_classes: int = 3, last: str | None = "softmax", first: Sequence[Any] = ()) -> Any:
    """A Keras 3 model of one convolution."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            *first,
            keras.layers.Conv2D(4, 3, strides=4, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(num_classes, activation=last),
        ]
    )


def as_litert(
    model: Any, *, quantised: str | None = None, values: tuple[float, float] = (-1.0, 1.0), custom: bool = False
) -> bytes:
    """What TensorFlow's converter makes of a model.

    Args:
        model: of Keras 2 or 3.
        quantised: "uint8" or "int8": whole numbers throughout; None: floating point.
        values: of the pixels.
        custom: whether operators may stay that only TensorFlow has.
    """
    shape = (1, *model.inputs[0].shape[1:])
    function = tf.function(lambda pixels: model(pixels, training=False), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    kept = tf.Module()
    kept.weights = [each if isinstance(each, tf.Variable) else each.value for each in model.variables]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(kept, folder, signatures=concrete)
        return _converted(tf.lite.TFLiteConverter.from_saved_model(folder), shape, quantised, values, custom=custom)


def _converted(
    converter: Any, shape: tuple[int, ...], quantised: str | None, values: tuple[float, float], *, custom: bool
) -> bytes:
    if custom:
        converter.allow_custom_ops = True
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    if quantised is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _calibration(shape, values)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, quantised)
    return bytes(converter.convert())


def _calibration(shape: tuple[int, ...], values: tuple[float, float]) -> Iterator[list[Any]]:
    generator = np.random.default_rng(1)
    for _ in range(40):
        yield [generator.uniform(*values, shape).astype(np.float32)]


def zipped(files: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@cache
def teachable_bytes() -> bytes:
    """`keras_model.h5`."""
    return hdf5_bytes(teachable_model())


def hdf5_bytes(model: Any) -> bytes:
    """A model as an old Keras file."""
    return _saved_bytes(model, "model.h5")


def keras_bytes(model: Any) -> bytes:
    """A model as a `.keras` file."""
    return _saved_bytes(model, "model.keras")


def _saved_bytes(model: Any, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both libraries warn of old files, and call what NumPy has deprecated
        path = Path(place) / name
        model.save(path)
        return path.read_bytes()


def with_config(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A `.keras` file whose config somebody has changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    change(config)
    return zipped({**files, "config.json": json.dumps(config).encode()})


def with_weights(content: bytes, change: Callable[[h5py.File], object]) -> bytes:
    """A `.keras` file whose weights somebody has changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    target = io.BytesIO(files["model.weights.h5"])
    with h5py.File(target, "r+") as file:
        change(file)
    return zipped({**files, "model.weights.h5": target.getvalue()})


def rebuilt(content: bytes, change: Callable[[Any], object]) -> bytes:
    """A LiteRT file in whose tables somebody has changed something."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
