"""The photos of all datasets on disk: each stored once, upright, without metadata, under the hash of its bytes.

`encode_photo` makes of any photo the bytes that are stored, `PhotoStore` keeps them. Bytes are never changed: a photo
is written once, compared with its hash whenever it is read, and deleted when nothing refers to it any more.
"""

import contextlib
import hashlib
import io
import os
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image

from core.errors import DatasetError
from core.photos.bare_files import JPEG_END, PNG_SIGNATURE, without_metadata
from core.photos.decode import decode_image, decode_photo
from core.photos.fit import shrink, thumbnail_jpeg
from core.photos.limits import DEFAULT_LIMITS, ImageLimits
from core.photos.measurements import measure
from core.photos.record import PhotoRecord
from core.photos.remarks import PhotoFacts
from core.photos.rendering import Rendering, Survey
from core.settings import Settings
from core.storage.files import TEMPORARY_PREFIX, remove_abandoned_drafts, translating_disk_errors
from core.storage.open_store import open_store
from core.storage.store import NO_STORE, Store

# Longest side of a stored photo: more than any network of the catalogue looks at, and enough to fill a screen.
MAX_SIDE_PX = 1024
# Gives back an RGB photo with what must not be stored covered, or the same object.
Retouch = Callable[[Image.Image], Image.Image]

# Of a photo that has to be encoded anew; the loss cannot be seen at this quality.
JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPhoto:
    """A photo as it is stored."""

    record: PhotoRecord
    data: bytes
    facts: PhotoFacts  # of the file that it was made from
    is_retouched: bool = False  # whether something was covered before it was stored


def encode_photo(
    data: bytes,
    name: str,
    limits: ImageLimits = DEFAULT_LIMITS,
    *,
    rendering: Rendering | None = None,
    retouch: Retouch | None = None,
) -> StoredPhoto:
    """Bring a photo to the form in which it is stored: upright, sRGB, without metadata, not too large; and measure it.

    A JPEG or PNG that is like that already keeps its pixels exactly: only its metadata is cut out of the file. Encoding
    a stored photo again gives the same bytes.

    Args:
        data: the photo's file, of any format that `core.photos` reads.
        name: its name, for error messages.
        limits: largest file and photo that are read.
        rendering: what was decided for all photos that belong together; without it the photo decides for itself.
        retouch: covers what must not be stored; one that leaves a photo as it is returns the same object.

    Raises:
        ImageError: the photo cannot be used.
    """
    # With the shortest side at MAX_SIDE_PX or more, the longest side is never decoded smaller than it is stored.
    photo = decode_photo(data, name, limits=limits, shortest_side_px=MAX_SIDE_PX, rendering=rendering)
    image = shrink(photo.image, MAX_SIDE_PX)
    is_same_size = image.size == photo.original_size
    retouched = image if retouch is None else retouch(image)
    is_retouched = retouched is not image
    image = retouched
    is_unchanged = is_same_size and photo.is_as_stored and not is_retouched
    content = without_metadata(data, photo) if is_unchanged else None
    if content is None:
        target = io.BytesIO()
        if photo.is_lossless and is_same_size:
            image.save(target, "PNG")
        else:
            image.save(target, "JPEG", quality=JPEG_QUALITY)
            # The measurements are those of the pixels that are stored, so that they can be repeated.
            image = decode_image(target.getvalue(), name)
        content = target.getvalue()
    record = PhotoRecord(
        hash=hashlib.sha256(content).hexdigest(),
        suffix=".png" if content.startswith(PNG_SIGNATURE) else ".jpg",
        width=image.width,
        height=image.height,
        original_width=photo.original_size[0],
        original_height=photo.original_size[1],
        num_bytes=len(content),
        measurements=measure(image, photo.original_size) | _rendering_record(photo.facts),
    )
    return StoredPhoto(record=record, data=content, facts=photo.facts, is_retouched=is_retouched)


def _rendering_record(facts: PhotoFacts) -> dict[str, Any]:
    """How the photo was shown, where its file left that open: a network that learns from it has to know."""
    return {"rendering": facts.rendering.to_json()} if facts.survey != Survey() else {}


