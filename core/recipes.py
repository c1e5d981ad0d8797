"""Named, ready configs: what most people choose instead of setting a dozen sliders.

A recipe says everything about a training except what it learns from: with a snapshot it becomes a `TrainConfig`.
Four are our own advice (*quick*, *best_offline*, *careful*, *small_data*); the others repeat published walk-throughs
with the numbers their authors chose, so that what one has read can be tried on one's own photos. These differ from
their originals in two things that hold for every run: the best epoch is kept, not the last, and normalisation layers
keep their statistics.

The walk-throughs stretch a photo to the square (*squash*), since Keras' loaders do so unless told otherwise, and those
that augment draw new pixels in every epoch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType

from core.config import (
    HUB_PREFIX,
    LBFGS,
    SCRATCH,
    AugmentConfig,
    FineTuneConfig,
    FitModeName,
    HeadConfig,
    PhaseConfig,
    StoppingConfig,
    TrainConfig,
)
from core.errors import ConfigError

DEFAULT_RECIPE = "quick"

_SOLVING_EPOCHS = 30  # most, of five steps each; a last layer was solved in 20 to 100 steps

_MIN_SIMILARITY = 0.5  # difflib ratio, 0-1; below it a suggestion has little to do with what was asked for


class Figure(StrEnum):
    """What a walk-through tells of its run, and any run of it can be asked for."""

    VALIDATION_BEFORE = "validation before fine-tuning"  # accuracy, 0-1
    VALIDATION = "validation"  # accuracy at the end, 0-1
    TEST = "test"  # accuracy, 0-1
    NUM_EPOCHS = "epochs"  # in all phases
    RATE_REDUCED = "rate reduced"  # epoch after which the learning rate was reduced for the first time
    NUM_LAYERS = "layers"  # of the backbone
    NUM_TRAINED = "trained parameters"  # in the last phase
    DIFFERENCE = "difference"  # largest, of probabilities, once the model was saved and loaded again


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a walk-through is called, where it can be read, and what came of it there."""

    title: str
    url: str
    photos: str  # what it learns to tell apart
    figures: tuple[tuple[Figure, float], ...]  # as published, in the order in which they are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything about a training except its photos; fields from `image_size` on are those of `TrainConfig`."""

    name: str  # key of `RECIPES`, in small letters
    title: str  # the name for people
    summary: str  # two sentences: what it does; when to use it
    backbone: str | None = None  # as in `TrainConfig`; None: it goes with any, and the person chooses
    source: Source | None = None  # the walk-through that it repeats
    compared_with: str | None = None  # name of the recipe beside which it is meant to be seen
    image_size: tuple[int, int] | None = None  # height and width in pixels; None: the backbone's own
    fit_mode: FitModeName = "crop"
    augment: AugmentConfig | None = None
    num_views: int = 1
    is_augmented_freely: bool = False
    averages_flips: bool = False
    head: HeadConfig = field(default_factory=HeadConfig)
    head_phase: PhaseConfig = field(default_factory=PhaseConfig)
    fine_tune: FineTuneConfig | None = None
    # Share of the backbone's layers that is fine-tuned, above 0, at most 1; in place of `fine_tune.first_layer`,
    # because backbones have different numbers of layers.
    fine_tuned_share: float | None = None
    stopping: StoppingConfig = field(default_factory=StoppingConfig)
    has_class_weights: bool = False
    label_smoothing: float = 0.0

    def config(
        self, snapshot: str, *, backbone: str | None = None, seed: int = 0, num_layers: int | None = None
    ) -> TrainConfig:
        """The config of one run.

        A network from scratch is trained whole from its first epoch, so with it there is no fine-tuning.

        Args:
            snapshot: hash of the dataset's frozen content.
            backbone: in place of the recipe's own.
            seed: of everything that is drawn at random.
            num_layers: of the backbone, in its own numbering; needed where the recipe fine-tunes a share of them.

        Raises:
            ConfigError: neither the recipe nor the caller names a backbone, `num_layers` is needed and missing, the
                backbone has too few layers for the recipe, or a value cannot be used.
        """
        chosen = backbone or self.backbone
        if chosen is None:
            raise ConfigError(f"The recipe {self.name} goes with any backbone, and none was given; choose one.")
        return TrainConfig(
            snapshot=snapshot,
            backbone=chosen,
            image_size=self.image_size,
            fit_mode=self.fit_mode,
            augment=self.augment,
            num_views=self.num_views,
            is_augmented_freely=self.is_augmented_freely,
            averages_flips=self.averages_flips,
            head=self.head,
            head_phase=self._head_phase(chosen),
            fine_tune=None if chosen == SCRATCH else self._fine_tune(chosen, num_layers),
            stopping=self.stopping,
            has_class_weights=self.has_class_weights,
            label_smoothing=self.label_smoothing,
            seed=seed,
        )

    def _head_phase(self, backbone: str) -> PhaseConfig:
        """Only features that stay can be solved to the end."""
        is_solved = self.head_phase.optimizer == LBFGS
        return replace(self.head_phase, optimizer="adam") if is_solved and backbone == SCRATCH else self.head_phase

    def _fine_tune(self, backbone: str, num_layers: int | None) -> FineTuneConfig | None:
        if self.fine_tune is None:
            return None
        if self.fine_tuned_share is not None:
            if num_layers is None:
                raise ConfigError(
                    f"The recipe {self.name} fine-tunes a share of the backbone, and how many layers {backbone} has "
                    "was not given; num_layers is needed."
                )
            first_layer = layer_at_share(num_layers, self.fine_tuned_share)
            return FineTuneConfig(first_layer=first_layer, phase=self.fine_tune.phase)
        if num_layers is not None and self.fine_tune.first_layer >= num_layers:
            raise ConfigError(
                f"The recipe {self.name} fine-tunes from layer {self.fine_tune.first_layer}, and {backbone} has "
                f"{num_layers} layers; choose another backbone or another recipe."
            )
        return self.fine_tune


