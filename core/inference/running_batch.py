"""Photos that a network answers, one after the other, in turns with those of other visitors."""

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import BluetitError, StorageError, StoreError
from core.inference.batch_contents import BatchContents
from core.inference.batch_records import Answer, Intake, Photo
from core.inference.batch_run import BatchRun, Turns
from core.inference.change_bell import ChangeBell
from core.inference.fair_pool import FairPool, Work
from core.inference.photo_files import PhotoFiles
from core.inference.photo_room import PhotoRoom
from core.links.photo import fetch_photo
from core.settings import Settings
from core.storage.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHost:
    """What all batches of a server share."""

    settings: Settings
    pool: FairPool  # answers photos
    link_pool: FairPool  # reads links
    room: PhotoRoom
    note_use: Callable[[Any], None]  # its visitor is there
    make_room: Callable[[Any], bool]  # whether pages that the same visitor has left have given some back
    note_change: Callable[[Any], None]  # there is something to write down
    store: Store  # where photos are that another server has left
    forget: Callable[[Path], None]  # has a photo's file deleted from the store soon
    is_needed: Callable[[Path], bool]  # whether the store has not got a photo's file yet


class RunningBatch:
    """The photos of a batch, their answers, and the network that is on its way through them."""

    def __init__(self, folder: Path, host: BatchHost, *, owner: str) -> None:
        """Begin an empty batch.

        Args:
            folder: where the photos' files go; its name is the batch's id.
            host: what it shares with others.
            owner: whose photos they are.
        """
        self.batch_id = folder.name
        self.owner = owner
        self.bell = ChangeBell()  # rings at each new version
        self._host = host
        self._files = PhotoFiles(
            folder,
            host.settings,
            host.room,
            owner=owner,
            store=host.store,
            forget=host.forget,
            is_needed=host.is_needed,
        )
        self._lock = threading.Lock()
        self._contents = BatchContents(self.bell, lambda: host.note_change(self))
        self.is_noted = False  # whether the database has it; the thread that writes batches down says so
        self.is_lost = False  # whether another server has it, or it was deleted, and nothing is here
        self._next_id = 1
        self._num_arriving = 0  # photos whose place is taken and whose file is being written
        self._last_intake: Intake | None = None
        self._run: BatchRun | None = None  # while it is active
        self._file_turns = Turns(self._take_file)
        self._link_turns = Turns(self._take_link)

    @property
    def is_running(self) -> bool:
        """Whether a network is on its way through the photos."""
        with self._lock:
            return self._run is not None

    def find(self, photo_id: int, fingerprint: str = "") -> Answer | None:
        """A photo, with what a network said to it; None: it is not here, or no more."""
        with self._lock:
            return self._contents.answer(photo_id, fingerprint)

    def read(self, photo_id: int) -> bytes:
        """The file of a photo.

        Raises:
            StoreError: it is in the store, which does not answer.
            StorageError: it has been removed meanwhile, or is nowhere.
        """
        answer = self.find(photo_id)
        if answer is None or answer.photo.path is None:
            raise StorageError(f"There is no file of photo {photo_id} here. Reload the page.")
        data = self._files.read(answer.photo.path, answer.photo.name)
        if self.find(photo_id) is None:  # it was taken out meanwhile, and may have been brought after that
            self._files.drop_copy(answer.photo.path)
        return data

    def _take_file(self) -> Work | None:
        """See `Source.take`: a photo to answer."""
        with self._lock:
            run = self._run
            if run is None:
                return None
            photo_id = run.next_file(self._contents.photos)
            if photo_id is None:
                self._end_if_done(run)
                return None
            is_alone = not run.has_more_files and self._host.pool.is_otherwise_idle
            return functools.partial(self._classify, self._contents.photos[photo_id], run, is_alone=is_alone)

    def _take_link(self) -> Work | None:
        """See `Source.take`: a link to read."""
        with self._lock:
            run = self._run
            if run is None:
                return None
            photo_id = run.next_link(self._contents.photos)
            if photo_id is None:
                self._end_if_done(run)
                return None
            return functools.partial(self._read_link, self._contents.photos[photo_id], run)

    def _classify(self, photo: Photo, run: BatchRun, *, is_alone: bool) -> None:
        found, error = None, None
        try:
            found = run.classifier.classify(self.read(photo.photo_id), photo.name, is_alone=is_alone)
        except StoreError:
            # No fault of the photo, nor of those behind it: they wait, and the visitor has them gone on with.
            with self._lock:
                run.finish_file()
                run.is_stopped.set()
                self._end_if_done(run)
            return
        except BluetitError as exc:
            error = str(exc)
        except Exception:
            # A bug that one photo meets must neither stop the others nor be met for ever.
            logger.exception("Classifying %s failed", photo.name)
            error = f"{photo.name} could not be classified; the app's log says why."
        with self._lock:
            run.finish_file()
            if found is not None:
                self._contents.keep_answer(photo.photo_id, run.fingerprint, found)
            else:
                self._contents.keep_photo(replace(photo, error=error))
            self._end_if_done(run)

    def _read_link(self, photo: Photo, run: BatchRun) -> None:
        try:
            fetched = fetch_photo(photo.link or "", self._host.settings, cancelled=run.is_stopped.is_set)
            photo = self._files.store(replace(photo, name=fetched.name), fetched.data)
        except BluetitError as exc:
            photo = replace(photo, error=str(exc))
        except Exception:
            logger.exception("Reading %s failed", photo.name)
            photo = replace(photo, error=f"{photo.name} could not be read; the app's log says why.")
        with self._lock:
            run.finish_link()
            # A reading that was broken off is no fault of the photo, which another run may have read meanwhile.
            is_wanted = not run.is_stopped.is_set() and self._contents.keep_photo(photo)
            if is_wanted and photo.path is not None:
                run.append(photo)
            self._end_if_done(run)
            self._ask_for_turns()
        if not is_wanted:
            self._delete([photo])

    def _delete(self, gone: Sequence[Photo]) -> None:
        """Delete the files of photos that have been taken out, without the lock: nobody asks for them any more."""
        for photo in gone:
            self._files.delete(photo)
        with self._lock:
            if not self._contents.photos and not self._num_arriving:
                self._files.remove_folder()

    # --- with the lock held ------------------------------------------------------------------------------

    def _list(self, photo: Photo) -> None:
        self._contents.add(photo)
        if self._run is not None and photo.error is None:
            self._run.append(photo)
            self._ask_for_turns()

    def _active_run(self, fingerprint: str) -> BatchRun | None:
        return self._run if self._run is not None and self._run.fingerprint == fingerprint else None

    def _stop(self) -> None:
        if self._run is not None:
            self._run.is_stopped.set()
            self._end_if_done(self._run)

    def _end_if_done(self, run: BatchRun) -> None:
        """Let go of a run, which holds a network in memory."""
        if self._run is run and not run.is_active:
            self._run = None
            self._contents.change()

    def _ask_for_turns(self) -> None:
        self._host.pool.register(self.owner, self._file_turns)
        self._host.link_pool.register(self.owner, self._link_turns)
