"""Everything of a class is deleted for good, and a receipt says so that was found out by looking."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from benchmarks.s3_server import S3Server
from core.datasets.ingest.desk import IMPORT_KIND
from core.errors import NotLetInError, SpaceError, UnknownSpaceError
from core.inference.batch_notes import batch_owner
from core.inference.batch_records import PhotoOrigin
from core.inference.batch_registry import classify_dir
from core.runs.desk import TRAIN_KIND
from core.runs.folder import RunFolder
from core.settings import Settings
from core.spaces.deleting import task as task_module
from core.spaces.deleting.desk import DELETE_KIND
from core.spaces.deleting.inventory import inventory_path
from core.spaces.deleting.records import Receipt
from core.spaces.deleting.told import receipt_markdown
from core.storage.open_store import open_store
from core.storage.schema import Dataset, Photo, Run, Space, Task
from tests.core.spaces.class_samples import Class, collect, held_class, learn, perform, photo_bytes, picture, places_of
from tests.waiting import wait_until

pytestmark = pytest.mark.both_databases


@pytest.fixture
def lesson(settings: Settings) -> Iterator[Class]:
    with lesson_in(settings) as held:
        yield held


@contextmanager
def lesson_in(settings: Settings) -> Iterator[Class]:
    """Both pupils have photos, a model and background work; so has the teacher, who has one photo in common."""
    with held_class(settings) as held:
        for number, space in enumerate((held.teacher, *held.pupils)):
            own = held.of(space)
            learn(own, collect(own, range(10 * number + 1, 10 * number + 9)))
            own.queue.submit(IMPORT_KIND, {"import_id": 0}, key=f"import {space.name}")
        collect(held.of(held.pupils[0]), range(1, 2), name="From the teacher")
        yield held


def needles_of(lesson: Class) -> list[bytes]:
    """Pieces of 64 bytes of every photo of the pupils alone, from many places, and what names them or their photos."""
    teachers = photo_bytes(lesson.of(lesson.teacher))
    needles = [name.name.encode() for name in lesson.pupils]
    for pupil in lesson.pupils:
        for photo_hash, content in photo_bytes(lesson.of(pupil)).items():
            if photo_hash not in teachers:
                begin = content.index(b"\xff\xda") + 16
                needles += [content[at : at + 64] for at in range(begin, len(content) - 64, 97)]
                needles.append(photo_hash.encode())
    return [*needles, b"IMG secret 11.jpg", b"IMG secret 23.jpg"]


def delete_class(lesson: Class, *, with_teacher: bool = False) -> Receipt:
    deletion_id = lesson.services.deletions.request_class(lesson.classroom.id, with_teacher=with_teacher)
    perform(lesson.services, DELETE_KIND)
    receipt = lesson.services.deletions.status(deletion_id).view.receipt
    assert receipt is not None
    return receipt


def test_nothing_of_the_pupils_is_left(lesson: Class, database_kind: str) -> None:
    """Not a piece of a photo, a hash or a name, wherever in the workspace; the teacher's own things stay."""
    settings, needles = lesson.services.settings, needles_of(lesson)
    log = settings.logs_path / "worker-1.log"
    log.parent.mkdir()
    log.write_bytes(needles[0] + b" has imported IMG secret 11.jpg")
    assert places_of(settings, needles)
    receipt = delete_class(lesson)
    assert places_of(settings, needles) == []
    assert (receipt.num_spaces, receipt.num_datasets, receipt.num_models, receipt.num_runs) == (2, 3, 2, 2)
    assert (receipt.num_photos, receipt.num_kept_photos) == (17, 1)
    assert min(receipt.num_files, receipt.num_windows) >= 16
    assert receipt.is_database_clean is (database_kind == "sqlite")
    own = lesson.of(lesson.teacher)
    assert len(photo_bytes(own)) == 8
    assert [view.name for view in own.runs.list_runs()] == ["Mine"]
    assert RunFolder(settings, own.runs.list_runs()[0].id).predictions_path.is_file()


@pytest.mark.sqlite_only
def test_nothing_is_left_in_the_object_store(settings: Settings, s3_server: S3Server) -> None:
    """Nor in the workspace: the receipt says that both were looked through, and what other servers do."""
    with lesson_in(replace(settings, store_url=s3_server.new_store())) as lesson:
        stored, needles = open_store(lesson.services.settings), needles_of(lesson)
        folder = RunFolder(lesson.services.settings, lesson.of(lesson.pupils[0]).runs.list_runs()[0].id)
        folder.keep()
        batches, owner = (
            lesson.services.batches,
            batch_owner(lesson.pupils[0].id, f"browser of {lesson.pupils[0].name}"),
        )
        batches.open(None, owner=owner).add_file("secret.jpg", picture(11), PhotoOrigin.FILE)
        wait_until(lambda: stored.ages(classify_dir(lesson.services.settings)))
        before = {key: b"".join(pieces) for key, pieces in stored.all_files()}
        assert any(needle in content for needle in needles for content in before.values())
        assert [key for key in before if key.startswith(f"runs/{folder.path.name}/")]
        receipt = delete_class(lesson)
        wait_until(lambda: not stored.ages(classify_dir(lesson.services.settings)))
        after = {key: b"".join(pieces) for key, pieces in stored.all_files()}
        assert not [key for key, content in after.items() if any(each in content + key.encode() for each in needles)]
        assert not [key for key in after if key.startswith(f"runs/{folder.path.name}/")]
        assert len(photo_bytes(lesson.of(lesson.teacher))) == 8
        assert receipt.has_store
        assert "everything in the store of photos and models" in receipt_markdown(receipt)


