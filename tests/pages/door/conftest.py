"""A class that is held on a real database, and browsers in front of its door."""

import pytest

from core.services import Services
from core.spaces.classroom import ClassroomView
from pages.door import routes
from pages.door.coming_in import Door
from tests.pages.conftest import OpenServices
from tests.pages.door.visitors import Visitor


class Clock:
    """A clock that goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """By which the door counts."""
    clock = Clock()
    monkeypatch.setattr(routes, "_door", Door(clock))
    return clock


@pytest.fixture
def services(open_with: OpenServices, clock: Clock) -> Services:
    """Those of a class, at whose door nobody has guessed yet."""
    return open_with("class")


@pytest.fixture
def held(services: Services) -> tuple[ClassroomView, str]:
    """The class and the teacher's password."""
    return services.classroom.hold()


@pytest.fixture
def classroom(held: tuple[ClassroomView, str]) -> ClassroomView:
    return held[0]


@pytest.fixture
def visitor() -> Visitor:
    """One that has never been here."""
    return Visitor()
