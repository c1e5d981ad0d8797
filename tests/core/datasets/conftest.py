"""A library on an empty workspace, and a second session on the same one."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from core.datasets.library import Library
from core.settings import Settings
from core.storage.db import Database, open_database


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


@pytest.fixture
def other_library(database: Database, settings: Settings) -> Iterator[Library]:
    """Another process would see the same: its own connections to the same file."""
    with closing(open_database(settings)) as other:
        yield Library(other)
