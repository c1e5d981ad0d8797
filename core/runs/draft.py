"""A run that somebody is putting together: a recipe, and what was changed of it.

Every setting has a name, such as "head_phase.learning_rate". The recipe has a value for each, or the photos ask for
another one (`core.runs.nature`); only what differs from that is kept, so that choosing another recipe, or another view
of the form, loses nothing that should stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from core.backbones.layers import LayerRow
from core.config import (
    HUB_PREFIX,
    LBFGS,
    NO_AUGMENTATION,
    SCRATCH,
    AugmentConfig,
    FineTuneConfig,
    HeadConfig,
    PhaseConfig,
    StoppingConfig,
    TrainConfig,
)
from core.recipes import DEFAULT_RECIPE, RECIPES, Recipe, layer_at_share
from core.runs.begin import NO_SNAPSHOT
from core.runs.nature import NOTHING_KNOWN, Nature, suited
from core.runs.records import RunView

# Share of the layers that is offered for fine-tuning where the recipe has none; that of the recipe "careful".
DEFAULT_SHARE = 0.2
FINE_TUNE_EPOCHS = 10
# A network that is adjusted in large steps forgets what it knows: a tenth is what the tutorials advise.
FINE_TUNE_RATE_FACTOR = 0.1

_PARTS: Mapping[str, type[AugmentConfig | HeadConfig | PhaseConfig | StoppingConfig]] = {
    "augment": AugmentConfig,
    "head": HeadConfig,
    "head_phase": PhaseConfig,
    "stopping": StoppingConfig,
}
_WHOLE = (
    *("image_size", "fit_mode", "num_views", "is_augmented_freely", "averages_flips", "finds_learning_rate"),
    *("has_class_weights", "label_smoothing", "seed", "precision", "uses_all_gpus"),
)
SHARE = "fine_tune.share"  # of the backbone's layers that are fine-tuned, 0-1; 0: the head alone is trained
CUT = "fine_tune.first_layer"  # the first layer that is; goes before the share where the layers are known
RATE = "fine_tune.learning_rate"


@dataclass(slots=True, kw_only=True)
class Draft:
    """The form for a new run, as far as it has been filled in."""

    dataset_id: int | None = None  # None: not chosen yet
    recipe: str = DEFAULT_RECIPE
    backbone: str | None = None  # None: the recipe's own
    changes: dict[str, Any] = field(default_factory=dict)  # values that differ from the recipe's
    parent_id: int | None = None  # the run that it was made from
    parent_name: str = ""
    is_expert: bool = False
    nature: Nature = NOTHING_KNOWN  # of the photos of the dataset

    def choose_recipe(self, name: str) -> None:
        """Begin anew with another recipe: its numbers belong together."""
        self.recipe, self.backbone = name, None
        self.changes.clear()

    def choose_backbone(self, name: str, default: str) -> None:
        """Take another network; where it is cut in two has to be said anew."""
        self.backbone = None if name == default else name
        self.changes.pop(CUT, None)

    def change(self, name: str, value: Any, standard: Any) -> None:
        """Give a setting a value; the one that it has without a change is none."""
        if value == standard:
            self.changes.pop(name, None)
        else:
            self.changes[name] = value

    def backbone_name(self, default_backbone: str) -> str:
        """The backbone as a config names it.

        Args:
            default_backbone: for recipes that go with any.
        """
        return self.backbone or RECIPES[self.recipe].backbone or default_backbone


def recipe_values(recipe: Recipe, backbone: str, nature: Nature = NOTHING_KNOWN) -> dict[str, Any]:
    """A recipe's value for every setting, or the value that these photos ask for in its place."""
    base = replace(recipe, fine_tune=None, fine_tuned_share=None).config(NO_SNAPSHOT, backbone=backbone)
    values = _values(suited(base, nature))
    if recipe.fine_tune is not None and backbone != SCRATCH:
        values |= _phase_values(recipe.fine_tune.phase)
        if recipe.fine_tuned_share is not None:
            values[SHARE] = recipe.fine_tuned_share
        else:
            values[CUT] = recipe.fine_tune.first_layer
            values[SHARE] = DEFAULT_SHARE
    return values


def draft_values(draft: Draft, default_backbone: str) -> dict[str, Any]:
    """The value of every setting of a draft."""
    backbone = draft.backbone_name(default_backbone)
    values = recipe_values(RECIPES[draft.recipe], backbone, draft.nature) | draft.changes
    if RECIPES[draft.recipe].fine_tune is None and RATE not in draft.changes:
        # A rate that the person chose for the head counts here, too.
        values[RATE] = _tenth(values["head_phase.learning_rate"])
    return values


