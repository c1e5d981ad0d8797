"""The space of an account, and the ticket by which its browser gets a secret."""

from typing import Any
from urllib.parse import quote

import pytest

from core.spaces.records import SpaceKind
from pages.door import accounts, routes
from pages.door.accounts import TicketOffice, space_of
from pages.server.account_role import Account, account_of
from pages.server.doorkeeper import WANTED_COOKIE
from pages.server.visitor import COOKIE_NAME
from tests.pages.conftest import OpenServices
from tests.pages.door.conftest import Clock
from tests.pages.door.visitors import DOOR, Visitor

ANNA = {
    "is_logged_in": True,
    "iss": "https://school.example",
    "sub": "4711",
    "name": "Anna Amsel",
    "email": "Anna@School.example",
    "email_verified": True,
}


def account(**changes: Any) -> Account | None:
    return account_of({**ANNA, **changes})


def test_an_account_comes_again(open_with: OpenServices) -> None:
    """Into the same space, under the name that it has now."""
    services = open_with("accounts")
    anna, renamed = account(), account(name="Anna Meise")
    assert anna is not None
    assert renamed is not None
    space = space_of(anna, services)
    assert (space.kind, space.name) == (SpaceKind.ACCOUNT, "Anna Amsel")
    assert space_of(renamed, services).id == space.id
    assert services.spaces.get(space.id).name == "Anna Meise"


def test_a_ticket_lets_a_browser_in_once(
    open_with: OpenServices, clock: Clock, monkeypatch: pytest.MonkeyPatch, visitor: Visitor
) -> None:
    """With a new secret, and at the page that was asked for."""
    services = open_with("accounts")
    office = TicketOffice(clock)
    monkeypatch.setattr(routes, "TICKETS", office)
    anna = account()
    assert anna is not None
    space = space_of(anna, services)
    assert visitor.open("/dataset?dataset=3").status_code == 200  # where one signs in
    assert visitor.cookies.get(WANTED_COOKIE) is not None
    ticket = office.give(space.id)
    answer = visitor.open(f"{DOOR}/account?ticket={ticket}")
    assert (answer.status_code, answer.headers["location"]) == (303, "../../dataset?dataset=3")
    assert services.spaces.find_by_secret(str(visitor.cookies.get(COOKIE_NAME))) == space
    second = Visitor("192.168.0.2")
    assert second.open(f"{DOOR}/account?ticket={ticket}").headers["location"] == "../../"
    assert second.cookies.get(COOKIE_NAME) is None


@pytest.mark.parametrize(
    ("wanted", "leads_to"), [("bluetit/try/Ab_-9", "../../bluetit/try/Ab_-9"), ("//other.example", "../../")]
)
def test_a_ticket_leads_back(open_with: OpenServices, visitor: Visitor, wanted: str, leads_to: str) -> None:
    """To what was asked for before signing in, if that is of this Bluetit: a browser may say anything."""
    services = open_with("accounts")
    visitor.cookies.set(WANTED_COOKIE, quote(wanted, safe=""))
    ticket = routes.TICKETS.give(services.spaces.home().id)
    assert visitor.open(f"{DOOR}/account?ticket={ticket}").headers["location"] == leads_to


def test_a_ticket_from_another_site_opens_nothing(
    open_with: OpenServices, clock: Clock, monkeypatch: pytest.MonkeyPatch, visitor: Visitor
) -> None:
    """Nobody is put into somebody else's space by a link."""
    services, office = open_with("accounts"), TicketOffice(clock)
    monkeypatch.setattr(routes, "TICKETS", office)
    ticket = office.give(services.spaces.home().id)
    visitor.open(f"{DOOR}/account?ticket={ticket}", **{"sec-fetch-site": "cross-site"})
    assert visitor.cookies.get(COOKIE_NAME) is None


def test_tickets_run_out(clock: Clock) -> None:
    """After a minute, and the oldest when there are too many."""
    office = TicketOffice(clock)
    ticket = office.give(5)
    clock.now += 61.0
    assert office.take(ticket) is None
    first = office.give(6)
    for _ in range(accounts._MAX_TICKETS):
        office.give(7)
    assert office.take(first) is None
