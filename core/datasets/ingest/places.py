"""Folders of an import: where uploads wait, where work is done, which folders of the server may be read."""

import contextlib
import os
from pathlib import Path

from core.datasets.records import ImportView
from core.errors import SourceError
from core.settings import Settings
from core.storage.own_keys import is_own_key


def staging_path(staging_id: str, settings: Settings) -> Path:
    """The folder of an upload.

    Raises:
        SourceError: the text is no number that `ImportDesk.stage_files` gave.
    """
    if not is_own_key(staging_id, None):
        raise SourceError(f"{staging_id[:40]!r} is no upload of this workspace. Add the photos again.")
    return settings.incoming_path / staging_id


def work_path(view: ImportView, settings: Settings) -> Path:
    """The folder of an import for what it fetches.

    A new database counts imports from 1 again, and must not go on with what another one has fetched: so each import
    has a name of its own. Those of versions before that have their number.

    Raises:
        SourceError: the name is none that `ImportDesk.submit` gave.
    """
    work_id = view.request.get("work_id")
    if work_id is not None and not is_own_key(work_id, None):
        raise SourceError(f"{work_id[:40]!r} is no folder of an import. Begin the import again.")
    return settings.incoming_path / f"import-{view.id if work_id is None else work_id}"


def import_roots(settings: Settings) -> list[Path]:
    """The folders from which the administrator allows imports, links resolved."""
    return [Path(folder).resolve() for folder in settings.import_dirs]


def list_folders(settings: Settings) -> list[str]:
    """The folders from which the administrator allows imports, each with those that lie directly in it.

    What is not there or cannot be looked into has nothing in it here; an import of it says why.
    """
    listed = []
    for root in settings.import_dirs:
        inside = []
        with contextlib.suppress(OSError), os.scandir(root) as entries:
            inside = [entry.path for entry in entries if _is_folder(entry)]
        if inside or os.path.isdir(root):
            listed += [root, *sorted(inside)]
    return listed


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link into a folder that cannot be looked into
        return False


def allowed_path(path: str, settings: Settings) -> Path:
    """A folder or file of the server, links resolved, that may be imported.

    Args:
        path: absolute, or relative to one of the allowed folders.
        settings: `import_dirs` counts.

    Raises:
        SourceError: it is not there, or not inside one of the allowed folders; which of the two is not told.
    """
    roots = import_roots(settings)
    if not roots:
        raise SourceError(
            "Folders of the server cannot be imported: none is allowed. "
            "An administrator can allow folders with the setting BLUETIT_IMPORT_DIRS."
        )
    for root in roots:
        try:
            resolved = (root / path).resolve(strict=True)  # an absolute path replaces the root
        except (OSError, ValueError, RuntimeError):  # missing; a null character; links in a circle up to Python 3.12
            continue
        if any(resolved.is_relative_to(allowed) for allowed in roots):
            return resolved
    raise SourceError(
        f"There is no {path[:200]!r} in the folders from which photos may be imported: "
        f"{', '.join(settings.import_dirs)}."
    )
