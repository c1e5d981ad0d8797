"""How a race of networks stands: who is how good, how fast, how large."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs.views import Progress, QueuePlace
from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome
from pages.words.standing import STATUS_WORDS
from pages.words.wording import (
    count,
    queue_place_short,
    range_text,
    share_text,
    size_text,
    time_left,
    whole_percent,
)

COLUMNS = ("place", "run", "validation accuracy", "plausibly", "time for one photo", "size")


def ranked(views: Sequence[RunView]) -> list[RunView]:
    """The best first: by validation accuracy, the faster one where that is equal; those without a result last."""

    def key(view: RunView) -> tuple[float, float, int]:
        outcome = outcome_of(view)
        score = None if outcome is None else outcome.validation_score
        if outcome is None or score is None:
            return (1.0, 0.0, view.id)
        return (-score.accuracy, outcome.milliseconds_per_photo or float("inf"), view.id)

    return sorted(views, key=key)


def outcome_of(view: RunView) -> Outcome | None:
    """What came of a run; None of one that is not done."""
    is_done = view.status is RunStatus.DONE and view.outcome is not None
    return Outcome.from_json(view.outcome or {}) if is_done else None


def race_state(views: Sequence[RunView]) -> str:
    """What the page of a race depends on that the table does not show by itself."""
    return " ".join(f"{view.id}:{view.status.value}:{view.name}" for view in views)


def tell_race(
    views: Sequence[RunView], places: Mapping[int, QueuePlace | None], progress: Mapping[int, Progress | None]
) -> dict[str, Any]:
    """The table of a race.

    Args:
        views: its runs, ranked.
        places: where each run stands that waits, by its number.
        progress: of each run that a worker has, by its number.
    """
    num_active = sum(view.is_active for view in views)
    num_arrived = len(views) - num_active
    return {
        "state": race_state(views),
        "fraction": round(num_arrived / len(views), 3) if num_active else None,
        "text": f"{num_arrived} of {len(views)} have arrived" if num_active else "",
        "caption": count(len(views), "network"),
        "columns": list(COLUMNS),
        "first": "1",
        "rows": [
            _row(place, view, standing_of(view, places.get(view.id), progress.get(view.id)))
            for place, view in enumerate(views, start=1)
        ],
    }


def _row(place: int, view: RunView, standing: str) -> list[str]:
    outcome = outcome_of(view)
    score = None if outcome is None else outcome.validation_score
    if outcome is None or score is None:
        return ["", view.name, standing, "", "", ""]
    speed = outcome.milliseconds_per_photo
    return [
        f"{place}",
        view.name,
        f"{share_text(score.accuracy)} ({score.num_correct:,} of {score.num_photos:,})",
        range_text(score.low, score.high),
        "" if speed is None else f"{speed:.1f} ms",
        size_text(outcome.model_bytes),
    ]


def standing_of(view: RunView, place: QueuePlace | None, progress: Progress | None) -> str:
    """How far one is that has not arrived."""
    words = STATUS_WORDS[view.status][0]
    if view.status is RunStatus.QUEUED:
        return words if place is None else f"{words}, {queue_place_short(place)}"
    if progress is None:
        return words
    if progress.fraction is None:
        return f"{words}: {progress.message}"
    return f"{words}, {whole_percent(progress.fraction)}{time_left(progress.seconds_left)}"
