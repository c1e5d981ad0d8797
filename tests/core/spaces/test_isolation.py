"""Nothing of another space can be reached: every public method of every library is tried with foreign numbers.

The methods are found by looking, and what they take is filled in by name from a table; a method with something in it
that the table does not know fails the test, so that new ones are covered as well. A foreign number must be answered
just as one that nobody has, and must change nothing of the other's.
"""

import inspect
import io
import re
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import Any, cast, get_type_hints

import pytest
from sqlalchemy.exc import SQLAlchemyError

from core.actions.records import ClassAction
from core.backbones.catalog import find_backbone
from core.datasets.library import Library
from core.datasets.records import ImportState, NewImage, Split
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.datasets.tasks import CHECK_KIND, EXPORT_KIND, MAP_KIND
from core.errors import BluetitError
from core.export.formats import FORMATS
from core.foreign.records import ForeignSource, Origin
from core.foreign.scaling import Scaling
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.phones.records import SentPhoto
from core.photos.fit import FitMode
from core.projects.places import ProjectSource
from core.runs.desk import TRAIN_KIND
from core.services import Services, open_services
from core.settings import Settings
from core.sorting.records import Adviser, Search
from core.spaces.kiosks import KioskSetup
from core.spaces.records import SpaceKind
from core.storage.db import Database
from core.task_kinds import TASK_KINDS
from tests.core.actions.sounds import wav
from tests.core.foreign.foreign_records import FOREIGN_RECORD
from tests.core.projects.project_samples import picture
from tests.core.runs.run_samples import config
from tests.core.spaces.lives import Life, live, nobodys, number_from

THEIRS, OURS = "Geheim-7f3a", "Eigenes-11b2"
# Every number of the other space is among these, and no number of ours, nor any that is made up.
THEIR_NUMBERS = re.compile(r"\b(7[1-9]|80)\d{3}\b")

# Of `Services`: what no space has for itself, and why a page may have it.
EVERYBODYS = {
    "settings": "of the whole server",
    "classroom": "the teacher's page and the door: tests/pages/server/test_routes_isolation.py, tests/pages/door",
    "deletions": "pages of teachers and administrators; others reach none: tests/pages/board, tests/pages/accounts",
    "hand_outs": "the teacher's page; pupils reach none: tests/core/spaces/test_handing_out.py",
    "take_home": "the teacher's page; pupils reach none: tests/pages/server/test_class_routes.py",
    "notices": "told to each pupil about itself: tests/pages/server/test_class_routes.py",
    "is_guest": "says only whether there are limits",
    "spaces": "asked by the secret of a cookie, and by the teacher's page",
    "supervisor": "knows workers, and nothing of what they do",
    "pool": "turns, by visitor",
    "batches": "asked by owner: tests/pages/server/test_routes_isolation.py",
    "photo_store": "files by hash, read for rows that the library has given out",
    "database": "tests/core/storage/test_own_rows.py",
}
# Methods that are no way to anything, and why.
LEFT_OUT = {
    "TaskQueue.of_space": "how the program itself comes to another space; nothing from outside gets there",
    "TaskQueue.within": "the same, with the limits of a space",
    "OfferDesk.find": "whoever has the link may have it; of which class one is, is asked by the route: "
    "tests/pages/server/test_routes_isolation.py",
    "OfferDesk.count_photo": "others show the model photos, which is what it is offered for",
    "OfferDesk.count_verdict": "others say whether it was right",
    "KioskDesk.find": "whoever has the address may have it; the same route asks of which class one is",
    "PhoneLinks.find": "the token, 256 random bits, is the right itself: phones have no space",
}
# What only the library of the whole database does: that of a space refuses, whatever it is given.
WHOLE_ONLY = {"PhotoIndex.forget", "PhotoIndex.forget_snapshots", "PhotoIndex.unreferenced", "ImportDesk.sweep"}
# Methods whose owner, too, is answered alike and sees nothing change, and why.
TELL_NOTHING = {
    "OwnClassifiers.find": "the model has no network here: tests/pages/server/test_routes_isolation.py has one",
    "OwnClassifiers.get_trained": "the same",
    "DatasetTrash.seconds_left": "is worked out from what it is given",
    "PhotoIndex.add": "photos are shared: whoever has one may say so, and is told nothing",
    **dict.fromkeys(
        (f"TaskQueue.{name}_worker" for name in ("announce", "register", "unregister")), "workers are the server's"
    ),
    "TaskQueue.heartbeat": "the same",
    "TaskQueue.note_trouble": "the same",
    "TaskQueue.trouble": "what keeps everybody from training is told to everybody",
}

