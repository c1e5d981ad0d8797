"""JPEG and PNG files of which only what their pixels need is left: no place, no camera, no time, no small copy.

The pixels stay exactly as they are, as nothing is encoded anew.
"""

import re
from collections.abc import Iterator

from core.photos.decode import DecodedPhoto


def without_metadata(data: bytes, photo: DecodedPhoto) -> bytes | None:
    """The file with only what its pixels need; None if it has to be encoded anew."""
    if photo.facts.format == "JPEG":
        return _strip_jpeg(data)
    return _strip_png(data) if photo.facts.format == "PNG" else None


# Source: ITU-T T.81, table B.1, for all of the following.
_JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
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
            return b"".join([*parts, JPEG_END])
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
    while position + 4 <= len(data) or data[position : position + 2] == JPEG_END:
        marker = data[position + 1]
        if data[position] != 0xFF:
            return
        if marker == _MARKER_END:
            yield marker, JPEG_END
            return
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _MARKER_SCAN:
            found = _SCAN_END.search(data, end)
            if found is None:
                return
            end = found.end() - 2
        yield marker, data[position:end]
        position = end


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Source: PNG specification, third edition, section 5.6. Photos with transparency never come here.
_KEPT_CHUNKS = frozenset((b"IHDR", b"PLTE", b"IDAT"))
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def _strip_png(data: bytes) -> bytes | None:
    """A PNG with only the chunks that its pixels need; None if it is animated, has 16 bits or ends early."""
    parts = [PNG_SIGNATURE]
    position = len(PNG_SIGNATURE)
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
