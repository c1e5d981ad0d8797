"""The layers of a backbone as a table that pages can draw without Keras.

Layers have the backbone's own numbers: those of `keras.applications.<name>(include_top=False).layers`, 0 being the
input. A *boundary* is a number b such that one tensor alone crosses from the layers below b to those from b on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.errors import ArtefactDamagedError
from core.records import Record

Layer = TypeVar("Layer")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow(Record):
    """One layer of a backbone."""

    json_error = ArtefactDamagedError
    json_remedy = "prepare the backbone again"

    index: int  # the backbone's own number, from 0
    name: str  # as Keras names it in a fresh process
    kind: str  # class of the layer, such as "Conv2D"
    block: str  # part of the network it belongs to, such as "block_12" or "stem"
    num_parameters: int  # weights and statistics
    num_trainable_parameters: int  # of those, what training would change if the layer is above the cut
    output_shape: tuple[int, ...]  # of one photo: (rows, columns, channels), or fewer axes
    is_boundary: bool  # whether a single tensor crosses to this layer and all that follow
    multiply_adds: int  # for one photo; counted for convolutions and dense layers, 0 for others


def layers_to_json(rows: Sequence[LayerRow]) -> list[dict[str, Any]]:
    """One object per layer, in order."""
    return [row.to_json() for row in rows]


def layers_from_json(values: Any) -> tuple[LayerRow, ...]:
    """Read what `layers_to_json` wrote.

    Raises:
        ArtefactDamagedError: it is something else.
    """
    if not isinstance(values, list):
        raise ArtefactDamagedError(
            "The table of layers is damaged: a list of layers is needed. Prepare the backbone again to replace it."
        )
    return tuple(map(LayerRow.from_json, values))


def side_by_side(networks: Sequence[Sequence[Layer]]) -> list[tuple[int, Layer]]:
    """The layers of several networks in one order, in turns, so that those below their tops come together.

    Args:
        networks: the layers of each, from below.

    Returns:
        Number of the network and the layer, of every layer.
    """
    most = max(map(len, networks))
    return [
        (number, layers[len(layers) - below_top])
        for below_top in range(most, 0, -1)
        for number, layers in enumerate(networks)
        if below_top <= len(layers)
    ]


def boundary_at(rows: Sequence[LayerRow], first_layer: int) -> int:
    """Where activations are taken for a cut: the largest boundary that is at most `first_layer`.

    Args:
        rows: the whole table of a backbone.
        first_layer: number of the first layer that trains; the number of layers, or more, when none does.

    Returns:
        A layer's number, or the number of layers: the last feature map is a boundary too.
    """
    if first_layer >= len(rows):
        return len(rows)
    return next(row.index for row in reversed(rows[: first_layer + 1]) if row.is_boundary)


def count_trained_parameters(rows: Sequence[LayerRow], first_layer: int) -> int:
    """Number of the backbone's parameters that train when `first_layer` is the first layer that does."""
    return sum(row.num_trainable_parameters for row in rows if row.index >= first_layer)
