"""Spaces take turns, nobody is held up by somebody else's hundred tasks, and the place that is told is the true one."""

import random
from collections import Counter
from contextlib import closing

import pytest
from sqlalchemy import update

from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database
from core.storage.schema import Task
from core.task_kinds import TASK_KINDS
from tests.core.jobs.test_queue import in_threads

pytestmark = pytest.mark.both_databases

TRAIN, PACKAGE, PREPARE, IMPORT = "train_run", "package_run", "prepare_backbone", "import_photos"
LANE = (TRAIN, PACKAGE, PREPARE, "export_model")


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("w1", pid=1, host="here", lane=Lane.NETWORKS)
    return queue


def new_space(queue: TaskQueue, kind: SpaceKind = SpaceKind.PUPIL) -> TaskQueue:
    """The queue as a new space sees it."""
    return queue.of_space(SpaceRegistry(queue.database).create(kind, f"{kind}").id)


def claim_all(queue: TaskQueue, kinds: tuple[str, ...] = LANE) -> list[int]:
    """Begin and end every task, and say in which order."""
    numbers = []
    while (task := queue.claim("w1", kinds)) is not None:
        numbers.append(task.id)
        queue.finish(task.id, "w1", status=TaskStatus.DONE)
    return numbers


def test_turns_go_round(queue: TaskQueue) -> None:
    """Each space has one of its tasks begun in each round, its oldest one first."""
    otter, heron = new_space(queue), new_space(queue)
    of_otter = [otter.submit(TRAIN, {}) for _ in range(3)]
    of_heron = [heron.submit(TRAIN, {}) for _ in range(2)]
    assert claim_all(queue) == [of_otter[0], of_heron[0], of_otter[1], of_heron[1], of_otter[2]]


def test_whoever_was_served_longest_ago_is_next(queue: TaskQueue) -> None:
    """What counts is whose task was begun, not who asked first: a turn is not lost by having had none to ask for."""
    otter, heron, lynx = (new_space(queue) for _ in range(3))
    for space in (otter, heron):
        space.submit(TRAIN, {})
    claim_all(queue)
    again = [space.submit(TRAIN, {}) for space in (heron, otter, lynx)]
    assert claim_all(queue) == [again[2], again[1], again[0]]


def test_the_teacher_is_first(queue: TaskQueue) -> None:
    """A teacher's tasks are begun before those of pupils, however many and however late; two teachers take turns."""
    pupil, one, other = new_space(queue), new_space(queue, SpaceKind.TEACHER), new_space(queue, SpaceKind.TEACHER)
    of_pupil = pupil.submit(TRAIN, {})
    of_one = [one.submit(TRAIN, {}) for _ in range(2)]
    of_other = other.submit(TRAIN, {})
    assert claim_all(queue) == [of_one[0], of_other, of_one[1], of_pupil]


def test_what_is_of_nobody_takes_turns_too(queue: TaskQueue) -> None:
    """Pupils who have every network prepared hold up no training, and no training holds up the networks."""
    pupil = new_space(queue)
    shared = [pupil.submit(PREPARE, {"name": name}) for name in "abc"]
    trainings = [pupil.submit(TRAIN, {}) for _ in range(2)]
    assert claim_all(queue) == [shared[0], trainings[0], shared[1], trainings[1], shared[2]]


def test_files_give_way_to_trainings_of_others(queue: TaskQueue) -> None:
    """What gives way comes after all that does not, whoever had the last turn; among itself it goes round."""
    otter, heron = new_space(queue), new_space(queue)
    packages = [otter.submit(PACKAGE, {}), otter.submit(PACKAGE, {}), heron.submit(PACKAGE, {})]
    training = heron.submit(TRAIN, {})
    assert claim_all(queue) == [training, packages[0], packages[2], packages[1]]


def test_lanes_have_turns_of_their_own(queue: TaskQueue) -> None:
    """Who has just had photos imported has lost nothing where trainings are concerned."""
    otter, heron = new_space(queue), new_space(queue)
    heron.submit(TRAIN, {})
    otter.submit(IMPORT, {})
    claim_all(queue)
    claim_all(queue, (IMPORT,))
    second = [heron.submit(TRAIN, {}), otter.submit(TRAIN, {})]
    assert claim_all(queue) == second[::-1]


