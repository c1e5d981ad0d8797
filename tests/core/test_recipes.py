"""Named, ready configs."""

import json
import re
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import pytest

from core.backbones.catalog import find_backbone
from core.config import HUB_PREFIX, SCRATCH, AugmentConfig, FineTuneConfig, PhaseConfig, StoppingConfig, TrainConfig
from core.errors import ConfigError
from core.recipes import DEFAULT_RECIPE, RECIPES, Figure, Recipe, find_recipe, layer_at_share

SNAPSHOT = "0123456789abcdef" * 4
NUM_LAYERS = 154  # of MobileNetV2, in its own numbering


def config_of(name: str, **options: Any) -> TrainConfig:
    recipe = find_recipe(name)
    return recipe.config(SNAPSHOT, **{"backbone": recipe.backbone or "MobileNetV2", **options})


def every_recipe() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)


def test_the_recipes_and_their_order():
    """Our own advice comes first, the default before all; then the walk-throughs."""
    assert list(RECIPES) == [
        "quick",
        "best_offline",
        "careful",
        "small_data",
        "mobilenet_three_dense",
        "mobilenetv2_fine_tuned",
        "hub_feature_vector",
        "from_scratch",
        "densenet201",
    ]
    assert DEFAULT_RECIPE == "quick"


@every_recipe()
def test_each_recipe_makes_a_config_that_survives_json(recipe: Recipe):
    """With a snapshot, a seed and a backbone a recipe is a valid config, equal after JSON."""
    config = config_of(recipe.name, seed=3, num_layers=NUM_LAYERS)
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert (config.snapshot, config.seed) == (SNAPSHOT, 3)


@every_recipe()
def test_each_recipe_explains_itself(recipe: Recipe):
    """A name fit for a key, a title of its own, and two sentences in plain words."""
    assert recipe.name == next(key for key, value in RECIPES.items() if value is recipe)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", recipe.name)
    assert [other.title for other in RECIPES.values()].count(recipe.title) == 1
    assert len(re.findall(r"\.(?= [A-Z]|$)", recipe.summary)) == 2
    assert recipe.summary.endswith(".")
    assert "  " not in recipe.summary


@every_recipe()
def test_each_walk_through_names_its_source(recipe: Recipe):
    """What repeats somebody's numbers says whose; our own advice claims no source."""
    if recipe.name in ("quick", "best_offline", "careful", "small_data"):
        assert recipe.source is None
    else:
        assert recipe.source is not None
        assert recipe.source.title
        assert recipe.source.url.startswith("https://")


# What came of each walk-through where it was published.
RESULTS = {
    "mobilenet_three_dense": ("blue tits and crows", {Figure.NUM_EPOCHS: 10}),
    "mobilenetv2_fine_tuned": (
        "cats and dogs",
        {
            Figure.VALIDATION_BEFORE: 0.95,
            Figure.VALIDATION: 0.98,
            Figure.TEST: 0.9948,
            Figure.NUM_EPOCHS: 20,
            Figure.NUM_LAYERS: 154,
            Figure.NUM_TRAINED: 1_862_721,
        },
    ),
    "hub_feature_vector": (
        "cats and dogs",
        {Figure.VALIDATION: 0.98, Figure.NUM_EPOCHS: 3, Figure.DIFFERENCE: 0.0},
    ),
    "from_scratch": ("cats and dogs", {Figure.VALIDATION: 0.88, Figure.NUM_EPOCHS: 15}),
    "densenet201": (
        "aliens and predators",
        {Figure.VALIDATION: 0.9375, Figure.TEST: 0.8999, Figure.RATE_REDUCED: 24, Figure.NUM_TRAINED: 1_921},
    ),
}


def test_the_results_are_those_published():
    """Each walk-through says what it told apart, and what came of it."""
    found = {
        name: (recipe.source.photos, dict(recipe.source.figures)) for name, recipe in RECIPES.items() if recipe.source
    }
    assert found == RESULTS


