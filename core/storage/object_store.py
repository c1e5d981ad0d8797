"""An object store through fsspec, of which the workspace is a bounded cache; `core.storage.store` tells the contract.

What is stored is of three natures. Photos are named by the hash of their bytes: one that is here is right, or its
reader says that it is damaged. Those of the classify page are brought one by one, too; their names are random. Files
of runs, and lists of deletions, may be replaced: the store is asked for their versions. All else (uploads, models from
elsewhere, networks, packed datasets) is never changed once it is there: a folder is brought as a whole, under another
name until it is complete.
"""

import hashlib
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from core.errors import StorageError, StoreError
from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors
from core.storage.local_copies import (
    IN_USE_SECONDS,
    arriving,
    facts_of,
    files_below,
    list_copies,
    note_use,
    read_mark,
    remove_mark,
    write_mark,
)
from core.storage.store import Store
from core.storage.store_keys import COPIED, Keys, below, is_draft, is_photo, is_single, may_change, unit_of
from core.storage.stored_files import GoneError, Listing, StoredFile, StoredFiles

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

# How old a list may be of what there is of a run, for a file that is here, and for one that is not.
_FRESH_SECONDS, _FRESH_MISSING_SECONDS = 2.0, 0.1
_SIZES_SECONDS = 10.0
_MAX_LISTINGS = 2_000  # that are remembered
_NUM_THREADS = 16  # that wait for the store side by side
_THREADS = "store"  # what they are called
_TRIM_TO = 0.9  # of the room that copies may take
_LOOK_AFTER = 0.05  # of that room has arrived: then somebody looks whether it suffices


