"""The services of this server process, opened once and shared by all sessions."""

import logging
import os
import threading

from core.environment import find_unknown_variables, load_settings
from core.errors import StorageError
from core.home import give_home
from core.services import Services, open_services

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_opened: list[Services] = []  # at most one
_stopping = threading.Event()  # set once the server has begun to stop


def get_services() -> Services:
    """The open services; the first call opens the database and starts the background work.

    Raises:
        SettingsError: a setting cannot be used.
        StorageError: the workspace cannot be used, or the server is being stopped.
    """
    with _lock:
        if not _opened:
            if _stopping.is_set():
                raise StorageError("Bluetit is being stopped. Start it again, then reload this page.")
            settings = load_settings()
            for sentence in find_unknown_variables():
                logger.warning("%s", sentence)
            give_home(settings.workspace_dir, os.environ)
            _opened.append(open_services(settings))
        return _opened[0]


def stop_services() -> None:
    """Close the services for good: a page that runs still, or once more, must not open them again."""
    _stopping.set()
    close_services()


def close_services() -> None:
    """Stop the background work and let go of the database; does nothing where nothing is open."""
    with _lock:
        if _opened:
            _opened.pop().close()
