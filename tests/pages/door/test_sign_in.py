"""What Streamlit's pages show to whoever is not let in; signing in itself is tested with a browser and a provider."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.settings import Settings
from core.spaces.records import SpaceKind
from pages.server import presence
from pages.server.services import whole_services
from pages.server.visitor import new_secret

pytestmark = pytest.mark.usefixtures("no_workers")

OpenApp = Callable[..., AppTest]
CLAIMS = {"is_logged_in": True, "iss": "https://school.example", "sub": "4711", "name": "Anna Amsel"}


class SignedIn:
    """Stands for `st.user`, which a test without a browser does not have."""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.claims = claims

    def to_dict(self) -> dict[str, Any]:
        return self.claims


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> SignedIn:
    """Who is signed in: nobody, until the test says so."""
    user = SignedIn({"is_logged_in": False})
    monkeypatch.setattr(st, "user", user)
    return user


def titles(app: AppTest) -> list[str]:
    assert not app.exception
    return [title.value for title in app.title]


def test_a_page_of_a_class_shows_nothing_to_strangers(open_app: OpenApp, prepared_settings: Settings) -> None:
    """Whoever was taken out while a page was open finds the way to the door in its place."""
    app = open_app(replace(prepared_settings, access="class"))
    assert titles(app) == ["Come in first"]


def test_a_page_of_a_class_is_there_for_those_who_are_in(open_app: OpenApp, prepared_settings: Settings) -> None:
    """With words that are true there; and the teacher can know on which page they are."""
    settings, secret = replace(prepared_settings, access="class"), new_secret()
    open_app(settings)
    services = whole_services()
    space, _ = services.classroom.enter(services.classroom.hold()[0].id, "Quiet Otter", secret)
    app = open_app(settings, secret=secret)
    assert titles(app) == ["What is in your photo?"]
    assert "Your photos stay on this school’s computer." in app.markdown[0].value
    assert presence._places[space.id].page == "Classify"
    services.spaces.let_out(secret)
    assert titles(app.run()) == ["Come in first"]


@pytest.mark.usefixtures("user")
def test_accounts_without_a_provider(open_app: OpenApp, prepared_settings: Settings) -> None:
    """Whoever set it up learns what is missing."""
    app = open_app(replace(prepared_settings, access="accounts"))
    assert titles(app) == ["Sign in"]
    assert "no section `[auth]`" in app.error[0].value


def test_an_account_is_sent_for_its_cookie(open_app: OpenApp, prepared_settings: Settings, user: SignedIn) -> None:
    """Its space is made; without the cookie the page shows nothing of it."""
    user.claims = CLAIMS
    app = open_app(replace(prepared_settings, access="accounts"))
    assert titles(app) == ["Hello, Anna Amsel"]
    space = whole_services().spaces.find_by_account('["https://school.example", "4711"]')
    assert space is not None
    assert space.kind is SpaceKind.ACCOUNT


def test_an_account_and_its_cookie_belong_together(
    open_app: OpenApp, prepared_settings: Settings, user: SignedIn
) -> None:
    """Who signs out is let out; who signs in as somebody else in the same browser does not get the space of before."""
    settings, secret = replace(prepared_settings, access="accounts"), new_secret()
    user.claims = CLAIMS
    open_app(settings)
    services = whole_services()
    space = services.spaces.find_by_account('["https://school.example", "4711"]')
    assert space is not None
    services.spaces.let_in(secret, space.id)
    assert titles(open_app(settings, secret=secret)) == ["What is in your photo?"]
    user.claims = {**CLAIMS, "sub": "4712", "name": "Ben Buchfink"}
    assert titles(open_app(settings, secret=secret)) == ["Hello, Ben Buchfink"]
    user.claims = {"is_logged_in": False}
    assert titles(open_app(settings, secret=secret)) == ["Sign in"]
    assert services.spaces.find_by_secret(secret) is None
