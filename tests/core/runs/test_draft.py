"""The form for a run: a recipe with changes becomes a config, and a config becomes a form again."""

from dataclasses import replace

import pytest

from core.config import SCRATCH, FineTuneConfig, PhaseConfig, TrainConfig
from core.errors import ConfigError
from core.recipes import RECIPES, layer_at_share
from core.runs.begin import NO_SNAPSHOT
from core.runs.draft import (
    CUT,
    RATE,
    SHARE,
    Draft,
    config_values,
    draft_of,
    draft_values,
    make_config,
    num_layers_of,
)
from core.runs.records import RunStatus, RunView

DEFAULT = "EfficientNetLite0"
NUM_LAYERS = 154


def config_of(draft: Draft, num_layers: int | None = NUM_LAYERS) -> TrainConfig | None:
    backbone = draft.backbone_name(DEFAULT)
    if backbone.startswith("hub:"):
        num_layers = num_layers_of(backbone, ())
    return make_config(draft_values(draft, DEFAULT), backbone, num_layers)


def view_of(config: TrainConfig, recipe: str | None = "quick") -> RunView:
    """A run that is done, of which only its config matters."""
    return RunView(
        id=7,
        name="Birds",
        note="",
        dataset_id=3,
        snapshot_hash=config.snapshot,
        recipe=recipe,
        config_values=config.to_json(),
        parent_id=None,
        race=None,
        task_id=1,
        package_task_id=None,
        last_sequence=0,
        num_rewinds=0,
        stop_requested_at=None,
        created_at=0.0,
        started_at=0.0,
        finished_at=1.0,
        trashed_at=None,
        outcome=None,
        status=RunStatus.DONE,
        is_cancel_requested=False,
        error=None,
        package_status=None,
        package_error=None,
    )


@pytest.mark.parametrize("name", RECIPES)
def test_an_untouched_form_is_the_recipe(name: str) -> None:
    """Every default comes from the recipe."""
    recipe = RECIPES[name]
    expected = recipe.config(NO_SNAPSHOT, backbone=recipe.backbone or DEFAULT, num_layers=NUM_LAYERS)
    if expected.backbone.startswith("hub:"):
        expected = recipe.config(NO_SNAPSHOT, backbone=recipe.backbone, num_layers=2)
    assert config_of(Draft(recipe=name)) == expected


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_fills_in_the_form_that_it_was_made_from(name: str) -> None:
    """Training again without a change is training the same; what differs from the recipe is all that is kept."""
    recipe = RECIPES[name]
    config = recipe.config(NO_SNAPSHOT, backbone=recipe.backbone or "MobileNetV2", num_layers=NUM_LAYERS, seed=5)
    draft = draft_of(view_of(config, name), DEFAULT)
    assert config_of(draft) == config
    assert (draft.dataset_id, draft.parent_id, draft.recipe) == (3, 7, name)
    assert set(draft.changes) <= {"seed", CUT, SHARE}


def test_a_change_that_is_taken_back_is_none() -> None:
    """The recipe's own value is no change."""
    draft = Draft()
    draft.change("seed", 4, 0)
    assert draft.changes == {"seed": 4}
    draft.change("seed", 0, 0)
    assert draft.changes == {}


def test_another_recipe_begins_anew() -> None:
    """Its numbers belong together; another network alone keeps the others, but not the cut."""
    draft = Draft(recipe="careful")
    draft.change("seed", 4, 0)
    draft.change(CUT, 100, None)
    draft.choose_backbone("MobileNetV2", DEFAULT)
    assert draft.changes == {"seed": 4}
    draft.choose_recipe("quick")
    assert (draft.changes, draft.backbone) == ({}, None)


def test_the_share_needs_the_layers() -> None:
    """A recipe that adjusts a third of the network has no config before its layers are known."""
    draft = Draft(recipe="careful")
    assert config_of(draft, None) is None
    made = config_of(draft)
    assert made is not None
    assert made.fine_tune is not None
    assert made.fine_tune.first_layer == layer_at_share(NUM_LAYERS, 0.2)
    assert config_of(Draft(recipe="quick"), None) is not None


def test_the_gentle_rate_follows_the_head() -> None:
    """Fine-tuning is a tenth as fast as the head, whatever the person chose for it, until its own slider is moved."""
    draft = Draft(changes={SHARE: 0.2, "head_phase.learning_rate": 3e-3})
    assert draft_values(draft, DEFAULT)[RATE] == 3e-4
    draft.change(RATE, 1e-6, 1e-4)
    made = config_of(draft)
    assert made is not None
    assert made.fine_tune is not None
    assert made.fine_tune.phase.learning_rate == 1e-6


def test_fine_tuning_further() -> None:
    """A run of the head alone becomes a form that adjusts the upper fifth too; one that did so keeps its cut."""
    config = RECIPES["quick"].config(NO_SNAPSHOT, backbone="MobileNetV2")
    made = config_of(draft_of(view_of(config), DEFAULT, is_fine_tuned=True))
    assert made is not None
    assert made.fine_tune is not None
    assert made.fine_tune.first_layer == layer_at_share(NUM_LAYERS, 0.2)
    assert replace(made, fine_tune=None) == config
    cut = replace(config, fine_tune=FineTuneConfig(first_layer=120, phase=PhaseConfig(learning_rate=1e-5)))
    assert config_of(draft_of(view_of(cut), DEFAULT, is_fine_tuned=True)) == cut


def test_from_scratch_has_nothing_to_fine_tune() -> None:
    """A network from scratch is trained whole, whatever the form says about a cut."""
    made = config_of(Draft(recipe="from_scratch", changes={SHARE: 0.5}), None)
    assert made is not None
    assert (made.backbone, made.fine_tune) == (SCRATCH, None)


def test_what_does_not_go_together_is_refused() -> None:
    """Views without a way in which they differ are told by the config itself."""
    with pytest.raises(ConfigError, match="choose an augmentation"):
        config_of(Draft(changes={"num_views": 4}))


def test_every_setting_of_a_config_has_a_name() -> None:
    """Nothing of a config is lost on its way through the form."""
    config = replace(
        RECIPES["careful"].config(NO_SNAPSHOT, backbone="MobileNetV2", num_layers=NUM_LAYERS),
        image_size=(192, 160),
        fit_mode="letterbox",
        label_smoothing=0.1,
        precision="float32",
        uses_all_gpus=True,
    )
    assert make_config(config_values(config), config.backbone, NUM_LAYERS) == config
