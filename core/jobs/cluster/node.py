"""What runs on a node of a cluster: our worker, for one task; the process itself is kept by Ray for the next."""

import functools
import importlib.metadata
import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from core.environment import load_settings
from core.errors import BluetitError
from core.home import give_home
from core.jobs.cluster.connection import NODE_FAILS, OTHER_VERSION
from core.jobs.handlers import import_attribute
from core.jobs.kinds import Lane, kinds_of
from core.jobs.processes import NUM_LOGS_KEPT, give_way, remove_old_logs, worker_log_name
from core.jobs.queue import TaskQueue
from core.jobs.worker import Worker
from core.settings import Settings
from core.storage.db import Database, open_database

# Where things are on this node may differ from where they are on the server; what the node says itself counts.
_FOLDERS = ("BLUETIT_WORKSPACE_DIR", "BLUETIT_CACHE_DIR", "BLUETIT_WEIGHTS_DIR")
_OWN_FOLDERS = {name: os.environ[name] for name in _FOLDERS if os.environ.get(name)}


def app_version() -> str:
    """The version of Bluetit that is installed here."""
    return importlib.metadata.version("bluetit")


def work_once(
    worker_id: str, lane: str, kinds: str, environment: Mapping[str, str], version: str
) -> tuple[str, str] | None:
    """Do the task of a lane whose turn it is, if there is one; runs in a process of Ray's.

    Args:
        worker_id: name that no worker had before.
        lane: whose tasks are done.
        kinds: the table of task kinds, as "module:attribute".
        environment: variables that the server's own workers would have, its settings among them.
        version: of Bluetit on the server.

    Returns:
        Why nothing can be done on this node, for whoever runs it and for those who wait; None where nothing is wrong.
    """
    if app_version() != version:
        return (
            f"The node {socket.gethostname()} has Bluetit {app_version()}, and the server has {version}. Install the "
            "same version on both.",
            OTHER_VERSION,
        )
    try:
        settings, database = _open(tuple(sorted({**environment, **_OWN_FOLDERS}.items())))
        queue = TaskQueue(database, import_attribute(kinds))
        waiting = queue.count_queued()
        if not any(waiting.get(name) for name in kinds_of(Lane(lane), queue.kinds)):
            return None  # somebody else was faster
        log_name = worker_log_name(worker_id)
        with _log_to(settings, log_name):
            Worker(
                queue,
                settings,
                worker_id=worker_id,
                lane=Lane(lane),
                log_name=log_name,
                server_gone=threading.Event(),
                cluster_host=f"cluster node {socket.gethostname()}",
            ).run()
    except BluetitError as exc:
        return f"The node {socket.gethostname()} cannot work: {exc}", NODE_FAILS
    return None


@functools.lru_cache(maxsize=1)  # of one server, as long as the process lives
def _open(environment: tuple[tuple[str, str], ...]) -> tuple[Settings, Database]:
    """The settings and the database, which stays open for the tasks to come."""
    os.environ.update(environment)
    settings = load_settings()
    give_home(settings.workspace_dir, os.environ)
    database = open_database(settings)
    give_way()  # once, for it adds up
    return settings, database


@contextmanager
def _log_to(settings: Settings, name: str) -> Iterator[None]:
    """Write what is logged meanwhile into the workspace, where the administrator looks for it."""
    settings.logs_path.mkdir(parents=True, exist_ok=True)
    remove_old_logs(settings.logs_path, num_kept=NUM_LOGS_KEPT)
    handler = logging.FileHandler(settings.logs_path / name, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