def test_no_row_is_left(lesson: Class) -> None:
    """Of spaces, datasets, runs, tasks and photos only the teacher's are there, and home."""
    delete_class(lesson)
    teacher_id = lesson.teacher.id
    with lesson.services.database.read_session() as session:
        assert set(session.scalars(select(Space.id))) == {1, teacher_id}
        assert {*session.scalars(select(Dataset.space_id)), *session.scalars(select(Run.space_id))} == {teacher_id}
        assert set(session.scalars(select(Task.space_id))) == {teacher_id, None}
        assert session.scalar(select(func.count()).select_from(Photo)) == 8


@pytest.mark.sqlite_only
def test_the_teachers_things_go_when_that_is_asked_for(lesson: Class) -> None:
    """All photos and models are gone, and the teacher is in still, to fetch the receipt."""
    receipt = delete_class(lesson, with_teacher=True)
    assert (receipt.num_photos, receipt.num_kept_photos, receipt.has_teachers) == (24, 0, True)
    assert list(lesson.services.settings.photos_path.rglob("*.jpg")) == []
    assert lesson.services.spaces.find_by_secret("teacher's browser") is not None


@pytest.mark.sqlite_only
def test_nobody_comes_in_from_the_moment_on(lesson: Class) -> None:
    """Browsers, codes and pick-up codes of the class open nothing before anything is deleted."""
    pickup = lesson.services.classroom.renew_pickup_code(lesson.pupils[0].id)
    lesson.services.deletions.request_class(lesson.classroom.id, with_teacher=False)
    desk = lesson.services.classroom
    assert lesson.services.spaces.find_by_secret("browser of Quiet Otter") is None
    assert desk.find_by_code(lesson.classroom.code) is None
    with pytest.raises(NotLetInError):
        desk.enter(lesson.classroom.id, "Late Lynx", "late")
    with pytest.raises(NotLetInError):
        desk.pick_up(lesson.classroom.id, pickup, "phone")
    now = desk.current()
    assert now is not None
    assert (now.is_open, now.code != lesson.classroom.code, now.id != lesson.classroom.id) == (False, True, True)
    assert [each.name for each in lesson.services.spaces.of_classroom(now.id)] == ["Teacher"]


@pytest.mark.sqlite_only
def test_asked_for_twice(lesson: Class) -> None:
    """From two windows at the same moment: it is deleted once."""
    desk = lesson.services.deletions
    desk.request_class(lesson.classroom.id, with_teacher=False)
    with pytest.raises(SpaceError, match="being deleted already"):
        desk.request_class(lesson.classroom.id, with_teacher=True)
    with pytest.raises(UnknownSpaceError):
        desk.request_class(99, with_teacher=False)
    with pytest.raises(SpaceError, match="Only pupils"):
        desk.request_pupils([lesson.teacher.id])
    assert len(desk.shown()) == 1


def test_one_pupil_is_removed(lesson: Class) -> None:
    """The others keep everything."""
    gone, stays = lesson.pupils
    services, kept = lesson.services, photo_bytes(lesson.of(stays))
    deletion_id = services.deletions.request_pupils([gone.id])
    with pytest.raises(SpaceError, match="being deleted already"):
        services.deletions.request_pupils([gone.id])
    assert [each.name for each in services.spaces.of_classroom(lesson.classroom.id)] == ["Teacher", stays.name]
    perform(services, DELETE_KIND)
    receipt = services.deletions.status(deletion_id).view.receipt
    assert receipt is not None
    assert (receipt.num_spaces, receipt.num_photos, receipt.num_kept_photos) == (1, 9, 1)
    assert photo_bytes(lesson.of(stays)) == kept
    with pytest.raises(UnknownSpaceError):
        services.spaces.get(gone.id)


