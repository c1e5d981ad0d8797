"""The files of one batch of photos, below the cache folder and within the room that there is."""

import contextlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from core.errors import BluetitError, ImageTooLargeError, StorageError
from core.inference.batch_notes import FILE_IS_GONE
from core.inference.batch_records import Photo
from core.inference.photo_room import PhotoRoom
from core.photos.limits import ImageLimits
from core.settings import Settings
from core.storage.files import ensure_free_space, translating_disk_errors
from core.storage.store import Store

# Visitors' photos never take the last of the disk: the database and the workers need it.
_RESERVED_BYTES = 300_000_000


class PhotoFiles:
    """A folder of files, one for each photo; every method may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        room: PhotoRoom,
        *,
        owner: str,
        store: Store,
        forget: Callable[[Path], None],
        is_needed: Callable[[Path], bool],
    ) -> None:
        """Begin without a folder; the first file makes it.

        Args:
            folder: where the files go.
            settings: the largest photo.
            room: counts photos and bytes.
            owner: whose they are.
            store: where files are that another server has left.
            forget: has a file deleted from the store soon, without waiting.
            is_needed: whether the store has not got a file yet.
        """
        self.folder = folder
        self.limits = ImageLimits(max_bytes=settings.max_photo_bytes, max_pixels=settings.max_photo_pixels)
        self._room = room
        self._owner = owner
        self._store = store
        self._forget = forget
        self._is_needed = is_needed

    def take_place(self) -> None:
        """Count a photo.

        Raises:
            NoRoomError: there would be too many.
        """
        self._room.take(self._owner, num_photos=1)

    def give_place_back(self, num_photos: int = 1) -> None:
        """Count photos no more."""
        self._room.give_back(self._owner, num_photos=num_photos)

    def count(self, photos: Iterable[Photo]) -> None:
        """Count photos that are there already, with their files."""
        for photo in photos:
            self._room.note(self._owner, num_photos=1, num_bytes=photo.num_bytes)

    def give_back(self, photos: Iterable[Photo]) -> None:
        """Count photos no more, nor their files, which another server has now; copies of what a store has go here."""
        for photo in photos:
            self._room.give_back(self._owner, num_photos=1, num_bytes=photo.num_bytes)
            self.drop_copy(photo.path)
        if self._store.is_elsewhere:
            self.remove_folder()

    def store(self, photo: Photo, data: bytes) -> Photo:
        """Write a photo's file, and count its bytes; the photo with it.

        Raises:
            ImageTooLargeError: it is larger than any photo may be.
            NoRoomError: there is no room for so many bytes.
            StorageError: the disk is full, or cannot be written to.
        """
        limit = self.limits.max_bytes
        if len(data) > limit:
            raise ImageTooLargeError(
                f"{photo.name} has {len(data) / 1e6:.0f} MB; photos up to {limit / 1e6:.0f} MB are read. "
                "Save it smaller, as JPEG for example."
            )
        self._room.take(self._owner, num_bytes=len(data))
        # Not the photo's id: a link may be read a second time while the first reading is being given up.
        path = self.folder / secrets.token_hex(8)
        stored = replace(photo, path=path, num_bytes=len(data))
        try:
            self._write(path, data)
        except BluetitError:
            self.delete(stored)
            raise
        return stored

    def read(self, path: Path, name: str) -> bytes:
        """The file of a photo, brought from the store where it is not here.

        Args:
            path: of the file.
            name: of the photo, as the visitor knows it.

        Raises:
            StoreError: the store does not answer.
            StorageError: it is nowhere.
        """
        if not path.is_file():
            self._store.bring(path)
            if not path.is_file():
                raise StorageError(FILE_IS_GONE.format(name=name))
        with translating_disk_errors(self.folder):
            return path.read_bytes()

    def delete(self, photo: Photo) -> None:
        """Delete a photo's file, and count its bytes no more."""
        if photo.path is not None:
            self._room.give_back(self._owner, num_bytes=photo.num_bytes)
            _unlink(photo.path)
            self._forget(photo.path)

    def drop_copy(self, path: Path | None) -> None:
        """Delete a file here that a store has for others, or that nobody needs any more."""
        if path is not None and self._store.is_elsewhere and not self._is_needed(path):
            _unlink(path)

    def remove_folder(self) -> None:
        """Remove the folder where it is empty."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _write(self, path: Path, data: bytes) -> None:
        ensure_free_space(self.folder, len(data) + _RESERVED_BYTES)
        with translating_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def _unlink(path: Path) -> None:
    # Windows refuses while a thread reads it; then it goes with the folder of all batches.
    with contextlib.suppress(OSError):
        path.unlink()
