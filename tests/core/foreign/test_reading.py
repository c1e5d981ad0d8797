"""What the processes tell that read a stranger's file is believed only as far as it can be."""

from dataclasses import replace
from typing import Any

import pytest

from core.errors import ForeignModelError
from core.foreign.reading import believable
from core.foreign.records import Form, Found, Guess, Origin
from core.foreign.scaling import Scaling
from tests.core.foreign.foreign_records import FOREIGN_RECORD

FOUND = Found(
    form=Form.LITERT,
    origin=Origin.LITERT,
    title="Birds",
    class_names=("tit", "crow"),
    fit_mode="crop",
    crop_fraction=1.0,
    guess=Guess(scaling=Scaling.UNIT, reason="It is a guess.", is_certain=False),
)


def test_what_can_be_goes_on_as_it_is():
    """Nothing of an ordinary model is changed."""
    assert believable(FOUND, FOREIGN_RECORD.trial, "birds.tflite") == FOUND


@pytest.mark.parametrize(
    "changes",
    [
        {"image_size": (100_000, 100_000)},
        {"image_size": (-1, 64)},
        {"dtype": "object"},
        {"num_outputs": 0},
        {"num_outputs": 10**12},
        {"output_position": -1},
        {"milliseconds": float("nan")},
        {"quantisation": (float("inf"), 0)},
        {"quantisation": (1.0, 10**12)},
    ],
)
def test_sizes_that_would_fill_the_servers_memory_are_refused(changes: dict[str, Any]):
    """The server makes squares of the size that a model is said to take."""
    with pytest.raises(ForeignModelError, match="taken over the process"):
        believable(FOUND, replace(FOREIGN_RECORD.trial, **changes), "birds.tflite")


@pytest.mark.parametrize("changes", [{"fit_mode": "explode"}, {"crop_fraction": 0.0}, {"crop_fraction": float("nan")}])
def test_ways_of_fitting_that_do_not_exist_are_refused(changes: dict[str, Any]):
    """Whatever is read later is one of those that there are."""
    with pytest.raises(ForeignModelError, match="taken over the process"):
        believable(replace(FOUND, **changes), FOREIGN_RECORD.trial, "birds.tflite")


def test_texts_are_cut_and_cannot_turn_what_stands_around_them():
    """A title that nobody can see is none."""
    guess = replace(FOUND.guess, reason="\u202e" + "x" * 10_000) if FOUND.guess else None
    found = believable(replace(FOUND, title="\u200b", guess=guess), FOREIGN_RECORD.trial, "birds.tflite")
    assert found.title == "Model"
    assert found.guess is not None
    assert found.guess.reason == "x" * 300