def make_config(values: Mapping[str, Any], backbone: str, num_layers: int | None) -> TrainConfig | None:
    """The config of a run, its snapshot aside.

    Args:
        values: as `draft_values` gives them.
        backbone: as a config names it.
        num_layers: of the backbone; None when they are not known.

    Returns:
        The config; None when it depends on the layers and they are not known.

    Raises:
        ConfigError: a value cannot be used, or does not go with another.
    """
    first_layer = first_trained_layer(values, num_layers)
    if first_layer is None and values[SHARE] > 0 and backbone != SCRATCH:
        return None
    parts: dict[str, Any] = {
        name: kind(**{each.name: values[f"{name}.{each.name}"] for each in fields(kind)})
        for name, kind in _PARTS.items()
    }
    if parts["augment"] == NO_AUGMENTATION:
        parts["augment"] = None
    is_tuned = first_layer is not None and (num_layers is None or first_layer < num_layers) and backbone != SCRATCH
    fine_tune = None
    if is_tuned and first_layer is not None:
        fine_tune = FineTuneConfig(first_layer=first_layer, phase=_fine_tune_phase(values))
    return TrainConfig(
        snapshot=NO_SNAPSHOT, backbone=backbone, fine_tune=fine_tune, **parts, **{name: values[name] for name in _WHOLE}
    )


def first_trained_layer(values: Mapping[str, Any], num_layers: int | None) -> int | None:
    """The first layer of the backbone that is trained: the number of layers when none is, None when not known."""
    if values[SHARE] <= 0:
        return num_layers
    if values[CUT] is not None:
        cut = int(values[CUT])
        return cut if num_layers is None else min(cut, num_layers)
    return None if num_layers is None else layer_at_share(num_layers, values[SHARE])


def draft_of(
    view: RunView, default_backbone: str, *, nature: Nature = NOTHING_KNOWN, is_fine_tuned: bool = False
) -> Draft:
    """A form that is filled in like a run, to train it again with a change.

    Args:
        view: the run.
        default_backbone: for recipes that go with any.
        nature: of the photos of its dataset as they are now.
        is_fine_tuned: whether its network is to be adjusted as well, whether it was or not.

    Raises:
        ConfigError: another version of Bluetit wrote its config.
    """
    config = view.config
    recipe = RECIPES.get(view.recipe or "") or RECIPES[DEFAULT_RECIPE]
    draft = Draft(dataset_id=view.dataset_id, recipe=recipe.name, parent_id=view.id, parent_name=view.name)
    draft.is_expert, draft.nature = is_fine_tuned, nature
    draft.choose_backbone(config.backbone, recipe.backbone or default_backbone)
    standard = draft_values(draft, default_backbone)
    values = config_values(config)
    if is_fine_tuned and values[SHARE] <= 0:
        values |= {SHARE: DEFAULT_SHARE, CUT: None}
    for name, value in values.items():
        is_unused = values[SHARE] <= 0 and name.startswith("fine_tune.") and name != SHARE
        if not is_unused:
            draft.change(name, value, standard[name])
    return draft


def config_values(config: TrainConfig) -> dict[str, Any]:
    """The value of every setting of a config."""
    values = _values(config)
    if config.fine_tune is not None:
        values |= _phase_values(config.fine_tune.phase) | {SHARE: DEFAULT_SHARE, CUT: config.fine_tune.first_layer}
    return values


def num_layers_of(backbone: str, layers: Sequence[LayerRow]) -> int | None:
    """How many layers a backbone counts; a module of the Hub is one, behind an input, which is trained or not."""
    if backbone.startswith(HUB_PREFIX):
        return 2
    return len(layers) or None


def _values(config: TrainConfig) -> dict[str, Any]:
    """Every setting but those of a fine-tuning, which are as if there were none."""
    values = {name: getattr(config, name) for name in _WHOLE}
    for part in _PARTS:
        chosen = getattr(config, part) or NO_AUGMENTATION
        values |= {f"{part}.{name}": value for name, value in asdict(chosen).items()}
    head_phase = config.head_phase
    gentle = replace(head_phase, learning_rate=_tenth(head_phase.learning_rate), num_epochs=FINE_TUNE_EPOCHS)
    if gentle.optimizer == LBFGS:  # which trains nothing but a last layer
        gentle = replace(gentle, optimizer="adam")
    return values | _phase_values(gentle) | {SHARE: 0.0, CUT: None}


def _phase_values(phase: PhaseConfig) -> dict[str, Any]:
    return {f"fine_tune.{name}": value for name, value in asdict(phase).items()}


def _fine_tune_phase(values: Mapping[str, Any]) -> PhaseConfig:
    return PhaseConfig(**{each.name: values[f"fine_tune.{each.name}"] for each in fields(PhaseConfig)})


def _tenth(learning_rate: float) -> float:
    return float(f"{learning_rate * FINE_TUNE_RATE_FACTOR:.3g}")
