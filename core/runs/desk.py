"""The desk where pages have runs trained, stopped, cancelled, taken up again, packaged and examined.

The work itself is in `core.training` and `core.evaluation`, in worker processes. Several people may ask for different
things at the same moment: each step is one transaction that looks at the run before it changes it, and what two people
want alike is done once.
"""

from typing import Any

from core.backbones.hub_places import find_hub_module
from core.config import HUB_PREFIX, TrainConfig
from core.errors import JobError, RunError, RunStateError
from core.jobs.queue import TaskQueue
from core.jobs.recent_work import seconds_in_last_hour
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.jobs.views import QueuePlace
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.runs.refusals import refusal, refuse_trashed
from core.settings import Settings
from core.storage.db import Database
from core.storage.limits import SpaceUse, refuse_training
from core.storage.own_use import refuse_without_room
from core.storage.schema import HOME_SPACE_ID

TRAIN_KIND = "train_run"
RATES_KIND = "try_rates"
PACKAGE_KIND = "package_run"
EXAMINE_KIND = "examine_run"


class RunDesk:
    """Takes what people want to have done with runs; safe to share between threads."""

    def __init__(self, library: RunLibrary, queue: TaskQueue, supervisor: Supervisor, settings: Settings) -> None:
        self._library = library
        self._queue = queue
        self._supervisor = supervisor
        self._settings = settings

    def submit(
        self,
        config: TrainConfig,
        *,
        name: str | None = None,
        recipe: str | None = None,
        dataset_id: int | None = None,
        parent_id: int | None = None,
        race: str | None = None,
        detail: str = "",
    ) -> RunView:
        """Note a new run and have it trained as soon as a worker is free; arguments as for `create_run`.

        Raises:
            NameRefusedError: a run cannot have the name, or another one has it.
            UnknownDatasetError: no such dataset or snapshot.
            UnknownRunError: no such parent.
            StorageError: the folder of the run cannot be made.
            ConfigError: the backbone is a module of TensorFlow Hub from where none may be loaded.
            LimitReachedError: the space has no room for another run, or has trained enough for this hour.
            NoSpaceError: the disk is nearly full.
        """
        self.refuse_without_room(1)
        if config.backbone.startswith(HUB_PREFIX):
            find_hub_module(config.backbone, self._settings)  # the worker looks again, this tells it at once
        view = self._library.create_run(
            config, name=name, recipe=recipe, dataset_id=dataset_id, parent_id=parent_id, race=race, detail=detail
        )
        folder = RunFolder(self._settings, view.id)
        folder.set_aside()
        folder.create()
        self._queue_training(view.id)
        return self._library.get_run(view.id)

    def refuse_without_room(self, num_runs: int) -> None:
        """Refuse trainings early, before anything is done for the first of them.

        Args:
            num_runs: that would be noted.

        Raises:
            LimitReachedError: the space has no room for them, or has trained enough for this hour.
            NoSpaceError: the disk is nearly full.
        """
        database = self._queue.database
        if database.room is None:
            return
        refuse_without_room(database, runs=num_runs, num_bytes=0)
        refuse_training(database.room.limits, SpaceUse(training_seconds=training_seconds(database)))

    def stop(self, run_id: int) -> None:
        """End a training early and keep the best epoch so far; one that nobody has begun is cancelled.

        One that has finished epochs and waits to go on is stopped when its turn comes, or they would be lost.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it neither waits nor runs, or is being cancelled.
        """
        view = self._library.get_run(run_id)
        is_unbegun = view.status is RunStatus.QUEUED and view.started_at is None
        if is_unbegun and self._queue.cancel_queued(_task_of(view)):
            return
        self._library.request_stop(run_id)

    def cancel(self, run_id: int) -> None:
        """Discard a run that waits or runs; one that was cancelled stays so.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it neither waits nor runs.
        """
        view = self._library.get_run(run_id)
        if view.is_active:
            self._queue.request_cancel(_task_of(view))
            view = self._library.get_run(run_id)  # it may have ended before the request
        if not view.is_active and view.status is not RunStatus.CANCELLED:
            raise refusal(view, "only one that waits or runs can be cancelled")

    def resume(self, run_id: int) -> None:
        """Let a run go on that was interrupted or has failed, from its last finished epoch.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it was neither interrupted nor has it failed, or it is in the trash.
            StorageError: the folder of the run cannot be made.
            LimitReachedError: the space has trained enough for this hour.
        """
        self.refuse_without_room(0)
        self._library.reopen(run_id)
        RunFolder(self._settings, run_id).create()
        task = self._queue.latest(training_key(run_id))
        if task is None or task.status is not TaskStatus.INTERRUPTED:
            self._queue_training(run_id)
            return
        try:
            self._queue.requeue(task.id)
        except JobError:
            if self._queue.get(task.id).status is TaskStatus.INTERRUPTED:
                raise
            # Somebody else was faster: the run goes on, as both wanted.
        self._library.set_task(run_id, task.id)
        self._supervisor.wake()

    def place_in_queue(self, run_id: int) -> QueuePlace | None:
        """Where a run stands that waits for its turn; None when it does not wait.

        Raises:
            UnknownRunError: no such run.
        """
        task_id = self._library.get_run(run_id).task_id
        return None if task_id is None else self._queue.place_in_queue(task_id)

    def request_packaging(self, run_id: int) -> int:
        """Ask for the files that people take away; the task's number, that of the one under way if there is one.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not done, or it is in the trash.
            LimitReachedError: the space has no room for files.
        """
        self._refuse_unfinished(run_id, "only one that is done can be packaged")
        refuse_without_room(self._queue.database, num_bytes=0)
        task_id = queue_packaging(self._library, self._queue, run_id)
        self._supervisor.wake()
        return task_id

    def request_examination(self, run_id: int) -> int:
        """Ask for a closer look at a run's model; the task's number, that of the one under way if there is one.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not done, or it is in the trash.
        """
        self._refuse_unfinished(run_id, "only one that is done can be looked at closer")
        task_id = self._queue.submit(EXAMINE_KIND, _payload(run_id), key=examination_key(run_id))
        self._supervisor.wake()
        return task_id

    def purge(self, run_id: int) -> None:
        """Delete a run that is in the trash for good, with its folder; nobody looks closer at it any more.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not in the trash, or a worker uses it or will.
            StorageError: the run is deleted, but its folder cannot be.
        """
        self._library.get_run(run_id)  # or the folder of a run would be marked that is somebody else's
        folder = RunFolder(self._settings, run_id)
        folder.condemn()
        try:
            self._library.purge(run_id)
        except RunError:
            folder.pardon()
            raise
        examination = self._queue.latest(examination_key(run_id))
        if examination is not None and examination.is_active:
            self._queue.request_cancel(examination.id)
        folder.delete()

    def _refuse_unfinished(self, run_id: int, rule: str) -> None:
        view = self._library.get_run(run_id)
        refuse_trashed(view)
        if view.status is not RunStatus.DONE:
            raise refusal(view, rule)

    def _queue_training(self, run_id: int) -> None:
        task_id = self._queue.submit(TRAIN_KIND, _payload(run_id), key=training_key(run_id))
        self._library.set_task(run_id, task_id)
        self._supervisor.wake()


