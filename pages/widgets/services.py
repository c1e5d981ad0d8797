"""The services of this server process, opened once and shared by all sessions."""

import threading

from core.services import Services, open_services
from core.settings import load_settings

_lock = threading.Lock()
_opened: list[Services] = []  # at most one


def get_services() -> Services:
    """The open services; the first call opens the database and starts the background work.

    Raises:
        SettingsError: a setting cannot be used.
        StorageError: the workspace cannot be used.
    """
    with _lock:
        if not _opened:
            _opened.append(open_services(load_settings()))
        return _opened[0]


def close_services() -> None:
    """Stop the background work and let go of the database; does nothing where nothing is open."""
    with _lock:
        if _opened:
            _opened.pop().close()
