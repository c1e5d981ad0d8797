"""What `Services` has, without a supervisor that starts workers: the test does the work, in its own process."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace

from core.datasets.library import Library
from core.export.desk import ExportDesk
from core.inference.classifier_cache import ClassifierCache
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.photos.store import PhotoStore
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH


class Workshop(SimpleNamespace):
    """An open workspace whose tasks the test takes."""

    settings: Settings
    queue: TaskQueue
    runs: RunLibrary

    def begin(self, attempt: int) -> TaskContext:
        """Claim the oldest task, as a worker of its own."""
        worker_id = f"w{attempt}"
        self.queue.register_worker(worker_id, pid=1, host="elsewhere", lane=Lane.NETWORKS)
        task = self.queue.claim(worker_id, TASK_KINDS)
        assert task is not None
        return TaskContext(self.queue, self.settings, task)

    def end(self, context: TaskContext, attempt: int, status: TaskStatus) -> None:
        """Note the end of its task, as a worker does."""
        self.queue.finish(context.task_id, f"w{attempt}", status=status)
        context.end(is_done=status is TaskStatus.DONE)


@contextmanager
def open_workshop(settings: Settings) -> Iterator[Workshop]:
    """A workshop in the workspace of some settings."""
    with closing(open_database(settings)) as database:
        queue, runs = TaskQueue(database, TASK_KINDS), RunLibrary(database)
        supervisor = Supervisor(settings, queue, kinds=TASK_KINDS_PATH)
        yield Workshop(
            settings=settings,
            database=database,
            queue=queue,
            runs=runs,
            library=Library(database),
            photo_store=PhotoStore(settings.photos_path, settings.cache_path),
            run_desk=RunDesk(runs, queue, supervisor, settings),
            exports=ExportDesk(runs, queue, supervisor, ClassifierCache(settings), settings),
        )
