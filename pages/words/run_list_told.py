"""The list of runs: each run in a line, with what it got to so far."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from core.runs.names import names_dataset
from core.runs.records import RunView
from core.runs.sweep import find_swept
from pages.words.standing import STATUS_WORDS, best_score, duration_of
from pages.words.sweep_told import SWEEP_TITLES
from pages.words.wording import count, share_text, time_text

LINE_PX = 22
_STROKE_PX = 2.5
_MAX_POINTS = 72  # more than there are pixels


def tell_runs(
    views: Sequence[RunView],
    *,
    accuracies: Mapping[int, Sequence[float]],
    cautions: Mapping[int, str],
    datasets: Mapping[int, str],
    now: float,
) -> dict[str, Any]:
    """All runs, each in a line, with the way to its race or sweep above the first run of each.

    Args:
        views: all runs.
        accuracies: after each epoch, 0-1, by the run's number.
        cautions: a word of warning, empty where there is none, by the run's number.
        datasets: names by number.
        now: Unix seconds.
    """
    together: defaultdict[str, list[RunView]] = defaultdict(list)
    for view in views:
        if view.race is not None:
            together[view.race].append(view)
    lines = []
    told_races: set[str] = set()
    for view in views:
        line = tell_line(view, accuracies.get(view.id, ()), datasets, now)
        line |= {"caution": cautions.get(view.id, ""), "race": None}
        if view.race is not None and view.race not in told_races:
            told_races.add(view.race)
            line["race"] = {"mark": view.race, "text": _together_text(together[view.race])}
        lines.append(line)
    return {"heading": count(len(views), "run"), "runs": lines}


def _together_text(views: Sequence[RunView]) -> str:
    swept = find_swept([view.config_values for view in views])
    if swept is None:
        return f"Race of {count(len(views), 'network')}"
    return f"{count(len(views), 'value')}: {SWEEP_TITLES[swept].partition(' (')[0]}"


def tell_line(view: RunView, accuracies: Sequence[float], datasets: Mapping[int, str], now: float) -> dict[str, Any]:
    """One run: how it stands or how good it is, how long it took, on which photos; and its accuracies as a line."""
    words, icon, _ = STATUS_WORDS[view.status]
    score, seconds = best_score(view), duration_of(view, now)
    parts = [words if score is None else f"{share_text(score.accuracy)} right"]
    if seconds:
        parts.append(time_text(seconds))
    dataset = datasets.get(view.dataset_id) if view.dataset_id is not None else None
    if dataset is not None and not names_dataset(view.name, dataset):
        parts.append(dataset)
    return {
        "id": view.id,
        "name": view.name,
        "dataset_id": view.dataset_id,
        "icon": icon,
        "text": " · ".join(parts),
        **sparkline(accuracies),
    }


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