def test_published_epochs_are_those_of_the_recipe():
    """What a recipe plans is what its walk-through took."""
    for name, (_, figures) in RESULTS.items():
        config = config_of(name)
        planned = config.head_phase.num_epochs
        planned += config.fine_tune.phase.num_epochs if config.fine_tune else 0
        assert figures.get(Figure.NUM_EPOCHS, planned) == planned


@every_recipe()
def test_each_backbone_of_a_recipe_exists(recipe: Recipe):
    """A recipe's own backbone is in the catalogue under exactly this name, on the Hub, or the network from scratch."""
    if recipe.backbone and recipe.backbone != SCRATCH and not recipe.backbone.startswith(HUB_PREFIX):
        assert find_backbone(recipe.backbone).name == recipe.backbone


@every_recipe()
def test_augmentations_take_effect(recipe: Recipe):
    """An augmentation without views would be drawn and never used."""
    assert (recipe.augment is not None) == (recipe.num_views > 1 or recipe.is_augmented_freely)


def test_recipes_that_belong_together_point_at_each_other():
    """The Hub's network and the one from scratch are each other's counterpart, and no other recipe has one."""
    pairs = {name: recipe.compared_with for name, recipe in RECIPES.items() if recipe.compared_with}
    assert pairs == {"hub_feature_vector": "from_scratch", "from_scratch": "hub_feature_vector"}


