"""Background work on a dataset as a whole: checking it, looking at its photos, drawing its map, exporting it."""

from typing import Any

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import find_backbone
from core.datasets.checks.findings import FindingKind
from core.datasets.library import Library
from core.datasets.records import DatasetView
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.jobs.views import Progress, TaskView
from core.settings import Settings
from core.storage.own_use import refuse_without_room

CHECK_KIND = "check_dataset"
MAP_KIND = "map_dataset"
LOOK_KIND = "look_at_photos"
MODEL_LOOK_KIND = "ask_model"
EXPORT_KIND = "export_dataset"
CLEAR_KIND = "clear_photos"


class DatasetTasks:
    """Asks for background work on datasets and tells how it goes; safe to share between threads."""

    def __init__(self, settings: Settings, library: Library, queue: TaskQueue, supervisor: Supervisor) -> None:
        self._settings = settings
        self._library = library
        self._queue = queue
        self._supervisor = supervisor

    def request(self, kind: str, dataset_id: int) -> int:
        """Ask for a kind of work; the task's number, that of the one under way if there is one.

        Raises:
            UnknownDatasetError: no such dataset.
            LimitReachedError: the space has no room for an export.
        """
        self._library.datasets.get(dataset_id)
        if kind == EXPORT_KIND:
            refuse_without_room(self._queue.database, num_bytes=0)
        task_id = self._queue.submit(kind, {"dataset_id": dataset_id}, key=dataset_task_key(kind, dataset_id))
        self._supervisor.wake()
        return task_id

    def latest(self, kind: str, dataset_id: int) -> TaskView | None:
        """The newest task of this kind about this dataset, whatever its status."""
        return self._queue.latest(dataset_task_key(kind, dataset_id))

    def is_active(self, kind: str, dataset_id: int) -> bool:
        """Whether such a task waits or runs."""
        task = self.latest(kind, dataset_id)
        return task is not None and task.is_active

    def progress(self, kind: str, dataset_id: int) -> Progress | None:
        """What the newest task of this kind reported last."""
        task = self.latest(kind, dataset_id)
        return None if task is None else self._queue.progress(task.id)

    def request_check_if_needed(self, dataset: DatasetView) -> None:
        """Have a dataset checked when it, or what the check works with, has changed since the last check."""
        if not dataset.num_images:
            return
        check = self._library.checks.load(dataset.id)
        task = self.latest(CHECK_KIND, dataset.id)
        if task is not None and task.is_active:
            return  # asking would wait for whoever writes into the database, at each run of each visitor's page
        if check is not None and check.revision == dataset.revision:
            if not check.is_outdated and (task is None or not self._can_be_refined(check.findings, task)):
                return
        elif task is not None and task.status is TaskStatus.FAILED and task.created_at > dataset.changed_at:
            # It would fail again on the very same content, at each run of each visitor's page.
            return
        self.request(CHECK_KIND, dataset.id)

    def _can_be_refined(self, findings: list[dict[str, Any]], task: TaskView) -> bool:
        """Whether the check had to do without the network that confirms near-duplicates, which is prepared by now."""
        if not any(finding["kind"] == FindingKind.ROUGH_SEARCH for finding in findings):
            return False
        artefact = find_artefact(find_backbone(self._settings.default_backbone), self._settings)
        return artefact is not None and artefact.folder.stat().st_mtime > task.created_at


def dataset_task_key(kind: str, dataset_id: int) -> str:
    """The key that keeps two workers from the same work on a dataset."""
    return f"{kind}:{dataset_id}"
