"""Where project files are, and when they go."""

import os
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.exporting import export_path, forget_exports
from core.datasets.library import Library
from core.datasets.records import DatasetView
from core.errors import ConfigError, ProjectError, SourceError
from core.projects.places import (
    ProjectSource,
    list_project_files,
    project_file_name,
    project_path,
    remove_older_projects,
    source_path,
)
from core.settings import Settings
from core.storage.db import open_database

KEY = "0f" * 16


@pytest.fixture
def dataset(settings: Settings) -> DatasetView:
    with closing(open_database(settings)) as database:
        return Library(database).datasets.create("Birds")


def written(settings: Settings, dataset: DatasetView, digest: str) -> Path:
    path = project_path(settings, project_file_name(dataset, digest * 16))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"project")
    return path


def test_projects_of_another_state_or_of_yesterday_go(settings: Settings, dataset: DatasetView):
    """Another choice of runs, which somebody may be about to fetch, stays for a day; other exports stay."""
    newest, choice = written(settings, dataset, "a"), written(settings, dataset, "b")
    older = written(settings, replace(dataset, revision=dataset.revision + 1), "a")
    yesterday, other = written(settings, dataset, "c"), written(settings, replace(dataset, id=99), "a")
    os.utime(yesterday, (time.time() - 90_000,) * 2)
    export = export_path(settings, dataset)
    export.write_bytes(b"zip")
    remove_older_projects(settings, newest)
    assert set(newest.parent.iterdir()) == {newest, choice, other, export}
    assert not older.exists()


def test_a_dataset_that_is_forgotten_leaves_no_project(settings: Settings, dataset: DatasetView):
    """Nor another export."""
    written(settings, dataset, "a")
    other = written(settings, replace(dataset, id=99), "a")
    forget_exports(settings, dataset)
    assert list(other.parent.iterdir()) == [other]


@pytest.mark.parametrize("name", ["../x.bluetit", "x.bluetit", "1-a-1-b-" + "0" * 16 + ".zip", ""])
def test_other_files_of_the_cache_are_no_projects(settings: Settings, name: str):
    """The name comes from an address."""
    with pytest.raises(ProjectError, match="no project of this workspace"):
        project_path(settings, name)


def test_only_what_arrived_or_is_allowed_is_read(settings: Settings, tmp_path: Path):
    """A key is no path, and a file of the server must be in a folder that the administrator allows."""
    with pytest.raises(ConfigError):
        ProjectSource(key="../../etc", name="x")
    with pytest.raises(ProjectError, match="not on the server any more"):
        source_path(ProjectSource(key=KEY, name="x"), settings)
    (tmp_path / "allowed" / "inner").mkdir(parents=True)
    for place in ("allowed/a.bluetit", "allowed/inner/b.bluetit", "c.bluetit", "allowed/d.zip"):
        (tmp_path / place).write_bytes(b"project")
    with pytest.raises(SourceError):
        source_path(ProjectSource(key=KEY, name="a", server_path=str(tmp_path / "allowed" / "a.bluetit")), settings)
    allowing = replace(settings, import_dirs=(str(tmp_path / "allowed"),))
    found = list_project_files(allowing)
    assert [Path(path).name for path in found] == ["a.bluetit", "b.bluetit"]
    assert source_path(ProjectSource(key=KEY, name="a", server_path=found[0]), allowing) == Path(found[0])
    with pytest.raises(SourceError):
        source_path(ProjectSource(key=KEY, name="c", server_path=str(tmp_path / "c.bluetit")), allowing)
