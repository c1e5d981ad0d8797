"""A class that is held on a real database, and browsers in front of its door."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from core.environment import to_environment
from core.jobs.supervisor import Supervisor
from core.services import Services
from core.settings import Settings
from core.spaces.classroom import ClassroomView
from pages.door import routes
from pages.door.coming_in import Door
from pages.server.services import close_services, whole_services
from tests.pages.door.visitors import Visitor

OpenServices = Callable[[str], Services]


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
def open_with(settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenServices]:
    """Opens the services with a kind of access; nothing is prepared meanwhile."""
    monkeypatch.setattr(Supervisor, "start", lambda _: None)

    def open_one(access: str) -> Services:
        for name, value in to_environment(replace(settings, access=access)).items():
            monkeypatch.setenv(name, value)
        return whole_services()

    yield open_one
    close_services()


@pytest.fixture
def services(open_with: OpenServices) -> Services:
    """Those of a class."""
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
