"""The configs of a training: what they refuse, and their way to JSON and back."""

import json
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

import core.config
from core.config import (
    HUB_PREFIX,
    SCRATCH,
    AugmentConfig,
    FineTuneConfig,
    HeadConfig,
    PhaseConfig,
    StoppingConfig,
    TrainConfig,
)
from core.errors import ConfigError

SNAPSHOT = "0123456789abcdef" * 4
# What a config cannot be without; everything else has a default.
NEEDED: dict[type, dict[str, Any]] = {TrainConfig: {"snapshot": SNAPSHOT, "backbone": "MobileNetV2"}}

WHOLE_CONFIG = TrainConfig(
    snapshot=SNAPSHOT,
    backbone=f"{HUB_PREFIX}/models/mine",
    image_size=(160, 224),
    fit_mode="letterbox",
    augment=AugmentConfig(flip=False, rotation=0.2),
    num_views=4,
    is_augmented_freely=True,
    averages_flips=True,
    head=HeadConfig(hidden_units=(1024, 512), dropout=0.5, one_unit_for_two_classes=True),
    head_phase=PhaseConfig(optimizer="sgd", learning_rate=0.01, num_epochs=3, batch_size=8),
    fine_tune=FineTuneConfig(first_layer=100, phase=PhaseConfig(learning_rate=1e-5)),
    stopping=StoppingConfig(monitor="accuracy", patience=5, plateau_patience=2),
    finds_learning_rate=True,
    has_class_weights=True,
    label_smoothing=0.1,
    seed=7,
    precision="mixed_float16",
    uses_all_gpus=True,
)

SOLVED = PhaseConfig(optimizer="lbfgs")
SHARE = "a number from 0 to 1 is needed"
FLAG = "true or false is needed"
# Config, field, a value that cannot be used, and what the message says is needed.
WRONG: list[tuple[type, str, Any, str]] = [
    (AugmentConfig, "flip", 1, FLAG),
    (AugmentConfig, "rotation", 0.6, "a number from 0 to 0.5 is needed"),
    (AugmentConfig, "zoom", 1, "a number from 0 to 0.9 is needed"),
    (AugmentConfig, "shift", -0.1, SHARE),
    (AugmentConfig, "brightness", "dark", SHARE),
    (AugmentConfig, "contrast", float("nan"), SHARE),
    (AugmentConfig, "colour", True, SHARE),
    (HeadConfig, "hidden_units", 1024, "whole numbers from 1 to 8,192 is needed, one for each layer"),
    (HeadConfig, "hidden_units", (1024, 0), "whole numbers from 1 to 8,192 is needed, one for each layer"),
    (HeadConfig, "hidden_units", (64, 8_193), "whole numbers from 1 to 8,192 is needed, one for each layer"),
    (HeadConfig, "hidden_units", (8,) * 6, "at most 5 layers are possible"),
    (HeadConfig, "dropout", 0.95, "a number from 0 to 0.9 is needed"),
    (HeadConfig, "one_unit_for_two_classes", None, FLAG),
    (PhaseConfig, "optimizer", "adamw", "one of adam, rmsprop, sgd, lbfgs is needed"),
    (PhaseConfig, "learning_rate", 0, "a number above 0 and at most 10 is needed"),
    (PhaseConfig, "learning_rate", float("inf"), "a number above 0 and at most 10 is needed"),
    (PhaseConfig, "learning_rate", 10**400, "a number above 0 and at most 10 is needed"),
    (PhaseConfig, "num_epochs", 0, "a whole number from 1 to 1,000 is needed"),
    (PhaseConfig, "num_epochs", 1_001, "a whole number from 1 to 1,000 is needed"),
    (PhaseConfig, "batch_size", 32.0, "a whole number from 1 to 4,096 is needed"),
    (FineTuneConfig, "first_layer", -1, "a whole number from 0 to 100,000 is needed"),
    (FineTuneConfig, "phase", None, "the values of PhaseConfig are needed"),
    (StoppingConfig, "monitor", "val_loss", "one of loss, accuracy is needed"),
    (StoppingConfig, "patience", 0, "a whole number from 1 to 1,000 is needed"),
    (StoppingConfig, "plateau_patience", "2", "a whole number from 1 to 1,000 is needed"),
    (StoppingConfig, "plateau_factor", 1, "a number above 0 and at most 0.99 is needed"),
    (StoppingConfig, "least_learning_rate", -1e-9, "a number from 0 to 10 is needed"),
    (TrainConfig, "snapshot", "0123", "a hash of 64 characters from 0-9 and a-f is needed"),
    (TrainConfig, "snapshot", "G" * 64, "a hash of 64 characters from 0-9 and a-f is needed"),
    (TrainConfig, "snapshot", None, "a hash of 64 characters from 0-9 and a-f is needed"),
    (TrainConfig, "backbone", " ", "the name of a network is needed"),
    (TrainConfig, "backbone", HUB_PREFIX, "the name of a network is needed"),
    (TrainConfig, "backbone", None, "the name of a network is needed"),
    (TrainConfig, "image_size", 224, "height and width are needed, each a whole number of pixels from 32 to 1,024"),
    (TrainConfig, "image_size", (224,), "height and width are needed"),
    (TrainConfig, "image_size", (224, 31), "height and width are needed"),
    (TrainConfig, "image_size", (1_025, 224), "height and width are needed"),
    (TrainConfig, "fit_mode", "stretch", "one of crop, letterbox, squash is needed"),
    (TrainConfig, "augment", "strong", "the values of AugmentConfig are needed"),
    (TrainConfig, "num_views", 65, "a whole number from 1 to 64 is needed"),
    (TrainConfig, "averages_flips", "yes", FLAG),
    (TrainConfig, "is_augmented_freely", "yes", FLAG),
    (TrainConfig, "head", None, "the values of HeadConfig are needed"),
    (TrainConfig, "head_phase", HeadConfig(), "the values of PhaseConfig are needed"),
    (TrainConfig, "fine_tune", 100, "the values of FineTuneConfig are needed"),
    (TrainConfig, "stopping", None, "the values of StoppingConfig are needed"),
    (TrainConfig, "has_class_weights", 0, FLAG),
    (TrainConfig, "finds_learning_rate", "yes", FLAG),
    (TrainConfig, "label_smoothing", 0.6, "a number from 0 to 0.5 is needed"),
    (TrainConfig, "seed", -1, "a whole number from 0 to 2,147,483,647 is needed"),
    (TrainConfig, "precision", "float16", "one of auto, float32, mixed_float16, mixed_bfloat16 is needed"),
    (TrainConfig, "uses_all_gpus", 2, FLAG),
]


