"""Spaces that nobody comes to are deleted, which is told before, whatever the clock does; who looks is told, too."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import update

from core.backbones.preparation import PREPARE_KIND
from core.datasets.tasks import CHECK_KIND
from core.errors import LookOnlyError
from core.settings import Settings
from core.spaces.deleting.desk import DELETE_KIND
from core.spaces.notices import LOOKING_SECONDS, Notice, NoticeBoard
from core.spaces.records import SpaceView
from core.spaces.roll import read_roll
from core.storage.schema import Space
from tests.core.spaces.class_samples import Class, collect, held_class, learn, perform

pytestmark = pytest.mark.both_databases

DAY = 24 * 3600.0


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += days * DAY


@pytest.fixture
def lesson(settings: Settings) -> Iterator[Class]:
    with held_class(settings) as held:
        yield held


@pytest.fixture
def clock(lesson: Class) -> Clock:
    return Clock(max(pupil.seen_at for pupil in lesson.pupils))


@pytest.fixture
def notices(lesson: Class, clock: Clock) -> NoticeBoard:
    services = lesson.services
    return NoticeBoard(services.database, services.settings, services.deletions, clock)


def come(lesson: Class, pupil: SpaceView, now: float) -> None:
    with lesson.services.database.session() as session:
        session.execute(update(Space).where(Space.id == pupil.id).values(seen_at=now))


def notice_of(lesson: Class, clock: Clock, space_id: int) -> Notice:
    return read_roll(lesson.services.database, clock()).notices.get(space_id, Notice())


def left(lesson: Class) -> list[str]:
    return [each.name for each in lesson.services.spaces.of_classroom(lesson.classroom.id)][1:]


def test_whoever_stays_away_is_deleted_after_a_warning(lesson: Class, notices: NoticeBoard, clock: Clock) -> None:
    """Fourteen days after the last visit, warned of from the eleventh on; whoever came in between stays."""
    away, back = lesson.pupils
    clock.pass_days(10)
    assert notices.look_after() == 0
    assert not notice_of(lesson, clock, away.id).was_warned
    clock.pass_days(1)
    notices.look_after()
    assert notice_of(lesson, clock, away.id).was_warned
    come(lesson, back, clock.now)
    clock.pass_days(2.9)
    assert notices.look_after() == 0
    assert not notice_of(lesson, clock, back.id).was_warned
    clock.pass_days(0.2)
    assert notices.look_after() == 1
    assert left(lesson) == [back.name]
    perform(lesson.services, DELETE_KIND)
    assert lesson.services.deletions.shown()[0].view.receipt is not None


def test_a_server_that_was_off_warns_first(lesson: Class, notices: NoticeBoard, clock: Clock) -> None:
    """After the holidays nobody finds everything gone at once."""
    clock.pass_days(40)
    assert notices.look_after() == 0
    clock.pass_days(2.9)
    assert notices.look_after() == 0
    clock.pass_days(0.2)
    assert notices.look_after() == 2


def test_a_clock_that_jumps(lesson: Class, notices: NoticeBoard, clock: Clock) -> None:
    """A year ahead, in which somebody works on, and back again: nothing is deleted, and days are counted anew."""
    clock.pass_days(365)
    notices.look_after()
    come(lesson, lesson.pupils[0], clock.now)
    clock.pass_days(-365)
    assert notices.look_after() == 0
    assert not any(notice_of(lesson, clock, pupil.id).was_warned for pupil in lesson.pupils)
    clock.pass_days(11.1)
    notices.look_after()
    clock.pass_days(3.1)
    assert notices.look_after() == 2


def test_never_by_itself_where_that_was_chosen(lesson: Class, clock: Clock) -> None:
    """With 0 days only the teacher deletes."""
    services = lesson.services
    notices = NoticeBoard(services.database, replace(services.settings, space_days=0), services.deletions, clock)
    clock.pass_days(1000)
    notices.look_after(), clock.pass_days(1000)
    assert notices.look_after() == 0
    assert notices.due_at(lesson.pupils[0]) is None


def test_a_pupil_is_told_that_the_teacher_looks(lesson: Class, notices: NoticeBoard, clock: Clock) -> None:
    """While that is so, and a moment longer."""
    pupil = lesson.pupils[0]
    assert not notice_of(lesson, clock, pupil.id).is_looked_at
    notices.note_look(pupil.id)
    assert notice_of(lesson, clock, pupil.id).is_looked_at
    clock.now += LOOKING_SECONDS + 1
    assert not notice_of(lesson, clock, pupil.id).is_looked_at
    notices.note_look(pupil.id), notices.end_look(pupil.id)
    assert not notice_of(lesson, clock, pupil.id).is_looked_at
    notices.note_look(999)  # who was removed meanwhile is told nothing


def test_who_looks_changes_nothing(lesson: Class) -> None:
    """Everything can be read; whatever would write is refused by the database itself."""
    pupil = lesson.pupils[0]
    own = lesson.of(pupil)
    dataset_id = collect(own, range(4))
    run_id = learn(own, dataset_id).id
    looking = lesson.services.looking_at(pupil.id)
    assert [view.id for view in looking.runs.list_runs()] == [run_id]
    assert len(looking.library.images.of(dataset_id)) == 4
    image_ids = [image.id for image in looking.library.images.of(dataset_id)]
    for change in (
        lambda: looking.library.datasets.rename(dataset_id, "Mine"),
        lambda: looking.library.images.trash(image_ids),
        lambda: looking.runs.set_note(run_id, "seen"),
        lambda: looking.run_desk.request_examination(run_id),
        lambda: looking.queue.submit(CHECK_KIND, {}),
    ):
        with pytest.raises(LookOnlyError, match="not changed"):
            change()
    assert [task.kind for task in own.queue.list_tasks(10)] == [PREPARE_KIND]  # the server's own