Fill = Callable[[Life, "Ground"], Any]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Two spaces of one workspace."""

    services: Services
    their_services: Services
    ours: Life
    theirs: Life
    their_files: Mapping[Path, bytes]
    start: sqlite3.Connection  # the database as it was, in memory

    def reset(self) -> None:
        """Make the database as it was."""
        with closing(sqlite3.connect(self.services.settings.database_path)) as connection:
            self.start.backup(connection)
        for path, content in self.their_files.items():
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Iterator[Ground]:
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("spaces") / "workspace")
    settings.workspace_dir.mkdir()
    shutil.copy(new_database, settings.database_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Supervisor, "start", lambda _: None)
        whole = open_services(settings)
        try:
            services, their_services = (
                whole.of_space(whole.spaces.create(SpaceKind.PUPIL, name).id) for name in ("Quiet Otter", "Brave Heron")
            )
            ours = live(services, OURS, first_photo=500, worker_id="our worker")
            number_from(71_000, whole.database)
            before = _files(settings)
            theirs = live(their_services, THEIRS, first_photo=700, worker_id="their worker")
            their_files = {path: content for path, content in _files(settings).items() if path not in before}
            number_from(81_000, whole.database)
            start = sqlite3.connect(":memory:", check_same_thread=False)
            with closing(sqlite3.connect(settings.database_path)) as connection:
                connection.backup(start)
            yield Ground(
                services=services,
                their_services=their_services,
                ours=ours,
                theirs=theirs,
                their_files=their_files,
                start=start,
            )
            start.close()
        finally:
            whole.close()


# --- what there is ---------------------------------------------------------------------------------------


def _libraries() -> dict[str, tuple[type, Callable[[Services], Any]]]:
    """What pages and routes call of a space, by the name of its class: the class, and how one comes to it."""
    found: dict[str, tuple[type, Callable[[Services], Any]]] = {}
    hints = get_type_hints(Services)
    for each in fields(Services):
        if each.name.startswith("_") or each.name in EVERYBODYS:
            continue
        if hints[each.name] is not Library:
            found[hints[each.name].__name__] = hints[each.name], attrgetter(each.name)
            continue
        for name, shelf in vars(Library(cast(Database, None))).items():
            found[type(shelf).__name__] = type(shelf), attrgetter(f"{each.name}.{name}")
    return found


LIBRARIES = _libraries()
METHODS = sorted(
    f"{class_name}.{name}"
    for class_name, (kind, _) in LIBRARIES.items()
    for name, method in inspect.getmembers(kind, callable)
    if not name.startswith("_") and f"{class_name}.{name}" not in LEFT_OUT
)


def find_method(name: str, services: Services) -> Callable[..., Any]:
    class_name, _, method_name = name.partition(".")
    return getattr(LIBRARIES[class_name][1](services), method_name)


# --- what is filled in -----------------------------------------------------------------------------------


def forged_view(life: Life, ground: Ground) -> Any:
    """A run of one's own with the numbers of another, as if a page had mixed them up."""
    own = ground.services.runs.get_run(ground.ours.run_id)
    return replace(
        own,
        id=life.run_id,
        dataset_id=life.dataset_id,
        snapshot_hash=life.snapshot_hash,
        task_id=life.task_id,
        package_task_id=life.running_task_id,
    )


def forged_dataset(life: Life, ground: Ground) -> Any:
    own = ground.services.library.datasets.get(ground.ours.dataset_id)
    return replace(own, id=life.dataset_id, created_at=life.dataset_made_at)


def forged_model(life: Life, ground: Ground) -> Any:
    own = ground.services.foreign.get(ground.ours.foreign_id)
    return replace(own, id=life.foreign_id)


def forged_task(life: Life, ground: Ground) -> Any:
    own = ground.services.queue.get(ground.ours.running_task_id)
    return replace(own, id=life.running_task_id, worker_id=life.worker_id)


