"""A database that is bound to a space shows its rows and no others, and refuses statements that would."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import delete, exists, func, null, select, text, update
from sqlalchemy.orm import aliased

from core.datasets.library import Library
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database
from core.storage.own_rows import GUARDED_TABLES, space_of
from core.storage.schema import HOME_SPACE_ID, Base, Dataset, DatasetClass, DatasetImage, Task
from tests.core.datasets.library_samples import add

pytestmark = pytest.mark.both_databases


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def ours(database: Database) -> Database:
    return database.of_space(SpaceRegistry(database).create(SpaceKind.PUPIL, "Quiet Otter").id)


@pytest.fixture
def theirs(database: Database) -> Database:
    return database.of_space(SpaceRegistry(database).create(SpaceKind.PUPIL, "Brave Heron").id)


def with_photos(database: Database) -> int:
    library = Library(database)
    dataset_id = library.datasets.create("Birds").id
    add(library, dataset_id, "crow", range(3))
    return dataset_id


def test_both_may_use_one_name(ours: Database, theirs: Database) -> None:
    """Names are taken within a space only, and each sees its own."""
    assert with_photos(ours) != with_photos(theirs)
    assert [dataset.num_images for dataset in Library(ours).datasets.all()] == [3]


def test_who_is_bound_to_nothing_writes_for_home(database: Database, ours: Database) -> None:
    """What is made without a space belongs to whoever uses Bluetit alone."""
    Library(database).datasets.create("Birds")
    assert [dataset.name for dataset in Library(database.of_space(HOME_SPACE_ID)).datasets.all()] == ["Birds"]
    assert Library(ours).datasets.all() == []
    with ours.session() as session:
        assert space_of(session) == ours.space_id


@pytest.mark.parametrize(
    "statement",
    [
        select(Dataset),
        select(Dataset.id, Dataset.name),
        select(func.count()).select_from(Dataset),
        select(DatasetImage.id),
        select(aliased(DatasetImage).id),
        select(DatasetClass.id).join(Dataset),
        select(DatasetImage.id).where(exists().where(DatasetClass.id == DatasetImage.class_id)),
        select(Dataset.id).where(Dataset.id.in_(select(DatasetImage.dataset_id))),
    ],
)
def test_reading(statement, ours: Database, theirs: Database) -> None:
    """However rows are asked for, those of others are not among them."""
    with_photos(theirs)
    with ours.read_session() as session:
        assert [row for row in session.execute(statement).all() if row[0] != 0] == []
    with theirs.read_session() as session:
        assert session.execute(statement).all() != []


def test_by_number(ours: Database, theirs: Database) -> None:
    """A number alone opens nothing."""
    dataset_id = with_photos(theirs)
    with ours.session() as session:
        assert session.get(Dataset, dataset_id) is None
        assert session.get(Dataset, dataset_id, with_for_update=True) is None
        assert session.get(DatasetImage, 1) is None


@pytest.mark.parametrize(
    "statement",
    [
        update(Dataset).values(name="mine"),
        update(DatasetImage).values(name="mine"),
        delete(DatasetImage),
        delete(DatasetClass),
    ],
)
def test_changing(statement, ours: Database, theirs: Database) -> None:
    """Nothing of others is changed or deleted."""
    dataset_id = with_photos(theirs)
    before = Library(theirs).images.of(dataset_id)
    with ours.session() as session:
        session.execute(statement.execution_options(synchronize_session=False))
    assert Library(theirs).images.of(dataset_id) == before
    assert Library(theirs).datasets.get(dataset_id).name == "Birds"


@pytest.mark.parametrize(
    "statement",
    [
        select(*Dataset.__table__.columns),
        select(DatasetImage.__table__.c.id),
        select(Task.id, Dataset.__table__.c.name).where(Dataset.__table__.c.id == Task.id),
        update(Dataset.__table__).values(name="mine"),
        select(Task.id).where(Task.id.in_(select(Dataset.__table__.c.id))),
    ],
)
def test_statements_without_an_owner_are_refused(statement, ours: Database) -> None:
    """A statement that names a table, to which no condition can be added, does not run at all."""
    with pytest.raises(RuntimeError, match="would reach rows of others"), ours.session() as session:
        session.execute(statement)


def test_the_whole_database_is_not_held_up(database: Database, ours: Database, theirs: Database) -> None:
    """Who is bound to no space sees what all have, by whatever statement."""
    with_photos(ours), with_photos(theirs)
    with database.of_space(None).read_session() as session:
        assert len(session.execute(select(*Dataset.__table__.columns)).all()) == 2
        assert session.scalar(text("SELECT count(*) FROM dataset_images")) == 6


def test_every_table_that_belongs_to_somebody_is_watched() -> None:
    """A new table with a dataset, run or task of somebody's must be told of."""
    owners = {"dataset_id", "run_id", "task_id", "space_id"}
    owned = {name for name, table in Base.metadata.tables.items() if owners & set(table.columns.keys())}
    assert owned - {"snapshots", "space_keys"} <= set(GUARDED_TABLES)


def test_rows_of_nobody_in_particular(ours: Database, theirs: Database, database: Database) -> None:
    """A task that is everybody's is seen by all."""
    with database.session() as session:
        session.add(Task(kind="k", payload={}, status="done", attempts=0, created_at=0.0, space_id=null()))
    for each in (ours, theirs):
        with each.read_session() as session:
            assert len(session.scalars(select(Task)).all()) == 1
