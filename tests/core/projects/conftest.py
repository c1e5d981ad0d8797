"""A project that tests bring into workspaces of their own."""

from pathlib import Path

import pytest

from tests.core.projects.project_samples import Source, make_source


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Source:
    """Where it comes from; made once, and only read."""
    return make_source(tmp_path_factory.mktemp("school"), new_database)


@pytest.fixture
def project(source: Source) -> Path:
    """The file."""
    return source.project
