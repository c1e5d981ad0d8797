"""A class is entered with its code, a pupil's space with a pick-up code, the teacher's with the password."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from core.errors import NotLetInError, SpaceError, UnknownSpaceError
from core.settings import Settings
from core.spaces.animals import is_animal_name
from core.spaces.classroom import ClassOptions, ClassroomDesk, ClassroomView
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry, hash_secret
from core.storage.db import Database, open_database
from core.storage.schema import Classroom, Space

pytestmark = pytest.mark.both_databases


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def desk(database: Database) -> ClassroomDesk:
    return ClassroomDesk(database)


@pytest.fixture
def spaces(database: Database) -> SpaceRegistry:
    return SpaceRegistry(database)


@pytest.fixture
def classroom(desk: ClassroomDesk) -> ClassroomView:
    return desk.hold()[0]


def test_one_class_is_held_and_gone_on_with(desk: ClassroomDesk) -> None:
    """Starting again keeps the code and the pupils, and only the newest password holds."""
    first, old_password = desk.hold()
    again, password = desk.hold()
    assert (again.id, again.code) == (first.id, first.code)
    assert desk.current() == again
    assert desk.enter_as_teacher(again.id, password, "browser").kind is SpaceKind.TEACHER
    with pytest.raises(NotLetInError, match="not the teacher's password"):
        desk.enter_as_teacher(again.id, old_password, "browser")


def test_however_the_code_is_typed(desk: ClassroomDesk, classroom: ClassroomView) -> None:
    """Case, spaces and hyphens do not count; another code opens nothing."""
    code = classroom.code
    assert len(code) == 6
    assert desk.find_by_code(f" {code[:3].lower()}-{code[3:]} ") == classroom
    assert desk.find_by_code("AAAAAA" if code != "AAAAAA" else "BBBBBB") is None


def test_a_pupil_comes_in(desk: ClassroomDesk, spaces: SpaceRegistry, classroom: ClassroomView) -> None:
    """The browser is known again, and another device comes in with the pick-up code."""
    name = desk.offer_names(classroom.id)[0]
    space, pickup = desk.enter(classroom.id, name, "tablet")
    assert (space.kind, space.name) == (SpaceKind.PUPIL, name)
    assert spaces.find_by_secret("tablet") == space
    assert desk.pick_up(classroom.id, pickup.lower(), "phone").id == space.id
    assert [each.kind for each in spaces.of_classroom(classroom.id)] == [SpaceKind.TEACHER, SpaceKind.PUPIL]


def test_a_pickup_code_that_was_renewed(desk: ClassroomDesk, classroom: ClassroomView) -> None:
    """The old one opens nothing any more."""
    space, old = desk.enter(classroom.id, "Quiet Otter", "tablet")
    new = desk.renew_pickup_code(space.id)
    with pytest.raises(NotLetInError):
        desk.pick_up(classroom.id, old, "phone")
    assert desk.pick_up(classroom.id, new, "phone").id == space.id


def test_nobody_has_a_name_twice(desk: ClassroomDesk, classroom: ClassroomView) -> None:
    """Names that are taken are neither offered nor given."""
    desk.enter(classroom.id, "Quiet Otter", "one")
    with pytest.raises(SpaceError, match="Somebody else is “Quiet Otter”"):
        desk.enter(classroom.id, "Quiet Otter", "two")
    assert all(len(set(names := desk.offer_names(classroom.id))) == 3 and "Quiet Otter" not in names for _ in range(50))


def test_a_closed_class(desk: ClassroomDesk, spaces: SpaceRegistry, classroom: ClassroomView) -> None:
    """Nobody comes in, whoever is in stays."""
    _, pickup = desk.enter(classroom.id, "Quiet Otter", "one")
    desk.set_open(classroom.id, is_open=False)
    with pytest.raises(NotLetInError, match="closed"):
        desk.enter(classroom.id, "Brave Heron", "two")
    with pytest.raises(NotLetInError):
        desk.pick_up(classroom.id, pickup, "three")
    assert spaces.find_by_secret("one") is not None


def test_what_the_teacher_chooses(desk: ClassroomDesk, classroom: ClassroomView) -> None:
    """The class is held up and told why, and its options are kept."""
    desk.set_paused(classroom.id, "Eyes to me")
    desk.set_options(classroom.id, ClassOptions(blur_faces=True))
    now = desk.current()
    assert now is not None
    assert (now.paused_text, now.options.blur_faces) == ("Eyes to me", True)
    with pytest.raises(UnknownSpaceError):
        desk.set_paused(99, "Nobody")


def test_no_secret_is_stored(desk: ClassroomDesk, database: Database) -> None:
    """Whoever reads the database finds neither password, pick-up code nor cookie."""
    classroom, password = desk.hold()
    _, pickup = desk.enter(classroom.id, "Quiet Otter", "cookie-secret")
    with database.read_session() as session:
        stored = repr([vars(row) for model in (Classroom, Space) for row in session.query(model)])
    for secret in (password, password.replace("-", ""), pickup, pickup.replace("-", ""), "cookie-secret"):
        assert secret not in stored


def test_who_came_later_can_be_thrown_out(desk: ClassroomDesk, spaces: SpaceRegistry, classroom: ClassroomView) -> None:
    """By those who were there before, not the other way round: a stolen code does not drive out whose space it is."""
    _, pickup = desk.enter(classroom.id, "Quiet Otter", "first")
    desk.pick_up(classroom.id, pickup, "second")
    desk.pick_up(classroom.id, pickup, "thief")
    assert spaces.let_out_later("thief") == 0
    assert spaces.let_out_later("second") == 1
    assert [spaces.find_by_secret(secret) is not None for secret in ("first", "second", "thief")] == [True, True, False]
    assert spaces.let_out_later("nobody") == 0


def test_who_comes_later_is_later_whatever_the_clock_says(
    desk: ClassroomDesk, spaces: SpaceRegistry, classroom: ClassroomView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Setting the computer's clock back does not make a newcomer the one who was there first."""
    _, pickup = desk.enter(classroom.id, "Quiet Otter", "first")
    with monkeypatch.context() as patch:
        patch.setattr("core.spaces.registry.time.time", lambda: 1_000.0)
        desk.pick_up(classroom.id, pickup, "second")
    keys = spaces.list_keys()
    assert [key.key_hash for key in keys] == [hash_secret("first"), hash_secret("second")]
    assert keys[0].later_of(keys) == [keys[1]]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Quiet Otter", True),
        ("Quiet Otter 17", True),
        ("Quiet Otter 017", False),
        ("Quiet Otter 1000", False),
        ("Quiet Otter ", False),
        ("quiet otter", False),
        ("Quiet", False),
        ("Otter Quiet", False),
        ("Anna Smith", False),
        ("", False),
    ],
)
def test_names_that_are_offered(name: str, is_one: bool) -> None:
    """They are known again; nobody comes in under their own name or one that hurts."""
    assert is_animal_name(name) is is_one
