"""The processes that are killed: the app's server with its workers, and the visitors who stand for its sessions."""

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.chaos.seen import running_tasks
from benchmarks.chaos.visitor import Visitor, holding
from benchmarks.load.server import begin_app, end_app, wait_until_healthy
from core.settings import Settings

_WORKER_MODULE = "core.jobs.worker"
_POLL_SECONDS = 0.03
_GONE_SECONDS = 30.0


class House:
    """A server on a workspace, and a visitor in each of its spaces."""

    def __init__(
        self, settings: Settings, space_ids: tuple[int, ...], notes_dir: Path, *, is_training: bool = True
    ) -> None:
        """Nothing is started yet.

        Args:
            settings: of the workspace.
            space_ids: in which somebody acts.
            notes_dir: where visitors write their journals; outside of the workspace.
            is_training: whether visitors train networks, too, whose workers take long to start.
        """
        self.settings = settings
        self.space_ids = space_ids
        self.notes_dir = notes_dir
        self.is_training = is_training
        self._server: psutil.Popen | None = None
        self._url = ""
        self._visitors: dict[int, multiprocessing.process.BaseProcess] = {}
        self._workers: dict[int, psutil.Process] = {}  # that were seen; servers leave theirs behind
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload(["benchmarks.chaos.visitor"])
        self._num_visits = 0

    @property
    def temporary_dir(self) -> Path:
        """What server and workers take for the system's folder of temporary files."""
        return self.notes_dir / "temporary"

    # --- begin and end ----------------------------------------------------------------------------------------

    def begin_server(self) -> None:
        """Start the app; it may take a moment until it answers."""
        self.temporary_dir.mkdir(exist_ok=True)
        variables = {name: str(self.temporary_dir) for name in ("TMPDIR", "TEMP", "TMP")}
        self._server, self._url = begin_app(self.settings, self.notes_dir / "server.log", environment=variables)

    def wait_for_server(self) -> None:
        """Wait until the app answers."""
        if self._server is not None:
            wait_until_healthy(self._url, self._server, self.notes_dir / "server.log")

    def begin_visits(self, seed: int) -> None:
        """Have somebody act in each space where nobody does."""
        for space_id in self.space_ids:
            visitor = self._visitors.get(space_id)
            if visitor is None or not visitor.is_alive():
                self._num_visits += 1
                task = Visitor(
                    settings=self.settings,
                    space_id=space_id,
                    seed=seed * 1_000_003 + self._num_visits,
                    notes_dir=self.notes_dir,
                    is_training=self.is_training,
                )
                self._visitors[space_id] = process = self._forks.Process(target=task.run, daemon=True)
                process.start()

    def end(self) -> None:
        """End everything: the visitors at once, the server and its workers as a person would."""
        self.kill_visitors()
        workers = self.workers()
        if self._server is not None:
            end_app(self._server)
            self._server = None
        _, left = psutil.wait_procs(workers, timeout=_GONE_SECONDS)
        for each in left:
            each.kill()

    def finish_server(self) -> None:
        """End the server politely and wait for its workers."""
        workers = self.workers()
        if self._server is not None:
            end_app(self._server)
            self._server = None
        psutil.wait_procs(workers, timeout=_GONE_SECONDS)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Keep visitors from acting; workers go on."""
        with ExitStack() as stack:
            for space_id in self.space_ids:
                stack.enter_context(holding(self.notes_dir, space_id))
            yield

    # --- kill -------------------------------------------------------------------------------------------------

    def kill_server(self) -> None:
        """Kill the server and those who talk to it; its workers do not notice at once."""
        self.workers()
        if self._server is not None:
            self._server.kill()
        self.kill_visitors()
        if self._server is not None:
            self._server.wait(_GONE_SECONDS)
            self._server = None

    def kill_visitors(self) -> None:
        """Kill the visitors."""
        for process in self._visitors.values():
            process.kill()
        for process in self._visitors.values():
            process.join(_GONE_SECONDS)
        self._visitors.clear()

    def kill_workers(self) -> None:
        """Kill all workers."""
        for process in self.workers():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(list(self._workers.values()), timeout=_GONE_SECONDS)

    def kill_worker(self, worker_id: str) -> bool:
        """Kill one worker, and say whether it was there."""
        for process in self.workers():
            with contextlib.suppress(psutil.NoSuchProcess):
                if worker_id in process.cmdline():
                    process.send_signal(signal.SIGKILL)
                    process.wait(_GONE_SECONDS)
                    return True
        return False

    def workers(self) -> list[psutil.Process]:
        """The workers alive, those of servers that were killed too."""
        if self._server is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(self._server.pid).children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        if _WORKER_MODULE in child.cmdline():
                            self._workers[child.pid] = child
        self._workers = {pid: each for pid, each in self._workers.items() if _is_alive(each)}
        return list(self._workers.values())

    def wait_for_task(self, wanted: Callable[[str], bool], seconds: float) -> tuple[str, str] | None:
        """Wait until a worker has a task of a wanted kind; its kind and worker, None when that takes too long."""
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            for kind, _, worker_id in running_tasks(self.settings.database_path):
                if wanted(kind):
                    return kind, worker_id
            time.sleep(_POLL_SECONDS)
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
