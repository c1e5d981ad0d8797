"""The photos of all datasets on disk: each stored once, upright, without metadata, under the hash of its bytes.

`encode_photo` makes of any photo the bytes that are stored, `PhotoStore` keeps them. Bytes are never changed: a photo
is written once, compared with its hash whenever it is read, and deleted when nothing refers to it any more.
"""

import contextlib
import hashlib
import io
import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from core.errors import DatasetError
from core.photos.decode import DecodedPhoto, decode_image, decode_photo
from core.photos.fit import shrink, thumbnail_jpeg
from core.photos.limits import DEFAULT_LIMITS, ImageLimits
from core.photos.measurements import measure
from core.photos.record import PhotoRecord
from core.photos.remarks import PhotoFacts
from core.photos.rendering import Rendering, Survey
from core.storage.files import TEMPORARY_PREFIX, remove_abandoned_drafts, translating_disk_errors

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
    content = _without_metadata(data, photo) if is_unchanged else None
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
        suffix=".png" if content.startswith(_PNG_SIGNATURE) else ".jpg",
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
    """The folder of stored photos; safe to use from any number of threads and processes."""

    def __init__(self, photos_path: Path, cache_path: Path) -> None:
        """Make a store.

        Args:
            photos_path: folder of the photos; made when the first photo is put in.
            cache_path: folder for thumbnails, which may be deleted at any time.
        """
        self.photos_path = photos_path
        self._thumbnails_path = cache_path / "thumbnails"

    def path(self, photo_hash: str, suffix: str) -> Path:
        """Where a photo's file is, whether it exists or not."""
        return self.photos_path / photo_hash[:2] / f"{photo_hash}{suffix}"

    def has(self, photo_hash: str, suffix: str) -> bool:
        """Whether the photo is in the store."""
        return self.path(photo_hash, suffix).is_file()

    def put(self, photo: StoredPhoto) -> None:
        """Store a photo; one that is there already is replaced only when its file is of another size, thus damaged.

        Either way its file counts as new, so that nobody takes it for abandoned while its import goes on.

        Raises:
            NoSpaceError: the disk is full; nothing was stored.
            StorageError: the file cannot be written.
        """
        path = self.path(photo.record.hash, photo.record.suffix)
        with translating_disk_errors(path.parent):
            if path.is_file() and path.stat().st_size == len(photo.data):
                os.utime(path)
            else:
                _write(path, photo.data)

    def read(self, photo_hash: str, suffix: str) -> bytes:
        """The bytes of a photo.

        Raises:
            DatasetError: the photo is not there, or its file was changed.
        """
        try:
            content = self.path(photo_hash, suffix).read_bytes()
        except OSError as exc:
            raise DatasetError(
                f"The photo {photo_hash[:12]} cannot be read from the workspace ({exc.strerror or exc}). Restore its "
                "file from a backup, or add the photo again."
            ) from exc
        if hashlib.sha256(content).hexdigest() != photo_hash:
            raise DatasetError(
                f"The file of the photo {photo_hash[:12]} in the workspace was changed or cut off. Restore it from a "
                "backup, or delete the file and add the photo again."
            )
        return content

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
            path.unlink(missing_ok=True)

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
            if content.endswith(_JPEG_END):
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


# --- files without metadata ------------------------------------------------------------------------------


def _without_metadata(data: bytes, photo: DecodedPhoto) -> bytes | None:
    """The file with only what its pixels need; None if it has to be encoded anew."""
    if photo.facts.format == "JPEG":
        return _strip_jpeg(data)
    return _strip_png(data) if photo.facts.format == "PNG" else None


# Source: ITU-T T.81, table B.1, for all of the following.
_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_MARKER_END = 0xD9
_MARKER_SCAN = 0xDA
# Tables (DHT, DQT, DRI) and frames of the kinds that every decoder reads: baseline, extended and progressive Huffman.
# Others, such as arithmetic coding, are encoded anew.
_KEPT_MARKERS = frozenset((0xC4, 0xDB, 0xDD, 0xC0, 0xC1, 0xC2, _MARKER_SCAN))
_MARKER_APP0 = 0xE0
_MARKER_APP14 = 0xEE
_APPLICATION_MARKERS = frozenset(range(0xE0, 0xF0))
_MARKER_COMMENT = 0xFE
# Inside a scan 0xFF is followed by 0 or by a restart marker, D0 to D7; anything else ends the scan.
_SCAN_END = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


def _strip_jpeg(data: bytes) -> bytes | None:
    """A JPEG with only the segments that its pixels need, up to its end; None if it is of an unusual kind."""
    parts = [_JPEG_START]
    for marker, segment in _jpeg_segments(data):
        if marker in _KEPT_MARKERS:
            parts.append(segment)
        elif marker == _MARKER_END:
            return b"".join([*parts, _JPEG_END])
        elif marker in _APPLICATION_MARKERS:
            parts.append(_strip_application_segment(marker, segment))
        elif marker != _MARKER_COMMENT:
            return None
    return None


def _strip_application_segment(marker: int, segment: bytes) -> bytes:
    """What JFIF and Adobe say about colours, in their fixed lengths; nothing of all other segments.

    Source: JFIF 1.02, page 5; Adobe technical note 5116, section 18.
    """
    if marker == _MARKER_APP0 and segment[4:9] == b"JFIF\0" and len(segment) >= 18:
        # Both zero: the small copy of the photo that may follow is cut off.
        return b"\xff\xe0\x00\x10" + segment[4:16] + b"\0\0"
    if marker == _MARKER_APP14 and segment[4:9] == b"Adobe" and len(segment) >= 16:
        return b"\xff\xee\x00\x0e" + segment[4:16]
    return b""


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment after the start, scans with their data; ends early where the file is odd."""
    position = len(_JPEG_START)
    while position + 4 <= len(data) or data[position : position + 2] == _JPEG_END:
        marker = data[position + 1]
        if data[position] != 0xFF:
            return
        if marker == _MARKER_END:
            yield marker, _JPEG_END
            return
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _MARKER_SCAN:
            found = _SCAN_END.search(data, end)
            if found is None:
                return
            end = found.end() - 2
        yield marker, data[position:end]
        position = end


_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Source: PNG specification, third edition, section 5.6. Photos with transparency never come here.
_KEPT_CHUNKS = frozenset((b"IHDR", b"PLTE", b"IDAT"))
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def _strip_png(data: bytes) -> bytes | None:
    """A PNG with only the chunks that its pixels need; None if it is animated, has 16 bits or ends early."""
    parts = [_PNG_SIGNATURE]
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        kind = data[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if kind == b"IEND":
            return b"".join([*parts, _PNG_END])
        if kind == b"acTL" or (kind == b"IHDR" and data[position + 16] > 8):
            return None
        if kind in _KEPT_CHUNKS:
            parts.append(data[position:end])
        position = end
    return None
