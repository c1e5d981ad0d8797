"""Which models can answer, and why one cannot; plain text."""

from core.errors import UnknownForeignModelError, UnknownRunError
from core.runs.records import RunStatus, RunView
from core.services import Services

# In front of a run's number, where a network is named by one text; no backbone's name has a colon.
MODEL_PREFIX = "model:"
FOREIGN_PREFIX = "foreign:"  # likewise of a model from elsewhere


def has_model(run: RunView) -> bool:
    """Whether a run is finished, and not in the trash."""
    return run.status is RunStatus.DONE and run.outcome is not None and run.trashed_at is None


def explain_absence(run_id: int, services: Services) -> str:
    """Why a run's model cannot be chosen, for a visitor who had chosen it."""
    try:
        run = services.runs.get_run(run_id)
    except UnknownRunError:
        return "The model that you had chosen was deleted for good."
    if run.trashed_at is not None:
        return f"The model {run.name} was deleted; it can be restored on the Train page."
    return f"The model {run.name} is not trained yet."


def explain_foreign_absence(model_id: int, services: Services) -> str:
    """Why a model from elsewhere cannot be chosen, for a visitor who had chosen it."""
    try:
        model = services.foreign.get(model_id)
    except UnknownForeignModelError:
        return "The model that you had chosen was deleted for good."
    return f"The model {model.name} was deleted; it can be brought back below."