class ObjectStore(Store):
    """The files of the workspace in a store; safe between threads, processes and nodes."""

    is_elsewhere = True

    def __init__(self, url: str, workspace_dir: Path, cache_path: Path, *, max_bytes: int) -> None:
        """Make a store; nobody is called yet.

        Args:
            url: as `store_url`.
            workspace_dir: of this node.
            cache_path: of this node; what is in it is stored below `cache`.
            max_bytes: most that copies of photos, runs and models from elsewhere take here.

        Raises:
            SettingsError: the address cannot be used.
        """
        self._files = StoredFiles(url)
        self._keys = Keys(workspace_dir, cache_path)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._trimming = threading.Lock()
        self._listings: dict[str, tuple[float, Listing]] = {}
        self._sizes: dict[str, tuple[float, dict[str, int]]] = {}
        self._arrived_bytes = max(1, max_bytes)  # whoever has begun looks at once what is here
        self._pool = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix=_THREADS)

    def bring(self, *paths: Path, is_newest: bool = False) -> None:
        """As `Store`."""
        self._each(partial(self._bring, is_newest=is_newest), paths)
        self._look_for_room()

    def keep(self, *paths: Path, without: Iterable[str] = ()) -> None:
        """As `Store`."""
        left_out = frozenset(without)
        sending: list[tuple[Path, str]] = []
        for path in paths:
            key = self._keys.of(path)
            there = {} if may_change(key) or is_single(key) else self._files.find(key)
            for file, facts in files_below(path):
                name, parts = self._keys.of(file), file.relative_to(path).parts or (file.name,)
                is_there = name in there and there[name].num_bytes == facts.st_size
                if not (is_there or is_draft(name)) and left_out.isdisjoint(parts):
                    sending.append((file, name))
        self._each(self._send, sending)
        self._forget_listings(self._keys.of(path) for path in paths)

    def remove(self, *paths: Path) -> None:
        """As `Store`."""
        keys = [self._keys.of(path) for path in paths]
        going = [each for key in keys for each in ([key] if is_single(key) else self._files.find(key))]
        self._each(self._files.remove, going)
        for path in paths:
            remove_mark(path)
        self._forget_listings(keys)

    def move(self, source: Path, target: Path) -> None:
        """As `Store`."""
        old, new = self._keys.of(source), self._keys.of(target)
        for key in self._files.find(old):
            self._files.copy(key, new + key.removeprefix(old))
        self.remove(source)

    def sizes(self, folder: Path) -> dict[str, int]:
        """As `Store`."""
        key = self._keys.of(folder)
        looked_at, sizes = self._sizes.get(key, (float("-inf"), {}))
        if time.monotonic() - looked_at > _SIZES_SECONDS:
            looked_at, sizes = time.monotonic(), {}
            for name, stored in self._files.find(key).items():
                first = name.removeprefix(f"{key}/").partition("/")[0]
                sizes[first] = sizes.get(first, 0) + stored.num_bytes
            self._sizes[key] = (looked_at, sizes)
        return dict(sizes)

    def ages(self, folder: Path) -> dict[str, float]:
        """As `Store`."""
        key = self._keys.of(folder)
        return {name.removeprefix(f"{key}/"): stored.stored_at for name, stored in self._files.find(key).items()}

    def all_files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """As `Store`."""
        for key, stored in self._files.find("").items():
            yield key, self._pieces(key, stored)

    def _pieces(self, key: str, stored: StoredFile) -> Iterator[bytes]:
        with suppress(GoneError):
            yield from self._files.read(key, stored.num_bytes)

    def trim(self) -> int:
        """As `Store`."""
        folders = tuple(self._keys.path(name) for name in COPIED)
        copies = list_copies(folders)
        too_many = sum(copy.num_bytes for copy in copies) - self._max_bytes
        if too_many <= 0:
            return 0
        too_many += round(self._max_bytes * (1 - _TRIM_TO))
        stored = {key: each for folder in folders for key, each in self._files.find(self._keys.of(folder)).items()}
        num_bytes = 0
        newest = time.time() - IN_USE_SECONDS
        for copy in copies:
            if num_bytes >= too_many or copy.used_at > newest:
                break  # what follows was used since
            if self._is_safe(copy.path, stored):
                copy.path.unlink(missing_ok=True)
                remove_mark(copy.path)
                num_bytes += copy.num_bytes
        logger.info("Object store %s: %d bytes of copies were deleted here to make room.", self._files.url, num_bytes)
        return num_bytes

    # --- bringing ------------------------------------------------------------------------------------------

    def _bring(self, path: Path, *, is_newest: bool) -> None:
        key = self._keys.of(path)
        if is_single(key):
            self._bring_single(path, key)
        elif may_change(key):
            self._bring_newest(path, key, is_newest=is_newest)
        else:
            self._bring_whole(path, key)

    def _bring_single(self, path: Path, key: str) -> None:
        facts = facts_of(path)
        if facts is not None:
            note_use(path, facts)
            return
        try:
            content = b"".join(self._files.read(key))
        except GoneError:
            return
        if is_photo(key) and hashlib.sha256(content).hexdigest() != path.stem:
            logger.error("Component object store %s: the photo %s is damaged there.", self._files.url, key)
            return
        with arriving(path) as draft:
            draft.write_bytes(content)
        self._arrived_bytes += len(content)

    def _bring_newest(self, path: Path, key: str, *, is_newest: bool) -> None:
        unit = unit_of(key)
        is_here = path.exists()
        listing = self._list(unit, 0.0 if is_newest else _FRESH_SECONDS)
        if not is_here and not below(key, listing):
            listing = self._list(unit, _FRESH_MISSING_SECONDS)
        if any(self._is_stale(each, stored) and self._keys.path(each).exists() for each, stored in below(key, listing)):
            listing = self._list(unit, 0.0)  # nothing is overwritten because of an old list
        stale = [(each, stored) for each, stored in below(key, listing) if self._is_stale(each, stored)]
        self._each(self._fetch, stale)
        if is_here:
            self._drop_gone(path, unit, listing)

    def _is_stale(self, key: str, stored: StoredFile) -> bool:
        """Whether another version is in the store than is here; what was changed here and not there is not stale."""
        path = self._keys.path(key)
        facts = facts_of(path)
        if facts is None:
            return True
        note_use(path, facts)
        mark = read_mark(path)
        return mark is None or not (mark.version == stored.version or mark.is_being_sent)

    def _drop_gone(self, path: Path, unit: str, listing: Listing) -> None:
        """Delete copies of what another node has deleted."""
        gone = [
            (file, facts)
            for file, facts in files_below(path)
            if self._keys.of(file) not in listing and (mark := read_mark(file)) is not None and mark.fits(facts)
        ]
        if not gone:
            return
        listing = self._list(unit, 0.0)  # their marks may be younger than the list
        for file, _ in gone:
            if self._keys.of(file) not in listing:
                file.unlink(missing_ok=True)
                remove_mark(file)

    def _bring_whole(self, path: Path, key: str) -> None:
        if path.exists():
            return
        unit = unit_of(key)
        target, listing = self._keys.path(unit), self._files.find(unit)
        if target.exists():  # what is asked for went for room, or is nowhere
            self._each(partial(self._fetch, is_marked=False), below(key, listing))
            return
        if not listing:
            return
        draft = target.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{target.name}")
        try:
            places = [(each, stored, draft / each.removeprefix(f"{unit}/")) for each, stored in listing.items()]
            self._each(lambda place: self._fetch(place[:2], to=place[2], is_marked=False), places)
            with translating_disk_errors(target.parent):
                try:
                    os.replace(draft, target)
                except OSError:
                    if not target.is_dir():  # another process was faster
                        raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _fetch(self, found: tuple[str, StoredFile], *, to: Path | None = None, is_marked: bool = True) -> None:
        key, stored = found
        path = self._keys.path(key) if to is None else to
        try:
            with arriving(path) as draft:
                with draft.open("wb") as file:
                    for piece in self._files.read(key, stored.num_bytes):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())  # half a file would be taken for one that was changed here, and sent
                facts = draft.stat()
                if facts.st_size != stored.num_bytes:
                    raise StoreError(
                        f"A file of {stored.num_bytes:,} bytes came out of the store of photos and models with "
                        f"{facts.st_size:,}: it was replaced at this moment, or the connection broke off. Try again."
                    )
        except GoneError:
            return  # deleted at this moment
        if is_marked:
            write_mark(path, stored.version, facts)
        self._arrived_bytes += stored.num_bytes

    # --- keeping -------------------------------------------------------------------------------------------

    def _send(self, file: tuple[Path, str]) -> None:
        path, key = file
        is_marked = may_change(key)
        facts = facts_of(path)
        mark = read_mark(path) if is_marked else None
        if facts is None or (mark is not None and mark.fits(facts)):
            return
        if is_marked:
            write_mark(path, "" if mark is None else mark.version, facts, sent_at=time.time())
        try:
            self._files.write(key, path)
            if is_marked:
                write_mark(path, self._files.version(key), facts)
        except (FileNotFoundError, GoneError):
            return  # it went at this moment, here or there
        self._arrived_bytes += facts.st_size

    # --- room ----------------------------------------------------------------------------------------------

    def _look_for_room(self) -> None:
        if self._arrived_bytes < max(1, self._max_bytes * _LOOK_AFTER) or not self._trimming.acquire(blocking=False):
            return
        try:
            self._arrived_bytes = 0
            self.trim()
        except StorageError as exc:
            logger.warning("No room could be made among the copies of what is stored: %s", exc)
        finally:
            self._trimming.release()

    def _is_safe(self, path: Path, stored: Mapping[str, StoredFile]) -> bool:
        """Whether the store has a file as it is here."""
        there, facts = stored.get(self._keys.of(path)), facts_of(path)
        if there is None or facts is None or there.num_bytes != facts.st_size:
            return False
        if not may_change(self._keys.of(path)):
            return True
        mark = read_mark(path)
        return mark is not None and mark.fits(facts) and mark.version == there.version

    # --- the store itself ----------------------------------------------------------------------------------

    def _list(self, unit: str, max_age_seconds: float) -> Listing:
        with self._lock:
            looked_at, listing = self._listings.get(unit, (-float("inf"), {}))
        if time.monotonic() - looked_at > max_age_seconds:
            looked_at, listing = time.monotonic(), self._files.find(unit)
            with self._lock:
                self._listings[unit] = (looked_at, listing)
                while len(self._listings) > _MAX_LISTINGS:
                    self._listings.pop(next(iter(self._listings)))
        return listing

    def _forget_listings(self, keys: Iterable[str]) -> None:
        with self._lock:
            self._sizes.clear()
            for key in keys:
                self._listings.pop(unit_of(key), None)

    def _each(self, work: Callable[[Item], None], items: Sequence[Item]) -> None:
        """Do something for each, side by side where there are several."""
        # Not within this pool's own threads, all of which might wait for each other.
        if len(items) > 1 and not threading.current_thread().name.startswith(_THREADS):
            list(self._pool.map(work, items))
            return
        for item in items:
            work(item)
