"""The batches of photos of all visitors, found again by their ids."""

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from core.errors import StorageError
from core.inference.fair_pool import FairPool
from core.inference.photo_batch import BatchHost, PhotoBatch
from core.inference.photo_room import PhotoRoom
from core.settings import Settings

# Batches that are kept at the same time, most of them empty: each opening of the page without an address makes one.
_MAX_BATCHES = 1_000
# A page that its visitor has left for so long gives way where the same visitor needs the room for other photos.
_LEFT_SECONDS = 600.0
# Links are waited for, not computed: slow ones must not hold up those of others.
_NUM_LINK_THREADS = 8
# Folders of servers that were killed are removed after this time, and not at once: the number of a process says nothing
# about one in another container.
_LEFTOVER_SECONDS = 24 * 3600.0


def batch_owner(space_id: int | None, secret: str) -> str:
    """Whose a batch is: a browser that is let into another space has none of this one's.

    Args:
        space_id: in which the photos were put; None: none in particular.
        secret: of the browser's cookie.
    """
    return f"{space_id}/{secret}"


def secret_of(owner: str) -> str:
    """The secret of the browser whose a batch is."""
    return owner.partition("/")[2]


class BatchRegistry:
    """The batches of all visitors of this server process."""

    def __init__(self, settings: Settings, pool: FairPool, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without batches, and delete what killed servers have left.

        Args:
            settings: how much room there is, and for how long.
            pool: answers photos.
            clock: in seconds.
        """
        self.room = PhotoRoom(settings)
        self._settings = settings
        self._clock = clock
        servers_folder = settings.cache_path / "classify"
        remove_left_batches(servers_folder, older_than_seconds=_LEFTOVER_SECONDS)
        # Servers in containers that share a cache have the same number, and each deletes its folder when it stops.
        self._folder = servers_folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        self._host = BatchHost(
            settings=settings,
            pool=pool,
            link_pool=FairPool(_NUM_LINK_THREADS, name="links"),
            room=self.room,
            note_use=self._note_use,
            make_room=self._make_room,
        )
        # Held until a batch is empty, but for its files: one whose visitor comes back then is not cleared afterwards.
        self._lock = threading.Lock()
        self._is_closed = False
        self._batches: dict[tuple[str, str], PhotoBatch] = {}  # by owner and batch id
        self._last_seen: dict[tuple[str, str], float] = {}  # when their visitors were there last

    def open(self, batch_id: str | None, *, owner: str) -> PhotoBatch:
        """The batch with this id; a new, empty one where its owner has none.

        Args:
            batch_id: as an address has it, which others may see.
            owner: the secret of the visitor whose photos they are; to anybody else they are not there.

        Raises:
            StorageError: the server is being stopped.
        """
        found = None if batch_id is None else self.find(batch_id, owner=owner)
        if found is not None:
            return found
        self.sweep()
        batch = PhotoBatch(self._folder / secrets.token_urlsafe(16), self._host, owner=owner)
        self._note_use(batch)
        return batch

    def find(self, batch_id: str, *, owner: str) -> PhotoBatch | None:
        """The batch with this id, whose owner is there, as is noted; None: its owner has none."""
        with self._lock:
            batch = self._batches.get((owner, batch_id))
            if batch is not None:
                self._last_seen[owner, batch_id] = self._clock()
            return batch

    @property
    def num_batches(self) -> int:
        """Of all visitors."""
        with self._lock:
            return len(self._batches)

    def sweep(self) -> None:
        """Take the photos of those out who have been gone for too long."""
        oldest = self._clock() - self._settings.photos_kept_seconds
        self._give_up_where(lambda key: self._last_seen[key] <= oldest)

    def give_up_of(self, is_owner: Callable[[str], bool]) -> bool:
        """Take the photos of visitors out at once; whether they had a page with any.

        Args:
            is_owner: whether this owner, as `batch_owner` names it, is meant.
        """
        with self._lock:
            owners = {owner for owner, _ in self._batches}
        meant = {owner for owner in owners if is_owner(owner)}  # which may ask the database
        return self._give_up_where(lambda key: key[0] in meant)

    def close(self) -> None:
        """Take all photos of all visitors out: nobody can reach them any more."""
        with self._lock:
            self._is_closed = True
        self._give_up_where(lambda _: True)
        self._host.link_pool.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _note_use(self, batch: PhotoBatch) -> None:
        """Whoever comes back to a page that has been open all the time finds the batch again that was given up.

        Raises:
            StorageError: the server is being stopped.
        """
        key = (batch.owner, batch.batch_id)
        with self._lock:
            if self._is_closed:
                raise StorageError("Bluetit is being stopped. Start it again, then reload this page.")
            self._batches[key] = batch
            self._last_seen[key] = self._clock()
            if len(self._batches) <= _MAX_BATCHES:
                return
            # First those without photos; of all, those whose visitors have been gone for longest.
            others = (each for each in self._batches if each != key)
            given_up = min(others, key=lambda each: (not self._batches[each].is_empty, self._last_seen[each]))
        self._give_up_where(lambda each: each == given_up)

    def _make_room(self, batch: PhotoBatch) -> bool:
        left = self._clock() - _LEFT_SECONDS
        return self._give_up_where(
            lambda key: key[0] == batch.owner and self._last_seen[key] < left and not self._batches[key].is_empty
        )

    def _give_up_where(self, is_meant: Callable[[tuple[str, str]], bool]) -> bool:
        """Clear and forget batches; whether there were any.

        Args:
            is_meant: whether one is, by owner and batch id; called with the lock held.
        """
        with self._lock:
            keys = [key for key in self._batches if is_meant(key)]
            for key in keys:
                del self._last_seen[key]
            deletions = [self._batches.pop(key).begin_clearing() for key in keys]
        for delete in deletions:
            delete()
        return bool(keys)


def remove_left_batches(servers_folder: Path, *, older_than_seconds: float) -> None:
    """Delete the photos of servers that were killed.

    Args:
        servers_folder: holds a folder for each server.
        older_than_seconds: what was changed later stays.
    """
    oldest = time.time() - older_than_seconds
    for folder in servers_folder.glob("*"):
        process_id = folder.name.partition("-")[0]
        is_alive = process_id.isdecimal() and psutil.pid_exists(int(process_id))
        # Another server that starts right now may be removing it too.
        with contextlib.suppress(OSError):
            if not is_alive and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
