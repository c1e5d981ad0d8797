"""What runs tell, read from the database once for everybody who looks.

Of each run that is looked at, what was read is kept, so that only what is new is read; a run at which nobody has looked
for a while is forgotten.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.config import TrainConfig
from core.datasets.records import SnapshotView
from core.datasets.snapshots import load_snapshot
from core.errors import ConfigError, RunFileError, StorageError, UnknownDatasetError
from core.jobs.queue import TaskQueue
from core.jobs.status import ACTIVE_STATUSES
from core.jobs.views import Progress, QueuePlace
from core.runs.expectation import estimate_begun
from core.runs.folder import RunFolder
from core.runs.history import RunHistory
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.runs.story import EpochStory
from core.settings import Settings
from core.storage.db import Database

# Runs of which is remembered what they told; each takes a megabyte at most, after thousands of epochs.
_MAX_RUNS = 64
_FORGET_SECONDS = 600.0
_MAX_LINES = 2_000  # runs whose accuracies are remembered, some numbers each


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNow:
    """A run with everything that it tells at a moment."""

    view: RunView
    history: RunHistory
    config: TrainConfig | None  # None: another version of Bluetit wrote something that this one cannot read
    class_names: tuple[str, ...]  # in the order of the model's outputs; none when its snapshot is gone
    progress: Progress | None  # of what trains it, or of what makes its files once it is done
    place: QueuePlace | None  # of one that waits for its turn; None: it is being begun, or was
    expected_seconds: Mapping[str, float]  # of each phase, as they were estimated; empty: nothing is known
    device: str | None  # what it is trained on, for people
    read_at: float  # Unix seconds


@dataclass(slots=True, kw_only=True)
class _Kept:
    """What is remembered of a run, changed only by who holds the lock."""

    history: RunHistory
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked_at: float = 0.0
    facts_of: tuple[int, int, bool] | None = None  # phases, rewinds and activity of the run for which the rest was read
    class_names: tuple[str, ...] = ()
    expected_seconds: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None


class RunReader:
    """Reads runs for pages and routes; safe to share between threads, one of which reads a run at a time."""

    def __init__(self, runs: RunLibrary, queue: TaskQueue, database: Database, settings: Settings) -> None:
        self._runs = runs
        self._queue = queue
        self._database = database
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._lines: OrderedDict[int, tuple[int, int, tuple[float, ...]]] = OrderedDict()

    def read(self, view: RunView) -> RunNow:
        """Everything that a run tells.

        Args:
            view: the run, as it was read just now.

        Raises:
            UnknownRunError: it is not there any more.
        """
        kept = self._keep(view)
        with kept.lock:
            history = self._read_events(kept, view)
            config = _config_of(view)
            self._read_facts(kept, view, config)
            return RunNow(
                view=view,
                history=history,
                config=config,
                class_names=kept.class_names,
                progress=self._progress(view),
                place=self._place(view),
                expected_seconds=kept.expected_seconds,
                device=kept.device,
                read_at=time.time(),
            )

    def history(self, view: RunView) -> RunHistory:
        """What a run has told so far; only what is new is read from the database."""
        kept = self._keep(view)
        with kept.lock:
            return self._read_events(kept, view)

    def class_names(self, view: RunView) -> tuple[str, ...]:
        """The classes of a run, in the order of its model's outputs; none when its snapshot is gone."""
        kept = self._keep(view)
        with kept.lock:
            if not kept.class_names:
                snapshot = self._read_snapshot(view)
                kept.class_names = () if snapshot is None else snapshot.class_names
            return kept.class_names

    def accuracies(self, view: RunView) -> tuple[float, ...]:
        """How good a run was after each epoch that told so, 0-1: on validation photos, where there are any."""
        with self._lock:
            sequence, num_rewinds, values = self._lines.get(view.id, (0, view.num_rewinds, ()))
        if num_rewinds != view.num_rewinds:
            sequence, values = 0, ()
        if view.last_sequence > sequence:
            events = self._runs.events_after(view.id, sequence, kinds=["epoch"])
            stories = [EpochStory.from_json(event.payload) for event in events]
            judged = (
                story.accuracy if story.validation_accuracy is None else story.validation_accuracy for story in stories
            )
            values += tuple(value for value in judged if value is not None)
            sequence = max(view.last_sequence, *(event.sequence for event in events), 0)
        with self._lock:
            self._lines[view.id] = (sequence, view.num_rewinds, values)
            self._lines.move_to_end(view.id)
            while len(self._lines) > _MAX_LINES:
                self._lines.popitem(last=False)
        return values

    def _keep(self, view: RunView) -> _Kept:
        now = time.monotonic()
        with self._lock:
            kept = self._kept.pop(view.id, None)
            if kept is None:
                kept = _Kept(history=RunHistory(run_id=view.id, num_rewinds=view.num_rewinds))
            kept.asked_at = now
            self._kept[view.id] = kept
            while len(self._kept) > _MAX_RUNS or now - next(iter(self._kept.values())).asked_at > _FORGET_SECONDS:
                self._kept.popitem(last=False)
        return kept

    def _read_events(self, kept: _Kept, view: RunView) -> RunHistory:
        if kept.history.num_rewinds < view.num_rewinds:
            kept.history = RunHistory(run_id=view.id, num_rewinds=view.num_rewinds)
        if view.num_rewinds == kept.history.num_rewinds and view.last_sequence > kept.history.sequence:
            kept.history = kept.history.with_events(self._runs.events_after(view.id, kept.history.sequence))
        return kept.history

    def _read_facts(self, kept: _Kept, view: RunView, config: TrainConfig | None) -> None:
        """What changes at most when a run begins, comes into another phase, or ends."""
        facts_of = (len(kept.history.phases), kept.history.num_rewinds, view.is_active)
        if kept.facts_of == facts_of:
            return
        self._runs.get_run(view.id)  # of one that is not here, or another's, no file is opened
        kept.device = self._device(view)
        snapshot = self._read_snapshot(view)
        if snapshot is not None:
            kept.class_names = snapshot.class_names
        if view.is_active and config is not None and snapshot is not None:
            done = [other for other in self._runs.list_runs() if other.status is RunStatus.DONE]
            # A network that was prepared by the run itself is measured only then.
            estimate = estimate_begun(config, snapshot, done, self._settings)
            steps = estimate.seconds.items() if estimate is not None else ()
            kept.expected_seconds = {phase.value: seconds for phase, seconds in steps}
        kept.facts_of = facts_of

    def _read_snapshot(self, view: RunView) -> SnapshotView | None:
        """The photos of a run, too many to be remembered; None when its snapshot is gone."""
        try:
            return load_snapshot(self._database, view.snapshot_hash)
        except UnknownDatasetError:
            return None

    def _device(self, view: RunView) -> str | None:
        """What it is trained on, as the run noted at its start."""
        folder = RunFolder(self._settings, view.id)
        if not folder.environment_path.is_file():
            return None
        try:
            environment = folder.read_json(folder.environment_path)
        except (RunFileError, StorageError):
            return None
        device = environment.get("device") if isinstance(environment, dict) else None
        return device if isinstance(device, str) else None

    def _progress(self, view: RunView) -> Progress | None:
        task_id = view.task_id if view.is_active else view.package_task_id
        is_going_on = view.is_active or view.package_status in ACTIVE_STATUSES
        return self._queue.progress(task_id) if is_going_on and task_id is not None else None

    def _place(self, view: RunView) -> QueuePlace | None:
        if view.status is not RunStatus.QUEUED or view.task_id is None:
            return None
        return self._queue.place_in_queue(view.task_id)


def _config_of(view: RunView) -> TrainConfig | None:
    try:
        return view.config
    except ConfigError:
        return None
