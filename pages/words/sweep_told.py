"""How a sweep stands: what each value of a setting brought, which is best, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs.views import Progress, QueuePlace
from core.runs.draft import CUT
from core.runs.records import RunView
from core.runs.story import Score
from core.runs.sweep import SWEPT_SETTINGS, swept_value
from pages.words.race_told import outcome_of, race_state, standing_of
from pages.words.standing import duration_of
from pages.words.wording import count, range_text, share_text, time_text

# What people call a setting in the middle of a sentence.
SWEEP_TITLES: Mapping[str, str] = {
    "head_phase.learning_rate": "learning rate",
    "head_phase.num_epochs": "number of epochs",
    "head_phase.batch_size": "batch size",
    "head.dropout": "dropout",
    "num_views": "views per photo",
    "label_smoothing": "label smoothing",
    "fine_tune.share": "part of the network that is fine-tuned",
    "fine_tune.learning_rate": "learning rate of the fine-tuning",
    "fine_tune.num_epochs": "epochs of the fine-tuning",
    "seed": "seed (how much is chance)",
    CUT: "first layer that is fine-tuned",
}
_FROZEN = "none"  # for a network that is left as it is, among first layers
_LOG_RATIO = 8.0  # from the smallest value to the largest, from where on each doubling gets the same room
_ROOM_PERCENT = 4.0  # on the axis, below what is drawn
_LABEL_ROOM = 0.12  # above it, as a share of what is drawn: the best has a word there
_MAX_NAMED = 3


def value_text(setting: str, value: float | None) -> str:
    """A value of a setting, short: "0.003", "20 %", "layer 100"."""
    if value is None:
        return _FROZEN
    if setting == CUT:
        return f"layer {value:g}"
    row = SWEPT_SETTINGS[setting]
    return row.write(100 * value if row.unit == "%" else value)


def in_order(views: Sequence[RunView], setting: str) -> list[RunView]:
    """The runs by the value of the setting, the smallest first; a network that is left as it is comes last, behind the
    layer beyond which nothing would be trained."""

    def key(view: RunView) -> tuple[float, int]:
        value = swept_value(view.config_values, setting)
        return (math.inf if value is None else value, view.id)

    return sorted(views, key=key)


def best_of(views: Sequence[RunView]) -> list[RunView]:
    """The runs that were right most often, several where they are equal; none before the first has arrived."""
    scores = {view.id: score for view in views if (score := score_of(view)) is not None}
    most = max((score.accuracy for score in scores.values()), default=None)
    return [view for view in views if view.id in scores and scores[view.id].accuracy == most]


def score_of(view: RunView) -> Score | None:
    """How a run that is done did on the validation photos, which are the same for all of a sweep."""
    outcome = outcome_of(view)
    return None if outcome is None else outcome.validation_score


def tell_sweep(
    views: Sequence[RunView],
    setting: str,
    places: Mapping[int, QueuePlace | None],
    progress: Mapping[int, Progress | None],
) -> dict[str, Any]:
    """The table and the chart of a sweep.

    Args:
        views: its runs.
        setting: that they differ in.
        places: where each run stands that waits, by its number.
        progress: of each run that a worker has, by its number.
    """
    views = in_order(views, setting)
    num_active = sum(view.is_active for view in views)
    num_arrived = len(views) - num_active
    best = {view.id for view in best_of(views)}
    return {
        "state": race_state(views),
        "fraction": round(num_arrived / len(views), 3) if num_active else None,
        "text": f"{num_arrived} of {len(views)} have arrived" if num_active else "",
        "caption": count(len(views), "training"),
        "columns": ["", SWEEP_TITLES[setting], "validation accuracy", "plausibly", "best epoch", "took"],
        "rows": [
            _row(
                view,
                value_text(setting, swept_value(view.config_values, setting)),
                is_best=view.id in best,
                standing=standing_of(view, places.get(view.id), progress.get(view.id)),
            )
            for view in views
        ],
        "first": "best",
        "points": _points(views, setting, best),
        "summary": _summary(views, setting),
    }


def verdict(views: Sequence[RunView], setting: str) -> tuple[str, str]:
    """Which value is best in a sentence, and a caution where others may be as good; plain text, empty where there is
    nothing to say."""
    best = best_of(views)
    if not best:
        return "", ""
    values = [value_text(setting, swept_value(view.config_values, setting)) for view in in_order(best, setting)]
    score = score_of(best[0])
    assert score is not None  # of those that are best
    right = (
        f"{share_text(score.accuracy)} of the validation photos right ({score.num_correct:,} of {score.num_photos:,})"
    )
    told = f"Best so far: {_joined(values)}, with {right}."
    if not any(view.is_active for view in views):
        told = f"Best: {_joined(values)}, with {right}."
    rivals = [view for view in in_order(views, setting) if view not in best and _overlaps(view, score)]
    if not rivals and len(best) == 1:
        return told, ""
    if not rivals:
        return told, "They are equally good as far as these photos can tell. More validation photos would tell more."
    names = _joined([value_text(setting, swept_value(view.config_values, setting)) for view in rivals])
    return told, f"{names} may be just as good: the intervals overlap. More validation photos would tell more."


def _overlaps(view: RunView, best: Score) -> bool:
    score = score_of(view)
    return score is not None and score.high >= best.low


def _joined(names: Sequence[str]) -> str:
    shown = list(names[:_MAX_NAMED])
    if len(names) > _MAX_NAMED:
        shown.append(f"{len(names) - _MAX_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _row(view: RunView, value: str, *, is_best: bool, standing: str) -> list[str]:
    outcome, score = outcome_of(view), score_of(view)
    if outcome is None:
        return ["", value, standing, "", "", ""]
    seconds = duration_of(view, 0.0)
    took = "" if seconds is None else time_text(seconds)
    epoch = "" if outcome.best_epoch is None else f"{outcome.best_epoch} of {outcome.num_epochs}"
    if score is None:
        return ["", value, "no validation photos", "", epoch, took]
    right = f"{share_text(score.accuracy)} ({score.num_correct:,} of {score.num_photos:,})"
    return ["best" if is_best else "", value, right, range_text(score.low, score.high), epoch, took]


def _points(views: Sequence[RunView], setting: str, best: set[int]) -> dict[str, Any]:
    """What the chart draws, from left to right; shares in percent, null where a run has none yet."""
    values = [swept_value(view.config_values, setting) for view in views]
    scores = [score_of(view) for view in views]
    known = [value for value in values if value is not None]
    is_plain = len(known) == len(values)
    is_log = is_plain and min(known) > 0 and max(known) / min(known) >= _LOG_RATIO
    seen = [bound for score in scores if score is not None for bound in (100 * score.low, 100 * score.high)]
    return {
        "title": SWEEP_TITLES[setting],
        "x": values if is_plain else list(range(len(values))),
        "labels": [value_text(setting, value) for value in values],
        "is_log": is_log,
        "accuracy": [None if score is None else round(100 * score.accuracy, 2) for score in scores],
        "low": [None if score is None else round(100 * score.low, 2) for score in scores],
        "high": [None if score is None else round(100 * score.high, 2) for score in scores],
        "is_best": [view.id in best for view in views],
        "range": [
            max(0.0, round(min(seen, default=0.0) - _ROOM_PERCENT, 2)),
            round(max(seen, default=100.0) + _LABEL_ROOM * (max(seen, default=100.0) - min(seen, default=0.0)), 2),
        ],
    }


def _summary(views: Sequence[RunView], setting: str) -> str:
    told = [
        f"{value_text(setting, swept_value(view.config_values, setting))}: {share_text(score.accuracy)}"
        for view in views
        if (score := score_of(view)) is not None
    ]
    return f"Validation accuracy by {SWEEP_TITLES[setting]}: {'; '.join(told) or 'none has arrived yet'}"
