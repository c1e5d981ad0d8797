"""Two nodes with one database and one object store, each with a workspace of its own: what one does, the other has.

One is asked for everything and works on nothing, as a page server; the other does all the work. Nothing but the
database and a real S3 server is between them.
"""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.s3_server import S3Server
from core.backbones.artefacts import find_artefact, keep_artefact
from core.backbones.catalog import find_backbone
from core.config import PhaseConfig
from core.datasets.exporting import export_path
from core.datasets.library import Library
from core.datasets.records import ImportState, Split
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.datasets.tasks import EXPORT_KIND
from core.evaluation.answers import read_answers
from core.export.exports import why_not_handed_out, zip_path
from core.export.formats import find_format
from core.features.table import FeatureTable
from core.inference.classifier_cache import ClassifierCache
from core.inference.trained_model import read_model_record
from core.jobs.context import TaskContext
from core.jobs.handlers import resolve_handler
from core.jobs.kinds import Lane, find_kind
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.photos.store import PhotoStore
from core.runs.decision import Decision, read_decision, write_decision
from core.runs.folder import RunFolder, runs_path
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.runs.story import EpochStory
from core.services import open_libraries
from core.settings import Settings
from core.spaces.copies import forget_copies
from core.storage.byte_scan import scan_stored, windows_of
from core.storage.db import Database, open_database
from core.storage.open_store import open_store
from core.storage.own_use import read_uses
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.conftest import link_backbones
from tests.core.training.training_samples import COLOURS, paint, submit
from tests.core.training.workshop import Workshop

LONG_AGO_SECONDS = 3_600.0


@dataclass
class Nodes:
    """A page server, which nobody works for, and the node that does its work."""

    asked: Workshop
    working: Settings
    third: Settings
    dataset_id: int = 0
    run_id: int = 0

    @property
    def queue(self) -> TaskQueue:
        return self.asked.queue

    def begin(self, settings: Settings, name: str, kind: type[TaskContext] = TaskContext) -> TaskContext | None:
        """Claim the oldest task for a node; None where there is none."""
        self.queue.register_worker(name, pid=1, host="elsewhere", lane=Lane.NETWORKS)
        task = self.queue.claim(name, TASK_KINDS)
        return None if task is None else kind(self.queue, settings, task)

    def perform(self, context: TaskContext, name: str) -> str:
        """Do a task to its end; its kind."""
        kind = self.queue.get(context.task_id).kind
        resolve_handler(find_kind(kind, TASK_KINDS))(context)
        self.queue.finish(context.task_id, name, status=TaskStatus.DONE)
        context.end(is_done=True)
        return kind

    def work(self) -> list[str]:
        """Do all the work there is, on the node for it; the kinds of what was done."""
        done = []
        while (context := self.begin(self.working, "w")) is not None:
            done.append(self.perform(context, "w"))
        return done


class DyingContext(TaskContext):
    """Of a worker whose node goes after two epochs."""

    def check_cancelled(self) -> None:
        events = RunLibrary(self.database).events_after(int(self.payload["run_id"]), 0, kinds=["epoch"])
        if len(events) == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def keys(running_s3_server: S3Server) -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running_s3_server.environment.items():
            patch.setenv(name, value)
        yield running_s3_server


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, keys: S3Server, prepared_cache: Path) -> Iterator[Nodes]:
    """After an import, a training and what follows from it: asked for by one, done by the other."""
    folder = tmp_path_factory.mktemp("nodes")
    url = keys.new_store()
    asked, working, third = (
        Settings(
            workspace_dir=folder / name,
            database_url=f"sqlite:///{folder / 'shared.sqlite3'}",
            store_url=url,
            inference_threads=2,
            package_after_training=False,  # what a worker packs is packed by hand below
        )
        for name in ("asked", "working", "third")
    )
    link_backbones(prepared_cache, working)
    artefact = find_artefact(find_backbone("EfficientNetLite0"), working)
    assert artefact is not None
    keep_artefact(artefact.folder, working)
    with closing(open_database(asked)) as database:
        found = Nodes(asked=_page_server(asked, database), working=working, third=third)
        _import_photos(found)
        found.run_id = submit(
            found.asked,  # type: ignore[arg-type]  # what it needs of services
            found.dataset_id,
            head_phase=PhaseConfig(num_epochs=3, batch_size=8),
        ).id
        found.asked.dataset_tasks.request(EXPORT_KIND, found.dataset_id)
        assert {"train_run", EXPORT_KIND} <= set(found.work())
        found.asked.run_desk.request_examination(found.run_id)
        found.work()
        yield found


