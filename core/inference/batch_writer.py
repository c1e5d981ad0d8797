"""Writes down what happens in batches on the classify page, behind the answers: nobody waits for it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from core.errors import StorageError
from core.inference.batch_notes import BatchDraft, BatchNotes
from core.inference.batch_shelf import BatchShelf
from core.inference.photo_batch import PhotoBatch

logger = logging.getLogger(__name__)

_GATHER_SECONDS = 0.25  # what happens in the meantime is written together
_RETRY_SECONDS = 2.0  # after the database failed
_LOOK_SECONDS = 1.0  # from one look whether another server has taken batches over to the next
_MAX_ROWS = 1_000  # photos and answers in one transaction: nobody else writes meanwhile


class BatchWriter:
    """A thread that writes batches down; every method may be called from any thread."""

    def __init__(
        self,
        shelf: BatchShelf,
        *,
        held: Callable[[], Sequence[PhotoBatch]],
        let_go: Callable[[PhotoBatch, bool], None],
    ) -> None:
        """Begin to write.

        Args:
            shelf: the rows.
            held: the batches that this server has written down.
            let_go: is told of a batch that this server holds no more, and whether another one has it.
        """
        self._shelf = shelf
        self._held = held
        self._let_go = let_go
        self._lock = threading.Lock()
        self._changed: dict[int, PhotoBatch] = {}  # by identity, in the order of their first change
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

    def flush(self) -> None:
        """Write everything down now.

        Raises:
            StorageError: the database failed; what is not written is written later.
        """
        while batches := self._take_changed():
            self._write(batches)

    def close(self) -> None:
        """Stop; what has changed is written first, if the database takes it."""
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
                self.flush()
                if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                    self._looked_at = time.monotonic()
                    self._tell_lost([batch for batch in self._held() if batch.is_noted])
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
        for batch, _, draft in drafts:
            batch.is_noted = draft.num_photos > 0 and draft.batch_id not in lost
        self._tell_lost([batch for batch, _, _ in drafts if batch.batch_id in lost])

    def _tell_lost(self, batches: Sequence[PhotoBatch]) -> None:
        by_id = {batch.batch_id: batch for batch in batches}
        if by_id:
            for batch_id, is_taken in self._shelf.lost(by_id).items():
                self._let_go(by_id[batch_id], is_taken)
