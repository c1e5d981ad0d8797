"""Accounts: whom an identity provider knows has a space, by issuer and subject; Streamlit itself speaks with it.

Streamlit keeps who signed in in a cookie of its own, and tells its pages. Routes know a visitor by ours. So a page that
Streamlit tells of an account sends the browser once to a route with a ticket, and gets a new secret for it there.
"""

import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from core.services import Services
from core.settings import Settings
from core.spaces.records import SpaceKind, SpaceView

_TICKET_SECONDS = 60.0
_TICKET_BYTES = 32
_MAX_TICKETS = 1_024
_MAX_NAME_CHARS = 80
_NAMELESS = "Account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom an identity provider has told of."""

    key: str  # issuer and subject, which together are one person for ever
    name: str  # for people
    email: str | None  # None: none that the provider has verified


def account_of(user: Mapping[str, Any]) -> Account | None:
    """The account that is signed in; None: none is.

    Args:
        user: claims of an ID token, as `st.user` has them.
            Source: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
    """
    issuer, subject = user.get("iss"), user.get("sub")
    if not user.get("is_logged_in") or not isinstance(issuer, str) or not isinstance(subject, str):
        return None
    email = user.get("email")
    is_verified = user.get("email_verified") in (True, "true")
    names = (user.get(claim) for claim in ("name", "preferred_username", "email"))
    name = next((each for each in names if isinstance(each, str) and each.strip()), _NAMELESS)
    return Account(
        key=json.dumps([issuer, subject]),
        name=name.strip()[:_MAX_NAME_CHARS],
        email=email.casefold() if isinstance(email, str) and is_verified else None,
    )


def is_administrator(account: Account | None, settings: Settings) -> bool:
    """Whether somebody may see how much everybody stores, and delete it."""
    if account is None or account.email is None:
        return False
    return account.email in {address.casefold() for address in settings.administrators}


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
