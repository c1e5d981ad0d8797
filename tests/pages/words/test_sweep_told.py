"""What a sweep tells: values in order, the best with a caution where others may be as good, a chart that fits them."""

from typing import Any

import pytest

from core.evaluation.statistics import wilson_interval
from core.runs.draft import CUT
from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome, Score
from pages.words.sweep_told import best_of, tell_sweep, value_text, verdict
from tests.pages.words.test_run_list_told import run

NBSP = "\N{NO-BREAK SPACE}"


def arrived(run_id: int, dropout: float, right: int | None, photos: int = 100) -> RunView:
    """A run that is done, right on so many validation photos; None: there were none."""
    known: dict[str, Any] = dict.fromkeys(Outcome.__dataclass_fields__, 1)
    known |= {"best_epoch": 3, "num_epochs": 5, "is_stopped": False, "validation": None, "test": None}
    known |= {"device": "CPU", "seconds": {}}
    if right is not None:
        low, high = wilson_interval(right, photos)
        score = Score(num_photos=photos, num_correct=right, accuracy=right / photos, low=low, high=high)
        known["validation"] = score.to_json()
    outcome = Outcome(**known).to_json()
    times = {"started_at": 100.0, "finished_at": 112.0}
    return run(run_id, status=RunStatus.DONE, outcome=outcome, config_values={"head": {"dropout": dropout}}, **times)


def waiting(run_id: int, dropout: float) -> RunView:
    return run(run_id, status=RunStatus.QUEUED, config_values={"head": {"dropout": dropout}})


def test_the_table_is_in_the_order_of_the_values() -> None:
    """Each with what it brought; the best is marked, one that waits says so."""
    views = [arrived(1, 0.4, 80), waiting(2, 0.2), arrived(3, 0.0, 96)]
    told = tell_sweep(views, "head.dropout", {}, {})
    assert told["rows"] == [
        ["best", "0", f"96{NBSP}% (96 of 100)", f"90 to 98{NBSP}%", "3 of 5", "12 s"],
        ["", "0.2", "waiting", "", "", ""],
        ["", "0.4", f"80{NBSP}% (80 of 100)", f"71 to 87{NBSP}%", "3 of 5", "12 s"],
    ]
    assert (told["text"], told["fraction"], told["caption"]) == ("2 of 3 have arrived", 0.667, "3 trainings")
    points = told["points"]
    assert (points["x"], points["accuracy"], points["is_log"]) == ([0.0, 0.2, 0.4], [96.0, None, 80.0], False)
    assert points["range"][0] < 71
    assert "0: 96" in told["summary"]


@pytest.mark.parametrize(
    ("views", "best", "caution"),
    [
        ([arrived(1, 0.1, 96), arrived(2, 0.2, 60)], "Best: 0.1, with 96", ""),
        ([arrived(1, 0.1, 96), waiting(2, 0.2)], "Best so far: 0.1", ""),
        ([arrived(1, 0.1, 96), arrived(2, 0.2, 94)], "Best: 0.1", "0.2 may be just as good: the intervals overlap"),
        ([arrived(1, 0.1, 96), arrived(2, 0.2, 96)], "Best: 0.1 and 0.2", "equally good"),
        ([arrived(number, number / 10, 90) for number in range(6)], "Best: 0, 0.1, 0.2 and 3 more", "equally good"),
        ([waiting(1, 0.1), waiting(2, 0.2)], "", ""),
        ([arrived(1, 0.1, None), arrived(2, 0.2, None)], "", ""),
    ],
)
def test_the_verdict(views: list[RunView], best: str, caution: str) -> None:
    """The best is named with its number, and with a caution where the intervals of others reach up to its own."""
    told = verdict(views, "head.dropout")
    assert told[0].startswith(best)
    assert bool(told[0]) == bool(best)
    assert caution in told[1]
    assert bool(told[1]) == bool(caution)


def test_without_validation_photos() -> None:
    """There is no best, and the table says why."""
    views = [arrived(1, 0.1, None), arrived(2, 0.2, None)]
    assert best_of(views) == []
    told = tell_sweep(views, "head.dropout", {}, {})
    assert [row[2] for row in told["rows"]] == ["no validation photos"] * 2


def test_a_network_that_is_left_as_it_is_comes_last() -> None:
    """It has no first layer; the chart then gives each value the same room."""
    views = [
        run(1, config_values={"fine_tune": None}),
        run(2, config_values={"fine_tune": {"first_layer": 100}}),
    ]
    told = tell_sweep(views, CUT, {}, {})
    assert [row[1] for row in told["rows"]] == ["layer 100", "none"]
    assert told["points"]["x"] == [0, 1]


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        ("head_phase.learning_rate", 0.0001, "0.0001"),
        ("head_phase.learning_rate", 0.00003, "3e-05"),
        ("fine_tune.share", 0.2, "20%"),
        ("num_views", 16, "16"),
    ],
)
def test_values_in_words(setting: str, value: float, text: str) -> None:
    """Short, in the unit that people write them in."""
    assert value_text(setting, value) == text


def test_steps_that_multiply_get_the_same_room() -> None:
    """Rates from 0.0001 to 0.01 stand on an axis of decades."""
    views = [
        run(number, config_values={"head_phase": {"learning_rate": rate}})
        for number, rate in enumerate((0.0001, 0.001, 0.01))
    ]
    assert tell_sweep(views, "head_phase.learning_rate", {}, {})["points"]["is_log"]
