"""A host that only works: it shows no pages, and does what servers elsewhere ask for in the database they share."""

import logging
import os
import signal
import sys
import threading

from core.environment import find_unknown_variables, load_settings
from core.errors import BluetitError
from core.home import give_home
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH

logger = logging.getLogger(__name__)

_REFUSED = 2  # the code with which the process ends
_NO_DATABASE = (
    "bluetit worker works for servers on other computers, and finds them by their database: set BLUETIT_DATABASE_URL "
    "to theirs, such as postgresql+psycopg://user@host/name. A server with a database file of its own does its work "
    "itself."
)
_NO_WORKERS = "BLUETIT_MAX_WORKERS is 0, with which nothing is done here. Set it to 1 or more, or leave it out."


def work() -> int:
    """Work until somebody stops the process; the code with which it ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings()
        for sentence in find_unknown_variables():
            logger.warning("%s", sentence)
        refusal = _refusal(settings)
        if refusal:
            print(refusal, file=sys.stderr)
            return _REFUSED
        give_home(settings.workspace_dir, os.environ)
        _supervise(settings)
    except BluetitError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def _refusal(settings: Settings) -> str:
    if not settings.database_url:
        return _NO_DATABASE
    return "" if settings.max_workers else _NO_WORKERS


def _supervise(settings: Settings) -> None:
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    database = open_database(settings)
    supervisor = Supervisor(settings, TaskQueue(database, TASK_KINDS), kinds=TASK_KINDS_PATH, is_work_host=True)
    try:
        supervisor.start()
        logger.info("Waiting for work in %s.", database.engine.url.render_as_string(hide_password=True))
        told.wait()
        logger.info("Told to stop. Tasks that are under way have %.0f s left.", settings.stop_wait_seconds)
        supervisor.stop(finish_seconds=settings.stop_wait_seconds)
    finally:
        database.close()