# What a stranger can fill in, by the name of the parameter, or by method and name.
FOREIGN: dict[str, Fill] = {
    "dataset_id": lambda life, _: life.dataset_id,
    "dataset": forged_dataset,
    "class_id": lambda life, _: life.class_ids[0],
    "class_ids": lambda life, _: life.class_ids[:1],
    "into_id": lambda life, _: life.class_ids[1],
    "image_ids": lambda life, _: life.image_ids[:3],
    "assignment": lambda life, _: dict.fromkeys(life.image_ids, Split.TEST),
    "hashes": lambda life, _: life.hashes,
    "photos": lambda life, _: life.photos,
    "measurements": lambda life, _: {each: {"version": 0, "brightness": 0.1} for each in life.hashes},
    "similarities": lambda life, _: {(min(life.hashes[2:4]), max(life.hashes[2:4])): 0.5},
    "import_id": lambda life, _: life.import_id,
    "work_id": lambda life, _: life.work_id,
    "operation_id": lambda life, _: life.operation_id,
    "task_id": lambda life, _: life.task_id,
    "task_ids": lambda life, _: [life.task_id],
    "RunLibrary.set_task.task_id": lambda life, _: life.running_task_id,
    "RunLibrary.set_package_task.task_id": lambda life, _: life.running_task_id,
    "TaskQueue.progress.task_id": lambda life, _: life.running_task_id,
    "TaskQueue.messages.task_id": lambda life, _: life.running_task_id,
    "TaskQueue.result.task_id": lambda life, _: life.running_task_id,
    "TaskQueue.finish.task_id": lambda life, _: life.running_task_id,
    "TaskQueue.append_event.task_id": lambda life, _: life.running_task_id,
    "task": forged_task,
    "worker_id": lambda life, _: life.worker_id,
    "ProjectDesk.brought_in.source": lambda life, _: ProjectSource(key=life.work_id, name="Project"),
    "key": lambda life, _: f"{TRAIN_KIND}:{life.queued_run_id}",
    "keys": lambda life, _: life.keys,
    "payload": lambda life, _: {"run_id": life.queued_run_id},
    "fingerprint": lambda life, _: life.fingerprint,
    "request": lambda life, _: ImportRequest(
        dataset_id=life.dataset_id, source=StagedFiles(folder=life.staging_id), title="Photos"
    ),
    "source": lambda life, _: ProjectSource(key=life.source_key, name="Project"),
    "run_id": lambda life, _: life.run_id,
    "RunDesk.cancel.run_id": lambda life, _: life.queued_run_id,
    "RunDesk.stop.run_id": lambda life, _: life.queued_run_id,
    "RunDesk.place_in_queue.run_id": lambda life, _: life.queued_run_id,
    "RunDesk.purge.run_id": lambda life, _: life.trashed_run_id,
    "RunLibrary.request_stop.run_id": lambda life, _: life.queued_run_id,
    "RunLibrary.restore.run_id": lambda life, _: life.trashed_run_id,
    "RunLibrary.purge.run_id": lambda life, _: life.trashed_run_id,
    "DatasetShelf.restore.dataset_id": lambda life, _: life.trashed_dataset_id,
    "DatasetTrash.purge.dataset_id": lambda life, _: life.trashed_dataset_id,
    "ImageShelf.restore.image_ids": lambda life, _: life.image_ids[7:],
    "ImageShelf.add.import_id": lambda life, _: life.import_id,
    "run_ids": lambda life, _: [life.run_id],
    "parent_id": lambda life, _: life.run_id,
    "race": lambda life, _: life.race,
    "config": lambda life, _: config(life.snapshot_hash),
    "view": forged_view,
    "name": lambda life, _: life.dataset_name,
    "RunLibrary.create_run.name": lambda life, _: life.run_name,
    "RunLibrary.free_name.name": lambda life, _: life.run_name,
    "RunLibrary.rename.name": lambda life, _: life.run_name,
    "RunDesk.submit.name": lambda life, _: life.run_name,
    "model_id": lambda life, _: life.foreign_id,
    "model": forged_model,
    "ForeignLibrary.restore.model_id": lambda life, _: life.trashed_foreign_id,
    "ForeignLibrary.purge.model_id": lambda life, _: life.trashed_foreign_id,
    "ForeignDesk.purge.model_id": lambda life, _: life.trashed_foreign_id,
    "ForeignLibrary.add.name": lambda life, _: life.foreign_name,
    "ForeignLibrary.rename.name": lambda life, _: life.foreign_name,
    "ForeignLibrary.add.key": lambda life, _: life.brought_key,
    "ForeignLibrary.find_brought.key": lambda life, _: life.brought_key,
    "ForeignDesk.brought_in.source": lambda life, _: ForeignSource(key=life.brought_key, names=("birds.tflite",)),
    **dict.fromkeys(
        (f"ForeignDesk.{name}.source" for name in ("drop", "needs_acceptance", "reading", "request_reading")),
        lambda life, _: ForeignSource(key=life.foreign_key, names=("birds.tflite",)),
    ),
    "network": lambda life, _: life.kiosk_network,
    "class_name": lambda life, _: life.action_class,
    "file_name": lambda life, _: life.project_file,
    "ActionDesk.file_path.file_name": lambda life, _: life.action_file,
    "from_run_id": lambda life, _: life.run_id,
    "action": lambda life, _: ClassAction(words="Hello", sound=life.action_file),
    "link_id": lambda life, _: life.link_id,
    "class_of": lambda life, _: dict.fromkeys(life.image_ids[:3], life.class_ids[1]),
    "search": lambda life, _: Search(into=life.class_ids[0], examples=life.image_ids[:2]),
    "PhonePhotos.take_back.key": lambda life, _: life.photo_key,
    "sent": lambda life, _: SentPhoto(data=picture(508), key=life.photo_key, burst=None),
}

