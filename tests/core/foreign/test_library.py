"""Models from elsewhere in the library: named, changed, deleted and brought back; and the task that brings them."""

import io
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import NameRefusedError, StorageError, UnknownForeignModelError
from core.foreign.desk import ForeignDesk
from core.foreign.library import ForeignLibrary
from core.foreign.places import arrived_paths, model_path, place_model
from core.foreign.records import ForeignModelView, Origin
from core.foreign.scaling import Scaling
from core.foreign.tasks import run_bring_task
from core.jobs.context import TaskContext
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.photos.fit import FitMode
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.foreign.foreign_records import FOREIGN_RECORD
from tests.core.foreign.foreign_samples import as_litert, small_model

pytestmark = pytest.mark.both_databases


@pytest.fixture
def library(settings: Settings):
    with closing(open_database(settings)) as database:
        yield ForeignLibrary(database)


def add(library: ForeignLibrary, name: str, key: str) -> ForeignModelView:
    return library.add(
        FOREIGN_RECORD, key=key, name=name, origin=Origin.KERAS, class_names=("tit", "crow"), place=lambda _number: None
    )


def test_names_are_unique_among_those_that_live(library: ForeignLibrary):
    """A second one gets a number; a deleted one gives its name free, and comes back under a numbered one."""
    first, second = add(library, "Birds", "1"), add(library, "birds", "2")
    assert (first.name, second.name) == ("Birds", "birds 2")
    library.trash(first.id)
    third = add(library, "Birds", "3")
    assert third.name == "Birds"
    assert library.restore(first.id).name == "Birds 3"
    assert [model.id for model in library.list_models()] == [3, 2, 1]


def test_what_was_brought_once_is_one_model(library: ForeignLibrary):
    """However often a worker that died is followed by another."""
    assert add(library, "Birds", "1") == add(library, "Birds", "1")
    assert len(library.list_models()) == 1


def test_a_file_that_cannot_be_placed_leaves_no_model(library: ForeignLibrary):
    """Nothing half-made."""

    def fail(_number: int) -> None:
        raise StorageError("The disk is made of cheese.")

    with pytest.raises(StorageError):
        library.add(FOREIGN_RECORD, key="1", name="Birds", origin=Origin.KERAS, class_names=("tit", "crow"), place=fail)
    assert library.list_models() == []


def test_everything_about_it_can_be_changed_while_it_lives(library: ForeignLibrary):
    """Its name, how pixels are scaled, what it sees of a photo."""
    model = add(library, "Birds", "1")
    add(library, "Fish", "2")
    library.rename(model.id, "Garden birds")
    library.set_scaling(model.id, Scaling.SIGNED)
    library.set_fit_mode(model.id, FitMode.LETTERBOX)
    changed = library.get(model.id)
    assert (changed.name, changed.record.scaling, changed.record.fit_mode) == ("Garden birds", "signed", "letterbox")
    assert changed.record.guess == FOREIGN_RECORD.guess
    with pytest.raises(NameRefusedError, match="named “fish” already"):
        library.rename(model.id, "fish")
    library.trash(model.id)
    with pytest.raises(UnknownForeignModelError, match="was deleted"):
        library.set_scaling(model.id, Scaling.UNIT)
    with pytest.raises(UnknownForeignModelError, match="may have been deleted for good"):
        library.get(99)


def test_only_what_is_in_the_trash_is_deleted_for_good(library: ForeignLibrary):
    """First the trash, from which it can be brought back."""
    model = add(library, "Birds", "1")
    with pytest.raises(UnknownForeignModelError, match="not in the trash"):
        library.purge(model.id)
    library.trash(model.id)
    assert [each.id for each in library.list_trashed()] == [model.id]
    library.purge(model.id)
    assert library.list_trashed() == []


@pytest.mark.sqlite_only
def test_a_folder_of_another_database_is_set_aside(settings: Settings, tmp_path: Path):
    """Who deletes the database and keeps the workspace loses no model."""
    old = model_path(settings, 1)
    old.parent.mkdir(parents=True)
    old.write_bytes(b"of another database")
    file = tmp_path / "new"
    file.write_bytes(b"new")
    place_model(settings, 1, file)
    assert old.read_bytes() == b"new"
    (aside,) = settings.foreign_path.glob("1-before-*")
    assert (aside / old.name).read_bytes() == b"of another database"


def context_of(database: Database, settings: Settings) -> TaskContext:
    """The next task, as a worker has it."""
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("worker", pid=1, host="here", lane=TASK_KINDS["bring_model"].lane)
    task = queue.claim("worker", ["bring_model"])
    assert task is not None
    return TaskContext(queue, settings, task)


def test_the_desk_has_a_model_brought_in_by_a_task(settings: Settings):
    """Its progress can be followed, and what arrived is deleted once it is done; deleting for good deletes the file."""
    with closing(open_database(settings)) as database:
        library, queue = ForeignLibrary(database), TaskQueue(database, TASK_KINDS)
        desk = ForeignDesk(settings, library, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))
        content = as_litert(small_model())
        source = desk.receive([("..\\birds.tflite", io.BytesIO(content), len(content))])
        assert source.names == ("birds.tflite",)
        assert not desk.needs_acceptance(source)
        asked = desk.request_reading(source, class_names="tit\n\n crow \nfinch\n")
        assert asked.class_names == ("tit", "crow", "finch")
        task = desk.reading(asked)
        assert task is not None
        assert task.is_active
        context = context_of(database, settings)
        run_bring_task(context)
        context.flush()
        context.end(is_done=True)
        progress = desk.progress(task)
        assert progress is not None
        assert progress.message == "The model is here"
        model = desk.brought_in(asked)
        assert model is not None
        assert (model.name, model.class_names) == ("birds", ("tit", "crow", "finch"))
        assert not settings.incoming_path.exists() or not list(settings.incoming_path.glob("*"))
        with pytest.raises(Exception, match="not on the server any more"):
            arrived_paths(source, settings)
        library.trash(model.id)
        assert model_path(settings, model.id).is_file()
        desk.purge(model.id)
        assert not list(settings.foreign_path.glob("*"))
