"""Whose a page is: asked of the database once while the page is made, and anew for each page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.environment import to_environment
from core.errors import NotLetInError
from core.settings import Settings
from core.spaces.records import SpaceKind
from pages.server.services import ask_anew, asking_once, close_services, services_of, whole_services
from pages.server.visitor import new_secret
from tests.statements import noted_statements


@pytest.fixture
def secret(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Of a browser that is let into a pupil's space."""
    for name, value in to_environment(replace(settings, access="class")).items():
        monkeypatch.setenv(name, value)
    spaces = whole_services().spaces
    made = new_secret()
    spaces.let_in(made, spaces.create(SpaceKind.PUPIL, "Quiet Otter").id)
    yield made
    close_services()


def test_a_page_asks_once_whose_it_is(secret: str) -> None:
    """However many of its parts want to know."""
    with asking_once():
        first = services_of(secret)
        with noted_statements(whole_services().database) as statements:
            assert services_of(secret).space_id == first.space_id
        assert not [each for each in statements if each.startswith("SELECT")]


def test_whoever_is_let_out_is_not_in_on_the_next_page(secret: str) -> None:
    """Nothing is remembered from one page to the next, and never that somebody was not let in."""
    with asking_once():
        services_of(secret)
    whole_services().spaces.let_out(secret)
    with asking_once():
        with pytest.raises(NotLetInError):
            services_of(secret)
        spaces = whole_services().spaces
        spaces.let_in(secret, spaces.create(SpaceKind.PUPIL, "Brave Newt").id)
        assert services_of(secret).space_id is not None


def test_whoever_is_let_out_while_a_page_waits_is_not_in(secret: str) -> None:
    """A page that had its turn at once asks no more; one that waited asks once more."""
    with asking_once():
        services_of(secret)
        whole_services().spaces.let_out(secret)
        ask_anew(waited_seconds=0.01)
        assert services_of(secret).space_id is not None
        ask_anew(waited_seconds=2.0)
        with pytest.raises(NotLetInError):
            services_of(secret)
