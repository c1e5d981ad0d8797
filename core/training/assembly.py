"""The model that a training leaves behind: its files in the run's folder, and the whole network made of them again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from core.config import SCRATCH, TrainConfig
from core.errors import ArrayFileError, RunFileError
from core.inference.head import Head, read_head
from core.networks.network import BackboneNetwork
from core.runs.folder import RunFolder
from core.settings import Settings
from core.storage.arrays import read_arrays, write_arrays
from core.training.baseline import build_baseline
from core.training.heads import assemble, build_head, look_both_ways, to_probabilities
from core.training.source import NetworkSource


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeModel:
    """A run's model in one piece."""

    # float32 pixels (batch, height, width, 3), 0-255 → probabilities (batch, classes), 0-1
    model: keras.Model
    features: Any  # Keras tensor (batch, channels): what the last layers start from
    feature_map: Any  # Keras tensor (batch, rows, columns, channels): the last one

    def with_inner_values(self) -> keras.Model:
        """The same with features and feature map as further outputs, as LiteRT files have them."""
        outputs = [self.model.outputs[0], self.features, self.feature_map]
        return keras.Model(self.model.inputs, outputs, name="classifier")


def head_of(head_model: keras.Model) -> Head:
    """The matrices of a head's dense layers."""
    dense = [layer.get_weights() for layer in head_model.layers if isinstance(layer, keras.layers.Dense)]
    return Head(
        kernels=tuple(np.asarray(kernel, np.float32) for kernel, _ in dense),
        biases=tuple(np.asarray(bias, np.float32) for _, bias in dense),
    )


def write_head(head: Head, path: Path) -> None:
    """Write `head.npz`; `core.inference.head.read_head` reads it.

    Raises:
        NoSpaceError: the disk is full.
        StorageError: the file cannot be written.
    """
    kernels: dict[str, Any] = {f"kernel_{number}": kernel for number, kernel in enumerate(head.kernels)}
    biases: dict[str, Any] = {f"bias_{number}": bias for number, bias in enumerate(head.biases)}
    write_arrays(path, kernels | biases)


def write_trained(layers: Sequence[keras.layers.Layer], path: Path) -> None:
    """Keep all weights of some layers.

    Raises:
        NoSpaceError: the disk is full.
        StorageError: the file cannot be written.
    """
    arrays: dict[str, Any] = {
        f"{index}_{number}": np.asarray(weight, np.float32)
        for index, layer in enumerate(layers)
        for number, weight in enumerate(layer.get_weights())
    }
    write_arrays(path, arrays)


def read_trained(layers: Sequence[keras.layers.Layer], path: Path) -> None:
    """Give layers the weights that `write_trained` kept.

    Raises:
        RunFileError: the file is missing, damaged, or of other layers.
        StorageError: the file cannot be read.
    """
    try:
        arrays = read_arrays(path)
        for index, layer in enumerate(layers):
            layer.set_weights([arrays[f"{index}_{number}"] for number in range(len(layer.weights))])
    except ArrayFileError as exc:
        raise RunFileError(f"{exc} It holds the trained weights: train again.") from exc
    except ValueError as exc:
        raise RunFileError(f"The trained weights in {path} are those of other layers: {exc}. Train again.") from exc


def rebuild(
    config: TrainConfig,
    source: NetworkSource,
    folder: RunFolder,
    settings: Settings,
    *,
    num_classes: int,
    is_frozen: bool,
) -> WholeModel:
    """The whole model of a run, in single precision, from the files that the training left.

    Args:
        config: of the run.
        source: its backbone.
        folder: of the run.
        settings: where weights are.
        num_classes: at least 2.
        is_frozen: whether the backbone is as it came.

    Raises:
        RunFileError: a file of the run is missing or damaged.
        BackboneError: the backbone cannot be built any more.
    """
    if config.backbone == SCRATCH:
        baseline = build_baseline(source.image_size, num_classes, dropout=config.head.dropout, seed=config.seed)
        read_trained(baseline.layers, folder.trained_path)
        model = keras.Model(baseline.inputs, to_probabilities(baseline.outputs[0]), name="classifier")
        features, feature_map = (baseline.get_layer(name).output for name in ("hidden", "pool4"))
        return WholeModel(model=model, features=features, feature_map=feature_map)
    network = source.build(settings)
    if not is_frozen and config.fine_tune is not None:
        read_trained(trained_layers(network, config.fine_tune.first_layer), folder.trained_path)
    head_model = build_head(config.head, network.num_features, num_classes, seed=config.seed)
    head = read_head(folder.head_path)
    dense = [layer for layer in head_model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, kernel, bias in zip(dense, head.kernels, head.biases, strict=True):
        layer.set_weights([kernel, bias])
    if config.averages_flips:
        network = replace(network, model=look_both_ways(network.model))
    features, feature_map = network.model.outputs
    return WholeModel(model=assemble(network, head_model), features=features, feature_map=feature_map)


def trained_layers(network: BackboneNetwork, first_layer: int) -> tuple[keras.layers.Layer, ...]:
    """The layers of a backbone that fine-tuning changes."""
    return network.layers[first_layer:]
