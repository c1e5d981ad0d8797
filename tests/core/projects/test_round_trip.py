"""What goes into a project comes out of it in another workspace."""

import json
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.datasets.library import Library
from core.datasets.records import ImageView, Review
from core.datasets.snapshots import take_snapshot
from core.errors import ProjectError, UnknownDatasetError, UnknownRunError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.photos.store import PhotoStore
from core.projects.writing import write_project
from core.runs.desk import RunDesk
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from core.training.checkpoint import read_checkpoint
from tests.core.projects.project_samples import (
    CLASSES,
    Source,
    bring_in,
    entries_of,
    rich_dataset,
    tampered,
    unfinished_run,
)

pytestmark = pytest.mark.both_databases


@pytest.fixture
def database(settings: Settings):
    with closing(open_database(settings)) as opened:
        yield opened


def described(database: Database, dataset_id: int) -> list[tuple]:
    """The images of a dataset with all that is to stay, in their order."""
    library = Library(database)
    names = {each.id: each.name for each in library.classes.of(dataset_id)}
    captures = library.images.captures(dataset_id)

    def describe(image: ImageView) -> tuple:
        capture = None if image.capture_id is None else captures[image.capture_id]
        kept = (image.photo_hash, image.name, image.split, image.split_origin, image.source_url, image.review)
        return (names[image.class_id], capture, image.added_at, *kept)

    return [describe(image) for image in library.images.of(dataset_id)]


def test_a_dataset_is_what_it_was(settings: Settings, database: Database, source: Source):
    """Classes in their order, splits and who put photos there, captures, marks, dismissed findings; never the trash."""
    dataset_id = bring_in(source.project, settings)
    library = Library(database)
    with closing(open_database(source.settings)) as original:
        assert described(database, dataset_id) == described(original, source.dataset_id)
        assert Library(original).photos.get({row[3] for row in described(database, dataset_id)}) == library.photos.get(
            {row[3] for row in described(database, dataset_id)}
        )
    assert [each.name for each in library.classes.of(dataset_id)] == list(CLASSES)
    assert library.datasets.get(dataset_id).num_images == 5
    assert library.checks.dismissed(dataset_id) == {"duplicate:abc"}
    assert library.images.count_reviews(dataset_id) == {Review.RIGHT: 1, Review.UNSURE: 1}
    store = PhotoStore(settings.photos_path, settings.cache_path)
    for photo in library.photos.get({row[3] for row in described(database, dataset_id)}).values():
        assert store.read(photo.hash, photo.suffix)
    (arrival,) = library.imports.of(dataset_id)
    assert arrival.request["title"] == "Birds.bluetit"
    assert arrival.num_accepted == 5


def test_an_unfinished_run_can_go_on(settings: Settings, database: Database, source: Source):
    """It has its note, its events, its checkpoint to the bit, and the same snapshot; the desk takes it up again."""
    dataset_id = bring_in(source.project, settings)
    runs = RunLibrary(database)
    (view,) = runs.list_runs(dataset_id)
    with closing(open_database(source.settings)) as original:
        there = RunLibrary(original).get_run(source.run_id)
        events = RunLibrary(original).events_after(source.run_id, 0)
    assert (view.name, view.note, view.recipe) == (there.name, there.note, there.recipe)
    assert (view.config, view.snapshot_hash) == (there.config, there.snapshot_hash)
    assert [(each.sequence, each.kind, each.payload) for each in runs.events_after(view.id, 0)] == [
        (each.sequence, each.kind, each.payload) for each in events
    ]
    assert take_snapshot(database, dataset_id).hash == view.snapshot_hash
    checkpoint = read_checkpoint(RunFolder(settings, view.id).checkpoints_path)
    expected = read_checkpoint(RunFolder(source.settings, source.run_id).checkpoints_path)
    assert checkpoint is not None
    assert expected is not None
    np.testing.assert_array_equal(checkpoint.weights[0], expected.weights[0])
    assert view.status is RunStatus.INTERRUPTED
    assert "came here" in (view.error or "")
    queue = TaskQueue(database, TASK_KINDS)
    RunDesk(runs, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH), settings).resume(view.id)
    assert runs.get_run(view.id).status is RunStatus.QUEUED


