"""The invitation to the class that this process holds, which the command puts up and pages show."""

from dataclasses import dataclass, field
from threading import Lock

from core.hosting.invitation import Invitation

CLASS_START = "class-start"  # the page for the projector, below the routes


@dataclass(slots=True)
class InvitationBoard:
    """Holds one invitation, replaced when the computer's addresses change; safe to share between threads."""

    _lock: Lock = field(default_factory=Lock)
    _invitation: Invitation | None = None

    def put_up(self, invitation: Invitation) -> None:
        """Show an invitation from now on."""
        with self._lock:
            self._invitation = invitation

    def current(self) -> Invitation | None:
        """What is put up; None: the class is not held by the command, but behind a web server."""
        with self._lock:
            return self._invitation


INVITATION_BOARD = InvitationBoard()
