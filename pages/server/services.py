"""The services of this server process, opened once, and what of them a visitor may reach."""

import logging
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.environment import find_unknown_variables, load_settings
from core.errors import NotLetInError, StorageError
from core.home import give_home
from core.services import Services, open_services
from core.spaces.records import SpaceView
from core.storage.schema import HOME_SPACE_ID
from core.storage.told_paths import without_folders
from pages.server.visitor import visitor_key

logger = logging.getLogger(__name__)

_NOT_LET_IN = "This browser has not been let in here. Open the first page of this address."

IN_COMMON = ("alone", "open")  # ways of access by which all who come have one space

_MOMENT_SECONDS = 0.25  # about what the making of a page takes

_lock = threading.Lock()
_asked: ContextVar[dict[str, SpaceView] | None] = ContextVar("asked", default=None)  # who was found, by key
_opened: list[Services] = []  # at most one
_stopping = threading.Event()  # set once the server has begun to stop


def get_services() -> Services:
    """What the visitor of the page that is being made may reach: all of their own space, and nothing of others.

    Raises:
        NotLetInError: nobody has let them in.
        SettingsError: a setting cannot be used.
        StorageError: the workspace cannot be used, or the server is being stopped.
    """
    return services_of(None if whole_services().settings.access in IN_COMMON else visitor_key())


def services_of(visitor: str | None) -> Services:
    """The same for a route, by the key of the visitor who asks; None: a browser without a cookie. Raises as above."""
    services = whole_services()
    if services.settings.access in IN_COMMON:
        return services.of_space(HOME_SPACE_ID)
    space = None if visitor is None else space_of_visitor(visitor)
    if space is None:
        raise NotLetInError(_NOT_LET_IN)
    return services.of_space(space.id)


def space_of_visitor(visitor: str) -> SpaceView | None:
    """The space that a visitor is let into, by their key; None: none.

    Within the block of `asking_once`, whoever was let in at the first question is so for the block. Raises as above.
    """
    asked = _asked.get()
    if asked is not None and visitor in asked:
        return asked[visitor]
    space = whole_services().spaces.find_by_secret(visitor)
    if asked is not None and space is not None:
        asked[visitor] = space
    return space


@contextmanager
def asking_once() -> Iterator[None]:
    """For a page that is being made: its parts all ask whose it is, and the database is asked once.

    Not for longer than the making of one page: whoever is let out meanwhile must not stay in.
    """
    token = _asked.set({})
    try:
        yield
    finally:
        _asked.reset(token)


def ask_anew(waited_seconds: float = math.inf) -> None:
    """Have the database asked once more whose the page is that is being made.

    Args:
        waited_seconds: that the page has waited; where that was no more than a moment, the answer still holds.
    """
    asked = _asked.get()
    if asked is not None and waited_seconds > _MOMENT_SECONDS:
        asked.clear()


def told_to(visitor: str | None, text: str) -> str:
    """A sentence as it is fit for a visitor: guests do not read how folders of this computer are called.

    Args:
        visitor: their key; None: a browser without a cookie.
        text: for people.
    """
    services = _opened[0] if _opened else None
    if services is None:
        return text  # which only whoever started Bluetit can see, who has to know everything
    if services.settings.access not in IN_COMMON:
        space = None if visitor is None else services.spaces.find_by_secret(visitor)
        if space is None or space.is_guest:
            return without_folders(text, services.settings)
    elif services.settings.access == "open":
        return without_folders(text, services.settings)
    return text


def access_now() -> str | None:
    """The setting `access` of the services that are open, without opening any; None: there are none."""
    opened = services_if_open()
    return None if opened is None else opened.settings.access


def services_if_open() -> Services | None:
    """The open services for everything there is, without opening any; None: there are none, or not yet."""
    opened = _opened[:1]  # without the lock, which is held while they are being opened: nobody waits for this
    return opened[0] if opened else None


def whole_services() -> Services:
    """The open services for everything there is, whoever asks; the first call opens them.

    No page and no route shows anything that comes from here without asking whose it is.

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
