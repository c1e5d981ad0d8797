"""LiteRT files that are written without TensorFlow, and gone on with."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from core.litert.graph_writer import Convolution, GraphWriter

RANDOM = np.random.default_rng(5)
PIXELS = RANDOM.normal(size=(1, 4, 6, 3)).astype(np.float32)
KERNEL, BIAS = (RANDOM.normal(size=shape).astype(np.float32) for shape in ((5, 1, 1, 3), (5,)))
CLASSES, CLASS_BIAS = (RANDOM.normal(size=shape).astype(np.float32) for shape in ((200, 5), (200,)))


@pytest.fixture(scope="module")
def network() -> bytes:
    """Pixels → probabilities, features and feature map, as prepared networks have them."""
    graph = GraphWriter("pixels", PIXELS.shape)
    feature_map = graph.convolve(graph.input, Convolution(kernel=KERNEL, bias=BIAS), "top")
    features = graph.pool(feature_map, "features")
    probabilities = graph.softmax(graph.connect(features, CLASSES, CLASS_BIAS, "logits"), "probabilities")
    return graph.to_bytes({"output_0": probabilities, "output_1": features, "output_2": feature_map})


def ask(content: bytes, pixels: np.ndarray = PIXELS) -> Mapping[str, Any]:
    """What a file says, by the names of its outputs."""
    return Interpreter(model_content=content).get_signature_runner()(pixels=pixels)


def test_each_channel_can_have_a_kernel_of_its_own():
    """Strides and zeros around the edges are those of the other convolution."""
    kernel = RANDOM.normal(size=(1, 3, 3, 3)).astype(np.float32)
    full = np.einsum("zrcf,fg->frcg", kernel, np.eye(3, dtype=np.float32))
    said = []
    for is_depthwise, each in ((True, kernel), (False, full)):
        graph = GraphWriter("pixels", PIXELS.shape)
        convolution = Convolution(kernel=each, bias=BIAS[:3], strides=2, is_depthwise=is_depthwise, is_relu6=True)
        said.append(ask(graph.to_bytes({"output_0": graph.convolve(graph.input, convolution, "all")}))["output_0"])
    assert said[0].shape == (1, 2, 3, 3)
    np.testing.assert_allclose(said[0], said[1], atol=1e-5)


def test_what_no_output_needs_is_left_out(network: bytes):
    """The same file again where everything is wanted; without its classifier it is smaller and answers alike."""
    graph = GraphWriter.continuing(network)
    assert graph.to_bytes(graph.outputs) == network
    features = graph.to_bytes({"output_0": graph.outputs["output_1"]})
    assert len(network) - len(features) > CLASSES.nbytes
    np.testing.assert_array_equal(ask(features)["output_0"], ask(network)["output_1"])


def test_a_network_is_gone_on_with(network: bytes):
    """Another layer takes what its last one gave, cut off below 0."""
    graph = GraphWriter.continuing(network)
    kernel, bias = np.ones((2, 5), np.float32), np.array([0, -1e6], np.float32)
    content = graph.to_bytes({"output_0": graph.connect(graph.outputs["output_1"], kernel, bias, "on", is_relu=True)})
    expected = [max(0.0, float(ask(network)["output_1"].sum())), 0.0]
    np.testing.assert_allclose(ask(content)["output_0"][0], expected, rtol=1e-5)


def test_a_network_is_asked_twice_by_one_copy_of_its_weights(network: bytes):
    """Of something else than the input, whichever of its tensors are wanted."""
    graph = GraphWriter.continuing(network)
    mirrored = graph.reverse(graph.input, 2, "mirrored")
    wanted = [graph.outputs[name] for name in ("output_2", "output_0")]
    feature_map, probabilities = graph.repeat(mirrored, wanted, "again/")
    content = graph.to_bytes({**graph.outputs, "output_3": feature_map, "output_4": probabilities})
    said, expected = ask(content), ask(network, PIXELS[:, :, ::-1])
    np.testing.assert_allclose(said["output_3"], expected["output_2"], atol=1e-6)
    np.testing.assert_allclose(said["output_4"], expected["output_0"], atol=1e-6)
    np.testing.assert_array_equal(said["output_0"], ask(network)["output_0"])
    assert len(content) < len(network) + CLASSES.nbytes