@pytest.mark.parametrize(
    "step",
    [
        *("stop_tasks", "save_inventory", "remove_rows", "remove_photos", "remove_files", "remove_features", "scrub"),
        *("look_through_database", "look_through_files"),
    ],
)
def test_killed_at_any_step_it_goes_on(lesson: Class, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next attempt deletes what is left, and the receipt counts everything there was."""
    needles = needles_of(lesson)
    services = lesson.services
    deletion_id = services.deletions.request_class(lesson.classroom.id, with_teacher=False)
    real = getattr(task_module, step)

    def die(*arguments: object, **values: object) -> None:
        real(*arguments, **values)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(task_module, step, die)
        with pytest.raises(KeyboardInterrupt):
            perform(services, DELETE_KIND)
    services.queue.recover_tasks_of("w")
    perform(services, DELETE_KIND)
    receipt = services.deletions.status(deletion_id).view.receipt
    assert receipt is not None
    assert (receipt.num_photos, receipt.num_kept_photos, receipt.num_models) == (17, 1, 2)
    assert places_of(services.settings, needles) == []
    assert not inventory_path(services.settings, deletion_id).exists()


def test_killed_after_the_receipt_nothing_lies_about(lesson: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of what there was has pieces of photos in it: the next attempt deletes it, and nothing else."""
    services = lesson.services
    deletion_id = services.deletions.request_class(lesson.classroom.id, with_teacher=False)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(task_module, "remove_inventory", die)
        with pytest.raises(KeyboardInterrupt):
            perform(services, DELETE_KIND)
    first = services.deletions.status(deletion_id).view.receipt
    assert inventory_path(services.settings, deletion_id).is_file()
    services.queue.recover_tasks_of("w")
    perform(services, DELETE_KIND)
    assert not inventory_path(services.settings, deletion_id).exists()
    assert services.deletions.status(deletion_id).view.receipt == first


def test_what_lies_where_nobody_thought_of_is_found(lesson: Class) -> None:
    """In the cache it is deleted as well; elsewhere there is no receipt until somebody has."""
    settings = lesson.services.settings
    stray, elsewhere = settings.cache_path / "forgotten" / "x.bin", settings.workspace_dir / "mine" / "copy.bin"
    for path in (stray, elsewhere):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"before" + next(iter(photo_bytes(lesson.of(lesson.pupils[1])).values())))
    services = lesson.services
    deletion_id = services.deletions.request_class(lesson.classroom.id, with_teacher=False)
    with pytest.raises(SpaceError, match=r"copy\.bin"):
        perform(services, DELETE_KIND)
    assert not stray.exists()
    assert services.deletions.status(deletion_id).view.receipt is None
    elsewhere.unlink()
    services.queue.recover_tasks_of("w")
    perform(services, DELETE_KIND)
    assert services.deletions.status(deletion_id).view.receipt is not None


@pytest.mark.sqlite_only
def test_photos_on_the_classify_page_go_at_once(lesson: Class) -> None:
    """Those of the pupils, and nobody else's."""
    services = lesson.services
    batches = {
        secret: services.batches.open(None, owner=batch_owner(services.spaces.find_by_secret(secret).id, secret))
        for secret in ("browser of Quiet Otter", "teacher's browser")
    }
    for batch in batches.values():
        batch.add_file("a.jpg", picture(99), PhotoOrigin.FILE)
    services.deletions.request_class(lesson.classroom.id, with_teacher=False)
    assert [batch.is_empty for batch in batches.values()] == [True, False]


@pytest.mark.sqlite_only
def test_tasks_are_stopped_first(lesson: Class) -> None:
    """One that waits is cancelled; one that a worker has and does not let go keeps anything from being deleted."""
    services, pupil = lesson.services, lesson.of(lesson.pupils[0])
    pupil.queue.submit(TRAIN_KIND, {"run_id": 0}, key="training")
    services.queue.register_worker("other", pid=0, host="", lane="networks")  # type: ignore[arg-type]
    running = services.queue.claim("other", [TRAIN_KIND])
    assert running is not None
    services.deletions.request_class(lesson.classroom.id, with_teacher=False)
    assert services.queue.is_cancel_requested(running.id)
    plan = services.deletions.shown()[0].view.plan
    with pytest.raises(SpaceError, match="do not stop"):
        task_module.stop_tasks(services.queue, plan, seconds=0.0)
    services.queue.recover_tasks_of("other")
    task_module.stop_tasks(services.queue, plan, seconds=0.0)


@pytest.mark.sqlite_only
def test_a_receipt_in_words(lesson: Class) -> None:
    """It says what there was and how its absence was found out, and nothing of anybody."""
    receipt = delete_class(lesson)
    told = receipt_markdown(receipt)
    assert all(words in told for words in ("17 (", "1 photo of these were", "None was found"))
    assert not any(word in told for word in (*(each.name for each in lesson.pupils), "secret", "Birds", "Mine"))
    lesson.services.deletions.dismiss(lesson.services.deletions.shown()[0].view.id)
    assert lesson.services.deletions.shown() == []


def test_a_deletion_whose_task_was_lost_is_begun_again(lesson: Class) -> None:
    """Whoever looks after the server does so, once."""
    services = lesson.services
    deletion_id = services.deletions.request_class(lesson.classroom.id, with_teacher=False)
    task = services.queue.latest(f"{DELETE_KIND}:{deletion_id}")
    assert task is not None
    services.deletions.go_on()
    assert services.queue.count_queued()[DELETE_KIND] == 1
    with services.database.session() as session:
        session.delete(session.get_one(Task, task.id))
    services.deletions.go_on()
    assert services.queue.count_queued()[DELETE_KIND] == 1