# What tells nothing of anybody.
FREE: dict[str, Fill] = {
    "class_names": lambda *_: ("one", "two"),
    "ImageShelf.add.images": lambda _, ground: [
        NewImage(photo=ground.ours.photos[0], class_name="crow", name="again.jpg")
    ],
    "split": lambda *_: Split.TEST,
    "ImageShelf.of.split": lambda *_: "any",
    "review": lambda *_: None,
    "offset": lambda *_: 0,
    "limit": lambda *_: 10,
    "older_than_seconds": lambda *_: 0.0,
    "arrived_before": lambda *_: 1e12,
    "revision": lambda *_: 9,
    "findings": lambda *_: [],
    "CheckLog.dismiss.keys": lambda *_: ["a finding"],
    "ImportLog.create.request": lambda *_: {"title": "Photos"},
    "ImportLog.reopen.request": lambda *_: {"title": "Photos"},
    "state": lambda *_: ImportState.FAILED,
    "refused": lambda *_: [],
    "num_refused": lambda *_: 0,
    "question": lambda *_: None,
    "notes": lambda *_: (),
    "kind": lambda *_: TRAIN_KIND,
    "TaskQueue.append_event.kind": lambda *_: "message",
    "TaskQueue.append_event.payload": lambda *_: {"text": "Hello"},
    "DatasetTasks.is_active.kind": lambda *_: EXPORT_KIND,
    "DatasetTasks.latest.kind": lambda *_: EXPORT_KIND,
    "DatasetTasks.progress.kind": lambda *_: CHECK_KIND,
    "DatasetTasks.request.kind": lambda *_: MAP_KIND,
    "TaskQueue.claim.worker_id": lambda _, ground: ground.ours.worker_id,
    "kind_names": lambda *_: list(TASK_KINDS),
    "lane": lambda *_: Lane.PHOTOS,
    "pid": lambda *_: 1,
    "host": lambda *_: "here",
    "sequence": lambda *_: 0,
    "status": lambda *_: TaskStatus.DONE,
    "error": lambda *_: "No luck.",
    "reason": lambda *_: "It stopped",
    "digest": lambda *_: "0" * 64,
    "attempt": lambda *_: None,
    "log_name": lambda *_: None,
    "silent_seconds": lambda *_: None,
    "goes_on": lambda *_: False,
    "trouble": lambda *_: "It waits.",
    "detail": lambda *_: "",
    "dead_after_seconds": lambda *_: 1e9,
    "TaskQueue.dead_workers.dead_after_seconds": lambda *_: -1e9,
    "grace_seconds": lambda *_: -1e9,
    "end_worker": lambda *_: lambda: True,
    "backbone": lambda *_: find_backbone("MobileNetV2"),
    "files": lambda *_: [("a.jpg", b"photo")],
    "answer": lambda *_: {},
    "name_encoding": lambda *_: None,
    "path": lambda *_: "/nowhere",
    "file": lambda *_: io.BytesIO(b"project"),
    "ProjectDesk.receive.name": lambda *_: "Birds.bluetit",
    "num_bytes": lambda *_: 7,
    "ExportDesk.request.name": lambda *_: FORMATS[1].name,
    "ExportDesk.obtain.name": lambda *_: FORMATS[0].name,
    "ExportDesk.stop.name": lambda *_: FORMATS[0].name,
    "line": lambda *_: "mine",
    "events": lambda *_: [("note", {"text": "Hello", "is_warning": False})],
    "kinds": lambda *_: None,
    "recipe": lambda *_: None,
    "note": lambda *_: "mine",
    "record": lambda *_: FOREIGN_RECORD,
    "origin": lambda *_: Origin.KERAS,
    "num_runs": lambda *_: 1,
    "place": lambda *_: lambda _model_id: None,
    "scaling": lambda *_: Scaling.CAFFE,
    "fit_mode": lambda *_: FitMode.LETTERBOX,
    "accepts_hdf5": lambda *_: False,
    "ForeignDesk.request_reading.class_names": lambda *_: "one\ntwo",
    "ForeignDesk.receive.files": lambda *_: [("birds.tflite", io.BytesIO(b"model"), 5)],
    "outcome": lambda *_: None,
    "adviser": lambda *_: Adviser.EXAMPLES,
    "setup": lambda *_: KioskSetup(title="Ours"),
    "data": lambda *_: wav(),
    "ActionDesk.put_picture.data": lambda *_: picture(509),
    "language": lambda *_: "de",
}


