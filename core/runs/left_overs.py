"""What killed workers have left in the folders of runs: drafts, activations, checkpoints that nobody will need."""

import contextlib
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from core.runs.folder import CONDEMNED, RunFolder, delete_folder, runs_path
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.settings import Settings
from core.storage.files import ABANDONED_AFTER_SECONDS, remove_abandoned_drafts
from core.storage.open_store import open_store

# A folder gets its place a moment before its row is written.
_YOUNG_COPY_SECONDS = 600.0


def remove_left_overs(runs: RunLibrary, settings: Settings) -> None:
    """Delete what workers and servers that were killed have left in the folders of runs.

    That is: drafts of files, folders that were being deleted, or were to be with their run, activations of runs that
    have ended somehow, the checkpoint of a run that is done, and all of one that was cancelled. What a living worker
    may be writing stays, as does whatever else belongs to no run of this database.

    Raises:
        StorageError: the database or the disk failed.
    """
    remove_abandoned_drafts(runs_path(settings))
    views = [*runs.list_runs(), *runs.list_trashed()]
    _settle_condemned(runs_path(settings), {str(view.id) for view in views})
    for view in views:
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
    _sweep_store(views, settings)


def forget_copies(runs: RunLibrary, settings: Settings) -> None:
    """Delete folders here of runs that another server has deleted; nothing without an object store.

    Raises:
        StorageError: the database, the disk or the store failed.
    """
    store = open_store(settings)
    if not store.is_elsewhere:
        return
    newest = time.time() - _YOUNG_COPY_SECONDS
    here = [path for path in runs_path(settings).glob("*") if path.name.isdecimal() and path.stat().st_mtime < newest]
    # In this order: a run that is noted now has its files before.
    stored = {name.partition("/")[0] for name in store.ages(runs_path(settings))} if here else set()
    known = {str(view.id) for view in (*runs.list_runs(), *runs.list_trashed())}
    for path in here:
        if path.name not in known and path.name not in stored:
            delete_folder(path)


def _sweep_store(views: Collection[RunView], settings: Settings) -> None:
    """The same among what is stored, by whichever node."""
    store, place = open_store(settings), runs_path(settings)
    ages = store.ages(place)
    numbers = {name.partition("/")[0] for name in ages}
    oldest = time.time() - ABANDONED_AFTER_SECONDS
    ended = {str(view.id): view.status for view in views if _has_ended_long_ago(view)}
    known = {str(view.id) for view in views}
    for number in numbers:
        if ages.get(f"{number}/{CONDEMNED}", oldest) < oldest:
            store.remove(place / number / CONDEMNED if number in known else place / number)
        elif ended.get(number) is RunStatus.CANCELLED:
            store.remove(place / number)
        elif ended.get(number) is RunStatus.DONE and any(name.startswith(f"{number}/checkpoints/") for name in ages):
            store.remove(place / number / "checkpoints")


def _settle_condemned(folder: Path, names: Collection[str]) -> None:
    """Delete the folders whose runs were deleted for good by somebody who was killed before their files went.

    Args:
        folder: of all runs' folders.
        names: of the folders whose runs are there: nothing came of deleting them.
    """
    oldest = time.time() - ABANDONED_AFTER_SECONDS
    for mark in folder.glob(f"*/{CONDEMNED}"):
        with contextlib.suppress(OSError):  # it goes at this very moment
            if mark.stat().st_mtime < oldest:
                mark.unlink() if mark.parent.name in names else delete_folder(mark.parent)


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
