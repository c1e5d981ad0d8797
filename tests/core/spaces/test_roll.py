"""Everybody at one moment, in one look at the database."""

import time
from collections.abc import Iterator

import pytest

from core.services import Services
from core.settings import Settings
from core.spaces.notices import Notice
from core.spaces.records import SpaceKind
from core.spaces.registry import hash_secret
from core.spaces.roll import Roll, read_roll
from core.storage.db import open_database
from tests.core.spaces.class_samples import Class, collect, held_class
from tests.statements import noted_statements

pytestmark = pytest.mark.both_databases


@pytest.fixture
def lesson(settings: Settings) -> Iterator[Class]:
    with held_class(settings) as held:
        yield held


def now_in(services: Services) -> Roll:
    return read_roll(services.database, time.time())


def test_who_is_in_and_what_they_are_told(lesson: Class) -> None:
    """Browsers by their keys, the class, its teacher and pupils, and whom the teacher looks at; nobody of elsewhere."""
    services, pupil = lesson.services, lesson.pupils[0]
    stranger = services.spaces.create(SpaceKind.ACCOUNT, "Somebody", account="elsewhere")
    services.spaces.let_in("a secret", pupil.id)
    services.notices.note_look(pupil.id)
    roll = now_in(services)
    assert roll.keys[hash_secret("a secret")].space_id == pupil.id
    assert roll.classroom == services.classroom.current()
    assert set(roll.spaces) == {lesson.teacher.id, *(each.id for each in lesson.pupils)}
    assert roll.spaces[pupil.id] == services.spaces.get(pupil.id)
    assert stranger.id not in roll.spaces
    assert roll.notices == {pupil.id: Notice(is_looked_at=True)}


def test_who_misses_what_all_get(lesson: Class) -> None:
    """Whoever came before has it; of those who come, each until it is noted for them."""
    services = lesson.services
    dataset_id = collect(services.of_space(lesson.teacher.id), range(4), name="Fish")
    services.hand_outs.hand_out(lesson.classroom.id, dataset_id=dataset_id, is_for_newcomers=True)
    assert not now_in(services).are_missing_something
    newcomer, _ = services.classroom.enter(lesson.classroom.id, "Brave Newt", "another secret")
    assert now_in(services).are_missing_something == {newcomer.id}
    services.hand_outs.catch_up(newcomer.id, lesson.classroom.id)
    assert not now_in(services).are_missing_something


def test_where_no_class_is_held(settings: Settings) -> None:
    """There is nobody, and nothing to tell."""
    database = open_database(settings)
    roll = read_roll(database, time.time())
    database.close()
    assert (roll.classroom, roll.spaces, roll.notices) == (None, {}, {})


def test_it_takes_few_statements_whoever_is_there(lesson: Class) -> None:
    """Thirty pupils are read with as many as two."""
    with noted_statements(lesson.services.database) as statements:
        now_in(lesson.services)
    assert len([each for each in statements if each.startswith("SELECT")]) <= 4
