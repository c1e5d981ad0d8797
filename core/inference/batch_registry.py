"""The batches of photos of all visitors, found again by their ids."""

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from pathlib import Path

import psutil

from core.inference.photo_batch import PhotoBatch
from core.settings import Settings

# Visitors whose photos are kept at the same time; the longest unused batch gives way.
_MAX_BATCHES = 64
# Folders of servers that were killed are removed after this time, and not at once: the number of a process says nothing
# about one in another container.
_LEFTOVER_SECONDS = 24 * 3600.0


class BatchRegistry:
    """The batches of all visitors of this server process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        servers_folder = settings.cache_path / "classify"
        _remove_leftovers(servers_folder)
        # Servers in containers that share a cache have the same number, and each deletes its folder when it stops.
        self._folder = servers_folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        self._lock = threading.Lock()
        self._batches: OrderedDict[tuple[str, str], PhotoBatch] = OrderedDict()  # by owner and batch id

    def open(self, batch_id: str | None, *, owner: str) -> PhotoBatch:
        """The batch with this id; a new, empty one where its owner has none.

        Args:
            batch_id: as an address has it, which others may see.
            owner: the secret of the visitor whose photos they are; to anybody else they are not there.
        """
        with self._lock:
            if batch_id is not None and (owner, batch_id) in self._batches:
                self._batches.move_to_end((owner, batch_id))
                return self._batches[owner, batch_id]
            batch = PhotoBatch(self._folder / secrets.token_urlsafe(16), self._settings)
            self._batches[owner, batch.batch_id] = batch
            evicted = self._batches.popitem(last=False)[1] if len(self._batches) > _MAX_BATCHES else None
        if evicted:
            evicted.clear()
        return batch

    def close(self) -> None:
        """Take all photos of all visitors out: nobody can reach them any more."""
        with self._lock:
            for batch in self._batches.values():
                batch.clear()
            self._batches.clear()
            shutil.rmtree(self._folder, ignore_errors=True)


def _remove_leftovers(servers_folder: Path) -> None:
    """Delete the photos of servers that were killed."""
    oldest = time.time() - _LEFTOVER_SECONDS
    for folder in servers_folder.glob("*"):
        process_id = folder.name.partition("-")[0]
        is_alive = process_id.isdecimal() and psutil.pid_exists(int(process_id))
        # Another server that starts right now may be removing it too.
        with contextlib.suppress(OSError):
            if not is_alive and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
