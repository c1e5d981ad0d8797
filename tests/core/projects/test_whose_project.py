"""A project that has arrived belongs to the space that sent it."""

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from core.datasets.library import Library
from core.errors import LimitReachedError, ProjectError, SourceError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.projects.desk import ProjectDesk
from core.projects.places import ProjectSource
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import open_database
from core.storage.own_use import bind_space, own_use
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH


def test_who_may_bring_it_in(settings: Settings, project: Path) -> None:
    """Whoever gets hold of its key can neither look into it nor bring it in or drop it; what waits is counted."""
    settings = Settings(workspace_dir=settings.workspace_dir, access="class", max_space_uploads_per_minute=2)
    with closing(open_database(settings)) as database:

        def desk_of(name: str) -> tuple[ProjectDesk, Callable[[], int]]:
            space = SpaceRegistry(database).create(SpaceKind.PUPIL, name)
            bound = bind_space(database, settings, space.id)
            queue = TaskQueue(bound.database, TASK_KINDS)
            desk = ProjectDesk(
                bound.settings,
                Library(bound.database),
                RunLibrary(bound.database),
                queue,
                Supervisor(settings, queue, kinds=TASK_KINDS_PATH),
            )
            return desk, lambda: own_use(bound.database).incoming_bytes

        (otter, bytes_of_otter), (heron, bytes_of_heron) = desk_of("Otter"), desk_of("Heron")
        content = project.read_bytes()
        source = otter.receive("birds.bluetit", io.BytesIO(content), len(content))
        assert (bytes_of_otter(), bytes_of_heron()) == (len(content), 0)
        for ask in (heron.look, heron.request_reading):
            with pytest.raises(ProjectError, match="not on the server any more"):
                ask(source)
        heron.drop(source)  # as of one that is not there
        assert otter.look(source).dataset_name
        assert otter.request_reading(source) > 0
        with pytest.raises(SourceError, match="none is allowed"):
            otter.find_on_server(str(project))
        server_file = ProjectSource(key=source.key, name="x", server_path=str(project))
        with pytest.raises(SourceError, match="none is allowed"):
            otter.look(server_file)
        otter.receive("birds.bluetit", io.BytesIO(content), len(content))
        with pytest.raises(LimitReachedError, match="2 uploads a minute"):
            otter.receive("birds.bluetit", io.BytesIO(content), len(content))
