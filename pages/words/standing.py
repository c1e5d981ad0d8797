"""Where a run stands, in words, with an icon and a colour."""

from typing import Literal

from core.jobs.status import ACTIVE_STATUSES
from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome, PhaseName, Score

Colour = Literal["blue", "green", "orange", "red", "gray", "violet"]

STATUS_WORDS: dict[RunStatus, tuple[str, str, Colour]] = {
    RunStatus.QUEUED: ("waiting", "hourglass_empty", "gray"),
    RunStatus.RUNNING: ("training", "play_circle", "blue"),
    RunStatus.STOPPING: ("stopping", "stop_circle", "orange"),
    RunStatus.DONE: ("done", "check_circle", "green"),
    RunStatus.FAILED: ("failed", "error", "red"),
    RunStatus.CANCELLED: ("cancelled", "block", "gray"),
    RunStatus.INTERRUPTED: ("interrupted", "pause_circle", "orange"),
}

# What a step does in plain words, and the term of the field.
PHASE_WORDS: dict[str, tuple[str, str]] = {
    PhaseName.FEATURES: ("Looking at every photo once", "features of the frozen backbone"),
    PhaseName.HEAD: ("Training the new last layers", "head phase"),
    PhaseName.ACTIVATIONS: ("Looking at every photo up to the cut", "activations"),
    PhaseName.FINE_TUNE: ("Adjusting the network itself", "fine-tune phase"),
    PhaseName.SCRATCH: ("Training a whole network from nothing", "from scratch"),
    PhaseName.EVALUATION: ("Asking about the photos that were held out", "evaluation"),
}


def state_of(view: RunView) -> str:
    """What a page about a run depends on that does not move by itself; another one: the page is to be made anew."""
    parts = [view.status.value]
    if view.is_active and view.is_cancel_requested:
        parts.append("discarding")
    if view.package_status in ACTIVE_STATUSES:
        parts.append("packaging")
    elif view.package_status is not None:
        parts.append(view.package_status.value)
    return "-".join(parts)


def best_score(view: RunView) -> Score | None:
    """How a run that is done did on the photos that tell most: those of the test, or else of the validation."""
    if view.status is not RunStatus.DONE or view.outcome is None:
        return None
    outcome = Outcome.from_json(view.outcome)
    return outcome.test_score or outcome.validation_score


def duration_of(view: RunView, now: float) -> float | None:
    """Seconds from the first worker to the end, or until now; None before it has begun."""
    if view.started_at is None:
        return None
    return max(0.0, (view.finished_at or now) - view.started_at)
