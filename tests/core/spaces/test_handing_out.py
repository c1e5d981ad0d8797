"""What a teacher hands out each pupil has whole, once, and with no second copy of its bytes on the disk."""

import os
import zipfile
from collections.abc import Iterator

import pytest

from core.datasets.library import Library
from core.errors import SpaceError, UnknownSpaceError
from core.runs.folder import RunFolder, runs_path
from core.settings import Settings
from core.spaces import copying, handing_out
from core.spaces.handing_out import HAND_OUT_KIND
from core.spaces.records import SpaceView
from core.spaces.taking_home import TAKE_HOME_KIND
from tests.core.spaces.class_samples import Class, collect, held_class, learn, perform, photo_bytes

pytestmark = pytest.mark.both_databases


@pytest.fixture
def lesson(settings: Settings) -> Iterator[Class]:
    with held_class(settings) as held:
        own = held.of(held.teacher)
        learn(own, collect(own, range(1, 9)))
        yield held


def all_of(lesson: Class) -> dict[str, object]:
    """What can be handed out of the teacher's: the dataset with its model."""
    own = lesson.of(lesson.teacher)
    return {
        "dataset_id": own.library.datasets.all()[0].id,
        "run_ids": [view.id for view in own.runs.list_runs()],
    }


def test_everybody_has_a_copy(lesson: Class) -> None:
    """Photos, classes, splits and the model are those of the teacher; the files are the same ones on the disk."""
    services, own = lesson.services, lesson.of(lesson.teacher)
    hand_out_id = services.hand_outs.hand_out(lesson.classroom.id, **all_of(lesson))  # type: ignore[arg-type]
    assert services.hand_outs.of_classroom(lesson.classroom.id)[0].is_under_way
    perform(services, HAND_OUT_KIND)
    view = services.hand_outs.of_classroom(lesson.classroom.id)[0]
    assert (view.id, view.title, view.num_copied, view.num_receivers) == (hand_out_id, "Birds, Mine", 2, 2)
    source = RunFolder(services.settings, own.runs.list_runs()[0].id)
    for pupil in lesson.pupils:
        theirs = lesson.of(pupil)
        dataset, run = theirs.library.datasets.all()[0], theirs.runs.list_runs()[0]
        assert (dataset.name, run.name, run.dataset_id) == ("Birds", "Mine", dataset.id)
        assert photo_bytes(theirs) == photo_bytes(own)
        folder = RunFolder(services.settings, run.id)
        assert os.path.samefile(folder.predictions_path, source.predictions_path)
        assert theirs.runs.events_after(run.id, 0)[0].payload == {"text": "Device: CPU", "is_warning": False}


