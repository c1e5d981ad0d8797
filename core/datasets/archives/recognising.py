"""Which kind of archive a file is: its content says it, never its name."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.archives.rules import ArchiveLimits, Budget, Member
from core.datasets.archives.seven_zip_reader import SevenZipReader, is_seven_zip
from core.datasets.archives.tar_headers import is_tar_header
from core.datasets.archives.tar_reader import TarReader
from core.datasets.archives.tar_stream import is_compressed
from core.datasets.archives.zip_reader import ZipReader, is_zip
from core.errors import ArchiveError

READABLE_ARCHIVES = "zip, 7z, tar, tar.gz, tar.bz2, tar.xz and tar.zst"

HEAD_BYTES = 4_096
_TAR_MAGIC, _TAR_MAGIC_START = b"ustar", 257
_FOREIGN_ARCHIVES = ((b"Rar!\x1a\x07", "a RAR archive"),)
# An Office document is a zip too; who reads photos has better words for it.
_OFFICE_MARKS = (b"[Content_Types].xml", b"mimetypeapplication/vnd.")
GET_AGAIN = "Copy or download the archive again; if that does not help, pack it anew."


class ArchiveReader(Protocol):
    """Reads one kind of archive."""

    @property
    def name_encodings(self) -> NameEncodings | None:
        """How names were read that do not say their character set."""

    def members(self, budget: Budget) -> Iterator[Member]:
        """Every file, in an order that suits the archive."""


def open_reader(
    file: BinaryIO,
    name: str,
    limits: ArchiveLimits,
    *,
    volume_starts: Sequence[int] = (0,),
    name_encoding: str | None = None,
) -> ArchiveReader:
    """Read what kind of archive a file is.

    Args:
        file: the whole archive.
        name: what messages call it.
        limits: what is read at most.
        volume_starts: where the pieces of a divided archive begin in it.
        name_encoding: how names are read that do not say their character set; None: it is found out.

    Raises:
        ArchiveError: it is no archive that can be read.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise ArchiveError(f"{name!r} is empty (0 bytes); an archive was expected. Copy or download it again.")
    if is_zip(head):
        return ZipReader(file, name, limits, volume_starts=volume_starts, name_encoding=name_encoding)
    if is_seven_zip(head):
        return SevenZipReader(file, name, limits)
    if is_tar_header(head[:512]):
        return TarReader(file, name, limits, name_encoding=name_encoding)
    if is_compressed(head):
        reader = TarReader(file, name, limits, name_encoding=name_encoding)
        if reader.begins_like_tar(Budget(name, len(head), limits)):
            return reader
        raise ArchiveError(
            f"{name!r} is compressed, but holds no tar or only the beginning of one. {GET_AGAIN} "
            f"These are read: {READABLE_ARCHIVES}."
        )
    zip_behind_program = ZipReader(file, name, limits, name_encoding=name_encoding)
    if zip_behind_program.has_table:
        return zip_behind_program
    what = next((what for magic, what in _FOREIGN_ARCHIVES if head.startswith(magic)), "no archive that can be read")
    raise ArchiveError(
        f"{name!r} is {what}; one of {READABLE_ARCHIVES} was expected. Unpack it, and add the folder or a zip of it."
    )


def is_archive_head(head: bytes) -> bool:
    """Whether a file that begins so (512 bytes or more) is an archive, one that is not read included."""
    is_foreign = any(head.startswith(magic) for magic, _ in _FOREIGN_ARCHIVES)
    return is_zip(head) or is_seven_zip(head) or is_foreign or is_compressed(head) or is_tar_header(head[:512])


def is_nested_archive(head: bytes) -> bool:
    """Whether a file that came as a photo and begins so is an archive; an Office document is none."""
    if is_zip(head):
        return not any(mark in head for mark in _OFFICE_MARKS)
    is_foreign = any(head.startswith(magic) for magic, _ in _FOREIGN_ARCHIVES)
    return is_foreign or is_seven_zip(head) or is_compressed(head) or head.startswith(_TAR_MAGIC, _TAR_MAGIC_START)
