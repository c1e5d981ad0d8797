"""What the parts of a page have read is not read again, until somebody writes or the page is made."""

import threading
from collections.abc import Iterator

import pytest

from core.datasets.library import Library
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.one_look import one_look, read_once
from tests.statements import noted_statements

pytestmark = pytest.mark.both_databases


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = open_database(settings)
    yield opened
    opened.close()


@pytest.fixture
def library(database: Database) -> Library:
    made = Library(database)
    made.datasets.create("Birds", ["crow", "blue tit"])
    return made


def num_reads(database: Database, library: Library, *, times: int = 2) -> int:
    """How many statements it takes to ask for all datasets so many times."""
    with noted_statements(database) as statements:
        for _ in range(times):
            library.datasets.all()
    return len([each for each in statements if each.startswith("SELECT")])


def test_the_same_is_read_once(database: Database, library: Library) -> None:
    """However many ask within the block, and as often as they ask outside of it."""
    once = num_reads(database, library, times=1)
    with one_look():
        assert num_reads(database, library, times=5) == once
    assert num_reads(database, library, times=2) == 2 * once


def test_what_was_written_is_seen_at_once(library: Library) -> None:
    """By whoever wrote it."""
    with one_look():
        (dataset,) = library.datasets.all()
        library.classes.create(dataset.id, "magpie")
        assert [each.name for each in library.classes.of(dataset.id)] == ["crow", "blue tit", "magpie"]
        library.datasets.create("Fish")
        assert {each.name for each in library.datasets.all()} == {"Birds", "Fish"}


def test_it_is_of_one_thread(library: Library) -> None:
    """Another one, which makes another's page, reads for itself."""
    names: list[str] = []
    with one_look():
        library.datasets.all()
        other = threading.Thread(target=lambda: names.extend(each.name for each in library.datasets.all()))
        other.start()
        other.join()
    assert names == ["Birds"]


def test_each_has_a_list_of_their_own(library: Library) -> None:
    """Whoever sorts or empties it changes nothing for the others."""
    with one_look():
        library.datasets.all().clear()
        assert [each.name for each in library.datasets.all()] == ["Birds"]


def test_others_things_are_others(library: Library, database: Database) -> None:
    """What was read for one space is no answer for another."""
    with one_look():
        assert library.datasets.all()
        assert Library(database.of_space(77)).datasets.all() == []


def test_a_refusal_is_not_remembered() -> None:
    """What could not be read is tried again."""
    asked: list[str] = []

    @read_once
    def ask(name: str, *, loudly: bool = False) -> str:
        asked.append(name)
        if len(asked) == 1:
            raise LookupError(name)
        return name.upper() if loudly else name

    with one_look():
        with pytest.raises(LookupError):
            ask("crow")
        assert (ask("crow"), ask("crow"), ask("crow", loudly=True)) == ("crow", "crow", "CROW")
    assert asked == ["crow"] * 3
