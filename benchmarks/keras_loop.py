"""The training loop of the tutorials: a folder, `image_dataset_from_directory`, a frozen backbone and `fit`.

What `benchmarks.train` measures Bluetit against. Every epoch sends every photo through the whole network; decoded
photos stay in memory and are fetched ahead, as the tutorials have it. Photos are stretched to the square, and the last
epoch counts, not the best.

Source: https://www.tensorflow.org/tutorials/images/transfer_learning
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from core.config import PhaseConfig, TrainConfig
from core.networks.network import BackboneNetwork, split_at
from core.training.heads import TrainableNetwork, build_head


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """What a loop came to."""

    seconds: float  # from the folder to the end of the last epoch; the network was there already
    epoch_seconds: float  # mean of the epochs after the first, which traces and reads; of that where it is alone
    validation_accuracy: float  # 0-1, after the last epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPhotos:
    """Batches of pixels (batch, height, width, 3), 0-255, and classes, kept in memory after the first epoch."""

    train: tf.data.Dataset
    validation: tf.data.Dataset
    num_classes: int


def train_head(network: BackboneNetwork, config: TrainConfig, folder: Path) -> LoopResult:
    """Train a new head through the frozen backbone, for the epochs of the head phase.

    Args:
        network: the backbone.
        config: its head, head phase and seed are taken.
        folder: has `train/` and `validation/`, each with a folder per class.
    """
    return _train(network, config, folder, first_layer=len(network.layers), phase=config.head_phase)


def fine_tune(network: BackboneNetwork, config: TrainConfig, folder: Path, *, num_epochs: int) -> LoopResult:
    """Train the layers from the config's cut on through the full graph, normalisation in inference mode.

    Args:
        network: the backbone.
        config: with a fine-tune phase.
        folder: as for `train_head`.
        num_epochs: in place of the phase's.

    Raises:
        ValueError: the config has no fine-tune phase.
    """
    if config.fine_tune is None:
        raise ValueError("The config has no fine-tune phase.")
    phase = replace(config.fine_tune.phase, num_epochs=num_epochs)
    return _train(network, config, folder, first_layer=config.fine_tune.first_layer, phase=phase)


def _train(
    network: BackboneNetwork, config: TrainConfig, folder: Path, *, first_layer: int, phase: PhaseConfig
) -> LoopResult:
    split_at(network, first_layer)  # decides which layers train
    started = time.perf_counter()
    photos = _load_photos(folder, network.image_size, phase.batch_size, seed=config.seed)
    head = build_head(config.head, network.num_features, photos.num_classes, seed=config.seed)
    model = TrainableNetwork(network.model, head)
    _compile(model, phase, has_one_unit=head.output_shape[-1] == 1)
    epochs = _EpochTimes()
    history = model.fit(
        photos.train,
        validation_data=photos.validation,
        epochs=phase.num_epochs,
        callbacks=[epochs],
        shuffle=False,  # the photos come shuffled
        verbose=0,
    )
    later = epochs.seconds[1:] or epochs.seconds
    return LoopResult(
        seconds=time.perf_counter() - started,
        epoch_seconds=sum(later) / len(later),
        validation_accuracy=float(history.history["val_accuracy"][-1]),
    )


def _load_photos(folder: Path, image_size: tuple[int, int], batch_size: int, *, seed: int) -> LoopPhotos:
    options: dict[str, Any] = {"image_size": image_size, "batch_size": batch_size, "verbose": False}
    train = keras.utils.image_dataset_from_directory(folder / "train", seed=seed, **options)
    validation = keras.utils.image_dataset_from_directory(folder / "validation", shuffle=False, **options)
    return LoopPhotos(
        train=train.cache().prefetch(tf.data.AUTOTUNE),
        validation=validation.cache().prefetch(tf.data.AUTOTUNE),
        num_classes=len(train.class_names),
    )


def _compile(model: keras.Model, phase: PhaseConfig, *, has_one_unit: bool) -> None:
    optimizers = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
    if has_one_unit:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
    # XLA, Keras' own default where there is a GPU, is many times slower on a CPU.
    model.compile(optimizers[phase.optimizer](phase.learning_rate), loss, metrics=[accuracy], jit_compile=False)


class _EpochTimes(keras.callbacks.Callback):
    """Seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.seconds.append(time.perf_counter() - self._started)