def test_a_button_that_is_pressed_twice(lesson: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has it twice; somebody else gets it, and everybody once more some seconds later, where that is wanted."""
    desk, (one, two) = lesson.services.hand_outs, lesson.pupils

    def hand_out(*receivers: SpaceView) -> int:
        receiver_ids = [each.id for each in receivers] or None
        return desk.hand_out(lesson.classroom.id, receiver_ids=receiver_ids, **all_of(lesson))  # type: ignore[arg-type]

    first = hand_out(one)
    assert hand_out(one) == first
    second = hand_out(one, two)
    assert second != first
    assert hand_out() == hand_out(two) == second
    monkeypatch.setattr(handing_out, "_PRESSED_TWICE_SECONDS", -1.0)
    assert hand_out() not in (first, second)


def test_a_copy_is_the_pupils_own(lesson: Class) -> None:
    """What a pupil changes or deletes, nobody else sees."""
    services, (one, two) = lesson.services, lesson.pupils
    services.hand_outs.hand_out(lesson.classroom.id, **all_of(lesson))  # type: ignore[arg-type]
    perform(services, HAND_OUT_KIND)
    theirs = lesson.of(one)
    theirs.runs.trash(theirs.runs.list_runs()[0].id)
    theirs.run_desk.purge(theirs.runs.list_trashed()[0].id)
    theirs.library.datasets.rename(theirs.library.datasets.all()[0].id, "Mine now")
    for space in (lesson.teacher, two):
        other = lesson.of(space)
        assert other.library.datasets.all()[0].name == "Birds"
        assert RunFolder(services.settings, other.runs.list_runs()[0].id).predictions_path.is_file()


def test_a_name_that_is_taken_gets_a_number(lesson: Class) -> None:
    """A pupil with a dataset of that name has both."""
    pupil = lesson.pupils[0]
    collect(lesson.of(pupil), range(20, 22))
    lesson.services.hand_outs.hand_out(lesson.classroom.id, **all_of(lesson), receiver_ids=[pupil.id])  # type: ignore[arg-type]
    perform(lesson.services, HAND_OUT_KIND)
    assert {dataset.name for dataset in lesson.of(pupil).library.datasets.all()} == {"Birds", "Birds 2"}
    assert lesson.of(lesson.pupils[1]).library.datasets.all() == []


def test_those_who_come_later_get_it_too(lesson: Class) -> None:
    """When they come, once; those who come after it was stopped do not."""
    services = lesson.services
    hand_out_id = services.hand_outs.hand_out(lesson.classroom.id, **all_of(lesson), is_for_newcomers=True)  # type: ignore[arg-type]
    perform(services, HAND_OUT_KIND)
    late, _ = services.classroom.enter(lesson.classroom.id, "Late Lynx", "late")
    for _ in range(2):
        services.hand_outs.catch_up(late.id, lesson.classroom.id)
    perform(services, HAND_OUT_KIND)
    assert [dataset.name for dataset in services.of_space(late.id).library.datasets.all()] == ["Birds"]
    services.hand_outs.stop_for_newcomers(hand_out_id)
    later, _ = services.classroom.enter(lesson.classroom.id, "Later Lynx", "later")
    services.hand_outs.catch_up(later.id, lesson.classroom.id)
    assert services.queue.count_queued().get(HAND_OUT_KIND, 0) == 0


@pytest.mark.parametrize("step", ["_insert_runs", "_place", "_link"])
def test_killed_in_the_middle_each_has_it_once(lesson: Class, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever had it keeps the one copy, whoever was in turn had nothing, and no folder is left without its run."""
    services, real, calls = lesson.services, getattr(copying, step), []

    def die(*arguments: object, **values: object) -> object:
        done = real(*arguments, **values)
        calls.append(step)
        if len(calls) >= (2 if step != "_link" else 6):
            raise KeyboardInterrupt
        return done

    services.hand_outs.hand_out(lesson.classroom.id, **all_of(lesson))  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr(copying, step, die)
        with pytest.raises(KeyboardInterrupt):
            perform(services, HAND_OUT_KIND)
    assert sorted(len(lesson.of(pupil).library.datasets.all()) for pupil in lesson.pupils) == [0, 1]
    services.queue.recover_tasks_of("w")
    perform(services, HAND_OUT_KIND)
    run_ids = {lesson.of(space).runs.list_runs()[0].id for space in (lesson.teacher, *lesson.pupils)}
    assert [len(lesson.of(pupil).library.datasets.all()) for pupil in lesson.pupils] == [1, 1]
    folders = {path.name for path in runs_path(services.settings).iterdir() if not path.name.startswith(".tmp-")}
    assert folders == {str(run_id) for run_id in run_ids}


def test_what_cannot_be_handed_out(lesson: Class) -> None:
    """Nothing, what is somebody else's, what is deleted, to nobody or to strangers: a sentence says so."""
    services, pupil = lesson.services, lesson.of(lesson.pupils[0])
    foreign = collect(pupil, range(30, 32))
    own = lesson.of(lesson.teacher)
    for wrong in ({}, {"dataset_id": foreign}, {"dataset_id": 999}, {"run_ids": [999]}):
        with pytest.raises(SpaceError):
            services.hand_outs.hand_out(lesson.classroom.id, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UnknownSpaceError, match="not in the class any more"):
        services.hand_outs.hand_out(lesson.classroom.id, **all_of(lesson), receiver_ids=[1])  # type: ignore[arg-type]
    things = all_of(lesson)
    services.hand_outs.hand_out(lesson.classroom.id, **things)  # type: ignore[arg-type]
    own.library.datasets.delete(own.library.datasets.all()[0].id)
    perform(services, HAND_OUT_KIND)
    assert [view.name for view in lesson.of(lesson.pupils[1]).runs.list_runs()] == ["Mine"]
    assert Library(lesson.of(lesson.pupils[1]).database).datasets.all() == []


def test_a_project_for_each_pupil(lesson: Class) -> None:
    """One zip with a project file for each pupil, named by the pupil, and by the dataset where there are several."""
    services, (one, two) = lesson.services, lesson.pupils
    services.take_home.request(lesson.classroom.id)
    with pytest.raises(SpaceError, match="No pupil has a dataset"):
        perform(services, TAKE_HOME_KIND)
    services.queue.recover_tasks_of("w")
    services.queue.request_cancel(services.take_home.packing(lesson.classroom.id).id)  # type: ignore[union-attr]
    learn(lesson.of(one), collect(lesson.of(one), range(40, 44)))
    collect(lesson.of(two), range(50, 52)), collect(lesson.of(two), range(52, 54), name="Cats")
    services.take_home.request(lesson.classroom.id)
    perform(services, TAKE_HOME_KIND)
    path = services.take_home.packed(lesson.classroom.id)
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        assert names == ["Brave Heron - Birds.bluetit", "Brave Heron - Cats.bluetit", "Quiet Otter.bluetit"]
        with archive.open("Quiet Otter.bluetit") as file, zipfile.ZipFile(file) as project:
            assert "runs/1/run.json" in project.namelist()
