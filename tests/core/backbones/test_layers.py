"""The table of layers that pages read."""

import json

import pytest

from core.backbones.layers import LayerRow, boundary_at, count_trained_parameters, layers_from_json, layers_to_json
from core.errors import ArtefactDamagedError

# Every other layer is a boundary.
ROWS = tuple(
    LayerRow(
        index=index,
        name=f"layer_{index}",
        kind="Conv2D",
        block="stem",
        num_parameters=10,
        num_trainable_parameters=index,
        output_shape=(7, 7, index),
        is_boundary=index % 2 == 0,
        multiply_adds=0,
    )
    for index in range(5)
)


def test_a_table_survives_json():
    """What was written is what is read."""
    assert layers_from_json(json.loads(json.dumps(layers_to_json(ROWS)))) == ROWS


@pytest.mark.parametrize("values", [None, {}, [1], [{}], [{**layers_to_json(ROWS)[0], "more": 1}]])
def test_a_damaged_table_is_refused(values: object):
    """Whatever else stands there, the error says what to do."""
    with pytest.raises(ArtefactDamagedError, match=r"(?i)prepare the backbone again"):
        layers_from_json(values)


@pytest.mark.parametrize(("first_layer", "boundary"), [(0, 0), (1, 0), (2, 2), (3, 2), (4, 4), (5, 5), (99, 5)])
def test_activations_are_taken_at_the_boundary_below_the_cut(first_layer: int, boundary: int):
    """A cut between two boundaries uses the lower one; above all layers, the last feature map."""
    assert boundary_at(ROWS, first_layer) == boundary


@pytest.mark.parametrize(("first_layer", "count"), [(0, 10), (3, 7), (5, 0), (99, 0)])
def test_parameters_from_the_cut_on_are_counted(first_layer: int, count: int):
    """The cut's own layer trains."""
    assert count_trained_parameters(ROWS, first_layer) == count