def layer_at_share(num_layers: int, share: float) -> int:
    """The first layer to be trained so that about this share of all layers is, and at least one.

    Args:
        num_layers: of the backbone, in its own numbering, at least 1.
        share: of the layers, counted from the top, above 0, at most 1 (everything).

    Returns:
        Index of a layer, 0 to `num_layers` - 1, for `FineTuneConfig.first_layer`.

    Raises:
        ConfigError: there is no layer, or the share is outside its range.
    """
    if num_layers < 1:
        raise ConfigError(f"The number of layers (num_layers) is {num_layers}; at least 1 is needed.")
    if not 0 < share <= 1:
        raise ConfigError(f"The share of layers (share) is {share}; a number above 0 and at most 1 is needed.")
    num_trained = max(1, math.floor(num_layers * share + 0.5))  # round() would take half a layer to the even side
    return num_layers - num_trained


def find_recipe(name: str) -> Recipe:
    """The recipe with this name.

    Raises:
        ConfigError: no recipe has this name; the message lists the nearest names, or all where none is near.
    """
    recipe = RECIPES.get(name)
    if recipe is None:
        nearest = get_close_matches(name.casefold(), RECIPES, n=3, cutoff=_MIN_SIMILARITY)
        hint = f"Did you mean {', '.join(nearest)}?" if nearest else f"There are {', '.join(RECIPES)}."
        raise ConfigError(f"No recipe is called {name!r}. {hint}")
    return recipe