def fillers(name: str) -> tuple[dict[str, Fill], dict[str, Fill]]:
    """What fills each parameter of a method: those that a stranger can turn to another's, and the rest."""
    class_name, _, method_name = name.partition(".")
    foreign, free = {}, {}
    for parameter in inspect.signature(getattr(LIBRARIES[class_name][0], method_name)).parameters:
        if parameter == "self":
            continue
        own, general = f"{name}.{parameter}", parameter
        if own in FREE or (own not in FOREIGN and general in FREE):
            free[parameter] = FREE.get(own) or FREE[general]
        elif own in FOREIGN or general in FOREIGN:
            foreign[parameter] = FOREIGN.get(own) or FOREIGN[general]
        else:
            pytest.fail(f"{name} takes {parameter!r}, which FOREIGN and FREE do not know: say what a stranger can do.")
    return foreign, free


# --- what comes of it ------------------------------------------------------------------------------------


def outcome(method: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """What a call answers or raises, with what was given, and what is made up anew each time, left out."""
    try:
        told = _told(method(**arguments))
    except (BluetitError, RuntimeError, SQLAlchemyError) as exc:
        told = f"{type(exc).__name__}: {exc}"
    for given in sorted({*_scalars(list(arguments.values()))}, key=len, reverse=True):
        told = re.sub(rf"(?<![\w.]){re.escape(given)}(?!\w)", "<given>", told)
    told = re.sub(r"\b[0-9a-f]{32}\b", "<key>", told)
    return re.sub(r"\b\d+\.\d+(e[+-]?\d+)?\b", "<number>", told)


def _told(value: Any) -> str:
    if isinstance(value, set | frozenset):
        return f"set{sorted(map(_told, value))}"
    return repr(value)


def _scalars(value: Any) -> Iterator[str]:
    """Every number and text in something, hashes also as messages show them."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, Enum):
        return
    if isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, str):
        yield from (value, value[:40], value[:12]) if re.fullmatch("[0-9a-f]{32,}", value) else (value,)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from (*_scalars(key), *_scalars(each))
    elif is_dataclass(value):
        for each in fields(value):
            yield from _scalars(getattr(value, each.name))
    elif isinstance(value, Collection):
        for each in value:
            yield from _scalars(each)


# --- the database as it is -------------------------------------------------------------------------------

# Rows that are everybody's: of those that were there, none may go or change. Not compared: when a photo came last,
# which tells only the clean-up that somebody needs it.
_SHARED = ("photos", "photo_pairs", "snapshots", "snapshot_images")
# Not compared either: what no library of a space has anything to do with.
_NOT_COMPARED = ("alembic_version", "spaces", "space_keys", "classrooms", "workers", "sqlite_sequence")
_NOT_COMPARED += ("deletions", "hand_outs", "hand_out_copies", "space_notices")  # the teacher's
_OWNER = {"dataset_id": "datasets", "run_id": "runs", "task_id": "tasks", "batch_id": "classify_batches"}


def their_part(ground: Ground) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the other space, and those that it needs of what is everybody's."""
    with closing(sqlite3.connect(ground.services.settings.database_path)) as connection:
        return {table: _rows(connection, table, ground) for table in _tables(connection)}


def _tables(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [name for (name,) in names if name not in _NOT_COMPARED]


def _rows(connection: sqlite3.Connection, table: str, ground: Ground) -> list[tuple[Any, ...]]:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    if table in _SHARED:
        chosen = [column for column in columns if column != "created_at"]
        of_hash = next(column for column in columns if column.endswith("hash"))
        known = (*ground.theirs.hashes, ground.theirs.snapshot_hash)
        condition = f"{of_hash} IN ({','.join('?' * len(known))})"
        return connection.execute(f"SELECT {', '.join(chosen)} FROM {table} WHERE {condition}", known).fetchall()
    space = (ground.their_services.space_id,)
    if "space_id" in columns:
        return connection.execute(f"SELECT * FROM {table} WHERE space_id = ?", space).fetchall()
    column = next(column for column in columns if column in _OWNER)
    owners = f"SELECT id FROM {_OWNER[column]} WHERE space_id = ?"
    return connection.execute(f"SELECT * FROM {table} WHERE {column} IN ({owners})", space).fetchall()


def changed(ground: Ground, before: Mapping[str, Any]) -> list[str]:
    """What of the other has changed: tables and files."""
    now = their_part(ground)
    files = [
        path.name for path, content in ground.their_files.items() if not path.is_file() or path.read_bytes() != content
    ]
    return [table for table in before if now[table] != before[table]] + files


def _files(settings: Settings) -> dict[Path, bytes]:
    """Every file of a workspace but those of the database."""
    return {
        path: path.read_bytes()
        for path in settings.workspace_dir.rglob("*")
        if path.is_file() and not path.name.startswith("bluetit.sqlite3")
    }


# --- tests -----------------------------------------------------------------------------------------------


def test_every_part_of_the_services_is_looked_at() -> None:
    """What is new in the services is a library of a space, or stands among those that are not, with the reason."""
    named = {each.name for each in fields(Services) if not each.name.startswith("_")}
    assert set(EVERYBODYS) <= named
    assert len(METHODS) > 120
    assert {*LEFT_OUT, *WHOLE_ONLY, *TELL_NOTHING} <= {*METHODS, *LEFT_OUT}


@pytest.mark.parametrize("name", METHODS)
def test_a_foreign_number_is_one_that_nobody_has(name: str, ground: Ground) -> None:
    """Each parameter alone, and all together: the answer is as for a number that there is not, and nothing changes."""
    foreign, free = fillers(name)
    nobody = nobodys(ground.theirs)
    trials = [{each} for each in foreign] + [set(foreign)]
    ground.reset()
    before = their_part(ground)
    for turned in trials:
        answers = []
        for stranger in (ground.theirs, nobody):
            ground.reset()
            arguments = {each: fill(ground.ours, ground) for each, fill in free.items()}
            arguments |= {
                each: fill(stranger if each in turned else ground.ours, ground) for each, fill in foreign.items()
            }
            told = outcome(find_method(name, ground.services), arguments)
            assert THEIRS not in told, f"{name} with another's {sorted(turned)}: {told}"
            assert not THEIR_NUMBERS.search(told), f"{name} with another's {sorted(turned)}: {told}"
            assert changed(ground, before) == [], f"{name} with another's {sorted(turned)}"
            answers.append(told)
        assert answers[0] == answers[1], f"{name} tells another's {sorted(turned)} from nobody's"
        assert name not in WHOLE_ONLY or answers[0].startswith("RuntimeError: Only the ")


@pytest.mark.parametrize("name", [name for name in METHODS if name not in WHOLE_ONLY | TELL_NOTHING.keys()])
def test_the_same_call_of_the_owner_tells_or_does_something(name: str, ground: Ground) -> None:
    """Or the test above could not fail: with the same values the owner is answered otherwise, or changes things."""
    foreign, free = fillers(name)
    if not foreign:
        return
    ground.reset()
    before = their_part(ground)
    answers, effects = [], []
    for life in (ground.theirs, nobodys(ground.theirs)):
        ground.reset()
        arguments = {each: fill(life, ground) for each, fill in (free | foreign).items()}
        answers.append(outcome(find_method(name, ground.their_services), arguments))
        effects.append(changed(ground, before))
    ground.reset()
    assert (answers[0], effects[0]) != (answers[1], effects[1])
