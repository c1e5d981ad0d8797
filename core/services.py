"""Everything that a server process holds open, made once when it starts."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from core.actions.desk import ActionDesk
from core.backbones.artefacts import is_prepared
from core.backbones.catalog import Backbone, find_backbone
from core.backbones.preparation import queue_preparation
from core.datasets.exporting import remove_orphaned_exports
from core.datasets.garbage import collect_garbage
from core.datasets.ingest.desk import ImportDesk
from core.datasets.library import Library
from core.datasets.purging import DatasetTrash
from core.datasets.tasks import DatasetTasks
from core.errors import BluetitError, SettingsError, StorageError, UnknownBackboneError
from core.export.desk import ExportDesk
from core.features.table import FeatureTable
from core.foreign.desk import ForeignDesk
from core.foreign.library import ForeignLibrary
from core.inference.batch_registry import BatchRegistry
from core.inference.classifier_cache import ClassifierCache
from core.inference.fair_pool import FairPool
from core.inference.own_classifiers import OwnClassifiers
from core.jobs.housekeeper import Housekeeper, take_all
from core.jobs.queue import TaskQueue
from core.jobs.recent_work import look_at_clock
from core.jobs.supervisor import Supervisor
from core.phones.links import PhoneLinks
from core.phones.photos import PhonePhotos
from core.photos.store import PhotoStore
from core.projects.desk import ProjectDesk
from core.runs.desk import RunDesk
from core.runs.left_overs import remove_left_overs
from core.runs.library import RunLibrary
from core.runs.reader import RunReader
from core.settings import Settings
from core.sorting.desk import SortingDesk
from core.spaces.classroom import ClassroomDesk
from core.spaces.copies import forget_copies
from core.spaces.deleting.desk import DeletionDesk
from core.spaces.handing_out import HandOutDesk
from core.spaces.kiosks import KioskDesk
from core.spaces.limits import SpaceMeter
from core.spaces.notices import NoticeBoard
from core.spaces.offers import OfferDesk
from core.spaces.registry import SpaceRegistry
from core.spaces.taking_home import TakeHomeDesk
from core.storage.db import Database, open_database
from core.storage.files import remove_abandoned_drafts
from core.storage.own_use import BoundSpace, bind_space
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH

logger = logging.getLogger(__name__)

CLEAR_UP_SECONDS = 6 * 3600.0  # from one clearing up to the next
_MAX_SPACES = 256  # whose services are kept
COPIES_SECONDS = 600.0  # from one look for copies of what was deleted elsewhere to the next
_LEFT_FOR_LATER = "%s could not be gone on with; that is tried again later."
SWEEP_SECONDS = 60.0  # from one look for visitors who are gone to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What pages call into; safe to share between sessions and threads."""

    settings: Settings  # as they are for who is served: guests reach no folder of this computer
    # Of everybody
    spaces: SpaceRegistry
    classroom: ClassroomDesk
    deletions: DeletionDesk
    hand_outs: HandOutDesk
    take_home: TakeHomeDesk
    notices: NoticeBoard
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
    sorting: SortingDesk
    projects: ProjectDesk
    runs: RunLibrary
    run_desk: RunDesk
    run_reader: RunReader
    exports: ExportDesk
    offers: OfferDesk
    kiosks: KioskDesk
    actions: ActionDesk
    foreign: ForeignLibrary
    foreign_desk: ForeignDesk
    meter: SpaceMeter  # of what may come into the space
    phone_links: PhoneLinks
    phone_photos: PhonePhotos
    _cache: ClassifierCache
    _table: FeatureTable  # of everybody's photos, found by whoever has them
    is_guest: bool = False  # whether they serve somebody who must not learn what is on this computer
    _housekeeper: Housekeeper = field(default_factory=Housekeeper)
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

    def looking_at(self, space_id: int) -> "Services":
        """The same services for somebody who looks at another's space: whatever is asked of them, nothing is changed.

        What would write is refused where it would (`Database.for_reading`), with a `LookOnlyError`.
        """
        bound = bind_space(self.database, self.settings, space_id)
        return self._bind_to(replace(bound, database=bound.database.for_reading()))

    def _bind(self, space_id: int) -> "Services":
        return self._bind_to(bind_space(self.database, self.settings, space_id))

    def _bind_to(self, bound: BoundSpace) -> "Services":
        of_space = open_libraries(
            bound.settings, self.supervisor, self._cache, bound.database, table=self._table, is_guest=bound.is_guest
        )
        return replace(self, settings=bound.settings, is_guest=bound.is_guest, **of_space)

    def close(self) -> None:
        """Stop the background work and let go of the database.

        Visitors' photos stay for another server, or the next start. When a lesson ends they go: nobody comes back to
        the laptop of a class, and what pupils have shown it must not lie there.
        """
        self._housekeeper.stop()
        self.supervisor.stop()
        self.pool.close()
        self.batches.close(keeps_photos=self.settings.access != "class" or bool(self.settings.database_url))
        self._cache.close()
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
        "links of phones": services.phone_links.forget_ended,
        "drafts of photos": services.photo_store.remove_drafts,
        "photos that nothing needs": lambda: collect_garbage(services.library, services.photo_store),
        "exports of deleted datasets": remove_exports,
        "projects": services.projects.settle_abandoned,  # before the drafts among the runs, by which it knows them
        "runs": lambda: remove_left_overs(services.runs, services.settings),
        "models from elsewhere": lambda: remove_abandoned_drafts(services.settings.foreign_path),
        "the cache": remove_cached_drafts,
        "pupils who were away for long": services.notices.look_after,
    }
    take_all(steps, "What was left of %s could not be cleared up; that is tried again later.")