def test_recipes_cannot_be_changed():
    """Neither the table nor a recipe in it can be edited by who uses it."""
    with pytest.raises(TypeError):
        RECIPES["quick"] = RECIPES["careful"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        RECIPES["quick"].title = "Slow"  # type: ignore[misc]


PLAIN_STOPPING = asdict(StoppingConfig())
NO_CHANGES = {"zoom": 0.0, "shift": 0.0, "brightness": 0.0, "contrast": 0.0, "colour": 0.0}


def phase(optimizer: str, rate: float, epochs: int, batch_size: int = 32) -> dict[str, Any]:
    return {"optimizer": optimizer, "learning_rate": rate, "num_epochs": epochs, "batch_size": batch_size}


def head(*hidden_units: int, dropout: float, one_unit: bool = False) -> dict[str, Any]:
    return {"hidden_units": hidden_units, "dropout": dropout, "one_unit_for_two_classes": one_unit}


# What makes each recipe itself, written out; everything that is not named has the default of `TrainConfig`.
PUBLISHED: dict[str, dict[str, Any]] = {
    "quick": {
        "backbone": "EfficientNetLite0",
        "head": head(dropout=0.2),
        "head_phase": phase("adam", 1e-3, 30),
        "stopping": {**PLAIN_STOPPING, "monitor": "loss", "patience": 5},
    },
    "best_offline": {
        "backbone": "BestOffline",
        "averages_flips": True,
        "head": head(dropout=0),
        "head_phase": phase("lbfgs", 1e-3, 30),
    },
    "careful": {
        "backbone": "MobileNetV2",
        "augment": asdict(AugmentConfig()),
        "num_views": 4,
        "head_phase": phase("adam", 1e-3, 30),
        "fine_tune": {"first_layer": 123, "phase": phase("adam", 1e-4, 15)},
        "stopping": {**PLAIN_STOPPING, "patience": 5},
        "has_class_weights": True,
    },
    "small_data": {
        "backbone": "MobileNetV2",
        "augment": {
            "flip": True,
            "rotation": 0.08,
            "zoom": 0.2,
            "shift": 0.1,
            "brightness": 0.2,
            "contrast": 0.2,
            "colour": 0.2,
        },
        "num_views": 8,
        "head": head(dropout=0),
        "head_phase": phase("lbfgs", 1e-3, 30),
        "has_class_weights": True,
    },
    "mobilenet_three_dense": {
        "backbone": "MobileNet",
        "fit_mode": "squash",
        "head": head(1024, 1024, 512, dropout=0),
        "head_phase": phase("adam", 1e-3, 10),
    },
    "mobilenetv2_fine_tuned": {
        "backbone": "MobileNetV2",
        "image_size": (160, 160),
        "fit_mode": "squash",
        "augment": {"flip": True, "rotation": 0.2, **NO_CHANGES},
        "is_augmented_freely": True,
        "head": head(dropout=0.2, one_unit=True),
        "head_phase": phase("adam", 1e-4, 10),
        "fine_tune": {"first_layer": 100, "phase": phase("rmsprop", 1e-5, 10)},
    },
    "hub_feature_vector": {
        "backbone": "hub:https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector/4",
        "image_size": (224, 224),
        "fit_mode": "squash",
        "head": head(dropout=0),
        "head_phase": phase("adam", 1e-3, 3),
    },
    "from_scratch": {
        "backbone": "scratch",
        "image_size": (224, 224),
        "fit_mode": "squash",
        "head": head(dropout=0.5),
        "head_phase": phase("adam", 1e-3, 15),
    },
    "densenet201": {
        "backbone": "DenseNet201",
        "image_size": (224, 224),
        "fit_mode": "squash",
        "augment": {"flip": True, "rotation": 0.1, **NO_CHANGES, "zoom": 0.1},
        "is_augmented_freely": True,
        "head": head(dropout=0.2, one_unit=True),
        "head_phase": phase("adam", 3e-3, 100, batch_size=8),
        "stopping": {
            "monitor": "loss",
            "patience": 6,
            "plateau_patience": 2,
            "plateau_factor": 0.3,
            "least_learning_rate": 1e-6,
        },
    },
}


@every_recipe()
def test_the_numbers_are_those_published(recipe: Recipe):
    """Each recipe has exactly the numbers of its walk-through, and the defaults everywhere else."""
    config = asdict(config_of(recipe.name, num_layers=NUM_LAYERS))
    plain = asdict(TrainConfig(snapshot=SNAPSHOT, backbone="MobileNetV2"))
    assert config == {**plain, **PUBLISHED[recipe.name]}


@pytest.mark.parametrize("name", ["best_offline", "small_data"])
def test_a_network_from_scratch_is_trained_in_steps(name: str):
    """It has no features that stay, so that nothing can be solved to the end."""
    assert config_of(name).head_phase.optimizer == "lbfgs"
    assert config_of(name, backbone=SCRATCH).head_phase == PhaseConfig(num_epochs=30)


def test_careful_fine_tunes_at_a_tenth_of_the_rate():
    """The share of the backbone follows the number of its layers; the rate is a tenth of the head's."""
    config = config_of("careful", backbone="EfficientNetLite0", num_layers=200)
    assert config.fine_tune is not None
    assert config.fine_tune.first_layer == 160
    assert config.fine_tune.phase.learning_rate == pytest.approx(config.head_phase.learning_rate / 10)


def test_a_share_needs_the_number_of_layers():
    """Without it nobody can say where the upper fifth begins, and the message says which number is missing."""
    with pytest.raises(ConfigError, match=r"careful fine-tunes a share.*MobileNetV2.*num_layers is needed"):
        find_recipe("careful").config(SNAPSHOT, backbone="MobileNetV2")


def test_a_network_from_scratch_is_not_fine_tuned():
    """All of it is trained from the start, whatever the recipe does with pretrained networks."""
    for name in ("careful", "mobilenetv2_fine_tuned"):
        assert find_recipe(name).config(SNAPSHOT, backbone=SCRATCH).fine_tune is None


def test_a_backbone_with_too_few_layers_is_refused():
    """Layer 100 of a network of 86 would train nothing; the first network that has it will do."""
    recipe = find_recipe("mobilenetv2_fine_tuned")
    with pytest.raises(ConfigError, match="from layer 100, and MobileNet has 86 layers; choose another"):
        recipe.config(SNAPSHOT, backbone="MobileNet", num_layers=86)
    with pytest.raises(ConfigError, match="from layer 100"):
        recipe.config(SNAPSHOT, num_layers=100)
    config = recipe.config(SNAPSHOT, num_layers=101)
    assert config.fine_tune == FineTuneConfig(
        first_layer=100, phase=PhaseConfig(optimizer="rmsprop", learning_rate=1e-5, num_epochs=10)
    )


@every_recipe()
def test_another_backbone_can_be_chosen(recipe: Recipe):
    """The person's choice wins over the recipe's backbone, and nothing else changes with it."""
    own = config_of(recipe.name, num_layers=NUM_LAYERS).to_json()
    other = config_of(recipe.name, backbone="ResNet50", num_layers=NUM_LAYERS).to_json()
    assert other == {**own, "backbone": "ResNet50"}


@pytest.mark.parametrize("name", ["careful", "small_data"])
def test_a_recipe_for_any_backbone_asks_for_one(name: str):
    """Where neither the recipe nor the person names a backbone, the message says so."""
    with pytest.raises(ConfigError, match=f"{name} goes with any backbone, and none was given; choose one"):
        find_recipe(name).config(SNAPSHOT)


def test_a_config_is_checked_as_any_other():
    """A snapshot that is none is refused when the config is made, not when the run starts."""
    with pytest.raises(ConfigError, match="snapshot is 'mine'"):
        find_recipe("quick").config("mine")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("quik", "No recipe is called 'quik'. Did you mean quick?"),
        ("Careful", "No recipe is called 'Careful'. Did you mean careful?"),
        ("densenet", "No recipe is called 'densenet'. Did you mean densenet201?"),
        ("", f"No recipe is called ''. There are {', '.join(RECIPES)}."),
        ("mobilenet", "No recipe is called 'mobilenet'. Did you mean mobilenet_three_dense, mobilenetv2_fine_tuned?"),
        ("zzz", f"No recipe is called 'zzz'. There are {', '.join(RECIPES)}."),
    ],
)
def test_an_unknown_recipe_is_refused(name: str, message: str):
    """The message lists the nearest names, or all where none is near."""
    with pytest.raises(ConfigError) as caught:
        find_recipe(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("num_layers", "share", "first_layer"),
    [
        (154, 0.35, 100),
        (154, 1, 0),
        (154, 1e-9, 153),
        (10, 0.5, 5),
        (5, 0.5, 2),  # two and a half layers are three
        (7, 0.5, 3),
        (30, 0.1, 27),
        (1, 0.01, 0),
        (1, 1, 0),
    ],
)
def test_a_share_becomes_a_layer(num_layers: int, share: float, first_layer: int):
    """Known cuts: halves round up, at least one layer is trained, and the whole share trains everything."""
    assert layer_at_share(num_layers, share) == first_layer


def test_a_larger_share_never_trains_less():
    """For networks of every size the cut is inside the network and only moves down as the share grows."""
    for num_layers in range(1, 300):
        cuts = [layer_at_share(num_layers, percent / 100) for percent in range(1, 101)]
        assert cuts == sorted(cuts, reverse=True)
        assert cuts[-1] == 0
        assert max(cuts) < num_layers


@pytest.mark.parametrize(
    ("num_layers", "share", "message"),
    [
        (0, 0.5, r"num_layers\) is 0; at least 1"),
        (154, 0, r"share\) is 0; a number above 0 and at most 1"),
        (154, 1.01, r"share\) is 1.01"),
        (154, float("nan"), r"share\) is nan"),
    ],
)
def test_a_share_that_cannot_be_used_is_refused(num_layers: int, share: float, message: str):
    """The message names the number and its range."""
    with pytest.raises(ConfigError, match=message):
        layer_at_share(num_layers, share)
