"""`core.datasets.ingest`: requests survive JSON, and the desk says how every import stands whatever happens to it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.datasets.ingest.desk import KEEP_INCOMING_SECONDS, ImportDesk
from core.datasets.ingest.places import allowed_path, list_folders, work_path
from core.datasets.library import Library
from core.datasets.records import ImportState
from core.datasets.sources.requests import (
    DrawnShapes,
    HandwrittenDigits,
    ImportRequest,
    Kaggle,
    Licence,
    Links,
    ServerFolder,
    Source,
    StagedArchive,
    StagedFiles,
    TensorFlowDataset,
    WebSearch,
)
from core.errors import ConfigError, DatasetError, NameRefusedError, SourceError, UnknownDatasetError
from core.jobs import supervisor as supervisor_module
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.storage.db import Database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.import_samples import photo, photos, work
from tests.ordinary_user import close_folder, ordinary_user
from tests.waiting import wait_until
from tests.worker_processes import workers_below

UPLOAD = "0" * 32
NUM_FOR_SECONDS = 60  # large photos that a worker has enough to do with to be stopped on the way

SOURCES = [
    StagedFiles(folder=UPLOAD),
    StagedArchive(folder=UPLOAD),
    Links(urls=("https://example.org/a.zip", "https://example.org/b.jpg")),
    ServerFolder(path="/srv/photos"),
    Kaggle(handle="owner/name"),
    TensorFlowDataset(name="cats_vs_dogs", max_photos=10),
    WebSearch(query="blue tit", licence=Licence.SHARE, max_photos=5),
    DrawnShapes(num_per_class=3, seed=7),
    HandwrittenDigits(),
]


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    return TaskQueue(database, TASK_KINDS)


@pytest.fixture
def supervisor(settings: Settings, queue: TaskQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """Not started; whatever worker a test starts with it is gone when the test is over."""
    # A worker of an earlier test elsewhere may still be finishing what it was doing.
    wait_until(lambda: own_workers() == [])
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0.5)
    supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
    yield supervisor
    supervisor.stop()
    for process in own_workers():
        process.kill()
    supervisor.stop()


@pytest.fixture
def desk(settings: Settings, library: Library, queue: TaskQueue, supervisor: Supervisor) -> ImportDesk:
    return ImportDesk(settings, library, queue, supervisor)


@pytest.fixture
def dataset_id(library: Library) -> int:
    return library.datasets.create("birds").id


Submit = Callable[..., int]


@pytest.fixture
def submit(desk: ImportDesk, dataset_id: int) -> Submit:
    """Submits an upload of so many photos into the class "crow"."""

    def submit(num_photos: int = 1, side_px: int = 24) -> int:
        folder = desk.stage_files((f"{number}.jpg", photo(number, side_px)) for number in range(num_photos))
        source = StagedFiles(folder=folder)
        return desk.submit(ImportRequest(dataset_id=dataset_id, source=source, target_class="crow"))

    return submit


def own_workers() -> list[psutil.Process]:
    return workers_below(psutil.Process())


def incoming(settings: Settings) -> list[str]:
    return sorted(os.listdir(settings.incoming_path)) if settings.incoming_path.is_dir() else []


# --- requests --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.KIND)
def test_request_survives_json(source: Source) -> None:
    """A request read back from the database is the one that was written."""
    request = ImportRequest(dataset_id=3, source=source, target_class="tit", capture=True, title="My photos")
    assert ImportRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": {"kind": "carrier pigeon"}}, "one of the kinds staged_files"),
        ({"source": {}}, "source is {}"),
        ({"source": {"kind": "links", "urls": ["a"], "colour": "red"}}, "Links has no colour"),
        ({"source": {"kind": "links"}}, "Links is not complete; urls must be given"),
        ({"colour": "red"}, "ImportRequest has no colour"),
    ],
)
def test_request_that_cannot_be(changes: dict[str, object], words: str) -> None:
    """Unknown and missing names are refused, and the message says which there are."""
    values = ImportRequest(dataset_id=3, source=HandwrittenDigits()).to_json()
    with pytest.raises(ConfigError, match=words):
        ImportRequest.from_json({**values, **changes})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Links(urls=()),
        lambda: Links(urls=("a",) * 2_000),
        lambda: Kaggle(handle=" "),
        lambda: TensorFlowDataset(name="x", max_photos=0),
        lambda: WebSearch(query="tit", licence="mine"),  # type: ignore[arg-type]
        lambda: DrawnShapes(seed=-1),
    ],
)
def test_source_that_cannot_be(make: Callable[[], Source]) -> None:
    """Values that make no sense are refused at once."""
    with pytest.raises(ConfigError):
        make()


# --- folders of the server -------------------------------------------------------------------------------


def test_allowed_path(settings: Settings, tmp_path: Path) -> None:
    """Paths are allowed inside the folders of the setting only, links resolved; all else looks missing."""
    shared = tmp_path / "shared"
    (shared / "birds").mkdir(parents=True)
    (tmp_path / "shared2").mkdir()
    (shared / "out").symlink_to(tmp_path / "shared2")
    (shared / "in").symlink_to(shared / "birds")
    (shared / "circle").symlink_to(shared / "circle")
    allowing = replace(settings, import_dirs=(str(shared),))
    for path in (shared / "birds", "birds", "in", shared / "in", "birds/..", "."):
        assert allowed_path(str(path), allowing) in (shared / "birds", shared)
    messages = set()
    for path in ("..", "/etc", tmp_path / "shared2", "out", "circle", "missing", "../shared2", "a\0b", "~"):
        with pytest.raises(SourceError, match="in the folders from which") as caught:
            allowed_path(str(path), allowing)
        messages.add(str(caught.value).replace(repr(str(path)), ""))
    assert len(messages) == 1


def test_folders_are_listed_as_far_as_they_can_be_read(settings: Settings) -> None:
    """One that cannot be looked into is there, with nothing in it; one in which nothing can be looked at has no end."""
    with ordinary_user() as folder:
        for name in ("open/birds", "open/fish"):
            (folder / name).mkdir(parents=True)
        closed = close_folder(folder / "closed")
        (folder / "open" / "link").symlink_to(closed / "inside")
        close_folder(folder / "open" / "shut")
        roots = (folder / "open", closed, closed / "inside", folder / "missing")
        listed = list_folders(replace(settings, import_dirs=tuple(map(str, roots))))
    names = [str(folder / "open" / name) for name in ("birds", "fish", "shut")]
    assert listed == [str(folder / "open"), *names, str(closed)]


def test_no_folder_is_allowed(settings: Settings) -> None:
    """Without the setting no folder is read, and the message names the setting."""
    with pytest.raises(SourceError, match="BLUETIT_IMPORT_DIRS"):
        allowed_path("/", settings)


# --- the desk --------------------------------------------------------------------------------------------


def test_uploads_have_numbers_for_names(desk: ImportDesk, settings: Settings) -> None:
    """No name of a client becomes a name on the disk, and the folder appears when it is complete."""
    names = ["../../evil.jpg", "C:\\x.jpg", "/etc/passwd", "a/b.jpg", "con"]
    folder = settings.incoming_path / desk.stage_files((name, b"content") for name in names)
    assert sorted(path.name for path in folder.iterdir()) == ["000003", "000004", "index.json"]
    assert incoming(settings) == [folder.name]


def test_upload_that_breaks_off(desk: ImportDesk, settings: Settings) -> None:
    """Of an upload that fails in the middle nothing is left."""

    def files() -> Iterator[tuple[str, bytes]]:
        yield "a.jpg", b"a"
        raise ConnectionResetError("the browser is gone")

    with pytest.raises(ConnectionResetError):
        desk.stage_files(files())
    assert incoming(settings) == []


@pytest.mark.parametrize("folder", [UPLOAD, "../photos", "/etc", ".."])
@pytest.mark.parametrize("kind", [StagedFiles, StagedArchive])
def test_upload_that_is_not_there(desk: ImportDesk, dataset_id: int, folder: str, kind: type) -> None:
    """A request for an upload that is gone, or for another folder, is refused at once."""
    with pytest.raises(SourceError, match=r"Add (the photos|them) again"):
        desk.submit(ImportRequest(dataset_id=dataset_id, source=kind(folder=folder)))


def test_requests_that_are_refused_at_once(desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """What cannot work is refused before anything is queued."""
    digits = HandwrittenDigits()
    with pytest.raises(UnknownDatasetError):
        desk.submit(ImportRequest(dataset_id=99, source=digits))
    with pytest.raises(NameRefusedError):
        desk.submit(ImportRequest(dataset_id=dataset_id, source=digits, target_class="x" * 300))
    with pytest.raises(ConfigError):
        desk.submit(ImportRequest(dataset_id=dataset_id, source=digits, answer={"colour": "red"}))
    with pytest.raises(SourceError):
        desk.submit(ImportRequest(dataset_id=dataset_id, source=ServerFolder(path="/etc")))
    assert library.imports.of(dataset_id) == []


def test_cancel_before_it_begins(desk: ImportDesk, submit: Submit, queue: TaskQueue, settings: Settings) -> None:
    """An import that still waits is cancelled at once, with its files; a second cancel changes nothing."""
    import_id = submit()
    desk.cancel(import_id)
    status = desk.status(import_id)
    assert (status.view.state, status.is_active, status.error) == (ImportState.CANCELLED, False, None)
    assert queue.get(status.view.task_id or 0).status is TaskStatus.CANCELLED
    assert incoming(settings) == []
    desk.cancel(import_id)


def test_cancel_of_a_finished_import(desk: ImportDesk, submit: Submit, queue: TaskQueue, settings: Settings) -> None:
    """What is done stays done."""
    import_id = submit()
    work(queue, settings)
    desk.cancel(import_id)
    assert desk.status(import_id).view.state is ImportState.DONE


def test_cancel_of_a_question(desk: ImportDesk, queue: TaskQueue, settings: Settings, dataset_id: int) -> None:
    """A question that nobody wants to answer is given up, with its files."""
    folder = desk.stage_files(photos("Tit/1.jpg", "tits/2.jpg").items())
    import_id = desk.submit(ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=folder)))
    work(queue, settings)
    assert desk.status(import_id).view.state is ImportState.QUESTION
    desk.cancel(import_id)
    assert desk.status(import_id).view.state is ImportState.CANCELLED
    assert incoming(settings) == []
    with pytest.raises(DatasetError, match="no open question"):
        desk.answer(import_id, {"class_map": {}, "reading": "leaf"})


def test_only_failed_imports_are_tried_again(desk: ImportDesk, submit: Submit) -> None:
    """An import that waits, or is over otherwise, is not tried again."""
    import_id = submit()
    with pytest.raises(DatasetError, match="is waiting"):
        desk.retry(import_id)


def test_task_that_failed_by_itself(desk: ImportDesk, submit: Submit, queue: TaskQueue) -> None:
    """When no worker could do the task, the import has failed with the task's words."""
    import_id = submit()
    queue.fail_queued(["import_photos"], "No worker can be started.")
    status = desk.status(import_id)
    assert (status.view.state, status.error) == (ImportState.FAILED, "No worker can be started.")


