"""Where project files are: one that was written waits in the cache, one that arrived waits with what is imported."""

import contextlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from core.datasets.exporting import export_owner, packed_path, remove_packed
from core.datasets.ingest.places import allowed_path, import_roots
from core.datasets.records import DatasetView
from core.errors import ConfigError, ProjectError
from core.projects.layout import SUFFIX
from core.records import Config
from core.settings import Settings
from core.storage.open_store import open_store
from core.storage.own_keys import is_own_key

_FILE_NAME = re.compile(rf"[0-9]+-[0-9a-f]+-[0-9]+-[0-9a-f]+-[0-9a-f]{{16}}{re.escape(SUFFIX)}")
_ARRIVED = "project"  # name of a file that arrived, whatever a browser calls it
_KEPT_SECONDS = 24 * 3600.0  # somebody may be about to fetch it


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSource(Config):
    """A project file that somebody wants to bring in."""

    key: str  # of `new_key`, another for each
    name: str  # what messages call it
    server_path: str | None = None  # of a file of the server, inside one of `import_dirs`; None: it was sent

    def __post_init__(self) -> None:
        if not is_own_key(self.key, None):
            raise ConfigError(f"{self.key[:40]!r} is no project of this workspace. Open the file again.")


def project_file_name(dataset: DatasetView, runs_digest: str) -> str:
    """The name of the project of a dataset as it is now, with some runs as they are now.

    Args:
        dataset: out of the trash.
        runs_digest: 16 hexadecimal digits, others for other runs.
    """
    moment = round(dataset.changed_at * 1e6)
    return f"{export_owner(dataset)}-{dataset.revision}-{moment:x}-{runs_digest}{SUFFIX}"


def project_path(settings: Settings, file_name: str) -> Path:
    """Where a project of this name is, once it was written.

    Raises:
        ProjectError: `project_file_name` gives no such name.
    """
    if not _FILE_NAME.fullmatch(file_name):
        raise ProjectError(f"{file_name[:80]!r} is no project of this workspace. Take it home once more.")
    return packed_path(file_name, settings)


def dataset_of_project(file_name: str) -> int:
    """The dataset that the name of a project tells."""
    return int(file_name.partition("-")[0])


def is_project_of(file_name: str, dataset: DatasetView) -> bool:
    """Whether a project is one of this dataset, in whichever state."""
    return file_name.startswith(f"{export_owner(dataset)}-")


def remove_older_projects(settings: Settings, newest: Path) -> None:
    """Delete the projects of the same dataset that nobody is going to fetch: of another state of it, or of yesterday.

    Args:
        settings: where they are.
        newest: the one that stays.
    """
    parts = newest.name.split("-")
    owner, state = "-".join(parts[:2]), "-".join(parts[:4])
    oldest = time.time() - _KEPT_SECONDS

    def is_older(name: str, written_at: float) -> bool:
        is_its_own = name.startswith(f"{owner}-") and name.endswith(SUFFIX) and name != newest.name
        return is_its_own and (written_at < oldest or not name.startswith(f"{state}-"))

    remove_packed(settings, is_older)


def arrived_path(key: str, settings: Settings) -> Path:
    """Where the file is that arrived under a key."""
    return settings.incoming_path / key / _ARRIVED


def source_path(source: ProjectSource, settings: Settings) -> Path:
    """The file of a source.

    Raises:
        SourceError: it is a file of the server that may not be read.
        ProjectError: it is not there any more.
    """
    path = arrived_path(source.key, settings)
    if source.server_path is not None:
        path = allowed_path(source.server_path, settings)
    else:
        open_store(settings).bring(path)
    if not path.is_file():
        raise missing_source(source)
    return path


def missing_source(source: ProjectSource) -> ProjectError:
    """The error for a file that is not there, or somebody else's."""
    return ProjectError(f"The file “{source.name}” is not on the server any more. Open it again.")


def remove_source(source: ProjectSource, settings: Settings) -> None:
    """Delete what arrived; a file of the server stays where it is."""
    folder = arrived_path(source.key, settings).parent
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)
    open_store(settings).remove(folder)


def list_project_files(settings: Settings) -> list[str]:
    """The project files in the folders from which imports are allowed, and in those directly inside."""
    found = []
    for root in import_roots(settings):
        for pattern in (f"*{SUFFIX}", f"*/*{SUFFIX}"):
            with contextlib.suppress(OSError):
                found += [str(path) for path in root.glob(pattern) if os.path.isfile(path)]
    return sorted(found)
