"""Models of finished runs, made in a moment: a real backbone, and a head that tells the sample photos apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.inference.classifier import Classifier
from core.inference.head import Head
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord

SAMPLES = tuple(sample_path(sample).read_bytes() for sample in SAMPLE_PHOTOS)


def write_head(path: Path, head: Head) -> None:
    arrays = {f"kernel_{number}": kernel for number, kernel in enumerate(head.kernels)}
    arrays |= {f"bias_{number}": bias for number, bias in enumerate(head.biases)}
    np.savez(path, **arrays)


def head_for_samples(classifier: Classifier, num_classes: int, *, is_one_unit: bool = False) -> Head:
    """A linear head that is sure of the sample photos: the first is the first class, and so on.

    Args:
        classifier: of the backbone below.
        num_classes: at most one for each sample photo has one; the others are never likely.
        is_one_unit: whether a single logit decides between two classes.
    """
    photos = SAMPLES[:num_classes]
    features = np.stack([classifier.answer(classifier.square(photo, "sample")).features for photo in photos])
    # Logits of +5 for the photo's own class and -5 for the others, exactly: fewer photos than features.
    wanted = 10 * np.eye(len(photos), num_classes, dtype=np.float32) - 5
    if is_one_unit:
        wanted = wanted[:, 1:2]
    kernel = np.linalg.lstsq(features, wanted, rcond=None)[0].astype(np.float32)
    return Head((kernel,), (np.zeros(kernel.shape[1], np.float32),))


def record_for(classifier: Classifier, class_names: Sequence[str], **values: Any) -> ModelRecord:
    """The description of a model with a linear head on a backbone."""
    backbone = classifier.record
    known = {
        "class_names": tuple(class_names),
        "image_size": backbone.image_size,
        "fit_mode": backbone.fit_mode,
        "crop_fraction": backbone.crop_fraction,
        "artefact": f"{backbone.backbone}-{backbone.fingerprint}",
        "fingerprint": "f00d",
        "backbone": backbone.backbone,
        "has_linear_head": True,
    }
    return ModelRecord(**{**known, **values})


def own_record(**values: Any) -> ModelRecord:
    """The description of a model that is a network of its own; nothing of it needs to be there."""
    known = {
        "class_names": ("crow", "tit"),
        "image_size": (224, 224),
        "fit_mode": "crop",
        "crop_fraction": 1.0,
        "artefact": None,
        "fingerprint": "f00d",
        "backbone": "EfficientNetLite0",
        "has_linear_head": True,
    }
    return ModelRecord(**{**known, **values})


def write_model(folder: RunFolder, record: ModelRecord, head: Head | None) -> None:
    """The files of a finished run that its answers need."""
    folder.create()
    folder.write_json(folder.model_record_path, record.to_json())
    if head is not None:
        write_head(folder.head_path, head)
