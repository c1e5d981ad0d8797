"""What is known of a run's model, kept as `model.json` in the run's folder, so that it answers without Keras.

A model answers in one of two ways. A head on a frozen backbone is the backbone's prepared LiteRT artefact, whose
pooled features go through the few matrices of `head.npz`. Every other model (fine-tuned, from scratch) is
`model.tflite` in the run's folder.

    head.npz      kernel_0, bias_0, kernel_1, bias_1, ... float32: dense layers, ReLU between them; the last makes
                  logits, one per class, or a single one: the logit of the second of two classes
    model.tflite  float32 pixels (1, height, width, 3), 0-255 → probabilities (1, classes), features, last feature map
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from core.errors import RunFileError
from core.features.key import FeatureKey, feature_key


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """How a run's model is asked."""

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

    def to_json(self) -> dict[str, Any]:
        """As `model.json` keeps it."""
        values = asdict(self)
        if self.rendering is None:
            del values["rendering"]
        return values

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Read what `to_json` wrote.

        Raises:
            RunFileError: it is something else.
        """
        names = {spec.name for spec in fields(cls)}
        if not isinstance(values, Mapping) or set(values) | {"rendering"} != names:
            raise RunFileError(
                f"The description of the model needs the entries {', '.join(sorted(names))}. Train again."
            )
        return cls(
            **{
                **values,
                "class_names": tuple(values["class_names"]),
                "image_size": tuple(values["image_size"]),
            }
        )


def model_feature_key(record: ModelRecord) -> FeatureKey:
    """The key of the features that a run's model starts from.

    Those of a frozen backbone are the backbone's, whoever computes them; every other model has some of its own.
    """
    # The folder of an artefact is named <backbone>-<fingerprint>.
    fingerprint = record.fingerprint if record.artefact is None else record.artefact.rpartition("-")[2]
    return feature_key(fingerprint, record.fit_mode, record.crop_fraction)