def training_seconds(database: Database) -> float:
    """How long the trainings of the space took in the last hour that a database is bound to."""
    with database.read_session() as session:
        return seconds_in_last_hour(session, [TRAIN_KIND]).get(database.space_id or HOME_SPACE_ID, 0.0)


def queue_packaging(library: RunLibrary, queue: TaskQueue, run_id: int) -> int:
    """Queue the packaging of a run, which its own worker does at the end of the training, without asking questions.

    Returns:
        The task's number, that of the one under way if there is one.

    Raises:
        UnknownRunError: no such run.
    """
    task_id = queue.submit(PACKAGE_KIND, _payload(run_id), key=packaging_key(run_id))
    library.set_package_task(run_id, task_id)
    return task_id


def examination_key(run_id: int) -> str:
    """The key that keeps two workers from looking at one model at the same time, and by which pages find the task."""
    return f"{EXAMINE_KIND}:{run_id}"


def training_key(run_id: int) -> str:
    """The key that keeps two workers from training one run at the same time."""
    return f"{TRAIN_KIND}:{run_id}"


def _payload(run_id: int) -> dict[str, Any]:
    return {"run_id": run_id}


def _task_of(view: RunView) -> int:
    if view.task_id is None:
        raise RunStateError(f"The run “{view.name}” is being queued at this moment. Try again.")
    return view.task_id


def packaging_key(run_id: int) -> str:
    """The key that keeps two workers from making the files of one run at the same time."""
    return f"{PACKAGE_KIND}:{run_id}"
