"""Accounts: whom an identity provider knows has a space, by issuer and subject; Streamlit itself speaks with it.

Streamlit keeps who signed in in a cookie of its own, and tells its pages. Routes know a visitor by ours. So a page that
Streamlit tells of an account sends the browser once to a route with a ticket, and gets a new secret for it there.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from sqlalchemy.exc import IntegrityError

from core.services import Services
from core.spaces.records import SpaceKind, SpaceView
from pages.server.account_role import Account

_TICKET_SECONDS = 60.0
_TICKET_BYTES = 32
_MAX_TICKETS = 1_024


def space_of(account: Account, services: Services) -> SpaceView:
    """The space of an account, made when it comes for the first time."""
    space = services.spaces.find_by_account(account.key)
    if space is None:
        try:
            return services.spaces.create(SpaceKind.ACCOUNT, account.name, account=account.key)
        except IntegrityError:  # it came in two tabs at the same moment
            return space_of(account, services)
    if space.name != account.name:
        services.spaces.rename(space.id, account.name)
    return space


class TicketOffice:
    """Tickets that are good once, for a minute; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tickets: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def give(self, space_id: int) -> str:
        """A ticket to a space."""
        ticket = secrets.token_urlsafe(_TICKET_BYTES)
        with self._lock:
            self._tickets[ticket] = (space_id, self._clock())
            while len(self._tickets) > _MAX_TICKETS:
                self._tickets.popitem(last=False)
        return ticket

    def take(self, ticket: str) -> int | None:
        """The space to which a ticket leads; None: it is none, or not any more."""
        with self._lock:
            space_id, given_at = self._tickets.pop(ticket, (None, 0.0))
            return space_id if self._clock() - given_at < _TICKET_SECONDS else None


TICKETS = TicketOffice()
