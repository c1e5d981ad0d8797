"""The batches of photos of all visitors, found again by their ids, also those that another server had in memory."""

import contextlib
import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from weakref import WeakValueDictionary

from core.errors import RecordError, StorageError
from core.inference.batch_notes import hash_owner, secret_of
from core.inference.batch_shelf import BatchShelf
from core.inference.batch_writer import BatchWriter
from core.inference.fair_pool import FairPool
from core.inference.photo_batch import PhotoBatch
from core.inference.photo_room import PhotoRoom
from core.inference.running_batch import BatchHost
from core.settings import Settings
from core.storage.db import Database
from core.storage.open_store import open_store
from core.storage.store_keys import CLASSIFY

logger = logging.getLogger(__name__)

# Batches that are kept at the same time, most of them empty: each opening of the page without an address makes one.
_MAX_BATCHES = 1_000
# A page that its visitor has left for so long gives way where the same visitor needs the room for other photos.
_LEFT_SECONDS = 600.0
# Links are waited for, not computed: slow ones must not hold up those of others.
_NUM_LINK_THREADS = 8
# Folders of photos that the database does not know go after this time, and not at once: whoever has put them there may
# not reach the database at the moment.
_UNKNOWN_SECONDS = 24 * 3600.0
# Longer than a server takes that is there to note again that its visitors are: by a clock that was set forward, all of
# them seem to be gone.
_SEEN_AGAIN_SECONDS = 150.0
_ID_BYTES = 16
_ID = re.compile(r"[A-Za-z0-9_-]{22}")  # which so many bytes make


