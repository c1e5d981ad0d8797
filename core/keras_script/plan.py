"""What a script has to do, worked out once from a config."""

from dataclasses import dataclass
from typing import Self

from core.backbones.catalog import Backbone, find_backbone, members_of
from core.config import HUB_PREFIX, LBFGS, SCRATCH, AugmentConfig, TrainConfig
from core.datasets.exporting import name_folders
from core.errors import ConfigError

# Of the network from scratch where the config has none: that of the course it comes from.
SCRATCH_IMAGE_SIZE = (150, 150)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A config with all that follows from it."""

    config: TrainConfig
    class_names: tuple[str, ...]  # in the order of the model's outputs
    image_size: tuple[int, int]  # height and width in pixels
    crop_fraction: float  # part of the central square that `crop` keeps, 0-1
    backbone: Backbone | None  # of the catalogue; None: from scratch or from the Hub
    hub_source: str | None  # handle or folder; None: not from the Hub

    @classmethod
    def of(
        cls,
        config: TrainConfig,
        class_names: tuple[str, ...],
        *,
        image_size: tuple[int, int] | None,
        crop_fraction: float,
    ) -> Self:
        """Look up what the config leaves open.

        Raises:
            UnknownBackboneError: the catalogue has no such network.
            ConfigError: there are fewer than two classes, nobody says how large the photos are, or Keras has no such
                network.
        """
        if len(class_names) < 2:
            raise ConfigError(f"The classes are {list(class_names)!r}; at least two are needed.")
        hub_source = config.backbone.removeprefix(HUB_PREFIX) if config.backbone.startswith(HUB_PREFIX) else None
        is_listed = hub_source is None and config.backbone != SCRATCH
        backbone = find_backbone(config.backbone) if is_listed else None
        own_size = backbone.image_size if backbone else SCRATCH_IMAGE_SIZE if hub_source is None else None
        size = image_size or config.image_size or own_size
        if backbone is not None and backbone.is_dinov2:
            raise ConfigError(
                f"{backbone.title} has no script: Keras itself lacks the network. The model for Keras, which you can "
                "take away, has all of it."
            )
        if backbone is not None and backbone.members and config.fine_tune is not None:
            raise ConfigError(
                f"{backbone.title} has no script in which its networks are trained too: their layers have no order "
                "that Keras' own tools know. Without fine-tuning (fine_tune) it has one."
            )
        if config.head_phase.optimizer == LBFGS and config.fine_tune is not None:
            raise ConfigError(
                "A run whose last layer is solved to the end and whose network is trained afterwards has no script. "
                "With another optimizer (optimizer) it has one."
            )
        if size is None:
            raise ConfigError(
                f"How large photos are for {hub_source} is known only to the module itself; choose an image size "
                "(image_size)."
            )
        return cls(
            config=config,
            class_names=class_names,
            image_size=size,
            crop_fraction=crop_fraction,
            backbone=backbone,
            hub_source=hub_source,
        )

    @property
    def folders(self) -> tuple[str, ...]:
        """Of the classes in an export of the dataset, in their order."""
        folders = name_folders(self.class_names)
        return tuple(folders[name] for name in self.class_names)

    @property
    def is_from_scratch(self) -> bool:
        """Whether there is nothing pretrained."""
        return self.config.backbone == SCRATCH

    @property
    def is_lite(self) -> bool:
        """Whether Keras lacks the network, so that the script brings it along."""
        return any(network.is_efficientnet_lite for network in self.networks)

    @property
    def networks(self) -> tuple[Backbone, ...]:
        """The networks of the catalogue that the backbone consists of."""
        return () if self.backbone is None else members_of(self.backbone)

    @property
    def is_hub_handle(self) -> bool:
        """Whether the network is to be found by TensorFlow Hub, and not in a folder."""
        return self.hub_source is not None and "://" in self.hub_source

    @property
    def is_from_features(self) -> bool:
        """Whether the head is trained on features that were computed once."""
        return not self.is_from_scratch and not self.config.is_augmented_freely

    @property
    def is_solved(self) -> bool:
        """Whether the last layer is solved to the end, not trained in steps."""
        return self.config.head_phase.optimizer == LBFGS

    @property
    def trains_on_pixels(self) -> bool:
        """Whether backbone and head are trained as one, at least in the end."""
        is_fine_tuned = self.config.fine_tune is not None
        return not self.is_from_scratch and (is_fine_tuned or self.config.is_augmented_freely)

    @property
    def num_views(self) -> int:
        """Versions of each photo that are made before the training."""
        return 1 if self.config.is_augmented_freely else self.config.num_views

    @property
    def augment(self) -> AugmentConfig | None:
        """How photos are varied; None where they are not."""
        return self.config.augment if self.num_views > 1 or self.config.is_augmented_freely else None

    @property
    def has_one_unit(self) -> bool:
        """Whether the model ends in a single unit, the probability of the second of two classes."""
        is_wanted = self.config.head.one_unit_for_two_classes and not self.is_from_scratch
        return is_wanted and len(self.class_names) == 2

    @property
    def has_one_hot_targets(self) -> bool:
        """Whether the right answers are rows of numbers, which label smoothing needs where there are several units."""
        return self.config.label_smoothing > 0 and not self.has_one_unit
