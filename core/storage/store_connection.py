"""The connection to an object store through fsspec, and what goes wrong with it in words that help.

Keys come from the environment alone, as the libraries of each kind of store take them; none is in a message or a log.
"""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import fsspec

from core.errors import NoSpaceError, SettingsError, StoreError

logger = logging.getLogger(__name__)

_CONNECT_SECONDS, _READ_SECONDS = 5, 30
# Rather than the library's minutes of silence: whoever waits is told, and may try again.
_OPTIONS = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
            "retries": {"max_attempts": 3, "mode": "standard"},
            "max_pool_connections": 32,
        }
    }
}
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
# What servers say that have no room; there is no word for it in the protocol itself.
_FULL_WORDS = ("QuotaExceeded", "StorageFull", "InsufficientStorage", "InsufficientCapacity", "507", "No space left")
_SKEWED = "RequestTimeTooSkewed"


def connect(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of an address, and the folder in it; nobody is called yet.

    Raises:
        SettingsError: fsspec knows no such kind of address, or what reads it is not installed.
    """
    protocol = urlsplit(url).scheme
    try:
        options = _OPTIONS.get("s3" if protocol == "s3a" else protocol, {})
        # Others write to the store at any time: a list that is remembered would be wrong.
        files, root = fsspec.core.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **options)
    except (ValueError, ImportError) as exc:
        raise SettingsError(
            f"The setting BLUETIT_STORE_URL is {url!r}, which cannot be used: {exc}. Expected is an address such as "
            "s3://bucket/folder; what reads it comes with `pip install 'bluetit[store]'`."
        ) from exc
    return files, root.rstrip("/")


def connection_errors() -> tuple[type[Exception], ...]:
    """What the libraries raise where a store fails."""
    try:
        from botocore.exceptions import BotoCoreError, HTTPClientError
    except ImportError:  # a store of another kind
        return (OSError,)
    return (OSError, BotoCoreError, HTTPClientError)


@contextmanager
def translating_store_errors(url: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn what a store's library raises into our errors, and tell the log which component failed.

    Args:
        url: of the store; it has no keys in it.
        errors: of `connection_errors`.

    Raises:
        NoSpaceError: the store is full.
        StoreError: anything else.
        FileNotFoundError: as it is: something is not there.
    """
    try:
        yield
    except FileNotFoundError as exc:
        if "bucket" in str(exc).lower():
            raise _failure(url, exc, "its bucket does not exist", "makes it, or sets BLUETIT_STORE_URL") from exc
        raise
    except errors as exc:
        said = f"{exc} {getattr(exc, '__cause__', None) or ''}"
        if getattr(exc, "errno", None) in _FULL_ERRNOS or any(word in said for word in _FULL_WORDS):
            logger.error("Component object store %s: it is full: %s", url, exc)
            raise NoSpaceError(
                "The store of photos and models has no room left. Nothing is lost: what could not be stored is on the "
                "server still. Tell an administrator, who makes room in the store; then try again."
            ) from exc
        if _SKEWED in said:
            raise _failure(url, exc, "the clock of this server is wrong", "sets it") from exc
        if isinstance(exc, PermissionError) or "redential" in type(exc).__name__:
            raise _failure(
                url, exc, "its key is wrong, or has expired", "renews it in the server's environment"
            ) from exc
        raise _failure(url, exc, "it does not answer as it should", "looks whether it runs") from exc


def version_of(info: dict[str, Any]) -> str:
    """What differs between two contents under one name: the entity tag, or size and time where there is none."""
    return str(info.get("ETag") or f"{info['size']} {info.get('mtime') or info.get('created') or ''}")


def stored_at(info: dict[str, Any]) -> float:
    """Unix seconds at which something was stored; 0 where the store does not say."""
    found = info.get("LastModified") or info.get("mtime") or info.get("created") or 0.0
    return found.timestamp() if isinstance(found, datetime) else float(found)


def _failure(url: str, exc: Exception, what: str, remedy: str) -> StoreError:
    logger.error("Component object store %s: %s: %s: %s", url, what, type(exc).__name__, exc)
    return StoreError(
        f"The store of photos and models cannot be used now: {what}. Nothing is lost. Tell an administrator, who "
        f"{remedy}; then try again."
    )
