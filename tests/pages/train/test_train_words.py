"""What the train page says and draws about a run: scores, settings, cuts, diagrams, photos, sparklines."""

from typing import Any

import pytest

from core.backbones.layers import LayerRow
from core.evaluation.statistics import wilson_interval
from core.jobs.views import QueuePlace
from core.recipes import RECIPES
from core.runs.draft import recipe_values
from core.runs.story import Score
from pages.train.cut import describe_cut
from pages.train.diagram import blocks_of, draw, head_blocks
from pages.train.outcome import gap_text, score_sentence
from pages.widgets.setting_words import describe_change
from pages.words.run_told import photo_card
from pages.words.wording import (
    ordinal,
    queue_place_short,
    queue_place_text,
    share_text,
    short_count,
    size_text,
    time_text,
)

NBSP = "\N{NO-BREAK SPACE}"
MALICE = "<img src=x onerror=alert(1)>"


def score(num_correct: int, num_photos: int) -> Score:
    low, high = wilson_interval(num_correct, num_photos)
    return Score(num_photos=num_photos, num_correct=num_correct, accuracy=num_correct / num_photos, low=low, high=high)


def row(index: int, block: str, num_parameters: int) -> LayerRow:
    return LayerRow(
        index=index,
        name=f"layer_{index}",
        kind="Conv2D",
        block=block,
        num_parameters=num_parameters,
        num_trainable_parameters=num_parameters - num_parameters // 10,
        output_shape=(7, 7, 8),
        is_boundary=True,
        multiply_adds=1,
    )


LAYERS = (row(0, "stem", 0), row(1, "stem", 1_000), row(2, "block_1", 2_000), row(3, "block_1", 7_000))


def test_a_score_in_plain_words() -> None:
    """The number of photos comes first, the share and what is plausible after."""
    assert score_sentence(score(192, 200), "it had never seen") == (
        f"Right on 192 of 200 photos it had never seen: **96{NBSP}%**, plausibly 92 to 98{NBSP}%"
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100"), (0.995, "99.5"), (0.96, "96"), (0.9999, "100"), (2 / 3, "66.7"), (0.0, "0")],
)
def test_shares(share: float, text: str) -> None:
    """A single error among two hundred photos is not rounded away."""
    assert share_text(share) == f"{text}{NBSP}%"


def test_the_gap_to_the_baseline() -> None:
    """What starting from a ready-made network gained, or lost, or neither."""
    assert "gains **25 points**" in gap_text(score(192, 200), score(142, 200), "From scratch")
    assert "loses **1 point**" in gap_text(score(98, 100), score(99, 100), "From scratch")
    assert gap_text(score(98, 100), score(98, 100), "From scratch").endswith("about the same.")
    assert r"\*" in gap_text(score(9, 10), score(8, 10), "*")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (42.4, "42 s"), (60, "1 min"), (125, "2 min 5 s"), (4_800, "1 h 20 min")]
)
def test_times(seconds: float, text: str) -> None:
    """As short as a person would say it."""
    assert time_text(seconds) == text


def test_sizes_and_places() -> None:
    """Megabytes, and the place in the queue with the likely wait where that is known."""
    assert (size_text(17_400_000), size_text(640_000)) == ("17 MB", "640 kB")
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 21, 112)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "21st", "112th"),
    ]
    first = QueuePlace(num_before=0, num_running=1, seconds=30.2)
    fourth = QueuePlace(num_before=3, num_running=1, seconds=125)
    unknown = QueuePlace(num_before=1, num_running=0, seconds=None)
    assert queue_place_text(first) == "You are next, about 30 seconds"
    assert queue_place_text(fourth) == "You are 4th, about 2 minutes"
    assert queue_place_text(unknown) == "You are 2nd"
    assert [queue_place_short(place) for place in (first, fourth)] == ["next, about 30 seconds", "4th, about 2 minutes"]
    stuck = QueuePlace(num_before=0, num_running=0, seconds=30.0, trouble="Training waits: nobody is there.")
    assert queue_place_text(stuck) == "Training waits: nobody is there."
    assert queue_place_short(stuck) == "nothing can be begun at the moment"


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_every_setting_can_be_told(recipe: Any) -> None:
    """Whatever somebody changes, the form can say what."""
    for name, value in recipe_values(recipe, recipe.backbone or "MobileNetV2").items():
        assert isinstance(describe_change(name, value), str)


def test_cuts_in_words() -> None:
    """Head only, a layer with its block and share, everything."""
    assert describe_cut(LAYERS, 4).startswith("**Head only**: all 4 layers")
    assert describe_cut(LAYERS, 2) == (
        "From layer **2** of 4 on (`layer_2` in block `block_1`): 2 layers, **81 %** of its 0.0 million parameters."
    )
    assert describe_cut(LAYERS, 0).startswith("**Everything**: 4 layers")


def test_a_block_that_is_cut_through_is_two() -> None:
    """Frozen below the cut, trained above, the head on top."""
    blocks = blocks_of(LAYERS, 3) + head_blocks((16,), 8, 2)
    assert [(block.name, block.layers, block.state) for block in blocks] == [
        ("stem", "layers 0 to 1", "frozen"),
        ("block_1", "layer 2", "frozen"),
        ("block_1", "layer 3", "trained"),
        ("dense 16", "head", "new"),
        ("last layer, 2", "head", "new"),
    ]
    assert [block.num_parameters for block in blocks] == [1_000, 2_000, 7_000, 9 * 16, 17 * 2]
    assert [short_count(number) for number in (950, 12_300, 2_257_984)] == ["950", "12.3 k", "2.26 M"]


def test_names_are_shown_letter_by_letter() -> None:
    """A block cannot bring markup into the page."""
    assert MALICE not in draw(blocks_of([row(0, MALICE, 10)], 1))


def test_photos_say_in_words_whether_they_are_right() -> None:
    """Tick and word, the answer with its probability, and what it really is; a hash is nothing but a hash."""
    photo = {"hash": f'ab"{MALICE[:5]}', "suffix": ".jpg", "class_index": 1, "probabilities": [0.2, 0.8]}
    card = photo_card(photo, ["crow", "tit"])
    assert card == {"hash": "ab", "is_right": True, "verdict": "✓ right", "said": "“tit” 80 %", "truth": "It is “tit”"}
    wrong = photo_card({**photo, "class_index": 0, "probabilities": [None, 0.8]}, ["crow"])
    assert (wrong["is_right"], wrong["said"], wrong["truth"]) == (False, "class 2 80 %", "It is “crow”, < 0.1 %")
