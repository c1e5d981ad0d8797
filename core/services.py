"""Everything that a server process holds open, made once when it starts."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone, find_backbone
from core.backbones.preparation import queue_preparation
from core.datasets.exporting import remove_orphaned_exports
from core.datasets.garbage import collect_garbage
from core.datasets.ingest.desk import ImportDesk
from core.datasets.library import Library
from core.datasets.purging import DatasetTrash
from core.datasets.tasks import DatasetTasks
from core.errors import (
    ArtefactDamagedError,
    ArtefactMissingError,
    BluetitError,
    SettingsError,
    UnknownBackboneError,
)
from core.export.desk import ExportDesk
from core.inference.batch_registry import BatchRegistry
from core.inference.classifier_cache import ClassifierCache
from core.inference.fair_pool import FairPool
from core.inference.own_classifiers import OwnClassifiers
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.photos.store import PhotoStore
from core.projects.desk import ProjectDesk
from core.runs.desk import RunDesk
from core.runs.left_overs import remove_left_overs
from core.runs.library import RunLibrary
from core.runs.reader import RunReader
from core.settings import Settings
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database
from core.storage.files import remove_abandoned_drafts
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH

logger = logging.getLogger(__name__)

CLEAR_UP_SECONDS = 6 * 3600.0  # from one clearing up to the next
_MAX_SPACES = 256  # whose services are kept
SWEEP_SECONDS = 60.0  # from one look for visitors who are gone to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What pages call into; safe to share between sessions and threads."""

    # Of everybody
    settings: Settings
    spaces: SpaceRegistry
    supervisor: Supervisor
    pool: FairPool  # on which visitors take turns to have photos answered
    batches: BatchRegistry
    photo_store: PhotoStore
    # Of one space, or of all
    database: Database
    queue: TaskQueue
    classifiers: OwnClassifiers
    library: Library
    imports: ImportDesk
    trash: DatasetTrash
    dataset_tasks: DatasetTasks
    projects: ProjectDesk
    runs: RunLibrary
    run_desk: RunDesk
    run_reader: RunReader
    exports: ExportDesk
    _cache: ClassifierCache
    _housekeeper: "_Housekeeper" = field(default_factory=lambda: _Housekeeper())
    _of_spaces: "_OfSpaces" = field(default_factory=lambda: _OfSpaces())

    @property
    def space_id(self) -> int | None:
        """Whose things these services reach; None: everybody's."""
        return self.database.space_id

    def of_space(self, space_id: int) -> "Services":
        """The same services for one space: nothing of another can be reached through them, whatever number is named.

        The only way by which pages and routes come to anything.
        """
        return self._of_spaces.get(space_id, lambda: self._bind(space_id))

    def _bind(self, space_id: int) -> "Services":
        of_space = open_libraries(self.settings, self.supervisor, self._cache, self.database.of_space(space_id))
        return replace(self, **of_space)

    def close(self) -> None:
        """Stop the background work, delete visitors' photos and let go of the database."""
        self._housekeeper.stop()
        self.supervisor.stop()
        self.pool.close()
        self.batches.close()
        self.database.close()

    def request_preparation(self, backbone: Backbone) -> int:
        """Ask for a backbone to be prepared; the task's number, that of the one under way if there is one."""
        task_id = queue_preparation(backbone, self.queue)
        self.supervisor.wake()
        return task_id


