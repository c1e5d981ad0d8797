"""What the live chart says and what it sends to the browser; a browser test watches it grow."""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pages.words.curves import (
    MAX_BATCH_POINTS,
    Curves,
    EpochPoint,
    accuracy_range,
    chart_columns,
    chart_summary,
    loss_range,
    thin_out,
)


def epoch(
    number: int, accuracy: float = 0.5, validation_accuracy: float | None = None, loss: float = 1.0
) -> EpochPoint:
    return EpochPoint(
        epoch=number,
        loss=loss,
        accuracy=accuracy,
        validation_loss=None if validation_accuracy is None else loss,
        validation_accuracy=validation_accuracy,
        learning_rate=0.001,
    )


def curves(
    epochs: Sequence[EpochPoint] = (), batches: Sequence[tuple[float, float]] = (), best_epoch: int | None = None
) -> Curves:
    return Curves(epochs=tuple(epochs), batches=tuple(batches), num_epochs_planned=20, best_epoch=best_epoch)


def wave(count: int) -> list[tuple[float, float]]:
    """Losses that differ from each other."""
    return [((number + 1) / 100, 2 + math.sin(number * 12.9898)) for number in range(count)]


def test_the_summary_tells_where_the_training_is():
    """Epoch, both accuracies and the best so far are in one sentence."""
    epochs = [epoch(5, 0.97, 0.96), epoch(6, 0.98, 0.951), epoch(7, 0.981, 0.955)]
    assert chart_summary(curves(epochs, best_epoch=5)) == (
        "Epoch 7 of 20: training accuracy 98.1 %, validation accuracy 95.5 %, best 96.0 % in epoch 5"
    )


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(curves(), "Training: none of 20 epochs is finished yet", id="nothing yet"),
        pytest.param(curves([epoch(1, 0.5)]), "Epoch 1 of 20: training accuracy 50.0 %", id="no validation photos"),
        pytest.param(
            curves([epoch(1, 0.5)], best_epoch=1),
            "Epoch 1 of 20: training accuracy 50.0 %, best 50.0 % in epoch 1",
            id="the best of training",
        ),
        pytest.param(
            curves([epoch(3, 0.1, math.nan, loss=math.nan)], best_epoch=3),
            "Epoch 3 of 20: training accuracy 10.0 %, validation accuracy unknown, the loss is not a number any more",
            id="not a number",
        ),
        pytest.param(curves([epoch(21, 0.9)]), "Epoch 21 of 21: training accuracy 90.0 %", id="beyond the plan"),
        pytest.param(curves([epoch(2)], best_epoch=1), "Epoch 2 of 20: training accuracy 50.0 %", id="unknown best"),
    ],
)
def test_the_summary_leaves_out_what_is_not_known(shown: Curves, expected: str):
    """No validation, no best epoch and no number at all read well too."""
    assert chart_summary(shown) == expected


def test_what_is_not_finite_becomes_a_gap():
    """The browser reads strict JSON, which has neither NaN nor infinity; a rate of zero has no place on a log axis."""
    broken = EpochPoint(
        epoch=2,
        loss=math.nan,
        accuracy=math.nan,
        validation_loss=math.inf,
        validation_accuracy=-math.inf,
        learning_rate=0,
    )
    columns = chart_columns(curves([epoch(1, 0.5, 0.6), broken], [(0.5, 1.0), (1.0, math.nan)], best_epoch=2))
    assert json.loads(json.dumps(columns, allow_nan=False)) == columns
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
        assert columns[name][0] is not None
        assert columns[name][1] is None
    assert columns["batch_loss"] == [1.0, None]
    assert columns["best"] is None


def test_columns_are_in_percent_and_know_the_best():
    """The best is marked at the accuracy on validation photos."""
    columns = chart_columns(curves([epoch(1, 0.91234, 0.8), epoch(2, 0.95, 0.7)], best_epoch=1))
    assert columns["epochs"] == [1, 2]
    assert columns["accuracy"] == [91.23, 95.0]
    assert columns["best"] == [1, 80.0]
    assert columns["validation_accuracy"] == [80.0, 70.0]


@pytest.mark.parametrize(
    ("shown", "x_range", "reached"),
    [
        pytest.param(curves(), [0, 20], 0, id="nothing yet"),
        pytest.param(curves([], [(0.1, 1), (0.2, 1)]), [0, 20], 0.2, id="the first epoch"),
        pytest.param(curves([epoch(1), epoch(2)], [(0.5, 1), (2.25, 1)]), [0, 20], 2.25, id="the third epoch"),
        pytest.param(curves([epoch(11), epoch(12)]), [10, 20], 12, id="a training that went on from another"),
        pytest.param(curves([epoch(number) for number in range(1, 23)]), [0, 22], 22, id="beyond the plan"),
    ],
)
def test_the_axis_of_epochs_is_that_of_the_plan(shown: Curves, x_range: list[int], reached: float):
    """It does not move while the training goes on, and the part still to come is known."""
    columns = chart_columns(shown)
    assert columns["x_range"] == x_range
    assert columns["reached"] == reached


