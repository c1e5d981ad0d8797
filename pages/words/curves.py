"""The curves of a training as numbers for the browser: what is drawn, on which axes, and the chart in one sentence."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.config import TrainConfig
from core.runs.history import RunHistory
from core.runs.story import EpochStory
from pages.words.wording import steady_percent

MAX_BATCH_POINTS = 600  # more than a screen can show beside each other
_SIGNIFICANT_DIGITS = 4
_X_DECIMALS = 4

# The axes grow in steps, for one that followed every value would jump at every update.
_ACCURACY_FLOORS_PERCENT = (90.0, 80.0, 70.0, 60.0, 50.0, 25.0)
_ACCURACY_CEILINGS_PERCENT = (25.0, 50.0)
_LOSS_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
# A first batch may lose far more than all others; from this multiple of the usual on, it leaves the picture.
_LOSS_OUTLIER_FACTOR = 2.0
_LOSS_USUAL_SHARE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochPoint:
    """What an epoch came to; values that are not finite become gaps."""

    epoch: int  # the first is 1
    loss: float
    accuracy: float  # 0-1
    validation_loss: float | None = None  # None without validation photos
    validation_accuracy: float | None = None  # 0-1
    learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """A training so far."""

    epochs: tuple[EpochPoint, ...]  # in order
    batches: tuple[tuple[float, float], ...]  # (epochs gone by, 0.5 being the middle of the first; loss), in order
    num_epochs_planned: int  # of all phases; epochs that will not come any more should not count
    fine_tuning_from: int | None = None  # epochs before fine-tuning begins; None when it never does
    best_epoch: int | None = None  # None as long as there is none


def curves_of(history: RunHistory, config: TrainConfig, *, is_active: bool) -> Curves:
    """A run as the chart draws it.

    Args:
        history: what it has told.
        config: what it is trained with, which says what may still come.
        is_active: whether anything may.
    """
    return Curves(
        epochs=tuple(map(_point, history.epochs)),
        batches=history.batches,
        num_epochs_planned=history.num_planned(config, is_active=is_active),
        fine_tuning_from=history.fine_tuning_from(config, is_active=is_active),
        best_epoch=history.epochs[-1].best_epoch if history.epochs else None,
    )


def chart_summary(curves: Curves) -> str:
    """The chart in one sentence, for those who do not see it."""
    planned = curves.num_epochs_planned
    if not curves.epochs:
        return f"Training: none of {planned} epochs is finished yet"
    last = curves.epochs[-1]
    parts = [f"training accuracy {steady_percent(last.accuracy)}"]
    if last.validation_accuracy is not None:
        parts.append(f"validation accuracy {steady_percent(last.validation_accuracy)}")
    best = _best_point(curves)
    if best is not None:
        parts.append(f"best {steady_percent(_judged_accuracy(best))} in epoch {best.epoch}")
    if not math.isfinite(last.loss):
        parts.append("the loss is not a number any more")
    return f"Epoch {last.epoch} of {max(planned, last.epoch)}: {', '.join(parts)}"


def chart_columns(curves: Curves) -> dict[str, Any]:
    """The curves as the browser draws them: columns of numbers, None for gaps; accuracies in percent.

    An epoch stands at its end: epoch 1 at x = 1.
    """
    epochs = curves.epochs
    batches = thin_out(curves.batches)
    best = _best_point(curves)
    return {
        "epochs": [point.epoch for point in epochs],
        "accuracy": [_percent(point.accuracy) for point in epochs],
        "validation_accuracy": [_percent(point.validation_accuracy) for point in epochs],
        "loss": [_rounded(point.loss) for point in epochs],
        "validation_loss": [_rounded(point.validation_loss) for point in epochs],
        # The axis of the rate is logarithmic and has no place for zero.
        "learning_rate": [_rounded(point.learning_rate) if point.learning_rate > 0 else None for point in epochs],
        "batch_x": [round(x, _X_DECIMALS) for x, _ in batches],
        "batch_loss": [_rounded(loss) for _, loss in batches],
        "x_range": _x_range(curves),
        "reached": max([point.epoch for point in epochs[-1:]] + [x for x, _ in batches[-1:]], default=0),
        "accuracy_range": accuracy_range(curves),
        "loss_range": loss_range(curves),
        "fine_tuning_from": curves.fine_tuning_from,
        "best": None if best is None else [best.epoch, _percent(_judged_accuracy(best))],
    }


def thin_out(batches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `MAX_BATCH_POINTS` of the points, in order: first, last, and the extremes of stretches of equal length.

    Stretches begin at fixed places and only ever double in length, so that a growing curve keeps its shape from one
    update to the next. One without any finite loss stays as a single point that is none.
    """
    if len(batches) <= MAX_BATCH_POINTS:
        return list(batches)
    length = 1
    while math.ceil(len(batches) / length) > (MAX_BATCH_POINTS - 2) // 2:
        length *= 2
    kept = {0, len(batches) - 1}
    for start in range(0, len(batches), length):
        stretch = range(start, min(start + length, len(batches)))
        finite = [number for number in stretch if math.isfinite(batches[number][1])]
        if finite:
            kept.add(min(finite, key=lambda number: batches[number][1]))
            kept.add(max(finite, key=lambda number: batches[number][1]))
        else:
            kept.add(start)
    return [batches[number] for number in sorted(kept)]


