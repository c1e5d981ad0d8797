"""The desk where pages have models exported; the work itself is in `core.packaging`, in worker processes.

A head on a frozen network needs no worker: it is exported here, at the moment when somebody takes it.
"""

import threading
import weakref
from dataclasses import dataclass
from typing import Any

from core.config import HUB_PREFIX
from core.errors import ConfigError, RunFileError, RunStateError
from core.export.at_once import can_be_made_at_once, make_at_once
from core.export.exports import ExportRecord, read_export, what_has_changed, why_not_handed_out
from core.export.formats import FORMATS, ExportFormat, find_format
from core.export.page_wishes import read_page_wishes, write_maker_line
from core.inference.classifier_cache import ClassifierCache
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.jobs.views import TaskView
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.runs.refusals import refusal, refuse_trashed
from core.settings import Settings
from core.storage.own_use import refuse_without_room

EXPORT_MODEL_KIND = "export_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportState:
    """Where one format of a run's model stands."""

    row: ExportFormat
    record: ExportRecord | None  # None: not made, or outdated
    task: TaskView | None  # the newest that makes it
    obstacle: str | None  # for people: why it cannot be made; None: it can
    problem: str | None = None  # for people: what is damaged; None: nothing
    changed: tuple[str, ...] = ()  # for people: what is otherwise than when it was made; empty: nothing
    is_at_once: bool = False  # whether it is made at the moment when somebody takes it

    @property
    def is_being_made(self) -> bool:
        """Whether a task waits or runs."""
        return self.task is not None and self.task.is_active


class ExportDesk:
    """Takes what people want to have exported; safe to share between threads."""

    def __init__(
        self,
        runs: RunLibrary,
        queue: TaskQueue,
        supervisor: Supervisor,
        classifiers: ClassifierCache,
        settings: Settings,
    ) -> None:
        self._runs = runs
        self._queue = queue
        self._supervisor = supervisor
        self._classifiers = classifiers
        self._settings = settings
        self._lock = threading.Lock()  # held for moments only
        # Held while that run's export is made, and forgotten when nobody holds or awaits it any more.
        self._making: weakref.WeakValueDictionary[tuple[int, str], threading.Lock] = weakref.WeakValueDictionary()

    def request(self, run_id: int, name: str) -> int:
        """Ask for an export; the task's number, that of the one under way if there is one.

        Args:
            run_id: whose model it is.
            name: of the format.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not done, or in the trash, or the format cannot be made of it.
            KeyError: no such format.
            LimitReachedError: the space has no room for files.
        """
        row = find_format(name)
        self._refuse(self._runs.get_run(run_id), row)
        task_id = queue_export(self._queue, run_id, row)
        self._supervisor.wake()
        return task_id

    def maker_line(self, run_id: int) -> str:
        """What stands below the title of a model's web page; may be empty.

        Raises:
            UnknownRunError: no such run.
            RunFileError: what is wanted on the page is damaged.
        """
        self._runs.get_run(run_id)
        return read_page_wishes(RunFolder(self._settings, run_id)).maker_line

    def set_maker_line(self, run_id: int, line: str) -> None:
        """Have a line of the maker's own below the title of a model's web page; one that was made is outdated then.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is in the trash.
            StorageError: it cannot be kept.
        """
        refuse_trashed(self._runs.get_run(run_id))
        write_maker_line(RunFolder(self._settings, run_id), line)

    def obtain(self, run_id: int, name: str) -> str | None:
        """Have the zip of a format ready for somebody who takes it, made now where that needs no worker.

        Args:
            run_id: whose model it is.
            name: of the format.

        Returns:
            For people: why nobody gets it; None: it is whole, proven, and as it would be made now.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it could be made, but not of a run that is not done, or is in the trash.
            KeyError: no such format.
            LimitReachedError: the space has no room for files.
            BluetitError: it could not be made; see `core.export.at_once.make_at_once`.
        """
        view, row = self._runs.get_run(run_id), find_format(name)
        folder = RunFolder(self._settings, run_id)
        with self._lock:
            making = self._making.setdefault((run_id, name), threading.Lock())
        with making:  # who comes second finds what the first has made
            if self._is_at_once(row, folder, view.name):
                self._refuse(view, row)
                make_at_once(
                    run_id,
                    row,
                    settings=self._settings,
                    database=self._queue.database,
                    classifiers=self._classifiers,
                )
            return why_not_handed_out(folder, row, view.name)

    def stop(self, run_id: int, name: str) -> None:
        """Stop making an export; one that nobody makes is left as it is."""
        task = self._queue.find_active(export_key(run_id, name))
        if task is not None:
            self._queue.request_cancel(task.id)

    def states(self, view: RunView) -> tuple[ExportState, ...]:
        """Where every format of a run stands, in the order of the table.

        Raises:
            UnknownRunError: no such run.
            StorageError: a file cannot be read.
        """
        self._runs.get_run(view.id)
        tasks = self._queue.latest_of([export_key(view.id, row.name) for row in FORMATS])
        return tuple(self._state(view, row, tasks.get(export_key(view.id, row.name))) for row in FORMATS)

    def _refuse(self, view: RunView, row: ExportFormat) -> None:
        """Refuse what cannot be exported, as `request` tells."""
        refuse_trashed(view)
        if view.status is not RunStatus.DONE:
            raise refusal(view, "only one that is done can be exported")
        obstacle = obstacle_of(row, view)
        if obstacle is not None:
            raise RunStateError(f"The model of “{view.name}” cannot be exported for {row.title}. {obstacle}")
        refuse_without_room(self._queue.database, num_bytes=0)

    def _state(self, view: RunView, row: ExportFormat, task: TaskView | None) -> ExportState:
        record, problem, folder = None, None, RunFolder(self._settings, view.id)
        changed: tuple[str, ...] = ()
        try:
            record = read_export(folder, row, view.name)
            changed = what_has_changed(folder, row, view.name)
        except RunFileError as exc:
            problem = str(exc)
        return ExportState(
            row=row,
            record=record,
            task=task,
            obstacle=obstacle_of(row, view),
            problem=problem,
            changed=changed,
            is_at_once=self._is_at_once(row, folder, view.name),
        )

    def _is_at_once(self, row: ExportFormat, folder: RunFolder, title: str) -> bool:
        """Whether there is no export, and one can be made while somebody waits; what is damaged is no such case."""
        try:
            return can_be_made_at_once(row, folder, self._settings) and read_export(folder, row, title) is None
        except RunFileError:
            return False


def queue_export(queue: TaskQueue, run_id: int, row: ExportFormat) -> int:
    """Queue an export without asking questions; the task's number, that of the one under way if there is one."""
    payload: dict[str, Any] = {"run_id": run_id, "format": row.name}
    return queue.submit(EXPORT_MODEL_KIND, payload, key=export_key(run_id, row.name))


def export_key(run_id: int, name: str) -> str:
    """The key that keeps two workers from making the same export, and by which pages find the task."""
    return f"{EXPORT_MODEL_KIND}:{run_id}:{name}"


def obstacle_of(row: ExportFormat, view: RunView) -> str | None:
    """For people: why a format cannot be made of a run's model here; None: it can."""
    try:
        is_program = view.config.backbone.startswith(HUB_PREFIX)
    except ConfigError as exc:
        return str(exc)
    if is_program and not row.takes_programs:
        return (
            "The network is a module of TensorFlow Hub, a program of its own, which this format cannot hold without "
            "Bluetit. Take SavedModel, LiteRT or ONNX."
        )
    return row.missing_packages