@pytest.mark.parametrize("count", [0, 1, 2, MAX_BATCH_POINTS])
def test_few_batches_stay_as_they_are(count: int):
    """Nothing is thinned out that fits."""
    assert thin_out(wave(count)) == wave(count)


@pytest.mark.parametrize("count", [MAX_BATCH_POINTS + 1, 1000, 2000, 12_345])
def test_many_batches_keep_their_ends_and_extremes(count: int):
    """Points are a subset in order, with first, last, lowest and highest."""
    batches = wave(count)
    batches[count // 3] = (batches[count // 3][0], 50.0)
    batches[count // 2] = (batches[count // 2][0], -50.0)
    kept = thin_out(batches)
    assert len(kept) <= MAX_BATCH_POINTS
    assert kept == sorted(set(kept) & set(batches))
    assert kept[0] == batches[0]
    assert kept[-1] == batches[-1]
    assert {50.0, -50.0} <= {loss for _, loss in kept}


def test_a_growing_curve_keeps_its_points():
    """Only the newest stretch changes from one update to the next, or the line would shimmer."""
    before, after = thin_out(wave(1500)), thin_out(wave(1510))
    assert before[:-20] == after[: len(before) - 20]


def test_a_stretch_that_is_not_a_number_is_a_gap_among_thinned_points():
    """A loss that became NaN must not look like a line that goes on."""
    batches = [(float(number), math.nan if number >= 1000 else 1.0 + number % 7) for number in range(2000)]
    kept = thin_out(batches)
    assert len(kept) <= MAX_BATCH_POINTS
    assert any(math.isnan(loss) for x, loss in kept if 1100 < x < 1900)
    assert all(math.isfinite(loss) for x, loss in kept if x < 1000)


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        pytest.param([], [0, 100], id="nothing yet"),
        pytest.param([0.93, 0.99], [90, 100], id="good"),
        pytest.param([0.62, 1.0], [60, 100], id="usual"),
        pytest.param([0.01, 0.09], [0, 25], id="a thousand classes"),
        pytest.param([0.3, 0.45], [25, 50], id="in between"),
        pytest.param([0.25], [0, 25], id="on a limit"),
        pytest.param([0.0, 1.0], [0, 100], id="everything"),
        pytest.param([math.nan], [0, 100], id="not a number"),
    ],
)
def test_the_axis_of_accuracy_fits_in_round_numbers(accuracies: list[float], expected: list[float]):
    """It is as narrow as the data allow, and all data are on it."""
    points = [epoch(number, accuracy) for number, accuracy in enumerate(accuracies, start=1)]
    assert accuracy_range(curves(points)) == expected


def test_the_axis_of_accuracy_never_narrows():
    """What has been on it stays, and it moves a few times at most."""
    points = [epoch(number, 0.95 - 0.6 * math.exp(-number / 3) + 0.02 * math.sin(number)) for number in range(1, 60)]
    ranges = [accuracy_range(curves(points[:count])) for count in range(1, len(points))]
    assert all(after[0] <= before[0] and after[1] >= before[1] for before, after in itertools.pairwise(ranges))
    assert len({tuple(limits) for limits in ranges}) <= 3


@pytest.mark.parametrize(
    ("losses", "top"),
    [([], 1.0), ([0.0], 1.0), ([0.9], 1.0), ([1.2, 0.3], 1.5), ([7.0], 8.0), ([0.00042], 0.0005), ([math.nan], 1.0)],
)
def test_the_axis_of_loss_ends_at_a_round_number(losses: list[float], top: float):
    """From zero to the next round number above all epochs."""
    points = [epoch(number, loss=loss) for number, loss in enumerate(losses, start=1)]
    assert loss_range(curves(points)) == [0, top]


def test_one_wild_batch_does_not_flatten_the_losses():
    """The axis holds the usual batches; a single one far above leaves the picture."""
    batches = [((number + 1) / 100, 1.0) for number in range(100)]
    assert loss_range(curves(batches=batches)) == [0, 1.0]
    batches[0] = (0.01, 80.0)
    assert loss_range(curves(batches=batches)) == [0, 2.0]


def test_fine_tuning_is_passed_on():
    """The browser draws the line where Python says."""
    assert chart_columns(curves())["fine_tuning_from"] is None
    assert chart_columns(replace(curves(), fine_tuning_from=10))["fine_tuning_from"] == 10
