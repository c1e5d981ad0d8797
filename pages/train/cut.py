"""The slider that says how much of a network is adjusted: from its head alone to everything."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.backbones.layers import LayerRow, count_trained_parameters
from core.config import HUB_PREFIX
from core.recipes import RECIPES, layer_at_share
from core.runs.draft import CUT, DEFAULT_SHARE, SHARE, Draft, first_trained_layer
from pages.widgets.errors import guarded
from pages.words.wording import count

_LAYER, _SHARE_PERCENT, _ALL = "train.cut.layer", "train.cut.share", "train.cut.all"
_STEP_PERCENT = 5


def render_cut(draft: Draft, values: Mapping[str, Any], backbone: str, layers: Sequence[LayerRow]) -> None:
    """By layers where they are known, by a share of them where not; a module of the Hub has only two ends."""
    if backbone.startswith(HUB_PREFIX):
        _render_switch(draft, values)
    elif layers:
        _render_layers(draft, values, layers)
    else:
        _render_share(draft, values)


def _set_share(draft: Draft, share: float) -> None:
    recipe = RECIPES[draft.recipe]
    draft.changes.pop(CUT, None)
    draft.change(SHARE, share, 0.0 if recipe.fine_tune is None else recipe.fine_tuned_share)


def _render_switch(draft: Draft, values: Mapping[str, Any]) -> None:
    def choose() -> None:
        _set_share(draft, 1.0 if st.session_state[_ALL] else 0.0)

    st.session_state[_ALL] = values[SHARE] > 0
    st.toggle(
        "Adjust the whole network",
        key=_ALL,
        on_change=guarded(choose),
        help="A module of TensorFlow Hub cannot be cut in two: either all of it is trained, or none.",
    )


def _render_share(draft: Draft, values: Mapping[str, Any]) -> None:
    def choose() -> None:
        _set_share(draft, st.session_state[_SHARE_PERCENT] / 100)

    st.session_state[_SHARE_PERCENT] = round(100 * values[SHARE] / _STEP_PERCENT) * _STEP_PERCENT
    st.select_slider(
        "Adjust this part of the network (cut)",
        range(0, 101, _STEP_PERCENT),
        key=_SHARE_PERCENT,
        format_func=lambda percent: {0: "head only", 100: "everything"}.get(percent, f"upper {percent} %"),
        on_change=guarded(choose),
    )
    st.caption("Its layers, with their names and numbers, are known once the network is prepared.")


def _render_layers(draft: Draft, values: Mapping[str, Any], layers: Sequence[LayerRow]) -> None:
    num_layers = len(layers)

    def choose() -> None:
        first_layer = st.session_state[_LAYER]
        if first_layer == num_layers:
            _set_share(draft, 0.0)
            return
        recipe = RECIPES[draft.recipe]
        if recipe.fine_tuned_share and first_layer == layer_at_share(num_layers, recipe.fine_tuned_share):
            _set_share(draft, recipe.fine_tuned_share)
            return
        standard = None if recipe.fine_tune is None or recipe.fine_tuned_share else recipe.fine_tune.first_layer
        draft.changes.pop(SHARE, None)
        if recipe.fine_tune is None:
            draft.changes[SHARE] = DEFAULT_SHARE
        draft.change(CUT, first_layer, standard)

    first_layer = first_trained_layer(values, num_layers)
    st.session_state[_LAYER] = num_layers if first_layer is None else first_layer
    ends = {num_layers: "head only", 0: "everything"}
    st.select_slider(
        "Adjust the network from this layer on (cut)",
        range(num_layers, -1, -1),
        key=_LAYER,
        format_func=lambda number: ends.get(number, f"layer {number}"),
        on_change=guarded(choose),
        help="Layers have the network's own numbers, those of Keras: layer 100 of MobileNetV2 is the one that the "
        "tutorial means.",
    )
    st.markdown(describe_cut(layers, st.session_state[_LAYER]))


def describe_cut(layers: Sequence[LayerRow], first_layer: int) -> str:
    """A cut in words: which layers are trained, from which block on, and how much of the network they are."""
    num_layers = len(layers)
    if first_layer >= num_layers:
        return f"**Head only**: all {num_layers} layers of the network stay as they are (frozen)."
    num_trained = count_trained_parameters(layers, first_layer)
    total = sum(row.num_parameters for row in layers)
    share = f"**{100 * num_trained / total:.0f} %** of its {total / 1e6:.1f} million parameters" if total else "nothing"
    if first_layer == 0:
        return f"**Everything**: {count(num_layers, 'layer')}, {share}."
    row = layers[first_layer]
    return (
        f"From layer **{first_layer}** of {num_layers} on (`{row.name}` in block `{row.block}`): "
        f"{count(num_layers - first_layer, 'layer')}, {share}."
    )
