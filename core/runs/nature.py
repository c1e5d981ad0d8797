"""What the photos of a dataset are like, as far as the settings of a run depend on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.config import FitModeName, TrainConfig
from core.runs.cut_off import CutOff, PhotoSize, find_cut_off

# What takes the place of *crop* where it would cut the evidence away. Measured on strips of 900 x 150 whose classes
# differ at their ends (72 photos, frozen EfficientNet-Lite0, six-fold cross-validation, three seeds): whole photos are
# told apart in 85 % of the cases when they are stretched to the square, in 73 % with grey borders, and in 34 %, which
# is guessing, when they are cut; likewise at sides of 4, 3 and 2 to 1.
WHOLE_PHOTO: FitModeName = "squash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """The shapes of the photos of a dataset, and which of its classes are mirror images of each other."""

    sizes: Mapping[str, Sequence[PhotoSize]] = field(default_factory=dict)  # of the photos of each class, by its name
    mirrored_classes: tuple[str, ...] = ()

    def cut_off(self, fit_mode: FitModeName, image_size: tuple[int, int] | None = None) -> CutOff | None:
        """What a run would cut off the photos; None where that is not worth a word.

        Args:
            fit_mode: how a photo becomes what the network looks at.
            image_size: height and width of that; None: a square.
        """
        return find_cut_off(self.sizes, fit_mode, image_size or (1, 1))


NOTHING_KNOWN = Nature()


def suited(config: TrainConfig, nature: Nature) -> TrainConfig:
    """A recipe's config with what these photos ask for in its place: the whole photo, and no mirroring."""
    found = nature.cut_off(config.fit_mode, config.image_size)
    if found is not None and found.is_mostly:
        config = replace(config, fit_mode=WHOLE_PHOTO)
    if nature.mirrored_classes and config.augment is not None and config.augment.flip:
        config = replace(config, augment=replace(config.augment, flip=False))
    if nature.mirrored_classes:
        config = replace(config, averages_flips=False)
    return config
