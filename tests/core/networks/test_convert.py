"""LiteRT files of Keras models."""

from pathlib import Path

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from core.networks.convert import convert_to_litert


def test_a_file_answers_as_the_model_does_for_one_photo(tmp_path: Path):
    """Input and outputs have their names, in the model's order, and nothing in it behaves as in training."""
    pixels = keras.Input((8, 8, 3))
    feature_map = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, name="a_late_name")(pixels))
    features = keras.layers.GlobalAveragePooling2D()(feature_map)
    classes = keras.layers.Dense(2, "softmax")(keras.layers.Dropout(0.5)(features))
    model = keras.Model(pixels, [classes, features, feature_map])
    model.layers[2].set_weights([np.full(4, value, np.float32) for value in (2, 1, 3, 5)])
    convert_to_litert(model, tmp_path / "model.tflite")
    runner = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    photo = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)
    answers = runner(pixels=photo)
    assert sorted(answers) == ["output_0", "output_1", "output_2"]
    for number, expected in enumerate(model(photo, training=False)):
        np.testing.assert_allclose(answers[f"output_{number}"], expected, rtol=1e-4, atol=1e-5)
