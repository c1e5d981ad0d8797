"""The work of a run in seconds: what was measured of its network, times ratios that were measured once.

The ratios were measured on two cores (x86 with AVX-512, TensorFlow 2.21, float32) with EfficientNet-Lite0, MobileNetV2
and ResNet50 at four or five cuts each, batches of 16 or 32 photos; the estimates were within a factor of 1.5 of that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from core.backbones.artefacts import Artefact
from core.backbones.layers import LayerRow, boundary_at
from core.config import HeadConfig, PhaseConfig, TrainConfig
from core.errors import ConfigError
from core.runs.story import PhaseName
from core.settings import Settings

# A training step takes, per photo and on one thread, so many times what the layers above the cut take of an answer:
# weighed by their share of the multiplications, and by their share of the values they put out. The second is the
# larger one, for Keras on a CPU is busy moving the many values of the lower layers.
_STEP_PER_MULTIPLICATIONS = 3.5
_STEP_PER_VALUES = 4.5
# Without gradients (validation, frozen layers between boundary and cut) it is so much less.
_FORWARD_SHARE = 0.3
# Two threads are 1.68 times as fast as one, with LiteRT (a photo on each) as with Keras.
_THREADS_EXPONENT = 0.75
# Once for each layer above the cut: TensorFlow traces the network.
_TRACING_SECONDS_PER_LAYER = 0.06
# Once for each layer below the cut, or of the whole network when it has been fine-tuned: LiteRT converts it.
_CONVERTING_SECONDS_PER_LAYER = 0.05
_BUILDING_SECONDS_PER_LAYER = 0.02

_SQUARE_SECONDS = 0.003  # a stored photo decoded and resized, on one thread; 1-5 ms, large photos taking longer
_VIEW_SECONDS = 0.005  # its augmentation, likewise

# A step of the head alone, then more for each of its parameters (Adam, 32 photos).
_HEAD_STEP_SECONDS = 0.003
_HEAD_SECONDS_PER_PARAMETER = 7e-9
_EPOCH_SECONDS = 0.15  # what Keras, the checkpoint and the events take in every epoch
_PHASE_SECONDS = 0.8  # what Keras takes at the beginning of a phase
BEGIN_SECONDS = 0.5  # snapshot, checking the prepared network
_REPORT_SECONDS = 0.3
_VALIDATION_BATCH = 64

# The network from scratch: seconds of a training step per pixel of a photo, on one thread. Measured: 16 ms on two
# threads for a photo of 150 by 150 pixels.
_SCRATCH_SECONDS_PER_PIXEL = 1.2e-6
_SCRATCH_SIDE_PX = 150
_SCRATCH_CONVERTING_SECONDS = 2.0

_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCost:
    """What a prepared backbone costs on this machine."""

    backbone: str  # as in `TrainConfig`
    litert_milliseconds: float  # for one photo on one thread
    image_size: tuple[int, int]  # height and width in pixels for which that and the layers hold
    num_features: int
    layers: tuple[LayerRow, ...]

    @classmethod
    def of(cls, artefact: Artefact, *, layers: Sequence[LayerRow] | None = None) -> Self:
        """What was measured when it was prepared.

        Args:
            artefact: the prepared backbone.
            layers: its table, where it has been read already.

        Raises:
            ArtefactDamagedError: the table of layers cannot be read.
        """
        record = artefact.record
        return cls(
            backbone=record.backbone,
            litert_milliseconds=record.litert_milliseconds,
            image_size=record.image_size,
            num_features=record.feature_map_shape[-1],
            layers=tuple(artefact.read_layers() if layers is None else layers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoCounts:
    """How many photos a run has to do with."""

    train: int
    validation: int = 0
    test: int = 0
    num_classes: int = 2
    # Photos, and views of train photos, whose features have to be computed; None: the cache has none of them.
    num_to_compute: int | None = None


@dataclass(frozen=True, slots=True)
class BackboneWork:
    """The work of a run on a backbone, in seconds before any correction."""

    config: TrainConfig
    photos: PhotoCounts
    network: NetworkCost
    settings: Settings

    def begin_seconds(self) -> float:
        """Before the first phase; only fine-tuning needs the network in Keras."""
        num_layers = 0 if self.config.fine_tune is None else len(self.network.layers)
        return BEGIN_SECONDS + num_layers * _BUILDING_SECONDS_PER_LAYER

    def phases(self) -> dict[PhaseName, float]:
        """All phases, in their order."""
        seconds = {PhaseName.FEATURES: self._features_seconds(), PhaseName.HEAD: self._head_seconds()}
        num_kept_back = self.photos.validation + self.photos.test
        if self.config.fine_tune is None:
            return {**seconds, PhaseName.EVALUATION: _REPORT_SECONDS}
        num_layers = len(self.network.layers)
        num_above = num_layers - self._boundary
        num_epochs = self.config.fine_tune.phase.num_epochs
        tracing_seconds = _PHASE_SECONDS + num_above * _TRACING_SECONDS_PER_LAYER
        seconds[PhaseName.ACTIVATIONS] = self._activations_seconds()
        seconds[PhaseName.FINE_TUNE] = tracing_seconds + num_epochs * self.finetune_epoch_seconds()
        seconds[PhaseName.EVALUATION] = (
            _REPORT_SECONDS
            + num_layers * _CONVERTING_SECONDS_PER_LAYER
            + num_kept_back * self._answer_seconds(share=1.0, is_view=False)
        )
        return seconds

    def finetune_epoch_seconds(self) -> float:
        """One pass over the train photos and one over the validation photos."""
        fine_tune = self.config.fine_tune
        if fine_tune is None:
            raise ConfigError("The config has no fine-tuning (fine_tune), so an epoch of it cannot be estimated.")
        above, trained = self._step_ratio(self._boundary), self._step_ratio(fine_tune.first_layer)
        step = trained + _FORWARD_SHARE * (above - trained)
        photo_seconds = self._network_seconds / _speed(self.settings)
        seconds = photo_seconds * (self.photos.train * step + self.photos.validation * _FORWARD_SHARE * above)
        seconds += self._head_epoch_seconds(fine_tune.phase)
        if self._is_streamed:
            seconds += self.photos.train * self._lower_seconds(is_view=self.config.augment is not None)
        return seconds

    def _features_seconds(self) -> float:
        num_kept_back = (self.photos.validation + self.photos.test) * (2 if self.config.averages_flips else 1)
        num_views = 0 if self.config.is_augmented_freely else self.config.num_views
        num_items = self.photos.train * num_views + num_kept_back
        if self.photos.num_to_compute is not None:
            num_items = self.photos.num_to_compute
        # Views after the first of each photo are augmented.
        return num_items * self._answer_seconds(share=1.0, is_view=num_views > 1)

    def _head_seconds(self) -> float:
        epoch_seconds = self._head_epoch_seconds(self.config.head_phase)
        if self.config.is_augmented_freely:
            epoch_seconds += self.photos.train * self._answer_seconds(share=1.0, is_view=True)
        return _PHASE_SECONDS + self.config.head_phase.num_epochs * epoch_seconds

    def _head_epoch_seconds(self, phase: PhaseConfig) -> float:
        """One epoch of the head on features that are there."""
        num_parameters = _count_head_parameters(self.config.head, self.network.num_features, self.photos.num_classes)
        num_steps = math.ceil(self.photos.train / phase.batch_size)
        num_validation_steps = math.ceil(self.photos.validation / max(_VALIDATION_BATCH, phase.batch_size))
        step_seconds = _HEAD_STEP_SECONDS + num_parameters * _HEAD_SECONDS_PER_PARAMETER
        return _EPOCH_SECONDS + num_steps * step_seconds + num_validation_steps * step_seconds * _FORWARD_SHARE

    def _activations_seconds(self) -> float:
        """What lies below the cut, of all views that are kept."""
        is_kept = not self._is_streamed
        num_train = self.photos.train * self.config.num_views if is_kept else 0
        seconds = num_train * self._lower_seconds(is_view=self.config.num_views > 1)
        seconds += self.photos.validation * self._lower_seconds(is_view=False)
        return seconds + self._boundary * _CONVERTING_SECONDS_PER_LAYER

    def _lower_seconds(self, *, is_view: bool) -> float:
        return self._answer_seconds(share=1.0 - self._multiplications_share(self._boundary), is_view=is_view)

    def _answer_seconds(self, *, share: float, is_view: bool) -> float:
        """A photo from its file through a share of the network, by LiteRT."""
        seconds = _SQUARE_SECONDS + (_VIEW_SECONDS if is_view else 0.0) + share * self._network_seconds
        return seconds / _speed(self.settings)

    @property
    def _network_seconds(self) -> float:
        """One photo on one thread; photos of another size take as much longer as they have more pixels."""
        return self.network.litert_milliseconds / 1000 * self._pixels_ratio

    @property
    def _pixels_ratio(self) -> float:
        return math.prod(self.config.image_size or self.network.image_size) / math.prod(self.network.image_size)

    @property
    def _boundary(self) -> int:
        return (
            0 if self.config.fine_tune is None else boundary_at(self.network.layers, self.config.fine_tune.first_layer)
        )

    @property
    def _is_streamed(self) -> bool:
        """Whether what lies below the cut is computed in every epoch: views are new, or there is no room for them."""
        if self.config.is_augmented_freely:
            return True
        below = self.network.layers[max(0, self._boundary - 1)]
        photo_bytes = math.prod(below.output_shape) * _FLOAT32_BYTES * self._pixels_ratio
        num_bytes = photo_bytes * self.photos.train * self.config.num_views
        return num_bytes > max(self.settings.activation_memory_bytes, self.settings.activation_disk_bytes)

    def _step_ratio(self, first: int) -> float:
        """A training step of the layers from a number on, in answers of the whole network, on one thread."""
        values = [math.prod(row.output_shape) for row in self.network.layers]
        by_values = self._share(values, first)
        return _STEP_PER_MULTIPLICATIONS * self._multiplications_share(first) + _STEP_PER_VALUES * by_values

    def _multiplications_share(self, first: int) -> float:
        return self._share([row.multiply_adds for row in self.network.layers], first)

    def _share(self, work: Sequence[int], first: int) -> float:
        """Part of the work of all layers that those from a number on do, 0-1."""
        if not any(row.multiply_adds for row in self.network.layers):
            # A Hub module does not show its layers; all work is in the last one, which stands for it.
            return float(first < len(work))
        return sum(work[first:]) / sum(work)


def scratch_phases(config: TrainConfig, photos: PhotoCounts, settings: Settings) -> dict[PhaseName, float]:
    """The network that starts from nothing: all its pixels in every epoch."""
    num_pixels = math.prod(config.image_size or (_SCRATCH_SIDE_PX, _SCRATCH_SIDE_PX))
    speed = _speed(settings)
    step_seconds = num_pixels * _SCRATCH_SECONDS_PER_PIXEL / speed
    view_seconds = (_SQUARE_SECONDS + (_VIEW_SECONDS if config.augment is not None else 0.0)) / speed
    num_kept = photos.validation + (0 if config.is_augmented_freely else photos.train * config.num_views)
    epoch_seconds = _EPOCH_SECONDS + (photos.train + photos.validation * _FORWARD_SHARE) * step_seconds
    if config.is_augmented_freely:
        epoch_seconds += photos.train * view_seconds
    num_kept_back = photos.validation + photos.test
    return {
        PhaseName.ACTIVATIONS: num_kept * view_seconds,
        PhaseName.SCRATCH: _PHASE_SECONDS + config.head_phase.num_epochs * epoch_seconds,
        PhaseName.EVALUATION: _REPORT_SECONDS
        + _SCRATCH_CONVERTING_SECONDS
        + num_kept_back * (_SQUARE_SECONDS / speed + _FORWARD_SHARE * step_seconds),
    }


def _speed(settings: Settings) -> float:
    """How many times as much all threads do as one."""
    return float(settings.num_inference_threads**_THREADS_EXPONENT)


def _count_head_parameters(head: HeadConfig, num_features: int, num_classes: int) -> int:
    widths = [num_features, *head.hidden_units, num_classes]
    return sum((before + 1) * after for before, after in pairwise(widths))