def _page_server(settings: Settings, database: Database) -> Workshop:
    queue = TaskQueue(database, TASK_KINDS)
    supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
    libraries = open_libraries(settings, supervisor, ClassifierCache(settings), database, table=FeatureTable(settings))
    return Workshop(settings=settings, photo_store=PhotoStore.of(settings), **libraries)


def _import_photos(nodes: Nodes) -> None:
    desk, library = nodes.asked.imports, nodes.asked.library
    nodes.dataset_id = library.datasets.create("Colours").id
    files = [(f"{name}/{number}.png", paint(name, number)) for name in COLOURS for number in range(12)]
    import_id = desk.submit(
        ImportRequest(dataset_id=nodes.dataset_id, source=StagedFiles(folder=desk.stage_files(files)))
    )
    nodes.work()
    assert library.imports.get(import_id).state is ImportState.DONE
    images = library.images.of(nodes.dataset_id)
    splits = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    library.images.assign_splits(nodes.dataset_id, {each.id: splits[n % 4] for n, each in enumerate(images)})
    assert not list(nodes.asked.settings.photos_path.rglob("*"))  # no photo has been where it was asked for


def test_imported_photos_are_seen_where_nobody_imported(nodes: Nodes) -> None:
    """What was uploaded here and imported there is read here, each photo with the hash that it should have."""
    photos = Library(nodes.asked.database).photos
    hashes = {image.photo_hash for image in nodes.asked.library.images.of(nodes.dataset_id)}
    assert len(hashes) == 36
    for photo in photos.get(hashes).values():
        assert nodes.asked.photo_store.thumbnail(photo, 32)
        assert nodes.asked.photo_store.read(photo.hash, photo.suffix)
    assert open_store(nodes.asked.settings).sizes(nodes.asked.settings.incoming_path) == {}


def test_a_run_is_shown_and_answers_where_nobody_trained(nodes: Nodes) -> None:
    """Its report, what it said, what was found out about it; and it answers, although no network was prepared here."""
    view = nodes.asked.runs.get_run(nodes.run_id)
    assert view.status is RunStatus.DONE
    folder = RunFolder(nodes.asked.settings, nodes.run_id)
    assert read_model_record(folder).class_names == tuple(sorted(COLOURS))
    assert len(read_answers(folder).test) == 9
    assert folder.read_json(folder.examination_path)["temperature"] > 0
    assert "Done in" in folder.log_path.read_text(encoding="utf-8")
    answer = ClassifierCache(nodes.asked.settings).get_trained(nodes.run_id).classify(paint("red", 3), "red")
    there = ClassifierCache(nodes.working).get_trained(nodes.run_id).classify(paint("red", 3), "red")
    assert answer.predictions == there.predictions


def test_what_was_packed_is_handed_out_by_the_other(nodes: Nodes) -> None:
    """A dataset packed by the worker; a model packed here and handed out there."""
    dataset = nodes.asked.library.datasets.get(nodes.dataset_id)
    assert export_path(nodes.asked.settings, dataset).stat().st_size > 10_000
    row = find_format("litert")
    assert nodes.asked.exports.obtain(nodes.run_id, row.name) is None
    theirs = RunFolder(nodes.third, nodes.run_id)
    assert why_not_handed_out(theirs, row, nodes.asked.runs.get_run(nodes.run_id).name) is None
    assert zip_path(theirs, row).is_file()


