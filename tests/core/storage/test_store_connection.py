"""What goes wrong with an object store, in words that help, and what the log says of it."""

import errno
import logging

import pytest

from core.errors import NoSpaceError, SettingsError, StoreError
from core.storage.store_connection import connect, connection_errors, translating_store_errors

URL = "s3://bucket/folder"


def said_by_the_server(text: str) -> Exception:
    """An error as s3fs hands it on, with the server's own words behind it."""
    error = PermissionError("Forbidden")
    error.__cause__ = RuntimeError(text)
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (said_by_the_server("(RequestTimeTooSkewed) too large"), StoreError, "the clock of this server is wrong"),
        (said_by_the_server("(ExpiredToken) expired"), StoreError, "its key is wrong, or has expired"),
        (OSError(errno.EIO, "(XMinioStorageFull) no more"), NoSpaceError, "has no room left"),
        (OSError(errno.EIO, "(QuotaExceeded) too much"), NoSpaceError, "has no room left"),
        (OSError(errno.ENOSPC, "full"), NoSpaceError, "has no room left"),
        (FileNotFoundError("The specified bucket does not exist"), StoreError, "its bucket does not exist"),
        (TimeoutError("slow"), StoreError, "it does not answer as it should"),
        (OSError(errno.EBUSY, "Please reduce your request rate"), StoreError, "it does not answer as it should"),
    ],
)
def test_each_failure_has_its_sentence(
    error: Exception, kind: type[Exception], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For the person that nothing is lost, for the administrator which component it was and what it said."""

    def fail() -> None:
        with translating_store_errors(URL, connection_errors()):
            raise error

    with caplog.at_level(logging.ERROR), pytest.raises(kind, match=f"{words}.* Nothing is lost"):
        fail()
    assert f"Component object store {URL}" in caplog.text


def test_what_is_not_there_is_no_failure() -> None:
    """Whoever asks decides what it means."""

    def look() -> None:
        with translating_store_errors(URL, connection_errors()):
            raise FileNotFoundError("some/key")

    with pytest.raises(FileNotFoundError):
        look()


def test_an_address_is_taken_apart() -> None:
    """Into what speaks to the store and where in it everything is; nobody is called."""
    _, root = connect("s3://bucket/some/folder/")
    assert root == "bucket/some/folder"
    with pytest.raises(SettingsError, match="BLUETIT_STORE_URL"):
        connect("nonsense://x")
