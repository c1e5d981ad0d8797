"""The list of runs: each run in a line, with what it got to so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.runs.names import names_dataset
from core.runs.records import RunView
from pages.words.standing import STATUS_WORDS, best_score, duration_of
from pages.words.telling import tag_of
from pages.words.wording import share_text, time_text

LINE_PX = 22
_STROKE_PX = 2.5
_MAX_POINTS = 72  # more than there are pixels


def tell_runs(
    views: Sequence[RunView],
    accuracies: Mapping[int, Sequence[float]],
    datasets: Mapping[int, str],
    now: float,
) -> dict[str, Any]:
    """The lines of the runs that go on; everything else of the list changes with its state.

    Args:
        views: all runs.
        accuracies: after each epoch, 0-1, by the run's number; of those that go on.
        datasets: names by number.
        now: Unix seconds.
    """
    return {
        "state": tag_of({"runs": [[view.id, view.status.value, view.name] for view in views]}),
        "runs": {
            str(view.id): tell_line(view, accuracies.get(view.id, ()), datasets, now)
            for view in views
            if view.is_active
        },
    }


def tell_line(view: RunView, accuracies: Sequence[float], datasets: Mapping[int, str], now: float) -> dict[str, Any]:
    """One run: how it stands or how good it is, how long it took, on which photos; and its accuracies as a line."""
    score, seconds = best_score(view), duration_of(view, now)
    parts = [STATUS_WORDS[view.status][0] if score is None else f"{share_text(score.accuracy)} right"]
    if seconds:
        parts.append(time_text(seconds))
    dataset = datasets.get(view.dataset_id) if view.dataset_id is not None else None
    if dataset is not None and not names_dataset(view.name, dataset):
        parts.append(dataset)
    return {"text": " · ".join(parts), **sparkline(accuracies)}


def sparkline(values: Sequence[float]) -> dict[str, str]:
    """A line from the lowest value to the highest: what it shows in words, and the shape of a box that looks like it.

    Streamlit lets no SVG through, so the line is a box that is cut to the shape of one, `LINE_PX` high. Both are empty
    for fewer than two values.
    """
    if len(values) < 2:
        return {"label": "", "shape": ""}
    step = -(-len(values) // _MAX_POINTS)
    drawn = [*values[:-1:step], values[-1]]
    low, high = min(drawn), max(drawn)
    spread = (high - low) or 1.0
    points = [
        (100 * number / (len(drawn) - 1), (LINE_PX - _STROKE_PX) * (high - value) / spread)
        for number, value in enumerate(drawn)
    ]
    upper = [f"{x:.1f}% {y:.1f}px" for x, y in points]
    lower = [f"{x:.1f}% {y + _STROKE_PX:.1f}px" for x, y in reversed(points)]
    label = f"validation accuracy from {share_text(values[0])} to {share_text(values[-1])}"
    return {"label": label, "shape": f"polygon({','.join(upper + lower)})"}
