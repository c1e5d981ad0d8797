"""How many features a run would have to compute, which tells before it begins how long it will take."""

from collections.abc import Collection

from core.config import TrainConfig
from core.features.cache import FeatureCache
from core.features.key import MIRRORED_VIEW, feature_key, view_name
from core.photos.fit import TRAINED_CROP_FRACTION


def count_to_compute(
    config: TrainConfig, fingerprint: str, cache: FeatureCache, *, train: Collection[str], kept_back: Collection[str]
) -> int:
    """Photos, and views of train photos, whose features the cache lacks.

    Args:
        config: of the run.
        fingerprint: of its network's artefact, for photos of the run's size.
        cache: where features are kept.
        train: hashes of the photos that it learns from.
        kept_back: hashes of its validation and test photos.
    """
    key = feature_key(fingerprint, config.fit_mode, TRAINED_CROP_FRACTION)
    # Free augmentation makes new views in every epoch; nothing of them is kept.
    train_photos = set() if config.is_augmented_freely else set(train)
    num_missing = len(cache.missing(*key, train_photos | set(kept_back)))
    if config.averages_flips:
        num_missing += len(cache.missing(*key, set(kept_back), view=view_name(config.augment, MIRRORED_VIEW)))
    return num_missing + sum(
        len(cache.missing(*key, train_photos, view=view_name(config.augment, view)))
        for view in range(1, config.num_views)
    )
