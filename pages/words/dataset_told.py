"""What is told of a dataset while somebody has it open: whether the page must be made anew, and how imports go."""

from collections.abc import Sequence
from typing import Any

from core.datasets.ingest.desk import ImportStatus
from pages.words.wording import time_left


def tell_dataset(standing: object, statuses: Sequence[ImportStatus]) -> dict[str, Any]:
    """The bars of imports that are under way; `state` is another one when the page must be made anew.

    Args:
        standing: whatever tells two states of the dataset apart, without those of its imports.
        statuses: of its newest imports, newest first.
    """
    imports = [(status.view.id, str(status.view.state), status.is_active) for status in statuses]
    return {
        "state": f"{standing}:{imports}",
        "imports": [_tell_import(status) for status in statuses if status.is_active],
    }


def _tell_import(status: ImportStatus) -> dict[str, Any]:
    progress = status.progress
    return {
        "id": status.view.id,
        "title": str(status.view.request.get("title") or "Import"),
        "text": "Waiting for its turn" if progress is None else f"{progress.message}{time_left(progress.seconds_left)}",
        "fraction": 0.0 if progress is None else round(progress.fraction or 0.0, 3),
    }