def configs() -> list[type]:
    """Every config class of the module."""
    return [kind for kind in vars(core.config).values() if isinstance(kind, type) and is_dataclass(kind)]


def name_of(value: object) -> str:
    return value.__name__ if isinstance(value, type) else str(value)[:12]


def through_json(config: Any) -> Any:
    return type(config).from_json(json.loads(json.dumps(config.to_json())))


@pytest.mark.parametrize("config", [WHOLE_CONFIG, *(kind(**NEEDED.get(kind, {})) for kind in configs())], ids=repr)
def test_a_config_survives_json(config: Any):
    """Text and back gives an equal config of the same types, nested configs, tuples and None included."""
    again = through_json(config)
    assert again == config
    assert repr(again) == repr(config)
    assert set(config.to_json()) == {spec.name for spec in fields(config)}


def test_the_whole_config_leaves_no_default():
    """The config that goes through JSON above differs from the defaults in each field, so none can be lost unseen."""
    plain = TrainConfig(snapshot="f" * 64, backbone="MobileNetV2")
    same = [spec.name for spec in fields(plain) if getattr(plain, spec.name) == getattr(WHOLE_CONFIG, spec.name)]
    assert same == []


def test_what_is_missing_has_its_default():
    """A config written before a field existed is read with that field's default, at every level."""
    config = TrainConfig.from_json({**NEEDED[TrainConfig], "fine_tune": {"phase": {"num_epochs": 3}}})
    expected = TrainConfig(**NEEDED[TrainConfig], fine_tune=FineTuneConfig(phase=PhaseConfig(num_epochs=3)))
    assert config == expected


@pytest.mark.parametrize(("kind", "field", "value", "words"), WRONG, ids=name_of)
def test_each_field_refuses_what_cannot_be_used(kind: type, field: str, value: Any, words: str):
    """The message names the field and the value, and says what is needed."""
    with pytest.raises(ConfigError) as caught:
        kind(**{**NEEDED.get(kind, {}), field: value})
    message = str(caught.value)
    assert field in message
    assert repr(value) in message
    assert words in message


