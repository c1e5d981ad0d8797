"""Every setting of a run, with the recipe's value until somebody moves it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.backbones.catalog import find_backbone
from core.backbones.layers import LayerRow
from core.config import (
    HUB_PREFIX,
    LBFGS,
    MAX_BATCH_SIZE,
    MAX_EPOCHS,
    MAX_SIDE_PX,
    MAX_VIEWS,
    MIN_SIDE_PX,
    NO_AUGMENTATION,
    SCRATCH,
    AugmentConfig,
)
from core.datasets.records import DatasetView
from core.errors import ConfigError
from core.evaluation.reasons import listed
from core.recipes import RECIPES
from core.runs.draft import RATE, SHARE, Draft, draft_values, make_config, num_layers_of, recipe_values
from core.services import Services
from pages.train.cut import render_cut
from pages.train.expected import estimate
from pages.widgets.errors import guarded
from pages.widgets.prospects import find_dataset_prospect
from pages.widgets.setting_words import (
    FIT_TITLES,
    MONITOR_TITLES,
    OPTIMIZER_TITLES,
    PRECISION_TITLES,
    learning_rate_text,
)
from pages.words.wording import plain, time_text

_RATES = (*(digit * 10.0**power for power in range(-7, 0) for digit in (1, 2, 3, 5)), 1.0)
_VIEW_CHOICES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, MAX_VIEWS)
_BATCH_CHOICES = (1, 2, 4, 8, 16, 32, 64, 100, 128, 256, 512, 1024, MAX_BATCH_SIZE)
_MAX_EPOCHS_ON_SLIDER = 200
_OPTIMIZERS_IN_STEPS = {name: title for name, title in OPTIMIZER_TITLES.items() if name != LBFGS}
_PATIENCES = (None, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50)
# As far as each slider goes, and its step. A config may say more; then the slider goes as far.
_CHANGES = {
    "rotation": ("Rotation", 0.5, "Part of a full turn, either way. A quarter turn is 0.25."),
    "zoom": ("Zoom", 0.9, "In or out, as a share of the sides."),
    "shift": ("Shift", 1.0, "Sideways and up or down, as a share of width and height."),
    "brightness": ("Brightness", 1.0, "Lighter or darker, as a share of the range from black to white."),
    "contrast": ("Contrast", 1.0, "Stronger or weaker, as a share."),
    "colour": ("Colour", 1.0, "More or less colourful, as a share."),
}
_SEPARATORS = re.compile(r"[\s,;×x-]+")


class _Fields:
    """Widgets for settings: each shows the draft's value and writes what the person chooses into it."""

    def __init__(self, draft: Draft, services: Services) -> None:
        default = services.settings.default_backbone
        self.draft = draft
        self.values = draft_values(draft, default)
        self._standards = recipe_values(RECIPES[draft.recipe], draft.backbone_name(default), draft.nature)

    def key(self, name: str, shown: Any, read: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
        """Arguments that tie a widget to a setting.

        Args:
            name: of the setting.
            shown: what the widget is to show.
            read: makes the setting's value of the widget's.
        """
        key = f"train.setting.{name}"
        st.session_state[key] = shown

        def change() -> None:
            self.draft.change(name, read(st.session_state[key]), self._standards.get(name))

        return {"key": key, "on_change": guarded(change)}

    def toggle(self, name: str, label: str, explanation: str, *, disabled: bool = False) -> None:
        st.toggle(label, help=explanation, disabled=disabled, **self.key(name, self.values[name]))

    def choice(self, name: str, label: str, titles: dict[str, str], explanation: str | None = None) -> None:
        keyed = self.key(name, self.values[name])
        st.selectbox(label, list(titles), format_func=titles.__getitem__, help=explanation, **keyed)

    def rate(self, name: str, label: str, explanation: str, *, disabled: bool = False) -> None:
        options = sorted({*(float(f"{rate:g}") for rate in _RATES), self.values[name]})
        keyed = self.key(name, self.values[name])
        st.select_slider(label, options, format_func=learning_rate_text, help=explanation, disabled=disabled, **keyed)

    def among(self, name: str, label: str, choices: Sequence[int | None], explanation: str, **more: Any) -> None:
        """A slider over numbers, and perhaps "never"; the present one is always among them."""
        options = sorted({*choices, self.values[name]}, key=lambda each: (each is not None, each or 0))
        st.select_slider(
            label,
            options,
            format_func=lambda each: "never" if each is None else f"{each:,}",
            help=explanation,
            **self.key(name, self.values[name]),
            **more,
        )

    def epochs(self, name: str, label: str) -> None:
        most = max(_MAX_EPOCHS_ON_SLIDER, self.values[name])
        st.number_input(
            label,
            1,
            MAX_EPOCHS,
            help=f"How often it goes through all photos at most, usually below {most:,}. Stopping may end it earlier.",
            **self.key(name, self.values[name], int),
        )

    def share(self, name: str, label: str, most: float, explanation: str, *, disabled: bool = False) -> None:
        st.slider(label, 0.0, most, step=0.01, help=explanation, disabled=disabled, **self.key(name, self.values[name]))


def render_expert(draft: Draft, dataset: DatasetView, layers: Sequence[LayerRow], services: Services) -> None:
    """All settings in five tabs."""
    fields = _Fields(draft, services)
    backbone = draft.backbone_name(services.settings.default_backbone)
    titles = ["Photos", "Last layers", "Fine-tuning", "Stopping", "More"]
    photos, head, tuning, stopping, more = st.tabs(titles)
    with photos:
        _render_photos(fields, backbone)
    with head:
        _render_head(fields)
    with tuning:
        _render_fine_tuning(fields, backbone, layers)
        _render_epoch_seconds(fields.values, backbone, layers, dataset=dataset, services=services)
    with stopping:
        _render_stopping(fields)
    with more:
        _render_more(fields)


def _render_photos(fields: _Fields, backbone: str) -> None:
    values = fields.values
    left, right = st.columns(2)
    with left:
        own = _own_size(backbone)
        size = values["image_size"]
        st.number_input(
            "Image size (pixels a side)",
            MIN_SIDE_PX,
            MAX_SIDE_PX,
            step=16,
            help=f"The square that the network sees. {own} is its own size; others cost accuracy or time.",
            **fields.key("image_size", own if size is None else size[0], lambda side: _square(int(side), own)),
        )
    with right:
        fields.choice("fit_mode", "How a photo becomes a square (fit)", FIT_TITLES)
    fields.among(
        "num_views",
        "Views per photo",
        _VIEW_CHOICES,
        "So many slightly different versions of each photo are worked out once and shown in turn. More views make the "
        "first run slower and the result steadier.",
        disabled=_has_no_augmentation(values),
    )
    fields.toggle(
        "is_augmented_freely",
        "New variations in every epoch (free augmentation)",
        "Nothing can be worked out beforehand: each epoch goes through the whole network, many times slower. "
        "It is how the tutorials do it.",
        disabled=_has_no_augmentation(values) or backbone == SCRATCH,
    )
    fields.toggle(
        "averages_flips",
        "Answer by the photo and its mirror image (test-time augmentation)",
        "Each answer is the mean of two, which is right a little more often and takes twice as long. Not for letters, "
        "clocks and traffic signs.",
        disabled=backbone == SCRATCH,
    )
    st.markdown("**How far a variation may go (augmentation)**")
    fields.toggle("augment.flip", "Left and right may change places", "Not for letters, clocks and traffic signs.")
    mirrored = fields.draft.nature.mirrored_classes
    if mirrored:
        is_on = values["augment.flip"]
        mark = ":orange[:material/warning:]" if is_on else ":material/flip:"
        advice = "each of them would be shown under both names. Switch it off." if is_on else "better leave it off."
        st.caption(f"{mark} {plain(listed(mirrored))} are mirror images of each other: {advice}")
    columns = st.columns(2)
    for number, (name, (label, most, explanation)) in enumerate(_CHANGES.items()):
        with columns[number % 2]:
            fields.share(f"augment.{name}", label, most, explanation)
    if _has_no_augmentation(values):
        st.caption("All of them are off: each photo is shown as it is. Views need at least one.")


def _own_size(backbone: str) -> int:
    if backbone == SCRATCH:
        return 150
    return 224 if backbone.startswith(HUB_PREFIX) else find_backbone(backbone).image_size[0]


def _square(side: int, own: int) -> tuple[int, int] | None:
    return None if side == own else (side, side)


def _has_no_augmentation(values: dict[str, Any]) -> bool:
    chosen = AugmentConfig(**{name: values[f"augment.{name}"] for name in AugmentConfig.__dataclass_fields__})
    return chosen == NO_AUGMENTATION


def _render_head(fields: _Fields) -> None:
    st.text_input(
        "Dense layers before the last one (units of each)",
        help="Empty: a single layer decides, which is enough for most datasets. “1024, 1024, 512” is the head of the "
        "MobileNet walk-through.",
        placeholder="none",
        **fields.key("head.hidden_units", ", ".join(map(str, fields.values["head.hidden_units"])), _read_units),
    )
    fields.share(
        "head.dropout", "Dropout", 0.9, "Share of values left out at random while training, against learning by heart."
    )
    _render_phase(fields, "head_phase")
    fields.toggle(
        "finds_learning_rate",
        "Find the learning rate",
        "Short trials at the start, each with steps of another size on the same photos, choose it in your place "
        "(learning-rate finder). The run says which it took.",
    )
    fields.toggle(
        "head.one_unit_for_two_classes",
        "One output unit when there are two classes",
        "As many tutorials have it (sigmoid in place of softmax); the answers are the same.",
    )


def _read_units(text: str) -> tuple[int | str, ...]:
    """Numbers; what is none stays as it is, and the config says what is wrong with it."""
    return tuple(int(part) if part.isdecimal() else part for part in _SEPARATORS.split(text.strip()) if part)


def _render_phase(fields: _Fields, part: str) -> None:
    left, right = st.columns(2)
    with left:
        titles = OPTIMIZER_TITLES if part == "head_phase" else _OPTIMIZERS_IN_STEPS
        fields.choice(f"{part}.optimizer", "Optimizer", titles)
        fields.epochs(f"{part}.num_epochs", "Epochs")
    is_solved = part == "head_phase" and fields.values["head_phase.optimizer"] == LBFGS
    with right:
        name = RATE if part == "fine_tune" else f"{part}.learning_rate"
        fields.rate(
            name,
            "Learning rate",
            "How large the steps are. Too small learns slowly, too large never settles.",
            disabled=is_solved or (part == "head_phase" and fields.values["finds_learning_rate"]),
        )
        fields.among(f"{part}.batch_size", "Batch size", _BATCH_CHOICES, "Photos per step.", disabled=is_solved)
    if is_solved:
        st.caption(
            "Solved to the end: the one best last layer, whatever the learning rate, in five steps an epoch, each of "
            "which looks at all photos. It goes with no further layers, dropout 0 and no label smoothing."
        )


def _render_fine_tuning(fields: _Fields, backbone: str, layers: Sequence[LayerRow]) -> None:
    if backbone == SCRATCH:
        st.caption("A network from scratch is trained whole from its first epoch.")
        return
    st.markdown(
        "After the last layers, the upper part of the network itself can be adjusted to your photos, in small steps. "
        "What lies below the **cut** stays frozen."
    )
    render_cut(fields.draft, fields.values, backbone, layers)
    if fields.values[SHARE] > 0:
        _render_phase(fields, "fine_tune")


def _render_epoch_seconds(
    values: dict[str, Any], backbone: str, layers: Sequence[LayerRow], *, dataset: DatasetView, services: Services
) -> None:
    """What the cut costs, where that is known."""
    try:
        config = make_config(values, backbone, num_layers_of(backbone, layers))
    except ConfigError:
        return  # told beside the button
    if config is None or config.fine_tune is None:
        return
    expected = estimate(config, find_dataset_prospect(dataset, services), dataset, services)
    if expected is not None and expected.finetune_epoch_seconds is not None:
        st.caption(
            f":material/timer: About {time_text(expected.finetune_epoch_seconds)} for each epoch of fine-tuning."
        )


def _render_stopping(fields: _Fields) -> None:
    fields.choice(
        "stopping.monitor", "The best epoch has", MONITOR_TITLES, "On the validation photos. The best epoch is kept."
    )
    fields.among(
        "stopping.patience",
        "Stop after so many epochs without a better one (early stopping)",
        _PATIENCES,
        "Saves time, and costs nothing: the best epoch is kept anyway.",
    )
    fields.among(
        "stopping.plateau_patience",
        "Go slower after so many (plateau)",
        _PATIENCES,
        "Smaller steps may find what larger ones jump over.",
    )
    if fields.values["stopping.plateau_patience"] is not None:
        left, right = st.columns(2)
        with left:
            factor = fields.key("stopping.plateau_factor", fields.values["stopping.plateau_factor"])
            st.slider("Learning rate times", 0.05, 0.95, step=0.05, help="Each time that it goes slower.", **factor)
        with right:
            fields.rate("stopping.least_learning_rate", "But not below", "The learning rate is not reduced further.")


def _render_more(fields: _Fields) -> None:
    fields.toggle(
        "has_class_weights",
        "Photos of rare classes count more (class weights)",
        "So that each class counts the same, however many photos it has.",
    )
    smoothing = fields.key("label_smoothing", fields.values["label_smoothing"])
    st.slider("Label smoothing", 0.0, 0.5, step=0.01, help="Keeps the network from being all too certain.", **smoothing)
    left, right = st.columns(2)
    with left:
        st.number_input(
            "Seed",
            0,
            2**31 - 1,
            help="The same settings, photos and seed give the same model on the same computer.",
            **fields.key("seed", fields.values["seed"], int),
        )
    with right:
        fields.choice("precision", "Precision", PRECISION_TITLES, "Of the numbers that are reckoned with.")
    fields.toggle("uses_all_gpus", "Use all graphics cards (GPUs) of this computer", "Where there are several.")
