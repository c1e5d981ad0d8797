"""What every open page is told: held up, joined by another device, out; and what the teacher learns from it."""

import time

import pytest

from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.registry import hash_secret
from pages.server import class_roll, presence
from pages.server.presence import PRESENCE_ROUTES, Place, note_place, tell_presence
from pages.server.visitor import COOKIE_NAME, new_secret
from pages.server.watching import WatchDesk
from pages.words.doing import tell_doing
from tests.pages.conftest import OpenServices
from tests.pages.server.route_visits import fetch

ADDRESS = "/bluetit/presence"


@pytest.fixture
def opened(open_with: OpenServices, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The services of a class, and what is told is as new as can be."""
    monkeypatch.setattr(class_roll, "_FRESH_SECONDS", 0.0)
    monkeypatch.setattr(presence, "_desk", WatchDesk())
    return open_with("class")


@pytest.fixture
def classroom(opened: Services) -> ClassroomView:
    return opened.classroom.hold()[0]


@pytest.fixture
def pupil(opened: Services, classroom: ClassroomView) -> str:
    """The secret of a pupil's browser."""
    secret = new_secret()
    opened.classroom.enter(classroom.id, "Quiet Otter", secret)
    return secret


def test_what_a_pupil_is_told(opened: Services, classroom: ClassroomView, pupil: str) -> None:
    """Who they are; and, while the teacher wants to be heard, the line of text."""
    told = tell_presence(hash_secret(pupil))
    assert (told["state"], told["kind"], told["name"], told["picture"]) == ("in", "pupil", "Quiet Otter", "🦦")
    assert (told["paused"], told["newcomer_at"]) == (None, None)
    opened.classroom.set_paused(classroom.id, "Eyes to me")
    assert tell_presence(hash_secret(pupil))["paused"] == "Eyes to me"


def test_the_teacher_is_not_held_up(opened: Services, classroom: ClassroomView) -> None:
    """Or nobody could end it."""
    _, password = opened.classroom.hold()
    secret = new_secret()
    opened.classroom.enter_as_teacher(classroom.id, password, secret)
    opened.classroom.set_paused(classroom.id, "Eyes to me")
    assert tell_presence(hash_secret(secret))["paused"] is None


def test_another_device_is_told_of(opened: Services, classroom: ClassroomView, pupil: str) -> None:
    """To the browsers that were there before it, with the time, and not to itself or to other pupils."""
    tablet, other = new_secret(), new_secret()
    opened.classroom.enter(classroom.id, "Brave Heron", other)
    space = opened.spaces.find_by_secret(pupil)
    assert space is not None
    opened.classroom.pick_up(classroom.id, opened.classroom.renew_pickup_code(space.id), tablet)
    assert tell_presence(hash_secret(pupil))["newcomer_at"] == pytest.approx(time.time(), abs=60)
    assert [tell_presence(hash_secret(each))["newcomer_at"] for each in (tablet, other)] == [None, None]


def test_who_is_out_is_told_so(opened: Services, pupil: str) -> None:
    """Those who never were in, too; the browser then goes to the door."""
    cookies = {"cookie": f"{COOKIE_NAME}={pupil}"}
    assert fetch(ADDRESS, PRESENCE_ROUTES, **cookies).json()["state"] == "in"
    opened.spaces.let_out(pupil)
    assert fetch(ADDRESS, PRESENCE_ROUTES, **cookies).json() == {"state": "out"}
    stranger = {"cookie": f"{COOKIE_NAME}={new_secret()}"}
    assert fetch(ADDRESS, PRESENCE_ROUTES, **stranger).json() == {"state": "out"}


def test_who_has_just_come_in_is_in(
    opened: Services, classroom: ClassroomView, pupil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although what all have in common was read a moment before."""
    monkeypatch.setattr(class_roll, "_FRESH_SECONDS", 60.0)
    tell_presence(hash_secret(pupil))
    newcomer = new_secret()
    opened.classroom.enter(classroom.id, "Brave Heron", newcomer)
    assert tell_presence(hash_secret(newcomer))["name"] == "Brave Heron"


def test_the_server_knows_who_is_there(opened: Services, pupil: str) -> None:
    """Each question of a browser is a visit, with the page that is open."""
    space = opened.spaces.find_by_secret(pupil)
    assert space is not None
    note_place(space.id, Place(page="Train"))
    fetch(ADDRESS, PRESENCE_ROUTES, cookie=f"{COOKIE_NAME}={pupil}")
    assert opened.spaces.get(space.id).doing == {"page": "Train"}


def test_what_a_pupil_does_is_told_in_words(opened: Services, pupil: str) -> None:
    """The dataset that is open, and how many photos it has; never what is of others."""
    space = opened.spaces.find_by_secret(pupil)
    assert space is not None
    own = opened.of_space(space.id)
    dataset_id = own.library.datasets.create("Flowers").id
    doing = tell_doing(own, "Dataset", dataset_id=dataset_id, run_id=None)
    assert doing == {"page": "Dataset", "what": "Flowers", "detail": "0 photos"}
    note_place(space.id, Place(page="Dataset", dataset_id=dataset_id + 99))
    fetch(ADDRESS, PRESENCE_ROUTES, cookie=f"{COOKIE_NAME}={pupil}")
    assert opened.spaces.get(space.id).doing == {"page": "Dataset"}


@pytest.mark.parametrize("access", ["alone", "open"])
def test_nobody_is_watched_where_all_is_in_common(open_with: OpenServices, access: str) -> None:
    """The browser is told so once, and asks no more."""
    open_with(access)
    answer = fetch(ADDRESS, PRESENCE_ROUTES, cookie=f"{COOKIE_NAME}={new_secret()}")
    assert answer.json() == {"state": "common"}
