"""A database that was scrubbed has no byte of what was deleted from it."""

from contextlib import closing

import pytest
from sqlalchemy import delete

from core.datasets.library import Library
from core.settings import Settings
from core.storage.db import open_database
from core.storage.schema import Dataset
from core.storage.scrub import scrub

SECRET = "a name that nobody else has"


def holds_secret(settings: Settings) -> list[str]:
    return [
        path.name for path in settings.workspace_dir.glob("bluetit.sqlite3*") if SECRET.encode() in path.read_bytes()
    ]


def test_nothing_is_left_in_free_pages_or_the_log(settings: Settings) -> None:
    """Deleted rows stand in the file until then; what is kept is kept, also while others are connected."""
    with closing(open_database(settings)) as other, closing(open_database(settings)) as database:
        library = Library(database)
        library.datasets.create("Birds")
        library.datasets.create(SECRET, [f"{SECRET} {number}" for number in range(50)])
        with database.session() as session:
            session.execute(delete(Dataset).where(Dataset.name == SECRET))
        assert holds_secret(settings)
        assert [each.name for each in Library(other).datasets.all()] == ["Birds"]
        scrubbing = scrub(database)
        assert scrubbing.is_complete
        assert holds_secret(settings) == []
        assert [each.name for each in Library(other).datasets.all()] == ["Birds"]


@pytest.mark.both_databases
def test_whether_it_is_complete_is_said(settings: Settings, database_kind: str) -> None:
    """Of SQLite it is known; what a server of databases keeps is not."""
    with closing(open_database(settings)) as database:
        scrubbing = scrub(database)
    assert scrubbing.is_complete is (database_kind == "sqlite")
    assert ("administrator" in scrubbing.sentence) is (database_kind != "sqlite")
