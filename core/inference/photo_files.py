"""The files of one batch of photos, below the cache folder and within the room that there is."""

import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from core.errors import BluetitError, ImageTooLargeError
from core.inference.batch_records import Photo
from core.inference.photo_room import PhotoRoom
from core.photos.limits import ImageLimits
from core.settings import Settings
from core.storage.files import ensure_free_space, translating_disk_errors

# Visitors' photos never take the last of the disk: the database and the workers need it.
_RESERVED_BYTES = 300_000_000


class PhotoFiles:
    """A folder of files, one for each photo; every method may be called from any thread."""

    def __init__(self, folder: Path, settings: Settings, room: PhotoRoom, *, owner: str) -> None:
        """Begin without a folder; the first file makes it.

        Args:
            folder: where the files go.
            settings: the largest photo.
            room: counts photos and bytes.
            owner: whose they are.
        """
        self.folder = folder
        self.limits = ImageLimits(max_bytes=settings.max_photo_bytes, max_pixels=settings.max_photo_pixels)
        self._room = room
        self._owner = owner

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
        """Count photos no more, nor their files, which stay: another server has them now."""
        for photo in photos:
            self._room.give_back(self._owner, num_photos=1, num_bytes=photo.num_bytes)

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

    def read(self, path: Path) -> bytes:
        """The file of a photo.

        Raises:
            StorageError: it is not there.
        """
        with translating_disk_errors(self.folder):
            return path.read_bytes()

    def delete(self, photo: Photo) -> None:
        """Delete a photo's file, and count its bytes no more."""
        if photo.path is not None:
            self._room.give_back(self._owner, num_bytes=photo.num_bytes)
            # Windows refuses while a thread reads it; then it goes with the folder of all batches.
            with contextlib.suppress(OSError):
                photo.path.unlink()

    def remove_folder(self) -> None:
        """Remove the folder where it is empty."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _write(self, path: Path, data: bytes) -> None:
        ensure_free_space(self.folder, len(data) + _RESERVED_BYTES)
        with translating_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