def accuracy_range(curves: Curves) -> list[float]:
    """Lowest and highest accuracy on the axis, in percent; it only ever widens while a training goes on."""
    seen = _finite(_percent(value) for point in curves.epochs for value in (point.accuracy, point.validation_accuracy))
    if not seen:
        return [0.0, 100.0]
    low = next((floor for floor in _ACCURACY_FLOORS_PERCENT if floor <= min(seen)), 0.0)
    high = next((ceiling for ceiling in _ACCURACY_CEILINGS_PERCENT if ceiling >= max(seen)), 100.0)
    return [low if low < high else 0.0, high]


def loss_range(curves: Curves) -> list[float]:
    """Lowest and highest loss on the axis: from zero to a round number that holds all epochs and the usual batches."""
    by_epoch: dict[int, list[float]] = {}
    for x, loss in curves.batches:
        if math.isfinite(loss):
            by_epoch.setdefault(math.floor(x), []).append(loss)
    seen = _finite(value for point in curves.epochs for value in (point.loss, point.validation_loss))
    seen += [_usual_top(losses) for losses in by_epoch.values()]
    top = max(seen, default=0.0)
    return [0.0, _round_up(top) if top > 0 else 1.0]


def _usual_top(losses: list[float]) -> float:
    usual = sorted(losses)[int(_LOSS_USUAL_SHARE * (len(losses) - 1))]
    return min(max(losses), _LOSS_OUTLIER_FACTOR * usual) if usual > 0 else max(losses)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{power * next((step for step in _LOSS_STEPS if step * power >= value), 10.0):.6g}")


def _x_range(curves: Curves) -> list[int]:
    """From the start of what is known to the last epoch planned."""
    starts = [point.epoch - 1 for point in curves.epochs[:1]] + [math.floor(x) for x, _ in curves.batches[:1]]
    ends = [point.epoch for point in curves.epochs[-1:]] + [math.ceil(x) for x, _ in curves.batches[-1:]]
    start = min(starts, default=0)
    return [start, max(curves.num_epochs_planned, start + 1, *ends)]


def _best_point(curves: Curves) -> EpochPoint | None:
    found = next((point for point in curves.epochs if point.epoch == curves.best_epoch), None)
    return found if found is not None and math.isfinite(_judged_accuracy(found)) else None


def _judged_accuracy(point: EpochPoint) -> float:
    """The accuracy that counts: on validation photos, where there are any."""
    return point.accuracy if point.validation_accuracy is None else point.validation_accuracy


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _percent(share: float | None) -> float | None:
    return None if share is None or not math.isfinite(share) else round(100 * float(share), 2)


def _point(story: EpochStory) -> EpochPoint:
    return EpochPoint(
        epoch=story.epoch,
        loss=_or_nan(story.loss),
        accuracy=_or_nan(story.accuracy),
        validation_loss=story.validation_loss,
        validation_accuracy=story.validation_accuracy,
        learning_rate=story.learning_rate,
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