def test_no_field_is_forgotten():
    """The table above has a wrong value for each field of each config."""
    every = {(kind, spec.name) for kind in configs() for spec in fields(kind)}
    assert {(kind, field) for kind, field, _, _ in WRONG} == every


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (AugmentConfig, {"rotation": 0.5, "zoom": 0.9, "shift": 1, "brightness": 1, "contrast": 1, "colour": 1}),
        (HeadConfig, {"hidden_units": (1, 8_192, 1, 1, 1), "dropout": 0.9}),
        (PhaseConfig, {"learning_rate": 10, "num_epochs": 1_000, "batch_size": 4_096}),
        (PhaseConfig, {"learning_rate": 1e-12, "num_epochs": 1, "batch_size": 1}),
        (StoppingConfig, {"patience": 1, "plateau_patience": 1_000, "plateau_factor": 0.99, "least_learning_rate": 0}),
        (TrainConfig, {"image_size": (32, 1_024), "label_smoothing": 0.5, "seed": 2**31 - 1}),
        (TrainConfig, {"augment": AugmentConfig(), "num_views": 64}),
    ],
    ids=name_of,
)
def test_the_ends_of_each_range_can_be_used(kind: type, values: dict[str, Any]):
    """What messages call possible is possible, the ends included."""
    config = kind(**{**NEEDED.get(kind, {}), **values})
    assert {name: getattr(config, name) for name in values} == values


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (PhaseConfig, {"learning_rte": 1}, "PhaseConfig has no learning_rte; did you mean learning_rate?"),
        (AugmentConfig, {"color": 0.1}, "AugmentConfig has no color; did you mean colour?"),
        (
            StoppingConfig,
            {"patiense": 3, "monitr": "loss", "xyz": 1},
            "StoppingConfig has no patiense, monitr, xyz; did you mean patience, monitor?",
        ),
        (FineTuneConfig, {"xyz": 1}, "FineTuneConfig has no xyz; it has first_layer, phase."),
        (FineTuneConfig, {1: 1}, "FineTuneConfig has no 1; it has first_layer, phase."),
    ],
)
def test_unknown_names_are_refused(kind: Any, values: dict[Any, Any], message: str):
    """The message lists the nearest names, or all where none is near."""
    with pytest.raises(ConfigError) as caught:
        kind.from_json(values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "TrainConfig is not complete; snapshot and backbone must be given."),
        ({"snapshot": SNAPSHOT}, "TrainConfig is not complete; backbone must be given."),
        ([], "TrainConfig is []; named values are needed."),
        ({**NEEDED[TrainConfig], "head": 5}, "In head: HeadConfig is 5; named values are needed."),
        (
            {**NEEDED[TrainConfig], "head": {"hiden_units": ()}},
            "In head: HeadConfig has no hiden_units; did you mean hidden_units?",
        ),
        (
            {**NEEDED[TrainConfig], "fine_tune": {"phase": {"num_epochs": 0}}},
            "In fine_tune: In phase: The number of epochs (num_epochs) is 0; a whole number from 1 to 1,000 is needed.",
        ),
    ],
)
def test_json_that_cannot_be_used_is_refused(values: Any, message: str):
    """The message says what is missing, and in which of the nested configs something is wrong."""
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_json(values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_views": 4}, r"number of views \(num_views\) is 4.*choose an augmentation \(augment\)"),
        ({"head_phase": SOLVED}, r"lbfgs.*dropout is 0\.2"),
        ({"head_phase": SOLVED, "head": HeadConfig(dropout=0, hidden_units=(8,))}, r"one last layer.*hidden_units"),
        ({"head_phase": SOLVED, "head": HeadConfig(dropout=0), "backbone": SCRATCH}, "features that stay.*scratch"),
        ({"is_augmented_freely": True}, r"free augmentation \(is_augmented_freely\) is on.*choose an augmentation"),
        ({"backbone": SCRATCH, "fine_tune": FineTuneConfig()}, r"'scratch'.*switch fine-tuning off \(fine_tune\)"),
    ],
)
def test_fields_that_exclude_each_other_are_refused(values: dict[str, Any], words: str):
    """Views without an augmentation and fine-tuning without anything pretrained make no sense; the remedy is named."""
    with pytest.raises(ConfigError, match=words):
        TrainConfig(**{**NEEDED[TrainConfig], **values})


def test_only_a_last_layer_is_solved_to_the_end():
    """The layers of a backbone are trained in steps, and the message names the optimizers for that."""
    with pytest.raises(ConfigError, match=r"fine-tuning is lbfgs.*one of adam, rmsprop, sgd is needed"):
        FineTuneConfig(phase=SOLVED)


@pytest.mark.parametrize("kind", configs(), ids=name_of)
def test_a_config_cannot_be_changed(kind: Any):
    """What was checked stays as it was checked."""
    config = kind(**NEEDED.get(kind, {}))
    name = fields(config)[0].name
    with pytest.raises(AttributeError):
        setattr(config, name, getattr(config, name))
