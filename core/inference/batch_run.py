"""What one network has still to do for a batch of photos."""

import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from core.inference.batch_records import Photo
from core.inference.classifier import Classifier
from core.inference.fair_pool import Work

# Links of one batch that are read at the same time: servers that answer slowly, or never, take no more of the threads.
_MAX_LINKS_AT_ONCE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """A source of work, see `fair_pool.Source`."""

    take: Callable[[], Work | None]


class BatchRun:
    """One network's way through the photos of a batch, which holds its lock whenever it calls anything here."""

    def __init__(self, classifier: Classifier, photos: Iterable[Photo]) -> None:
        self.classifier = classifier
        self.fingerprint = classifier.fingerprint
        self.is_stopped = threading.Event()  # which readings of links look at, without the lock
        self._files: deque[int] = deque()  # ids of photos whose turn comes
        self._links: deque[int] = deque()  # ids of those that must be read first
        self._num_reading = 0
        self._num_classifying = 0
        self._num_finished = 0
        self._started = time.monotonic()
        for photo in photos:
            self.append(photo)

    def append(self, photo: Photo) -> None:
        """Have one more photo answered, or read and then answered."""
        (self._links if photo.path is None else self._files).append(photo.photo_id)

    @property
    def is_active(self) -> bool:
        """Whether it goes on, by itself, until nothing waits."""
        is_done = not (self._files or self._links or self._num_reading or self._num_classifying)
        return not is_done and not self.is_stopped.is_set()

    @property
    def has_more_files(self) -> bool:
        """Whether another photo could be answered at once."""
        return bool(self._files)

    def next_file(self, present: Container[int]) -> int | None:
        """Id of a photo to answer now, until `finish_file`; None: none can be at present.

        Args:
            present: ids of the photos that are in the batch still.
        """
        photo_id = None if self.is_stopped.is_set() else _pop_present(self._files, present)
        self._num_classifying += photo_id is not None
        return photo_id

    def finish_file(self) -> None:
        """A photo of `next_file` has been answered, or cannot be."""
        self._num_classifying -= 1
        self._num_finished += 1

    def next_link(self, present: Container[int]) -> int | None:
        """Id of a photo to read now, until `finish_link`; as `next_file`."""
        if self.is_stopped.is_set() or self._num_reading >= _MAX_LINKS_AT_ONCE:
            return None
        photo_id = _pop_present(self._links, present)
        self._num_reading += photo_id is not None
        return photo_id

    def finish_link(self) -> None:
        """The photo of `next_link` has been read, or cannot be."""
        self._num_reading -= 1

    def seconds_left(self, num_waiting: int) -> float | None:
        """How long the rest will take if it goes on as before; None: there is no telling yet."""
        if not self._num_finished:
            return None
        return num_waiting * (time.monotonic() - self._started) / self._num_finished


def _pop_present(photo_ids: deque[int], present: Container[int]) -> int | None:
    while photo_ids:
        if (photo_id := photo_ids.popleft()) in present:
            return photo_id
    return None
