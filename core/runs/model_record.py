"""What is known of a run's model, kept as `model.json` in the run's folder, so that it answers without Keras.

A model answers in one of two ways. A head on a frozen backbone is the backbone's prepared LiteRT artefact, whose
pooled features go through the few matrices of `head.npz`. Every other model (fine-tuned, from scratch) is
`model.tflite` in the run's folder.

    head.npz      kernel_0, bias_0, kernel_1, bias_1, ... float32: dense layers, ReLU between them; the last makes
                  logits, one per class, or a single one: the logit of the second of two classes
    model.tflite  float32 pixels (1, height, width, 3), 0-255 → probabilities (1, classes), features, last feature map
"""

from dataclasses import dataclass, field
from typing import Any

from core.errors import RunFileError
from core.features.key import FeatureKey, feature_key
from core.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord(Record):
    """How a run's model is asked."""

    json_error = RunFileError
    json_remedy = "train again"

    class_names: tuple[str, ...]  # in the order of the probabilities
    image_size: tuple[int, int]  # height and width, px
    fit_mode: str  # how a photo becomes that square: crop, letterbox, squash
    crop_fraction: float  # part of the central square that `crop` keeps, 0-1
    # Name of the folder of the frozen backbone's artefact in `<cache>/backbones`; None: the model is `model.tflite`.
    artefact: str | None
    fingerprint: str  # hexadecimal; another model has another
    backbone: str  # as in `TrainConfig.backbone`
    has_linear_head: bool  # whether logits are one matrix on the pooled features, so that heat maps are exact
    # How wide values and transparency of the photos were shown that it learned from, as `core.photos.rendering` writes
    # it; None: of no photo, and in the records of earlier versions.
    rendering: dict[str, Any] | None = field(default=None, hash=False)
    # Whether a head on a frozen backbone is asked for the mirror image too; `model.tflite` does so by itself.
    averages_flips: bool = False

    def to_json(self) -> dict[str, Any]:
        """As `model.json` keeps it."""
        values = Record.to_json(self)
        if self.rendering is None:
            del values["rendering"]
        if not self.averages_flips:
            del values["averages_flips"]
        return values


def model_feature_key(record: ModelRecord) -> FeatureKey:
    """The key of the features that a run's model starts from.

    Those of a frozen backbone are the backbone's, whoever computes them; every other model has some of its own.
    """
    # The folder of an artefact is named <backbone>-<fingerprint>.
    fingerprint = record.fingerprint if record.artefact is None else record.artefact.rpartition("-")[2]
    return feature_key(fingerprint, record.fit_mode, record.crop_fraction)