def test_brought_in_twice_it_is_there_twice_under_other_names(settings: Settings, database: Database, project: Path):
    """Photos are shared, folders and races are not."""
    first, second = bring_in(project, settings), bring_in(project, settings)
    library, runs = Library(database), RunLibrary(database)
    assert [library.datasets.get(each).name for each in (first, second)] == ["Birds", "Birds 2"]
    (one,), (other,) = runs.list_runs(first), runs.list_runs(second)
    assert (one.name, other.name) == ("Half", "Half 2")
    assert one.snapshot_hash == other.snapshot_hash
    assert one.race != other.race
    photos = [path for path in settings.photos_path.rglob("*") if path.is_file()]
    assert len(photos) == 5


@pytest.mark.sqlite_only
def test_a_second_attempt_after_the_end_brings_nothing_twice(settings: Settings, database: Database, project: Path):
    """A worker that was killed after its last transaction is followed by one that finds everything done."""
    key = "ab" * 16
    assert bring_in(project, settings, key=key) == bring_in(project, settings, key=key)
    assert len(Library(database).datasets.all()) == 1


@pytest.mark.sqlite_only
def test_what_was_packed_again_is_the_same(settings: Settings, database: Database, source: Source, tmp_path: Path):
    """A project that went through another workspace has the same photos, images, snapshots and models."""
    dataset_id = bring_in(source.project, settings)
    (view,) = RunLibrary(database).list_runs(dataset_id)
    again = tmp_path / "again.bluetit"
    write_project(database, settings, dataset_id, [view.id], again)
    first, second = entries_of(source.project), entries_of(again)
    changed = {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}
    # The time of packing, how the photos came, and the mark of the race.
    assert changed == {"project.json", "dataset.json", "runs/1/run.json", "checksums.json"}


@pytest.mark.sqlite_only
def test_a_run_that_this_version_does_not_know_comes_with_a_note(settings: Settings, project: Path, tmp_path: Path):
    """Of a network and a recipe that are in no catalogue: its results are there, the report says what is missing."""

    def other(content: bytes) -> bytes:
        values = json.loads(content)
        values["run"]["config"]["backbone"], values["run"]["recipe"] = "QuantumNet", "by magic"
        return json.dumps(values).encode()

    dataset_id = bring_in(tampered(project, tmp_path / "other.bluetit", {"runs/1/run.json": other}), settings)
    with closing(open_database(settings)) as database:
        (arrival,) = Library(database).imports.of(dataset_id)
        (view,) = RunLibrary(database).list_runs(dataset_id)
    assert view.config.backbone == "QuantumNet"
    notes = " ".join(arrival.notes)
    assert "QuantumNet, which this Bluetit does not know" in notes
    assert "recipe by magic" in notes


@pytest.mark.sqlite_only
def test_what_cannot_travel_is_said(settings: Settings, database: Database, tmp_path: Path):
    """A dataset that is deleted, a run that waits, a run that is not there: a sentence each, and no file."""
    dataset_id = rich_dataset(database, settings)
    run_id = unfinished_run(database, settings, dataset_id)
    waiting = RunLibrary(database).create_run(RunLibrary(database).get_run(run_id).config, dataset_id=dataset_id).id
    target = tmp_path / "out" / "x.bluetit"
    for chosen, error, words in (
        ([waiting], ProjectError, "is queued"),
        ([999], UnknownRunError, "999"),
    ):
        with pytest.raises(error, match=words):
            write_project(database, settings, dataset_id, chosen, target)
    RunLibrary(database).trash(run_id)
    with pytest.raises(ProjectError, match="in the trash"):
        write_project(database, settings, dataset_id, [run_id], target)
    Library(database).datasets.delete(dataset_id)
    with pytest.raises(UnknownDatasetError, match="was deleted"):
        write_project(database, settings, dataset_id, [], target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.sqlite_only
def test_how_photos_came_stays_known(settings: Settings, database: Database, tmp_path: Path):
    """The list of imports travels, without the folders that they were made from, and is no news there."""
    library = Library(database)
    dataset_id = rich_dataset(database, settings)
    import_id = library.imports.create(dataset_id, {"title": "Feeder.zip", "source": {"kind": "staged_files"}})
    library.imports.finish(
        import_id, state="done", refused=[("a.txt", "It is no photo.")], num_refused=1, notes=["Greys were scaled."]
    )
    path = tmp_path / "x.bluetit"
    write_project(database, settings, dataset_id, [], path)
    newest, older = library.imports.of(bring_in(path, settings))
    assert newest.request["title"] == "x.bluetit"
    assert older.request == {"title": "Feeder.zip"}
    assert (older.notes, older.refused) == (("Greys were scaled.",), (("a.txt", "It is no photo."),))
    assert older.dismissed_at is not None
    assert older.created_at < time.time()
