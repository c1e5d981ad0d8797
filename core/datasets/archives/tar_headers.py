"""Headers of a tar, one at a time and none larger than real ones are.

Source: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html (ustar and pax),
https://www.gnu.org/software/tar/manual/html_node/Standard.html (GNU)
"""

import tarfile

from core.datasets.archives.rules import ENDS_EARLY, UNREADABLE, BrokenArchiveError, Budget
from core.datasets.archives.tar_stream import BLOCK_BYTES, TarStream

_MAX_HEADER_BYTES = 1_000_000  # of a long name or pax header; real ones have some hundred
_SPARSE_MORE_BYTE = 482  # of an old GNU sparse header: further header blocks follow
_SPARSE_MORE_BYTE_NEXT = 504  # the same, of each further block

NO_PHOTO_BUT_A_LINK = "It is a link to another file, not a photo. Put the photo itself into the archive."
_DEVICE = "It is a device or another special file of the system, not a photo."
_SPARSE = "It is packed as a sparse file. Pack the archive again, without --sparse."


def is_tar_header(block: bytes) -> bool:
    """Whether the first 512 bytes of a file are a tar's; a tar of nothing at all counts too."""
    if len(block) < BLOCK_BYTES:
        return False
    try:
        _parse_header(block)
    except tarfile.HeaderError:
        return not any(block)
    return True


def next_header(stream: TarStream, budget: Budget) -> tarfile.TarInfo | None:
    """The header of the next member, with its long names from the headers before it; None at the end."""
    name: str | None = None
    link_name: str | None = None
    size: int | None = None
    while True:
        block = stream.read_block()
        if not any(block) and len(block) == BLOCK_BYTES:
            stream.finish()
            return None
        header = _checked_header(block)
        budget.count_entry()
        if header.type == tarfile.GNUTYPE_LONGNAME:
            name = _text(_read_extra(stream, header.size).rstrip(b"\0"))
        elif header.type == tarfile.GNUTYPE_LONGLINK:
            link_name = _text(_read_extra(stream, header.size).rstrip(b"\0"))
        elif header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            pax = _parse_pax(_read_extra(stream, header.size))
            name = pax.get("path", name)
            link_name = pax.get("linkpath", link_name)
            size = int(pax["size"]) if pax.get("size", "").isdecimal() else size
        elif header.type == tarfile.XGLTYPE:
            stream.skip_to(stream.position + padded(header.size))
        else:
            header.name = header.name if name is None else name
            header.linkname = header.linkname if link_name is None else link_name
            header.size = header.size if size is None else size
            if header.type == tarfile.GNUTYPE_SPARSE:
                _skip_sparse_map(stream, block)
            return header


def _checked_header(block: bytes) -> tarfile.TarInfo:
    # A tar must end with blocks of zeros; where they are missing, something came after.
    if len(block) < BLOCK_BYTES:
        raise BrokenArchiveError(ENDS_EARLY)
    try:
        header = _parse_header(block)
    except tarfile.HeaderError as exc:
        raise BrokenArchiveError(UNREADABLE) from exc
    if header.size < 0:  # GNU's base-256 numbers have a sign
        raise BrokenArchiveError(UNREADABLE)
    return header


def _parse_header(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (ValueError, OverflowError) as exc:  # numbers that no header has
        raise tarfile.HeaderError(str(exc)) from exc


def _read_extra(stream: TarStream, num_bytes: int) -> bytes:
    if num_bytes > _MAX_HEADER_BYTES:
        raise BrokenArchiveError(UNREADABLE)
    data = stream.read_block(padded(num_bytes))
    if len(data) < num_bytes:
        raise BrokenArchiveError(ENDS_EARLY)
    return data[:num_bytes]


def _parse_pax(data: bytes) -> dict[str, str]:
    """The records of a pax header: "<length> <key>=<value>\\n", the length being that of the whole record."""
    records = {}
    position = 0
    while position < len(data):
        digits, space, _ = data[position : position + 20].partition(b" ")
        length = int(digits) if digits.isdigit() and space else 0
        if not len(digits) < length <= len(data) - position:
            raise BrokenArchiveError(UNREADABLE)
        key, _, value = data[position + len(digits) + 1 : position + length].rstrip(b"\n").partition(b"=")
        records[_text(key)] = _text(value)
        position += length
    return records


def _skip_sparse_map(stream: TarStream, block: bytes) -> None:
    has_more = block[_SPARSE_MORE_BYTE] != 0
    while has_more:
        block = stream.read_block()
        if len(block) < BLOCK_BYTES:
            raise BrokenArchiveError(ENDS_EARLY)
        has_more = block[_SPARSE_MORE_BYTE_NEXT] != 0


def refusal_of(header: tarfile.TarInfo) -> str | None:
    """Why a member cannot be read, in words for people; None where it can."""
    if header.issym() or header.islnk():
        return NO_PHOTO_BUT_A_LINK
    if header.type == tarfile.GNUTYPE_SPARSE:
        return _SPARSE
    return None if header.isreg() or header.isdir() else _DEVICE


def padded(num_bytes: int) -> int:
    """Bytes that content of this length takes in a tar, which has nothing but whole blocks."""
    return -(-num_bytes // BLOCK_BYTES) * BLOCK_BYTES


def _text(raw: bytes) -> str:
    """As `tarfile` reads names: bytes that are no UTF-8 as lone surrogates, from which `raw_name_of` has them back."""
    return raw.decode("utf-8", "surrogateescape")


def raw_name_of(text: str) -> bytes:
    """The bytes of a name as the archive has it."""
    return text.encode("utf-8", "surrogateescape")