class PhotoStore:
    """The stored photos; safe to use from any number of threads and processes.

    They are files of a folder. Where there is an object store besides, that has all of them, and the folder those that
    were used here.
    """

    def __init__(self, photos_path: Path, cache_path: Path, *, store: Store = NO_STORE) -> None:
        """Make a store.

        Args:
            photos_path: folder of the photos; made when the first photo is put in.
            cache_path: folder for thumbnails, which may be deleted at any time.
            store: has the photos that are not in the folder.
        """
        self.photos_path = photos_path
        self._thumbnails_path = cache_path / "thumbnails"
        self._store = store

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The photos of a workspace.

        Raises:
            SettingsError: the object store cannot be used.
        """
        return cls(settings.photos_path, settings.cache_path, store=open_store(settings))

    @property
    def is_elsewhere(self) -> bool:
        """Whether the files of the folder are copies of what an object store has."""
        return self._store.is_elsewhere

    def path(self, photo_hash: str, suffix: str) -> Path:
        """Where a photo's file is, whether it exists or not."""
        return self.photos_path / photo_hash[:2] / f"{photo_hash}{suffix}"

    def has(self, photo_hash: str, suffix: str) -> bool:
        """Whether the photo is stored.

        Raises:
            StoreError: the object store does not answer.
        """
        return self._here(photo_hash, suffix).is_file()

    def put(self, *photos: StoredPhoto) -> None:
        """Store photos; one that is there already is replaced only when its file is of another size, thus damaged.

        Either way its file counts as new, so that nobody takes it for abandoned while its import goes on. An object
        store has all of them afterwards.

        Raises:
            NoSpaceError: the disk or the object store is full.
            StorageError: a file cannot be written, or sent.
        """
        paths = [self.path(photo.record.hash, photo.record.suffix) for photo in photos]
        for path, photo in zip(paths, photos, strict=True):
            with translating_disk_errors(path.parent):
                if path.is_file() and path.stat().st_size == len(photo.data):
                    os.utime(path)
                else:
                    _write(path, photo.data)
        self._store.keep(*paths)

    def keep(self, photos: Iterable[PhotoRecord]) -> None:
        """Send photos to the object store whose files somebody else has put into the folder.

        Raises:
            StorageError: they cannot be sent.
        """
        self._store.keep(*(self.path(photo.hash, photo.suffix) for photo in photos))

    def bring(self, photos: Iterable[PhotoRecord]) -> None:
        """Have photos in the folder that are about to be read, many side by side.

        Raises:
            StorageError: the object store does not answer, or the disk is full.
        """
        self._store.bring(*(self.path(photo.hash, photo.suffix) for photo in photos))

    def _here(self, photo_hash: str, suffix: str) -> Path:
        path = self.path(photo_hash, suffix)
        self._store.bring(path)
        return path

    def read(self, photo_hash: str, suffix: str) -> bytes:
        """The bytes of a photo.

        Raises:
            DatasetError: the photo is not there, or its file was changed.
            StoreError: the object store does not answer.
        """
        content = self._content(photo_hash, suffix)
        if hashlib.sha256(content).hexdigest() == photo_hash:
            return content
        if self._store.is_elsewhere:
            self.path(photo_hash, suffix).unlink(missing_ok=True)  # half a copy, after a power cut
            return self._content(photo_hash, suffix)  # compared with its hash when it is brought
        raise DatasetError(
            f"The file of the photo {photo_hash[:12]} in the workspace was changed or cut off. Restore it from a "
            "backup, or delete the file and add the photo again."
        )

    def _content(self, photo_hash: str, suffix: str) -> bytes:
        path = self._here(photo_hash, suffix)
        try:
            return path.read_bytes()
        except OSError as exc:
            raise DatasetError(
                f"The photo {photo_hash[:12]} cannot be read from the workspace ({exc.strerror or exc}). Restore its "
                "file from a backup, or add the photo again."
            ) from exc

    def delete(self, photo_hash: str, suffix: str) -> None:
        """Delete a photo and its thumbnails, if they are there.

        Raises:
            StorageError: the file cannot be deleted.
        """
        path = self.path(photo_hash, suffix)
        with translating_disk_errors(path.parent):
            # The photo last: whoever is killed before is found out by its file, and everything of it is deleted then.
            for thumbnail in self._thumbnails_path.glob(f"*/{photo_hash[:2]}/{photo_hash}.jpg"):
                thumbnail.unlink(missing_ok=True)
            self._store.remove(path)
            path.unlink(missing_ok=True)

    def stored_before(self, moment: float) -> dict[str, str]:
        """Hash and suffix of what was stored before a moment, wherever it is.

        Args:
            moment: Unix seconds.

        Raises:
            StoreError: the object store does not answer.
        """
        found = {
            Path(name).stem: Path(name).suffix for name, at in self._store.ages(self.photos_path).items() if at < moment
        }
        return {**self.here_before(moment), **found}

    def here_before(self, moment: float) -> dict[str, str]:
        """The same of what is in the folder alone."""
        found = {}
        for path in self.photos_path.glob("??/[!.]*"):  # no drafts
            with contextlib.suppress(FileNotFoundError):  # another process collects at the same moment
                if path.stat().st_mtime < moment:
                    found[path.stem] = path.suffix
        return found

    def copies_before(self, moment: float) -> dict[str, str]:
        """The same, with photos of which only a thumbnail is here; of these the suffix is that of the thumbnail."""
        thumbnails = self._thumbnails_path.glob("*/??/[!.]*")
        return {path.stem: path.suffix for path in thumbnails} | self.here_before(moment)

    def remove_drafts(self) -> None:
        """Delete what writers that were killed long ago have left beside the photos and thumbnails."""
        for pattern, place in (("??", self.photos_path), ("*/??", self._thumbnails_path)):
            for folder in place.glob(pattern):
                remove_abandoned_drafts(folder)

    def thumbnail(self, photo: PhotoRecord, side_px: int) -> bytes:
        """A small JPEG of a photo, kept for the next time.

        Args:
            photo: a photo of the store.
            side_px: longest side, at least 1.

        Raises:
            DatasetError: the photo is not there, or its file was changed.
        """
        path = self._thumbnails_path / str(side_px) / photo.hash[:2] / f"{photo.hash}.jpg"
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            # Half a file, after a power cut, lacks the marker that ends a JPEG.
            if content.endswith(JPEG_END):
                return content
        image = decode_image(self.read(photo.hash, photo.suffix), photo.hash[:12], shortest_side_px=side_px)
        content = thumbnail_jpeg(image, side_px)
        # A cache that cannot be written makes showing photos slower, nothing else.
        with contextlib.suppress(OSError):
            _write(path, content)
        return content


def _write(path: Path, content: bytes) -> None:
    """Write a file as a whole, but without waiting for the disk.

    `write_atomically` waits for the disk twice a file, which 10,000 photos cannot afford. A photo that a power cut left
    incomplete is noticed by its size when it is put in again and by its hash when it is read.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")
    try:
        try:
            temporary.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
