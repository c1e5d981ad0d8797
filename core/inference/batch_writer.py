"""Writes down what happens in batches on the classify page, behind the answers: nobody waits for it.

Where a store has the photos, their files are sent behind the rows that name them: of a server that dies before it has
sent one, the next knows that it was there, and tells the visitor to add it again. Sending first would leave no trace.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import StorageError
from core.inference.batch_notes import BatchDraft, BatchNotes
from core.inference.batch_shelf import BatchShelf
from core.inference.photo_batch import PhotoBatch
from core.storage.store import Store

logger = logging.getLogger(__name__)

_GATHER_SECONDS = 0.25  # what happens in the meantime is written together
_RETRY_SECONDS = 2.0  # after the database or the store failed
_LOOK_SECONDS = 1.0  # from one look whether another server has taken batches over to the next
_MAX_ROWS = 1_000  # photos and answers in one transaction: nobody else writes meanwhile
_MAX_SENT = 100  # files that are sent in one go: the rows of others wait so long


class BatchWriter:
    """A thread that writes batches down; every method may be called from any thread."""

    def __init__(
        self,
        shelf: BatchShelf,
        store: Store,
        *,
        held: Callable[[], Sequence[PhotoBatch]],
        let_go: Callable[[PhotoBatch, bool], None],
    ) -> None:
        """Begin to write.

        Args:
            shelf: the rows.
            store: the photos.
            held: the batches that this server has written down.
            let_go: is told of a batch that this server holds no more, and whether another one has it.
        """
        self._shelf = shelf
        self._store = store
        self._held = held
        self._let_go = let_go
        self._lock = threading.Lock()
        self._changed: dict[int, PhotoBatch] = {}  # by identity, in the order of their first change
        self._forgotten: set[Path] = set()  # files and folders that are to go from the store
        self._writing = threading.Lock()  # held by whoever writes: what goes is never sent by another afterwards
        self._unsent: set[Path] = set()  # files of which the database knows, and that the store has not got yet
        self._is_due = threading.Event()
        self._stopping = threading.Event()
        self._has_failed = False  # told once, not every two seconds
        self._looked_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="batch writer", daemon=True)
        self._thread.start()

    def note(self, batch: PhotoBatch) -> None:
        """Have a batch written down soon, in which something has changed."""
        with self._lock:
            self._changed[id(batch)] = batch
        self._is_due.set()

    def forget(self, *paths: Path) -> None:
        """Have files, or folders of batches, deleted from the store soon; here they are deleted already."""
        if self._store.is_elsewhere:
            with self._lock:
                self._forgotten.update(paths)
            self._is_due.set()

    def is_needed(self, path: Path) -> bool:
        """Whether a file here is the only one: the store has not got it yet."""
        with self._lock:
            return path in self._unsent

    def flush(self) -> None:
        """Write everything down now.

        Raises:
            StorageError: the database failed, or the store; what is not written is written later.
        """
        with self._writing:
            while True:
                while batches := self._take_changed():
                    self._write(batches)
                # Before anything is sent: a batch that was deleted may have begun anew in its folder.
                self._remove_forgotten()
                if not self._send_some():
                    return

    def close(self) -> None:
        """Stop; what has changed is written first, if the database takes it, and the store."""
        self._stopping.set()
        self._is_due.set()
        self._thread.join()
        try:
            self.flush()
        except StorageError as exc:
            logger.warning("Photos on the classify page were not written down: %s", exc)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._is_due.wait(_LOOK_SECONDS):
                self._stopping.wait(_GATHER_SECONDS)
                self._is_due.clear()
            try:
                # First, for it needs no store: one that is away must not keep two servers at the same photos.
                if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                    self._looked_at = time.monotonic()
                    self._tell_lost([batch for batch in self._held() if batch.is_noted])
                self.flush()
                self._has_failed = False
            except StorageError as exc:
                if not self._has_failed:
                    logger.warning("Photos on the classify page cannot be written down at present: %s", exc)
                self._has_failed = True
                self._stopping.wait(_RETRY_SECONDS)
            except Exception:
                # A bug that one batch meets must not keep those of all visitors from being written down.
                logger.exception("Photos on the classify page could not be written down.")

    def _take_changed(self) -> list[PhotoBatch]:
        with self._lock:
            changed, self._changed = list(self._changed.values()), {}
            return changed

    def _write(self, batches: Sequence[PhotoBatch]) -> None:
        """Write batches down, as many together as fit; what fails is noted again."""
        waiting = list(batches)
        while waiting:
            drafts: list[tuple[PhotoBatch, BatchNotes, BatchDraft]] = []
            num_rows = 0
            while waiting and num_rows < _MAX_ROWS:
                batch = waiting.pop(0)
                notes, draft = batch.take_notes(_MAX_ROWS)
                if notes.are_empty:
                    continue
                drafts.append((batch, notes, draft))
                num_rows += len(notes.photos) + len(notes.answers)
                if batch.has_notes:
                    waiting.append(batch)
            try:
                self._write_together(drafts)
            except StorageError:
                for batch, notes, _ in drafts:
                    batch.put_notes_back(notes)
                with self._lock:
                    self._changed |= {id(batch): batch for batch in [*(each[0] for each in drafts), *waiting]}
                raise

    def _write_together(self, drafts: Sequence[tuple[PhotoBatch, BatchNotes, BatchDraft]]) -> None:
        if not drafts:
            return
        lost = self._shelf.write([draft for _, _, draft in drafts])
        if self._store.is_elsewhere:
            with self._lock:
                self._unsent |= {path for _, _, draft in drafts if draft.batch_id not in lost for path in draft.files}
        for batch, _, draft in drafts:
            batch.is_noted = draft.num_photos > 0 and draft.batch_id not in lost
        self._tell_lost([batch for batch, _, _ in drafts if batch.batch_id in lost])

    def _send_some(self) -> bool:
        """Send files that the store has not got; whether there were any. What was deleted meanwhile is passed over."""
        with self._lock:
            sending = sorted(self._unsent)[:_MAX_SENT]
        self._store.keep(*sending)
        with self._lock:
            self._unsent.difference_update(sending)
        return bool(sending)

    def _remove_forgotten(self) -> None:
        with self._lock:
            going, self._forgotten = self._forgotten, set()
        try:
            self._store.remove(*going)
        except StorageError:
            with self._lock:
                self._forgotten |= going
            raise

    def _tell_lost(self, batches: Sequence[PhotoBatch]) -> None:
        by_id = {batch.batch_id: batch for batch in batches}
        if by_id:
            for batch_id, is_taken in self._shelf.lost(by_id).items():
                self._let_go(by_id[batch_id], is_taken)
