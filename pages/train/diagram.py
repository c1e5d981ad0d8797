"""A model as a diagram: the blocks of its backbone, frozen or trained, and the head on top."""

import html
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from core.backbones.layers import LayerRow
from pages.words.wording import short_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a model, drawn as one box."""

    name: str
    layers: str  # which layers these are, such as "layers 27 to 34"
    num_parameters: int
    num_trained: int  # of those
    is_head: bool = False

    @property
    def state(self) -> str:
        """What becomes of it in training."""
        if self.is_head:
            return "new"
        return "trained" if self.num_trained else "frozen"


def blocks_of(layers: Sequence[LayerRow], first_layer: int) -> list[Block]:
    """The blocks of a backbone, in order; one through which the cut goes is two.

    Args:
        layers: the whole table of a backbone.
        first_layer: number of the first layer that is trained; the number of layers when none is.
    """
    blocks = []
    for (name, is_trained), members in itertools.groupby(layers, lambda row: (row.block, row.index >= first_layer)):
        rows = list(members)
        blocks.append(
            Block(
                name=name,
                layers=_numbers(rows[0].index, rows[-1].index),
                num_parameters=sum(row.num_parameters for row in rows),
                num_trained=sum(row.num_trainable_parameters for row in rows) if is_trained else 0,
            )
        )
    return blocks


def head_blocks(hidden_units: Sequence[int], num_features: int, num_outputs: int) -> list[Block]:
    """The dense layers on top, each with its weights and biases."""
    sizes = [num_features, *hidden_units, num_outputs]
    names = [f"dense {units}" for units in hidden_units] + [f"last layer, {num_outputs}"]
    return [
        Block(
            name=name,
            layers="head",
            num_parameters=(before + 1) * after,
            num_trained=(before + 1) * after,
            is_head=True,
        )
        for name, (before, after) in zip(names, itertools.pairwise(sizes), strict=True)
    ]


def draw(blocks: Sequence[Block]) -> str:
    """The blocks as HTML, from the photo to the answer."""
    most = max((block.num_parameters for block in blocks), default=1) or 1
    boxes = "".join(_box(block, most) for block in blocks)
    return (
        '<ol class="bluetit-model"><li class="bluetit-model-end">photo</li>'
        f'{boxes}<li class="bluetit-model-end">answer</li></ol>'
    )


def _box(block: Block, most: int) -> str:
    share = 100 * block.num_parameters / most
    return (
        f'<li class="bluetit-model-{block.state}"><strong>{html.escape(block.name)}</strong>'
        f"<span>{html.escape(block.layers)}</span>"
        f'<span class="bluetit-model-bar"><i style="width:{share:.1f}%"></i></span>'
        f"<span>{short_count(block.num_parameters)} · {block.state}</span></li>"
    )


def _numbers(first: int, last: int) -> str:
    return f"layer {first}" if first == last else f"layers {first} to {last}"
