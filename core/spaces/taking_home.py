"""What pupils take home: everything of each as project files, in one zip that the teacher hands round."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from core.datasets.exporting import exports_dir, packed_path, remove_packed, safe_file_name
from core.datasets.library import Library
from core.errors import SpaceError
from core.jobs.context import TaskContext
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.jobs.views import Progress, TaskView
from core.names import first_free, name_key
from core.projects.layout import SUFFIX
from core.projects.writing import can_travel, write_project
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.storage.db import Database
from core.storage.files import TEMPORARY_PREFIX, write_atomically
from core.storage.open_store import open_store
from core.storage.schema import Space

TAKE_HOME_KIND = "take_class_home"


class TakeHomeDesk:
    """Has the zip of a class packed; safe to share between threads."""

    def __init__(self, settings: Settings, queue: TaskQueue, supervisor: Supervisor) -> None:
        self._settings = settings
        self._queue = queue.of_space(None)
        self._supervisor = supervisor

    def request(self, classroom_id: int) -> int:
        """Have everything of the pupils packed as it is now; the task's number, that of the one under way if any."""
        remove_packed(self._settings, lambda name, _: name == _zip_name(classroom_id))
        payload = {"classroom_id": classroom_id}
        task_id = self._queue.submit(TAKE_HOME_KIND, payload, key=_key(classroom_id))
        self._supervisor.wake()
        return task_id

    def packing(self, classroom_id: int) -> TaskView | None:
        """The newest task that packs or packed it."""
        return self._queue.latest(_key(classroom_id))

    def progress(self, task: TaskView) -> Progress | None:
        """How far it is."""
        return self._queue.progress(task.id)

    def packed(self, classroom_id: int) -> Path | None:
        """The zip, once it is packed."""
        path = class_zip_path(self._settings, classroom_id)
        return path if path.is_file() else None


def class_zip_path(settings: Settings, classroom_id: int) -> Path:
    """Where the zip of a class is."""
    return packed_path(_zip_name(classroom_id), settings)


def _zip_name(classroom_id: int) -> str:
    return f"class-{classroom_id}.zip"


def _key(classroom_id: int) -> str:
    return f"{TAKE_HOME_KIND}:{classroom_id}"


def run_take_home_task(context: TaskContext) -> None:
    """Handler of `take_class_home`; the payload is `{"classroom_id": number}`.

    Raises:
        SpaceError: no pupil has anything.
        BluetitError: a project cannot be written; there is no zip then.
    """
    database, settings = context.database.of_space(None), context.settings
    classroom_id = int(context.payload["classroom_id"])
    pupils = select(Space.id, Space.name).where(Space.classroom_id == classroom_id, Space.kind == SpaceKind.PUPIL)
    with database.read_session() as session:
        found = session.execute(pupils.order_by(Space.name)).all()

    def report(fraction: float, message: str) -> None:
        context.check_cancelled()
        context.report(fraction, message)

    target = class_zip_path(settings, classroom_id)
    with write_atomically(target) as draft, zipfile.ZipFile(draft, "w") as archive:
        num_files = 0
        for number, (space_id, name) in enumerate(found):
            # Without the name: what tasks report outlives the class.
            report(number / len(found), f"Packing pupil {number + 1} of {len(found)}")
            own = database.of_space(space_id)
            num_files += _add_pupil(archive, own, settings, name, report=context.check_cancelled)
        if not num_files:
            raise SpaceError("No pupil has a dataset yet, so there is nothing to take home.")
    open_store(settings).keep(target)


def _add_pupil(
    archive: zipfile.ZipFile, own: Database, settings: Settings, pupil: str, *, report: Callable[[], None]
) -> int:
    """Add the projects of a pupil, one after the other; how many there are."""
    library, runs = Library(own), RunLibrary(own)
    datasets = library.datasets.all()
    taken: set[str] = set()
    for dataset in datasets:
        label = pupil if len(datasets) == 1 else f"{pupil} - {dataset.name}"
        name = first_free(safe_file_name(label), taken.__contains__)
        taken.add(name_key(name))
        run_ids = [view.id for view in runs.list_runs(dataset.id) if can_travel(view)]
        place = exports_dir(settings)
        with tempfile.TemporaryDirectory(dir=place, prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True) as folder:
            path = Path(folder) / f"project{SUFFIX}"
            write_project(own, settings, dataset.id, run_ids, path, report=lambda *_: report())
            archive.write(path, f"{name}{SUFFIX}")  # packed already
    return len(datasets)
