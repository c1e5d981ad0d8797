"""How much room visitors' photos take on the classify page: so much for each visitor, and for all together."""

import threading
from collections import Counter
from collections.abc import Mapping

from core.errors import NoRoomError
from core.inference.batch_notes import hash_owner
from core.settings import Settings


class PhotoRoom:
    """Counts the photos of all visitors and the bytes of their files; every method may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._num_photos: Counter[str] = Counter()  # by owner
        self._num_bytes: Counter[str] = Counter()
        self._elsewhere: Mapping[str, tuple[int, int]] = {}  # photos and bytes, by `hash_owner`

    @property
    def num_photos(self) -> int:
        """Of all visitors."""
        with self._lock:
            return self._num_photos.total()

    @property
    def num_bytes(self) -> int:
        """Of the files of all visitors."""
        with self._lock:
            return self._num_bytes.total()

    def note_elsewhere(self, elsewhere: Mapping[str, tuple[int, int]]) -> None:
        """Count along what other servers hold, or have left; the next call replaces it.

        Args:
            elsewhere: photos and bytes of each owner, by `hash_owner`.
        """
        with self._lock:
            self._elsewhere = elsewhere

    def note(self, owner: str, *, num_photos: int, num_bytes: int) -> None:
        """Count what is there already, whether or not there would be room for it."""
        with self._lock:
            self._num_photos[owner] += num_photos
            self._num_bytes[owner] += num_bytes

    def take(self, owner: str, *, num_photos: int = 0, num_bytes: int = 0) -> None:
        """Count photos, and bytes of their files, until `give_back`.

        Raises:
            NoRoomError: there would be too many.
        """
        with self._lock:
            if num_photos:
                self._check_photos(owner, num_photos)
            if num_bytes:
                self._check_bytes(owner, num_bytes)
            self._num_photos[owner] += num_photos
            self._num_bytes[owner] += num_bytes

    def give_back(self, owner: str, *, num_photos: int = 0, num_bytes: int = 0) -> None:
        """Count no more what was taken out."""
        with self._lock:
            self._num_photos[owner] -= num_photos
            self._num_bytes[owner] -= num_bytes
            for counts in (self._num_photos, self._num_bytes):
                if not counts[owner]:
                    del counts[owner]

    def _counted(self, owner: str, counts: Counter[str], place: int) -> tuple[int, int]:
        """How much a visitor has, and all together."""
        elsewhere = self._elsewhere.get(hash_owner(owner), (0, 0))[place] if self._elsewhere else 0
        return counts[owner] + elsewhere, counts.total() + sum(each[place] for each in self._elsewhere.values())

    def _check_photos(self, owner: str, num_new: int) -> None:
        of_visitor, of_all = self._counted(owner, self._num_photos, 0)
        if of_visitor + num_new > self._settings.max_photos_per_batch:
            raise NoRoomError(
                f"You have {of_visitor:,} photos here, as many as a visitor may have. Clear the page, or remove "
                "photos, before you add more."
            )
        if of_all + num_new > self._settings.max_all_photos:
            raise NoRoomError(
                f"All visitors together have {of_all:,} photos here, as many as this server keeps. Clear pages that "
                "you need no more, or come back later."
            )

    def _check_bytes(self, owner: str, num_new: int) -> None:
        of_visitor, of_all = self._counted(owner, self._num_bytes, 1)
        if of_visitor + num_new > self._settings.max_visitor_photo_bytes:
            raise NoRoomError(
                f"Your photos here have {_megabytes(of_visitor)}, and a visitor may have "
                f"{_megabytes(self._settings.max_visitor_photo_bytes)}. Clear the page, or remove photos, before you "
                "add more; smaller files take less."
            )
        if of_all + num_new > self._settings.max_all_photo_bytes:
            raise NoRoomError(
                f"The photos of all visitors have {_megabytes(of_all)}, and this server keeps "
                f"{_megabytes(self._settings.max_all_photo_bytes)}. Clear pages that you need no more, or come back "
                "later."
            )


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.0f} MB"