class BatchRegistry:
    """The batches of the visitors of this server process, and those that another has left."""

    def __init__(
        self,
        settings: Settings,
        pool: FairPool,
        database: Database,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without batches.

        Args:
            settings: how much room there is, and for how long.
            pool: answers photos.
            database: of everybody, in which batches are written down.
            clock: in seconds.
        """
        self.room = PhotoRoom(settings)
        self._settings = settings
        self._clock = clock
        self._folder = classify_dir(settings)
        # Held until a batch is empty, but for its files: one whose visitor comes back then is not cleared afterwards.
        self._lock = threading.Lock()
        self._taking_over = threading.Lock()  # held while one is taken over: a page and its requests ask at once
        self._is_closed = False
        self._batches: dict[tuple[str, str], PhotoBatch] = {}  # by owner and batch id
        self._last_seen: dict[tuple[str, str], float] = {}  # when their visitors were there last
        # Those that another server has taken over while a page of this one still knows them.
        self._lost: WeakValueDictionary[tuple[str, str], PhotoBatch] = WeakValueDictionary()
        self._overdue: dict[str, tuple[float, float]] = {}  # by batch id: last seen as is noted, and since when it is
        self._shelf = BatchShelf(database, secrets.token_hex(16))
        store = open_store(settings)
        self._writer = BatchWriter(self._shelf, store, held=self._all, let_go=self._let_go)
        self._host = BatchHost(
            settings=settings,
            pool=pool,
            link_pool=FairPool(_NUM_LINK_THREADS, name="links"),
            room=self.room,
            note_use=self._note_use,
            make_room=self._make_room,
            note_change=self._writer.note,
            store=store,
            forget=self._writer.forget,
            is_needed=self._writer.is_needed,
        )

    def open(self, batch_id: str | None, *, owner: str) -> PhotoBatch:
        """The batch with this id; a new, empty one where its owner has none.

        Args:
            batch_id: as an address has it, which others may see.
            owner: the secret of the visitor whose photos they are; to anybody else they are not there.

        Raises:
            StorageError: the server is being stopped, or the database failed.
        """
        found = None if batch_id is None else self.find(batch_id, owner=owner)
        if found is not None:
            return found
        self._give_up_left()
        batch = PhotoBatch(self._folder / secrets.token_urlsafe(_ID_BYTES), self._host, owner=owner)
        self._note_use(batch)
        return batch

    def find(self, batch_id: str, *, owner: str) -> PhotoBatch | None:
        """The batch with this id, whose owner is there, as is noted; None: its owner has none.

        One that another server had is taken over, for which the database is asked.

        Raises:
            StorageError: the database failed.
        """
        key = (owner, batch_id)
        batch = self._held(key)
        if batch is not None or not _ID.fullmatch(batch_id) or not self._shelf.has(batch_id, owner):
            return batch
        with self._taking_over:
            return self._held(key) or self._take_over(key, self._lost.get(key))

    @property
    def num_batches(self) -> int:
        """Of all visitors."""
        with self._lock:
            return len(self._batches)

    @property
    def is_answering(self) -> bool:
        """Whether photos of somebody are being answered, or read, and it goes on by itself."""
        return any(batch.is_running for batch in self._all())

    def sweep(self) -> None:
        """Take the photos of those out who have been gone for too long, whichever server had them.

        Raises:
            StorageError: the database failed, or the store.
        """
        with self._lock:
            seen = [
                key[1]
                for key, batch in self._batches.items()
                if batch.is_noted and self._clock() - self._last_seen[key] < _SEEN_AGAIN_SECONDS
            ]
        self._shelf.note_seen(seen)
        self._give_up_left()
        self._delete(self._gone_for_too_long())
        with self._lock:
            held = {batch_id for _, batch_id in self._batches}
        self.room.note_elsewhere(self._shelf.elsewhere())
        remove_unknown_batches(self._settings, held | self._shelf.all_ids(), older_than_seconds=_UNKNOWN_SECONDS)

    def give_up_of(self, key_hashes: Collection[str]) -> None:
        """Take the photos of browsers out at once, whichever server has them.

        Args:
            key_hashes: of the browsers' secrets, as of `hash_owner`.

        Raises:
            StorageError: the database failed.
        """
        self._give_up_where(lambda key: hash_owner(secret_of(key[0])) in key_hashes)
        self._delete(self._shelf.of_keys(key_hashes))

    def give_up_strangers(self) -> None:
        """Take the photos of browsers out that are let in nowhere. Raises as `give_up_of`."""
        with self._lock:
            hashes = {hash_owner(secret_of(owner)) for owner, _ in self._batches}
        strangers = self._shelf.strangers(hashes)
        if strangers:
            self.give_up_of(strangers)

    def close(self, *, keeps_photos: bool) -> None:
        """Stop answering.

        Args:
            keeps_photos: whether another server, or the next start, finds the batches; else they are deleted.
        """
        with self._lock:
            self._is_closed = True
        if not keeps_photos:
            self._give_up_where(lambda _: True)
        for batch in self._all():
            batch.stop()
        self._host.link_pool.close()
        self._writer.close()

    def _all(self) -> list[PhotoBatch]:
        with self._lock:
            return list(self._batches.values())

    def _held(self, key: tuple[str, str]) -> PhotoBatch | None:
        """A batch in memory, whose visitor is there."""
        with self._lock:
            batch = self._batches.get(key)
            if batch is not None:
                self._last_seen[key] = self._clock()
            return batch

    def _take_over(self, key: tuple[str, str], known: PhotoBatch | None) -> PhotoBatch | None:
        """Go on with what another server, or one that was killed, has left of a batch."""
        owner, batch_id = key
        try:
            kept = self._shelf.take_over(batch_id, owner)
        except RecordError as exc:
            logger.warning("A batch of the classify page cannot be gone on with: %s", exc)
            return None
        if kept is None:
            return None
        batch = known or PhotoBatch(self._folder / batch_id, self._host, owner=owner)
        batch.restore(kept)
        with self._lock:
            self._batches[key] = batch
            self._last_seen[key] = self._clock()
        self.room.note_elsewhere(self._shelf.elsewhere())
        return batch

    def _let_go(self, batch: PhotoBatch, is_taken: bool) -> None:
        """Another server has a batch, or somebody had it deleted."""
        key = (batch.owner, batch.batch_id)
        with self._lock:
            if self._batches.get(key) is batch:
                del self._batches[key], self._last_seen[key]
        self._lost[key] = batch
        batch.lose()
        if not is_taken:
            self._remove_folder(batch.batch_id)

    def _gone_for_too_long(self) -> list[str]:
        """Batches that other servers held whose visitors are gone, and nobody has noted otherwise for a while."""
        now, before = self._clock(), self._overdue
        self._overdue = {}
        for batch_id, seen_at in self._shelf.overdue(self._settings.photos_kept_seconds).items():
            noted_at, since = before.get(batch_id, (seen_at, now))
            self._overdue[batch_id] = (seen_at, since if noted_at == seen_at else now)
        return [batch_id for batch_id, (_, since) in self._overdue.items() if now - since >= _SEEN_AGAIN_SECONDS]

    def _delete(self, batch_ids: Collection[str]) -> None:
        """Delete batches that are not in memory here."""
        self._shelf.delete(batch_ids)
        for batch_id in batch_ids:
            self._remove_folder(batch_id)

    def _remove_folder(self, batch_id: str) -> None:
        shutil.rmtree(self._folder / batch_id, ignore_errors=True)
        self._writer.forget(self._folder / batch_id)

    def _give_up_left(self) -> None:
        oldest = self._clock() - self._settings.photos_kept_seconds
        self._give_up_where(lambda key: self._last_seen[key] <= oldest)

    def _note_use(self, batch: PhotoBatch) -> None:
        """Whoever comes back to a page that has been open all the time finds the batch again that was given up.

        Raises:
            StorageError: the server is being stopped, or the database failed.
        """
        key = (batch.owner, batch.batch_id)
        if batch.is_lost:
            with self._taking_over:
                if batch.is_lost and self._take_over(key, batch) is None:
                    batch.is_lost = False  # it was deleted, and begins anew
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
        has_given_up = self._give_up_where(
            lambda key: key[0] == batch.owner and self._last_seen[key] < left and not self._batches[key].is_empty
        )
        elsewhere = self._shelf.left_by(batch.owner, _LEFT_SECONDS)
        if elsewhere:
            self._delete(elsewhere)
            self.room.note_elsewhere(self._shelf.elsewhere())
        return has_given_up or bool(elsewhere)

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


def classify_dir(settings: Settings) -> Path:
    """The folder of photos on the classify page; it holds a folder for each batch, named by its id."""
    return settings.cache_path / CLASSIFY


def remove_unknown_batches(settings: Settings, known: Collection[str], *, older_than_seconds: float) -> None:
    """Delete photos of batches that nobody knows, here and in the store.

    Args:
        settings: where photos are.
        known: ids of the batches that are kept.
        older_than_seconds: what was changed later stays.

    Raises:
        StoreError: the store does not answer.
    """
    folder, store = classify_dir(settings), open_store(settings)
    oldest = time.time() - older_than_seconds
    for path in folder.glob("*"):
        # Another server that sweeps right now may be removing it too.
        with contextlib.suppress(OSError):
            if path.name not in known and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
    newest: dict[str, float] = {}
    for name, stored_at in store.ages(folder).items():
        batch_id = name.partition("/")[0]
        newest[batch_id] = max(stored_at, newest.get(batch_id, 0.0))
    store.remove(*(folder / each for each, stored_at in newest.items() if each not in known and stored_at < oldest))
