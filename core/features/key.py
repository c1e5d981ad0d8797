"""Under which name the cache keeps the features that a trained model works with.

Training and everything that looks at a trained model later ask for the same name, so that no photo is computed twice.
"""

import hashlib
import json
from typing import NamedTuple

from core.config import AugmentConfig

MIRRORED_VIEW = -1  # number of the view that is a photo's mirror image and nothing else

_NAME_DIGITS = 12
_MIRRORED_NAME = "mirrored"


class FeatureKey(NamedTuple):
    """What the methods of `FeatureCache` take first."""

    fingerprint: str  # of the network, hexadecimal
    fit_mode: str  # how a photo became the square that it saw


def feature_key(fingerprint: str, fit_mode: str, crop_fraction: float) -> FeatureKey:
    """The key of a network's features.

    Args:
        fingerprint: of the network.
        fit_mode: crop, letterbox or squash.
        crop_fraction: part of the central square that was seen, 0-1; checks and maps see less of it than training.
    """
    return FeatureKey(fingerprint, f"{fit_mode} {crop_fraction:g}")


def view_name(augmentation: AugmentConfig | None, view: int) -> str:
    """The name under which the features of a photo's view are kept; empty for the photo itself.

    Args:
        augmentation: how views differ from their photo; None: they do not.
        view: its number, 0 being the photo itself, `MIRRORED_VIEW` its mirror image.
    """
    if view == MIRRORED_VIEW:
        return _MIRRORED_NAME
    if view == 0 or augmentation is None:
        return ""
    text = json.dumps(augmentation.to_json(), sort_keys=True)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:_NAME_DIGITS]}:{view}"
