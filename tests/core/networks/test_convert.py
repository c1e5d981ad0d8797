"""Keras models as LiteRT files."""

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from core.networks import convert
from core.networks.convert import convert_to_litert


@pytest.mark.parametrize("most_bytes", [convert._MOST_BYTES_IN_MEMORY, 0], ids=["in memory", "by way of the disk"])
def test_outputs_have_the_names_of_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: int):
    """One signature with the outputs in the model's order, and its answers, however large the model is; what behaves
    otherwise in training behaves as in use."""
    monkeypatch.setattr(convert, "_MOST_BYTES_IN_MEMORY", most_bytes)
    keras.utils.set_random_seed(1)
    pixels = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(4, 3, activation="relu")(pixels)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    probabilities = keras.layers.Dense(2, "softmax")(keras.layers.Dropout(0.5)(pooled))
    model = keras.Model(pixels, [probabilities, pooled, features])
    path = tmp_path / "model.tflite"
    convert_to_litert(model, path)

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    photo = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)
    answers = runner(pixels=photo)
    assert sorted(answers) == ["output_0", "output_1", "output_2"]
    for number, expected in enumerate(model(photo, training=False)):
        np.testing.assert_allclose(answers[f"output_{number}"], np.asarray(expected), rtol=1e-5, atol=1e-6)
