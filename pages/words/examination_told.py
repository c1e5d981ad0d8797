"""How far the closer look at a model is."""

from typing import Any

from core.jobs.views import Progress, TaskView
from pages.words.wording import time_left

_WHAT = "Looking closer at the model"
_PARTS = "similar photos, doubtful labels, shortcuts, whether more photos would help"


def tell_examination(task: TaskView | None, progress: Progress | None) -> dict[str, Any]:
    """The bar and what stands above it.

    Args:
        task: that looks; None where nobody does.
        progress: what it reported last.
    """
    text = f"{_WHAT}: {_PARTS}"
    if progress is not None and progress.message:
        text = f"{_WHAT}: {progress.message}{time_left(progress.seconds_left)}"
    state = "nobody" if task is None else f"{task.id}-{task.status.value if not task.is_active else 'active'}"
    fraction = (progress.fraction or 0.0) if progress is not None else 0.0
    return {"state": state, "fraction": round(fraction, 3), "text": text}