_OWN = (
    Recipe(
        name="quick",
        title="Quick",
        summary=(
            "Looks at every photo once through the ready-made network, then trains only new last layers on what it "
            "saw, which takes seconds. Start here, and stay if the result is good enough."
        ),
        backbone="EfficientNetLite0",
        head=HeadConfig(dropout=0.2),
        head_phase=PhaseConfig(optimizer="adam", learning_rate=1e-3, num_epochs=30),
        stopping=StoppingConfig(monitor="loss", patience=5),
    ),
    Recipe(
        name="best_offline",
        title="Best without internet",
        summary=(
            "Looks at every photo through all three networks that come with Bluetit, finds the one best last layer for "
            "what they saw together, and answers by a photo and its mirror image. Choose it when being right counts "
            "more than speed: it needs about half the photos that quick does, and answers at an eighth of its speed."
        ),
        backbone="BestOffline",
        averages_flips=True,
        head=HeadConfig(dropout=0),
        head_phase=PhaseConfig(optimizer=LBFGS, num_epochs=_SOLVING_EPOCHS),
    ),
    Recipe(
        name="careful",
        title="Careful",
        summary=(
            "Shows each photo in four slightly different views, trains new last layers, and then adjusts the upper "
            "fifth of the network itself at a tenth of the speed. Choose it when quick is not accurate enough and "
            "some minutes do not matter."
        ),
        augment=AugmentConfig(),
        num_views=4,
        head_phase=PhaseConfig(optimizer="adam", learning_rate=1e-3, num_epochs=30),
        fine_tune=FineTuneConfig(phase=PhaseConfig(optimizer="adam", learning_rate=1e-4, num_epochs=15)),
        fine_tuned_share=0.2,
        stopping=StoppingConfig(monitor="loss", patience=5),
        has_class_weights=True,
    ),
    Recipe(
        name="small_data",
        title="Few photos",
        summary=(
            "Makes eight clearly different views of each photo and finds the one best last layer for all of them, in "
            "place of small steps that end before it. Choose it when there are fewer than about fifty photos per class."
        ),
        augment=AugmentConfig(rotation=0.08, zoom=0.2, shift=0.1, brightness=0.2, contrast=0.2, colour=0.2),
        num_views=8,
        head=HeadConfig(dropout=0),
        head_phase=PhaseConfig(optimizer=LBFGS, num_epochs=_SOLVING_EPOCHS),
        has_class_weights=True,
    ),
)


def _practical(*figures: tuple[Figure, float]) -> Source:
    """The walk-through that two recipes come from."""
    return Source(
        title="Practical Transfer Learning with TensorFlow",
        url="https://medium.com/mlearning-ai/practical-transfer-learning-with-tensorflow-1f16bb9ac379",
        photos="cats and dogs",
        figures=figures,
    )


