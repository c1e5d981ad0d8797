"""What killed workers have left in the folders of runs: drafts, activations, checkpoints that nobody will need."""

import contextlib
import shutil
import time
from pathlib import Path

from core.runs.folder import RunFolder, runs_path
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.settings import Settings
from core.storage.files import ABANDONED_AFTER_SECONDS, remove_abandoned_drafts


def remove_left_overs(runs: RunLibrary, settings: Settings) -> None:
    """Delete what workers and servers that were killed have left in the folders of runs.

    That is: drafts of files, folders that were being deleted, activations of runs that have ended somehow, the
    checkpoint of a run that is done, and all of one that was cancelled. What a living worker may be writing stays, as
    does whatever belongs to no run of this database.

    Raises:
        StorageError: the database or the disk failed.
    """
    remove_abandoned_drafts(runs_path(settings))
    for view in [*runs.list_runs(), *runs.list_trashed()]:
        folder = RunFolder(settings, view.id)
        if not folder.path.is_dir():
            continue
        remove_abandoned_drafts(folder.path)
        remove_abandoned_drafts(folder.checkpoints_path)
        remove_abandoned_drafts(folder.exports_path)
        if not _has_ended_long_ago(view):
            continue
        if view.status is RunStatus.CANCELLED:
            folder.delete()
            continue
        _remove_old_tree(folder.activations_dir)
        if view.status is RunStatus.DONE:  # any other may go on from its checkpoint
            _empty(folder.checkpoints_path)


def _has_ended_long_ago(view: RunView) -> bool:
    """So long that a worker which does not know yet that it was taken for dead is gone as well."""
    return view.finished_at is not None and view.finished_at < time.time() - ABANDONED_AFTER_SECONDS


def _empty(folder: Path) -> None:
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            path.unlink()


def _remove_old_tree(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_mtime < time.time() - ABANDONED_AFTER_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
