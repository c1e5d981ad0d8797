"""What the photos ask for in place of the recipe's own settings: said before the start, and undone by one click."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.evaluation.reasons import listed
from core.recipes import RECIPES
from core.runs.draft import Draft, recipe_values
from core.runs.nature import WHOLE_PHOTO
from core.services import Services
from pages.widgets.errors import guarded
from pages.widgets.worth import NO_MIRRORING
from pages.words.wording import plain

_FIT = "fit_mode"


def render_suited(draft: Draft, values: Mapping[str, Any], services: Services) -> None:
    """How much of the photos the network would never see, and whether mirroring would mix classes up.

    Args:
        draft: the form.
        values: of every setting of it.
        services: the open services.
    """
    backbone = draft.backbone_name(services.settings.default_backbone)
    own = recipe_values(RECIPES[draft.recipe], backbone)
    standard = recipe_values(RECIPES[draft.recipe], backbone, draft.nature)
    _render_fit(draft, values, own, standard)
    _render_mirroring(draft, values, own, standard)


def _render_fit(draft: Draft, values: Mapping[str, Any], own: Mapping[str, Any], standard: Mapping[str, Any]) -> None:
    size = values["image_size"]
    found = draft.nature.cut_off(values[_FIT], size)
    if found is not None:
        told = found.describe()
        _tell(
            f"**{plain(told[0].upper() + told[1:])}**: the network would look at a square from the middle, and what "
            "tells the classes apart may be outside of it.",
            is_warning=True,
        )
        _offer("Use the whole photo", "fit_screen", draft, {_FIT: WHOLE_PHOTO}, standard, is_main=True)
        return
    spared = draft.nature.cut_off(own[_FIT], size)
    if spared is not None and values[_FIT] == standard[_FIT] == WHOLE_PHOTO:
        _tell(
            "**The whole photo is used**, stretched to a square. With a square from the middle, as the recipe has it, "
            f"{plain(spared.describe())}."
        )
        _offer("Cut to the middle after all", "crop", draft, {_FIT: own[_FIT]}, standard)


def _render_mirroring(
    draft: Draft, values: Mapping[str, Any], own: Mapping[str, Any], standard: Mapping[str, Any]
) -> None:
    classes = draft.nature.mirrored_classes
    if not classes:
        return
    told = f"{plain(listed(classes))} are mirror images of each other"
    if any(values[name] for name in NO_MIRRORING):
        _tell(
            f"**{told}**, and mirroring is on: the network would be shown each of them under both names.",
            is_warning=True,
        )
        _offer("Switch mirroring off", "flip", draft, NO_MIRRORING, standard, is_main=True)
    elif any(own[name] for name in NO_MIRRORING):
        _tell(f"**Mirroring is off**, though the recipe has it: {told}.")


def _tell(text: str, *, is_warning: bool = False) -> None:
    mark = ":orange[:material/warning:]" if is_warning else ":material/info:"
    st.markdown(f"{mark} {text}")


def _offer(
    label: str,
    icon: str,
    draft: Draft,
    changes: Mapping[str, Any],
    standard: Mapping[str, Any],
    *,
    is_main: bool = False,
) -> None:
    """A button that changes the form."""

    def change() -> None:
        for name, value in changes.items():
            draft.change(name, value, standard[name])

    st.button(
        label,
        key=f"train.suited.{next(iter(changes))}",
        icon=f":material/{icon}:",
        type="secondary" if is_main else "tertiary",
        on_click=guarded(change),
    )
