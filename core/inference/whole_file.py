"""The LiteRT file of a head on a frozen network, written from the network's own file: no TensorFlow, half a second.

What is behind the pooled features, the network's classifier for ImageNet, gives way to the head. Everything before
stays to the last bit, so what answers here and what is taken away are the same numbers.
"""

import numpy as np

from core.backbones.artefacts import MODEL_FILE, artefact_place
from core.config import HUB_PREFIX
from core.errors import RunStateError
from core.inference.head import Head
from core.inference.trained_model import TrainedModel
from core.litert.graph_writer import GraphWriter
from core.runs.model_record import ModelRecord
from core.settings import Settings

# Largest network that is held in memory thrice while its file is written, beside everything else that a server does.
_MAX_NETWORK_BYTES = 100_000_000

_COLUMNS_AXIS = 2  # of (batch, rows, columns, channels)


def can_be_written(record: ModelRecord, settings: Settings) -> bool:
    """Whether a run's model is a head on a prepared network of the catalogue, small enough, as far as a look tells.

    Modules of TensorFlow Hub may be programs with branches; fine-tuned networks and those from scratch are no heads.
    """
    if record.artefact is None or record.backbone.startswith(HUB_PREFIX):
        return False
    path = artefact_place(record.artefact, settings) / MODEL_FILE
    return path.is_file() and path.stat().st_size <= _MAX_NETWORK_BYTES


def write_whole(model: TrainedModel, *, temperature: float = 1.0, has_feature_map: bool = True) -> bytes:
    """Write a model whose head stands on a frozen network.

    Args:
        model: found with its head.
        temperature: by which logits are divided, above 0, so that probabilities are calibrated; 1 changes nothing.
        has_feature_map: whether the last feature map is given, too, as the run's own file does.

    Returns:
        The file: float32 pixels (1, height, width, 3), 0-255 → probabilities (1, classes), pooled features, and the
        last feature map; where the model averages flips, of the photo and its mirror image together.

    Raises:
        RunStateError: the model has no head apart from its network.
        BackboneError: the network's file cannot be gone on with.
        OSError: it cannot be read.
    """
    if model.head is None:
        raise RunStateError(f"The model in {model.network_path} is one network with its head; its file is there.")
    graph = GraphWriter.continuing(model.network_path.read_bytes())
    # A network without classes of its own has these two only.
    *_, features, feature_map = (graph.outputs[name] for name in sorted(graph.outputs))
    if model.record.averages_flips:
        features, feature_map = _look_both_ways(graph, features, feature_map)
    probabilities = _add_head(graph, features, model.head, temperature)
    outputs = {"output_0": probabilities, "output_1": features}
    return graph.to_bytes({**outputs, "output_2": feature_map} if has_feature_map else outputs)


def _look_both_ways(graph: GraphWriter, features: int, feature_map: int) -> tuple[int, int]:
    """Means of both over the photo and its mirror image, as `core.litert.both_ways` makes them."""
    mirrored = graph.reverse(graph.input, _COLUMNS_AXIS, "mirrored_pixels")
    other_features, other_map = graph.repeat(mirrored, (features, feature_map), "mirrored/")
    other_map = graph.reverse(other_map, _COLUMNS_AXIS, "mirrored_map")
    pairs = {"mean_features": (features, other_features), "mean_feature_map": (feature_map, other_map)}
    means = [graph.multiply(graph.add(*pair, f"{name}/sum"), 0.5, name) for name, pair in pairs.items()]
    return means[0], means[1]


def _add_head(graph: GraphWriter, features: int, head: Head, temperature: float) -> int:
    """Probabilities of the features; dropout does nothing in an answer, and so is not there."""
    values = features
    for number, (kernel, bias) in enumerate(zip(head.kernels[:-1], head.biases[:-1], strict=True), start=1):
        values = graph.connect(values, kernel.T, bias, f"hidden_{number}", is_relu=True)
    kernel, bias = head.kernels[-1], head.biases[-1]
    if kernel.shape[1] == 1:  # a softmax over 0 and the logit is the sigmoid
        kernel, bias = np.hstack([np.zeros_like(kernel), kernel]), np.append(np.float32(0), bias)
    scale = np.float32(1 / temperature)
    logits = graph.connect(values, kernel.T * scale, bias * scale, "logits")
    return graph.softmax(logits, "probabilities")
