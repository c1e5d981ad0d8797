"""The table of statuses allows what the design says and nothing else."""

import pytest

from core.errors import IllegalTransitionError
from core.jobs.status import LEGAL_TRANSITIONS, TaskStatus, check_transition

LEGAL = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("running", "done"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "interrupted"),
    ("running", "queued"),
    ("interrupted", "queued"),
}


def test_every_status_is_in_the_table() -> None:
    """No status is forgotten."""
    assert set(LEGAL_TRANSITIONS) == set(TaskStatus)


@pytest.mark.parametrize("new", TaskStatus)
@pytest.mark.parametrize("old", TaskStatus)
def test_transition(old: TaskStatus, new: TaskStatus) -> None:
    """Each pair of statuses is allowed or refused as the design says; a refusal names both."""
    if (old, new) in LEGAL:
        check_transition(old, new)
    else:
        with pytest.raises(IllegalTransitionError, match=f"that is {old} cannot become {new}"):
            check_transition(old, new)


def test_refusal_lists_what_is_legal() -> None:
    """The message says what would have been possible."""
    with pytest.raises(IllegalTransitionError, match="it can become running, cancelled, failed"):
        check_transition(TaskStatus.QUEUED, TaskStatus.DONE)
    with pytest.raises(IllegalTransitionError, match="that is final"):
        check_transition(TaskStatus.DONE, TaskStatus.QUEUED)