def test_a_changed_decision_is_noticed(nodes: Nodes) -> None:
    """What a person decides on one node soon holds on the other."""
    write_decision(RunFolder(nodes.asked.settings, nodes.run_id), Decision(temperature=1.5))
    folder = RunFolder(nodes.working, nodes.run_id)
    folder.bring_newest()
    assert read_decision(folder).temperature == 1.5
    write_decision(RunFolder(nodes.asked.settings, nodes.run_id), Decision(temperature=2.5))
    folder.bring_newest()
    assert read_decision(folder).temperature == 2.5


def test_bytes_are_counted_wherever_they_are(nodes: Nodes) -> None:
    """A node that has trained nothing tells the same as the one that has."""
    with nodes.asked.database.read_session() as session:
        here, there = (read_uses(session, each) for each in (nodes.third, nodes.working))
    (use,), (theirs,) = here.values(), there.values()
    assert use.run_bytes == pytest.approx(theirs.run_bytes, rel=0.01)
    assert use.run_bytes > 1_000_000
    assert use.export_bytes > 10_000


def test_a_run_whose_node_died_goes_on_elsewhere(nodes: Nodes) -> None:
    """After its last finished epoch; not one is trained again."""
    run_id = submit(
        nodes.asked,  # type: ignore[arg-type]
        nodes.dataset_id,
        backbone="scratch",
        image_size=(48, 48),
        head_phase=PhaseConfig(num_epochs=3, batch_size=8),
    ).id

    def epochs() -> list[EpochStory]:
        events = nodes.asked.runs.events_after(run_id, 0, kinds=["epoch"])
        return [EpochStory.from_json(event.payload) for event in events]

    dying = nodes.begin(nodes.working, "dying", DyingContext)
    assert dying is not None
    with pytest.raises(KeyboardInterrupt):
        nodes.perform(dying, "dying")
    before = epochs()
    nodes.queue.recover_tasks_of("dying", "Its node is gone")
    nodes.asked.run_desk.resume(run_id)
    again = nodes.begin(nodes.third, "another")
    assert again is not None
    nodes.perform(again, "another")
    assert [epoch.epoch for epoch in epochs()] == [1, 2, 3]
    assert epochs()[:2] == before
    folder = RunFolder(nodes.asked.settings, run_id)
    assert "Goes on after epoch 2" in folder.log_path.read_text(encoding="utf-8")
    assert folder.litert_path.is_file()
    assert not [name for name in open_store(nodes.asked.settings).ages(folder.path) if name.startswith("checkpoints/")]


def test_what_is_deleted_here_is_gone_everywhere(nodes: Nodes) -> None:
    """From the store at once, and from the copies of a node that looks; nothing of a photo is found any more."""
    asked, store = nodes.asked, open_store(nodes.asked.settings)
    (image, *_) = asked.library.images.of(nodes.dataset_id)
    (photo,) = asked.library.photos.get({image.photo_hash}).values()
    windows = windows_of(asked.photo_store.read(photo.hash, photo.suffix))
    assert scan_stored(store, windows, but="").found
    for view in asked.runs.list_runs():
        asked.runs.trash(view.id)
        asked.run_desk.purge(view.id)
    assert store.sizes(runs_path(asked.settings)) == {}
    asked.library.photos.forget_snapshots(0.0)
    asked.library.datasets.delete(nodes.dataset_id)
    asked.trash.purge(nodes.dataset_id)
    nodes.work()
    assert not store.ages(asked.settings.photos_path)
    assert not scan_stored(store, {*windows, photo.hash.encode()}, but="").found
    copies = [*asked.settings.photos_path.rglob("*.png"), *runs_path(nodes.third).glob("[0-9]*")]
    assert len(copies) > 36
    for copy in copies:
        os.utime(copy, (time.time() - LONG_AGO_SECONDS,) * 2)
    for settings in (asked.settings, nodes.third):
        forget_copies(asked.database, settings)
    assert not [path for path in copies if path.exists()]