def _look_at_clock(database: Database) -> None:
    """Notice whether somebody has set the clock, by which trainings of the last hour are counted."""
    try:
        with database.read_session() as session:
            look_at_clock(session)
    except StorageError as exc:
        logger.warning("The clock of the database could not be read: %s", exc)


def _sweep(services: Services) -> None:
    take_all({"Photos of visitors who are gone": services.batches.sweep}, _LEFT_FOR_LATER)


def _go_on(services: Services) -> None:
    """Begin what was asked for and lost: a server was killed between noting it and queueing its task."""
    steps: dict[str, Callable[[], object]] = {
        "Deletions": services.deletions.go_on,
        "Hand-outs": services.hand_outs.go_on,
    }
    if services.settings.access in ("class", "accounts"):  # of those who were let out while they put photos there
        steps["Photos of strangers"] = services.batches.give_up_strangers
    take_all(steps, _LEFT_FOR_LATER)


def open_libraries(
    settings: Settings,
    supervisor: Supervisor,
    cache: ClassifierCache,
    database: Database,
    *,
    table: FeatureTable,
    is_guest: bool = False,
) -> dict[str, Any]:
    """What is of one space or of all, as the database is: fields of `Services`, by name.

    Args:
        settings: of the workspace.
        supervisor: woken when something is asked for; need not be started where another process has workers.
        cache: of networks that answer.
        database: bound to a space, or all of it.
        table: of the features of photos.
        is_guest: whether the space is of somebody who must not learn what is on this computer.
    """
    queue = TaskQueue(database, TASK_KINDS)
    library, runs, foreign = Library(database), RunLibrary(database), ForeignLibrary(database)
    classifiers = OwnClassifiers(cache, runs, foreign)
    imports = ImportDesk(settings, library, queue, supervisor, blurs_faces=lambda: _blurs_faces(database))
    return {
        "database": database,
        "queue": queue,
        "classifiers": classifiers,
        "library": library,
        "imports": imports,
        "trash": DatasetTrash(settings, database, queue, supervisor, imports),
        "dataset_tasks": DatasetTasks(settings, library, queue, supervisor),
        "sorting": SortingDesk(settings, library, runs, classifiers, table),
        "projects": ProjectDesk(settings, library, runs, queue, supervisor),
        "runs": runs,
        "run_desk": RunDesk(runs, queue, supervisor, settings),
        "run_reader": RunReader(runs, queue, database, settings),
        "exports": ExportDesk(runs, queue, supervisor, cache, settings),
        "offers": OfferDesk(database, runs),
        "kiosks": KioskDesk(database, runs),
        "actions": ActionDesk(database, runs, settings),
        "foreign": foreign,
        "foreign_desk": ForeignDesk(settings, foreign, queue, supervisor, is_guest=is_guest),
        "meter": SpaceMeter(database),
        "phone_links": PhoneLinks(settings, database),
        "phone_photos": PhonePhotos(
            settings,
            database,
            PhotoStore.of(settings),
            blurs_faces=lambda: _blurs_faces(database),
        ),
    }


def _blurs_faces(database: Database) -> bool:
    """Whether the teacher of the class to which a space belongs wants faces blurred."""
    if database.space_id is None:
        return False
    classroom_id = SpaceRegistry(database).get(database.space_id).classroom_id
    return classroom_id is not None and ClassroomDesk(database).get(classroom_id).options.blur_faces


def open_services(settings: Settings) -> Services:
    """Open the database, start the supervisor, and have the default backbone prepared in the background.

    Raises:
        SettingsError: the default backbone is not in the catalogue, or names nothing by itself.
        StorageError: the workspace cannot be used.
    """
    try:
        default_backbone = find_backbone(settings.default_backbone)
    except UnknownBackboneError as exc:
        raise SettingsError(f"The setting default_backbone cannot be used. {exc}") from exc
    if not default_backbone.has_classes:
        raise SettingsError(
            f"The setting default_backbone cannot be used: {default_backbone.title} names nothing by itself. Choose a "
            "network with classes of its own, such as EfficientNetLite0."
        )
    database = open_database(settings)
    pool = FairPool(settings.num_inference_threads, name="classify")
    supervisor = Supervisor(settings, TaskQueue(database, TASK_KINDS), kinds=TASK_KINDS_PATH)
    cache, table = ClassifierCache(settings), FeatureTable(settings)
    batches = BatchRegistry(settings, pool, database)
    photo_store = PhotoStore.of(settings)
    of_all = open_libraries(settings, supervisor, cache, database, table=table)
    deletions = DeletionDesk(database, of_all["queue"], supervisor, batches)
    services = Services(
        settings=settings,
        spaces=SpaceRegistry(database),
        classroom=ClassroomDesk(database),
        deletions=deletions,
        hand_outs=HandOutDesk(database, of_all["queue"], supervisor),
        take_home=TakeHomeDesk(settings, of_all["queue"], supervisor),
        notices=NoticeBoard(database, settings, deletions),
        supervisor=supervisor,
        pool=pool,
        batches=batches,
        photo_store=photo_store,
        _cache=cache,
        _table=table,
        **of_all,
    )
    try:
        _clear_up(services)
        services._housekeeper.start(lambda: _clear_up(services), CLEAR_UP_SECONDS)
        services._housekeeper.start(lambda: _sweep(services), SWEEP_SECONDS)
        if photo_store.is_elsewhere:
            services._housekeeper.start(lambda: forget_copies(database, settings), COPIES_SECONDS)
        services._housekeeper.start(lambda: _look_at_clock(database), SWEEP_SECONDS)
        services._housekeeper.start(lambda: _go_on(services), SWEEP_SECONDS)
        services.supervisor.start()
        if not is_prepared(default_backbone, settings):
            services.request_preparation(default_backbone)
    except BluetitError:
        services.close()
        raise
    return services