class _OfSpaces:
    """The services of single spaces, kept for those who come again: they remember what they have read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Services] = OrderedDict()

    def get(self, space_id: int, make: Callable[[], Services]) -> Services:
        """Those of a space, made when first asked for."""
        with self._lock:
            services = self._kept.pop(space_id, None) or make()
            self._kept[space_id] = services
            while len(self._kept) > _MAX_SPACES:
                self._kept.popitem(last=False)
            return services


def _clear_up(services: Services) -> None:
    """Delete what has been in the trash for too long, and what killed workers and servers have left.

    Whatever resists waits for the next time.
    """

    def remove_cached_drafts() -> None:
        for folder in services.settings.cache_path.glob("*"):
            remove_abandoned_drafts(folder)

    def remove_exports() -> None:
        datasets = services.library.datasets
        remove_orphaned_exports(services.settings, [*datasets.all(), *datasets.in_trash()])

    steps: dict[str, Callable[[], object]] = {
        "uploads": services.imports.sweep,
        "deleted datasets": services.trash.purge_overdue,
        "drafts of photos": services.photo_store.remove_drafts,
        "photos that nothing needs": lambda: collect_garbage(services.library, services.photo_store),
        "exports of deleted datasets": remove_exports,
        "projects": services.projects.settle_abandoned,  # before the drafts among the runs, by which it knows them
        "runs": lambda: remove_left_overs(services.runs, services.settings),
        "the cache": remove_cached_drafts,
    }
    for what, step in steps.items():
        try:
            step()
        # A file that may not be touched, or that a living worker has just removed, is no reason not to start.
        except (BluetitError, OSError):
            logger.exception("What was left of %s could not be cleared up; that is tried again later.", what)


class _Housekeeper:
    """Threads that clear up now and then, in servers that run for months."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[[], None], every_seconds: float) -> None:
        """Have something done again and again, for the first time after `every_seconds`."""

        def run() -> None:
            while not self._stopping.wait(every_seconds):
                work()

        thread = threading.Thread(target=run, name="housekeeper", daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End, once what is being done is done."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()


def open_libraries(
    settings: Settings, supervisor: Supervisor, cache: ClassifierCache, database: Database
) -> dict[str, Any]:
    """What is of one space or of all, as the database is: fields of `Services`, by name.

    Args:
        settings: of the workspace.
        supervisor: woken when something is asked for; need not be started where another process has workers.
        cache: of networks that answer.
        database: bound to a space, or all of it.
    """
    queue = TaskQueue(database, TASK_KINDS)
    library, runs = Library(database), RunLibrary(database)
    imports = ImportDesk(settings, library, queue, supervisor)
    return {
        "database": database,
        "queue": queue,
        "classifiers": OwnClassifiers(cache, runs),
        "library": library,
        "imports": imports,
        "trash": DatasetTrash(settings, database, queue, supervisor, imports),
        "dataset_tasks": DatasetTasks(settings, library, queue, supervisor),
        "projects": ProjectDesk(settings, library, runs, queue, supervisor),
        "runs": runs,
        "run_desk": RunDesk(runs, queue, supervisor, settings),
        "run_reader": RunReader(runs, queue, database, settings),
        "exports": ExportDesk(runs, queue, supervisor, settings),
    }


def open_services(settings: Settings) -> Services:
    """Open the database, start the supervisor, and have the default backbone prepared in the background.

    Raises:
        SettingsError: the default backbone is not in the catalogue.
        StorageError: the workspace cannot be used.
    """
    try:
        default_backbone = find_backbone(settings.default_backbone)
    except UnknownBackboneError as exc:
        raise SettingsError(f"The setting default_backbone cannot be used. {exc}") from exc
    database = open_database(settings)
    pool = FairPool(settings.num_inference_threads, name="classify")
    supervisor = Supervisor(settings, TaskQueue(database, TASK_KINDS), kinds=TASK_KINDS_PATH)
    cache = ClassifierCache(settings)
    services = Services(
        settings=settings,
        spaces=SpaceRegistry(database),
        supervisor=supervisor,
        pool=pool,
        batches=BatchRegistry(settings, pool),
        photo_store=PhotoStore(settings.photos_path, settings.cache_path),
        _cache=cache,
        **open_libraries(settings, supervisor, cache, database),
    )
    try:
        _clear_up(services)
        services._housekeeper.start(lambda: _clear_up(services), CLEAR_UP_SECONDS)
        services._housekeeper.start(services.batches.sweep, SWEEP_SECONDS)
        services.supervisor.start()
        try:
            load_artefact(default_backbone, settings)
        except (ArtefactMissingError, ArtefactDamagedError):
            services.request_preparation(default_backbone)
    except BluetitError:
        services.close()
        raise
    return services
