"""What a zip says about a file, in its table of contents or before the file's data.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (section numbers below)
"""

import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass

from core.datasets.archives.rules import ENCRYPTED
from core.datasets.archives.zip_methods import UNPACKERS

LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # 4.3.7
CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")  # 4.3.12
LOCAL_MAGIC, CENTRAL_MAGIC, END_MAGIC = b"PK\3\4", b"PK\1\2", b"PK\5\6"
DESCRIPTOR_MAGIC = b"PK\7\x08"
_IN_ZIP64 = 0xFFFFFFFF  # a size or offset that stands in the zip64 extra field instead
_ZIP64_EXTRA = 1  # 4.5.3
_UNICODE_PATH_EXTRA = 0x7075  # 4.6.9
LOCKED_FLAGS = 0x1 | 0x40 | 0x2000  # encrypted, strongly encrypted, table of contents encrypted
DESCRIPTOR_FLAG = 0x8  # sizes and checksum follow the data
_UTF8_FLAG = 0x800
_LINK = "It is a link or another special file, not a photo. Put the photo itself into the archive."
_METHOD = "It is packed in a way (method {}) that is not read here. Pack the archive again as an ordinary zip."


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipRecord:
    """What a zip says about a file: in its table of contents or before the file's data."""

    raw_name: bytes
    told_name: str | None  # where the archive says which character set the name has
    flags: int
    method: int
    crc: int
    packed_bytes: int
    num_bytes: int
    offset: int  # of the local header, in the file
    is_special: bool = False  # a link or device


def refusal_of(record: ZipRecord) -> str | None:
    """Why a file cannot be read, in words for people; None where it can."""
    if record.flags & LOCKED_FLAGS:
        return ENCRYPTED
    if record.is_special:
        return _LINK
    return None if record.method in UNPACKERS else _METHOD.format(record.method)


def told_name(raw: bytes, flags: int, extra: bytes) -> str | None:
    """A name whose character set is told: by the Unicode path (4.6.9), by the flag, or because it is ASCII."""
    field = _extra_field(extra, _UNICODE_PATH_EXTRA) or b""
    # Its checksum is of the other name: a program that knew only that one has renamed the file.
    is_current = len(field) > 5 and field[0] == 1 and int.from_bytes(field[1:5], "little") == zlib.crc32(raw)
    is_told = raw.isascii() or flags & _UTF8_FLAG
    # The Unicode path first: beside it the other name may be nothing but question marks.
    for told in (field[5:] if is_current else None, raw if is_told else None):
        if told is not None:
            with suppress(UnicodeDecodeError):
                return told.decode("utf-8")
    return None


class Zip64Values:
    """The 64-bit numbers of an extra field, in their fixed order."""

    def __init__(self, values: list[int]) -> None:
        self._values = values

    def take(self, value: int) -> int:
        """The number itself, or the next wide one where it stands for that."""
        if value != _IN_ZIP64 or not self._values:
            return value
        return self._values.pop(0)


def zip64_values(extra: bytes) -> Zip64Values:
    """The 64-bit numbers of an extra field."""
    data = _extra_field(extra, _ZIP64_EXTRA) or b""
    num_values = min(len(data) // 8, 3)
    return Zip64Values(list(struct.unpack_from(f"<{num_values}Q", data)))


def _extra_field(extra: bytes, kind: int) -> bytes | None:
    position = 0
    while position + 4 <= len(extra):
        found, length = struct.unpack_from("<HH", extra, position)
        if found == kind:
            return extra[position + 4 : position + 4 + length]
        position += 4 + length
    return None
