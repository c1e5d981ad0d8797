"""How far the export of a model is, and what is known of one that was made."""

from collections.abc import Sequence
from typing import Any

from core.export.exports import ExportRecord
from core.jobs.status import TaskStatus
from core.jobs.views import Progress, TaskView
from pages.words.wording import share_text, size_text, time_left


def tell_export(task: TaskView | None, progress: Progress | None) -> dict[str, Any]:
    """The bar and what stands above it.

    Args:
        task: that makes the export; None where nobody does.
        progress: what it reported last.
    """
    if task is None:
        return {"state": "nobody", "fraction": 0.0, "text": ""}
    if task.cancel_requested_at is not None:
        text = "Stopping …"
    elif progress is not None:
        text = f"{progress.message}{time_left(progress.seconds_left)}"
    else:
        text = "Waiting for its turn" if task.status is TaskStatus.QUEUED else "Beginning"
    state = f"{task.id}-{'active' if task.is_active else task.status.value}"
    fraction = (progress.fraction or 0.0) if progress is not None else 0.0
    return {"state": state, "fraction": round(fraction, 3), "text": text}


def outdated_text(changed: Sequence[str]) -> str:
    """That an export is out of date, and what has changed since it was made."""
    what = f"{', '.join(changed[:-1])} and {changed[-1]}" if len(changed) > 1 else changed[0]
    return f"Out of date: {what} changed since it was made. Make it again to take it as it is now."


def export_facts(record: ExportRecord) -> str:
    """Size, time for a photo and share of right answers of an export, in a line."""
    found = record.proven.certificate
    if found is None:
        return size_text(record.artefact_bytes)
    return (
        f"{size_text(record.artefact_bytes)} · {found.latency_milliseconds:.1f} ms a photo here · right on "
        f"{share_text(found.accuracy)} of {found.num_photos:,} {found.split} photos"
    )