def test_a_class_is_not_held_up(queue: TaskQueue) -> None:
    """Twelve with three trainings each: somebody with sixty is served once a round, as everybody is."""
    greedy = new_space(queue)
    of_greedy = {greedy.submit(TRAIN, {}) for _ in range(60)}
    owner: dict[int, int] = {}
    for number in range(12):
        space = new_space(queue)
        owner |= {space.submit(TRAIN, {}): number for _ in range(3)}
    order = [owner.get(task_id, -1) for task_id in claim_all(queue)]
    rounds = [order[start : start + 13] for start in range(0, 3 * 13, 13)]
    assert all(Counter(each) == Counter(range(-1, 12)) for each in rounds)
    assert order[3 * 13 :] == [-1] * 57
    assert len(of_greedy) == 60


def test_several_workers(settings: Settings, queue: TaskQueue) -> None:
    """However many workers take tasks at once, each task is begun once, and no space twice in a round."""
    spaces = [new_space(queue) for _ in range(5)]
    owner = {space.submit(TRAIN, {}): number for space in spaces for number in [space.database.space_id]}
    owner |= {space.submit(TRAIN, {}): space.database.space_id for space in spaces}
    begun: list[int] = []

    def work(_: int) -> None:
        with closing(open_database(settings)) as database:
            mine = TaskQueue(database, TASK_KINDS)
            while (task := mine.claim("w1", LANE)) is not None:
                begun.append(task.id)

    in_threads(4, work)
    assert sorted(begun) == sorted(owner)
    started = {task.id: task.started_at for task in queue.running_tasks()}
    first = sorted(started, key=lambda task_id: (started[task_id], task_id))[:4]
    assert len({owner[task_id] for task_id in first}) == 4


@pytest.mark.parametrize("seed", range(8))
def test_what_is_told_comes_true(queue: TaskQueue, seed: int) -> None:
    """Whatever waits, whoever was served before: the places that are told are the order in which tasks are begun."""
    draw = random.Random(seed)
    kinds = [SpaceKind.PUPIL] * 5 + [SpaceKind.TEACHER, SpaceKind.ACCOUNT]
    spaces = [queue.of_space(1), *(new_space(queue, kind) for kind in kinds)]
    for _ in range(12):
        draw.choice(spaces).submit(draw.choice(LANE), {})
    for _ in range(draw.randrange(12)):
        queue.claim("w1", LANE)
    numbers = [draw.choice(spaces).submit(draw.choice((*LANE, IMPORT)), {}) for _ in range(30)]
    waiting = [task.id for task in queue.list_tasks(100) if task.status is TaskStatus.QUEUED]
    places = {task_id: place for task_id, place in queue.places_in_queue(waiting).items() if place is not None}
    told = sorted(
        (task_id for task_id in waiting if queue.get(task_id).kind != IMPORT), key=lambda each: places[each].num_before
    )
    assert [places[task_id].num_before for task_id in told] == list(range(len(told)))
    assert claim_all(queue) == told
    assert set(numbers) <= set(waiting)


def test_a_clock_that_was_set_back(queue: TaskQueue) -> None:
    """Turns are counted, so nobody waits until a moment comes again that the clock has shown before."""
    otter, heron = new_space(queue), new_space(queue)
    otter.submit(TRAIN, {})
    claim_all(queue)
    with queue.database.session() as session:
        session.execute(update(Task).values(started_at=Task.started_at + 86_400, finished_at=Task.finished_at + 86_400))
    numbers = [heron.submit(TRAIN, {}), otter.submit(TRAIN, {}), heron.submit(TRAIN, {})]
    assert claim_all(queue) == numbers


def test_the_likely_wait(queue: TaskQueue) -> None:
    """It is what such tasks took lately, for each that comes before, shared by the workers."""
    pupil = new_space(queue)
    pupil.submit(TRAIN, {})
    waiting = pupil.submit(TRAIN, {})
    place = queue.place_in_queue(waiting)
    assert place is not None
    assert (place.num_before, place.seconds) == (1, None)
    claim_all(queue)
    with queue.database.session() as session:
        session.execute(update(Task).values(finished_at=Task.started_at + 40))
    numbers = [pupil.submit(TRAIN, {}) for _ in range(3)]
    assert [place and place.seconds for place in pupil.places_in_queue(numbers).values()] == [0, 40, 80]
    queue.register_worker("w2", pid=2, host="here", lane=Lane.NETWORKS)
    assert [place and place.seconds for place in pupil.places_in_queue(numbers).values()] == [0, 20, 40]
