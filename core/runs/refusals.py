"""Errors for what the state of a run does not allow."""

from core.errors import RunStateError, UnknownRunError
from core.runs.records import RunStatus, RunView

_STATUS_WORDS = {
    RunStatus.QUEUED: "waits for its turn",
    RunStatus.RUNNING: "is running",
    RunStatus.STOPPING: "is being stopped",
    RunStatus.DONE: "is done",
    RunStatus.FAILED: "has failed",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.INTERRUPTED: "was interrupted",
}


def unknown_run(run_id: int) -> UnknownRunError:
    """The error for a number that no run has."""
    return UnknownRunError(f"No run has the number {run_id}; it may have been deleted for good.")


def refusal(view: RunView, rule: str) -> RunStateError:
    """The error for what a run's state does not allow.

    Args:
        view: the run.
        rule: what would be possible, such as "only one that is done can be packaged".
    """
    return RunStateError(f"The run “{view.name}” {_STATUS_WORDS[view.status]}; {rule}.")


def refuse_trashed(view: RunView) -> None:
    """Refuse a run that is in the trash.

    Raises:
        RunStateError: it is.
    """
    if view.trashed_at is not None:
        raise trashed_error(view.name)


def refuse_active(view: RunView) -> None:
    """Refuse a run that waits or runs.

    Raises:
        RunStateError: it does.
    """
    if view.is_active:
        raise refusal(view, "stop or cancel it before you delete it")


def trashed_error(name: str) -> RunStateError:
    """The error for a run that is in the trash."""
    return RunStateError(f"The run “{name}” was deleted. Restore it first.")