_WALK_THROUGHS = (
    Recipe(
        name="mobilenet_three_dense",
        title="MobileNet and three dense layers",
        summary=(
            "Puts three wide layers of 1024, 1024 and 512 units on MobileNet and trains them for ten epochs. Choose "
            "it to repeat the walk-through that teaches MobileNet to tell blue tits from crows."
        ),
        backbone="MobileNet",
        source=Source(
            title="Ferhat Culfaz: Transfer Learning using Mobilenet and Keras",
            url="https://towardsdatascience.com/transfer-learning-using-mobilenet-and-keras-c75daf7ff299",
            photos="blue tits and crows",
            figures=((Figure.NUM_EPOCHS, 10),),
        ),
        fit_mode="squash",
        head=HeadConfig(hidden_units=(1024, 1024, 512), dropout=0),
        head_phase=PhaseConfig(optimizer="adam", learning_rate=1e-3, num_epochs=10, batch_size=32),
    ),
    Recipe(
        name="mobilenetv2_fine_tuned",
        title="MobileNetV2, fine-tuned",
        summary=(
            "Trains a new last layer on MobileNetV2 for ten epochs, then everything from its layer 100 on for ten "
            "more, with new variations of the photos each time. Choose it to repeat TensorFlow's own walk-through on "
            "cats and dogs, and expect to wait."
        ),
        backbone="MobileNetV2",
        source=Source(
            title="TensorFlow: Transfer learning and fine-tuning",
            url="https://www.tensorflow.org/tutorials/images/transfer_learning",
            photos="cats and dogs",
            figures=(
                (Figure.VALIDATION_BEFORE, 0.95),
                (Figure.VALIDATION, 0.98),
                (Figure.TEST, 0.9948),
                (Figure.NUM_EPOCHS, 20),
                (Figure.NUM_LAYERS, 154),
                (Figure.NUM_TRAINED, 1_862_721),
            ),
        ),
        image_size=(160, 160),
        fit_mode="squash",
        augment=AugmentConfig(flip=True, rotation=0.2, zoom=0, shift=0, brightness=0, contrast=0, colour=0),
        is_augmented_freely=True,
        head=HeadConfig(dropout=0.2, one_unit_for_two_classes=True),
        head_phase=PhaseConfig(optimizer="adam", learning_rate=1e-4, num_epochs=10, batch_size=32),
        fine_tune=FineTuneConfig(
            first_layer=100,
            phase=PhaseConfig(optimizer="rmsprop", learning_rate=1e-5, num_epochs=10, batch_size=32),
        ),
    ),
    Recipe(
        name="hub_feature_vector",
        title="TensorFlow Hub feature vector",
        summary=(
            "Trains one new layer for three epochs on what a MobileNetV2 from TensorFlow Hub makes of the photos. "
            "Choose it to repeat the walk-through on cats and dogs, or as a start with other networks of the Hub."
        ),
        backbone=f"{HUB_PREFIX}https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector/4",
        source=_practical((Figure.VALIDATION, 0.98), (Figure.NUM_EPOCHS, 3), (Figure.DIFFERENCE, 0.0)),
        compared_with="from_scratch",
        image_size=(224, 224),
        fit_mode="squash",
        head=HeadConfig(dropout=0),
        head_phase=PhaseConfig(optimizer="adam", learning_rate=1e-3, num_epochs=3, batch_size=32),
    ),
    Recipe(
        name="from_scratch",
        title="From scratch",
        summary=(
            "Trains a small network that has never seen a photo before, with nothing ready-made in it. Choose it to "
            "see how much the ready-made networks save."
        ),
        backbone=SCRATCH,
        source=_practical((Figure.VALIDATION, 0.88), (Figure.NUM_EPOCHS, 15)),
        compared_with="hub_feature_vector",
        image_size=(224, 224),
        fit_mode="squash",
        head=HeadConfig(dropout=0.5),  # the network has its dense layer of 512 units built in
        head_phase=PhaseConfig(optimizer="adam", learning_rate=1e-3, num_epochs=15, batch_size=32),
    ),
    Recipe(
        name="densenet201",
        title="DenseNet201",
        summary=(
            "Trains a new last layer on the very deep DenseNet201 with new variations of the photos each time, more "
            "slowly whenever it stops improving. Choose it to repeat the walk-through on aliens and predators, and "
            "expect a long wait without a graphics card."
        ),
        backbone="DenseNet201",
        source=Source(
            title="Transfer Learning using DenseNet201",
            url="https://medium.com/mlearning-ai/transfer-learning-using-densenet201-525749762ca9",
            photos="aliens and predators",
            figures=(
                (Figure.VALIDATION, 0.9375),
                (Figure.TEST, 0.8999),
                (Figure.RATE_REDUCED, 24),
                (Figure.NUM_TRAINED, 1_921),
            ),
        ),
        image_size=(224, 224),
        fit_mode="squash",
        augment=AugmentConfig(flip=True, rotation=0.1, zoom=0.1, shift=0, brightness=0, contrast=0, colour=0),
        is_augmented_freely=True,
        head=HeadConfig(dropout=0.2, one_unit_for_two_classes=True),
        head_phase=PhaseConfig(optimizer="adam", learning_rate=3e-3, num_epochs=100, batch_size=8),
        stopping=StoppingConfig(
            monitor="loss", patience=6, plateau_patience=2, plateau_factor=0.3, least_learning_rate=1e-6
        ),
    ),
)

# Every recipe by its name, in the order in which people see them.
RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in (*_OWN, *_WALK_THROUGHS)})