def test_a_failed_import_is_not_over_before_its_reason_is_there(
    desk: ImportDesk, submit: Submit, queue: TaskQueue, library: Library
) -> None:
    """The worker notes the failure first and says why a moment later; nobody is told anything in between."""
    import_id = submit()
    library.imports.finish(import_id, state=ImportState.FAILED, refused=(), num_refused=0)
    assert desk.status(import_id).is_active
    queue.fail_queued(["import_photos"], "Piece 002 is missing.")
    status = desk.status(import_id)
    assert (status.is_active, status.error) == (False, "Piece 002 is missing.")


def test_server_killed_before_the_task_was_queued(
    desk: ImportDesk, library: Library, dataset_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import without a task counts as failed after a while, not at the moment between its two notes."""
    request = ImportRequest(dataset_id=dataset_id, source=HandwrittenDigits())
    import_id = library.imports.create(dataset_id, request.to_json())
    assert desk.status(import_id).is_active
    monkeypatch.setattr("core.datasets.ingest.desk._BEGIN_SECONDS", -1.0)
    status = desk.status(import_id)
    assert status.view.state is ImportState.FAILED
    assert "never begun" in (status.error or "")


def test_sweep(desk: ImportDesk, submit: Submit, settings: Settings) -> None:
    """Old uploads that nobody imported are deleted; what is young, or belongs to an open import, stays."""
    waiting = submit()
    old, young = (desk.stage_files(photos("1.jpg").items()) for _ in range(2))
    long_ago = time.time() - KEEP_INCOMING_SECONDS - 60
    for folder in settings.incoming_path.iterdir():
        if folder.name != young:
            os.utime(folder, (long_ago, long_ago))
    desk.sweep()
    assert old not in incoming(settings)
    assert len(incoming(settings)) == 2
    assert desk.status(waiting).is_active


def test_a_new_database_never_goes_on_with_what_another_one_has_fetched(
    desk: ImportDesk, library: Library, dataset_id: int, settings: Settings
) -> None:
    """Imports with the same number have folders of their own inside the workspace, whichever database counts them."""
    request = ImportRequest(dataset_id=dataset_id, source=HandwrittenDigits())
    view = library.imports.get(desk.submit(request))
    path = work_path(view, settings)
    assert path.parent == settings.incoming_path
    same_number = replace(view, request={**view.request, "work_id": UPLOAD})
    assert work_path(same_number, settings) != path
    desk.ask_again(view.id)
    assert work_path(library.imports.get(view.id), settings) == path


def test_an_import_of_an_older_version_keeps_its_folder(library: Library, dataset_id: int, settings: Settings) -> None:
    """A download that an update of Bluetit interrupted goes on where it was."""
    request = ImportRequest(dataset_id=dataset_id, source=HandwrittenDigits()).to_json()
    del request["work_id"]
    view = library.imports.get(library.imports.create(dataset_id, request))
    assert work_path(view, settings) == settings.incoming_path / f"import-{view.id}"


@pytest.mark.parametrize("work_id", ["..", "../photos", "", "7"])
def test_no_folder_outside_is_worked_in(library: Library, dataset_id: int, settings: Settings, work_id: str) -> None:
    """What a database says is checked before it becomes part of a path."""
    request = ImportRequest(dataset_id=dataset_id, source=HandwrittenDigits(), work_id=work_id)
    view = library.imports.get(library.imports.create(dataset_id, request.to_json()))
    with pytest.raises(SourceError):
        work_path(view, settings)


# --- real workers ----------------------------------------------------------------------------------------


def has_stored_some(desk: ImportDesk, import_id: int) -> bool:
    progress = desk.status(import_id).progress
    return progress is not None and bool(progress.fraction)


def test_killed_worker(
    desk: ImportDesk, submit: Submit, supervisor: Supervisor, library: Library, dataset_id: int
) -> None:
    """A worker killed half-way leaves no image; the next one imports every photo, once."""
    supervisor.start()
    import_id = submit(NUM_FOR_SECONDS, side_px=1500)
    wait_until(lambda: has_stored_some(desk, import_id))
    (worker,) = own_workers()
    worker.kill()
    assert library.images.of(dataset_id) == []
    wait_until(lambda: not desk.status(import_id).is_active)
    status = desk.status(import_id)
    assert (status.view.state, status.view.num_accepted) == (ImportState.DONE, NUM_FOR_SECONDS)
    assert len(library.images.of(dataset_id)) == NUM_FOR_SECONDS


def test_cancelled_worker(
    desk: ImportDesk, submit: Submit, supervisor: Supervisor, library: Library, settings: Settings, dataset_id: int
) -> None:
    """A cancel while a worker imports leaves no image and no upload, and the worker lives on."""
    supervisor.start()
    import_id = submit(NUM_FOR_SECONDS, side_px=1500)
    wait_until(lambda: has_stored_some(desk, import_id))
    desk.cancel(import_id)
    assert desk.status(import_id).view.state is ImportState.CANCELLED
    wait_until(lambda: incoming(settings) == [])
    following = submit(2)
    wait_until(lambda: not desk.status(following).is_active)
    assert len(library.images.of(dataset_id)) == 2
