"""Under which name the cache keeps the features that a trained model works with.

Training and everything that looks at a trained model later ask for the same name, so that no photo is computed twice.
"""

from typing import NamedTuple


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
