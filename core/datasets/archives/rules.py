"""What the readers of archive formats share: the limits, the count of bytes, the words for a file that is refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.errors import ArchiveError, ConfigError

CHUNK_BYTES = 65_536  # unpacked at once; whatever an archive holds, no more than this is made unasked

DAMAGED = "It is damaged inside the archive. Pack or download the archive again."
CUT_OFF = "It is incomplete, because the archive ends in the middle of it. Copy or download the archive again."
LARGER_THAN_TOLD = "It is larger than the archive says, as only a broken or hostile program writes it."
# Why reading stops before the end; ends a sentence.
ENDS_EARLY = "the archive ends in the middle"
UNREADABLE = "the archive is damaged there"
ENCRYPTED = "It is locked with a password. Unpack the archive with the password and use the photos inside."


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What is read of an archive at most; settings hold the administrator's values."""

    max_entries: int = 200_000  # files, folders and everything else that has a name
    max_bytes: int = 10_000_000_000  # bytes of the archive, and bytes that come out of it
    max_ratio: float = 100.0  # bytes out per byte of the archive; more is taken for an attack
    max_photo_bytes: int = 50_000_000  # bytes of one file inside
    # Bytes out below which the ratio does not count: they do no harm, and blank scans do shrink a thousandfold.
    ratio_free_bytes: int = 100_000_000

    def __post_init__(self) -> None:
        for name in ("max_entries", "max_bytes", "max_ratio", "max_photo_bytes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.ratio_free_bytes < 0:
            raise ConfigError(f"ratio_free_bytes is {self.ratio_free_bytes}; it must not be negative.")


class BrokenMemberError(Exception):
    """One file of an archive cannot be read, the others may; the text is the reason, for people."""


class BrokenArchiveError(Exception):
    """Nothing behind this place of an archive can be read; the text is the reason, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file inside an archive, as a reader of its format found it."""

    path: str  # as written in the archive
    num_bytes: int  # as the archive says
    refusal: str | None  # reason for people; None: it can be read
    # Unpacks the file in pieces of at most `CHUNK_BYTES`; raises `BrokenMemberError`. Only while it is the latest
    # that the reader handed out: a stream has no way back.
    chunks: Callable[[], Iterator[bytes]]


class Budget:
    """Counts what really comes out of an archive, whatever its headers say."""

    def __init__(self, name: str, archive_bytes: int, limits: ArchiveLimits) -> None:
        self._name = name
        self._limits = limits
        self._ratio_bytes = max(limits.ratio_free_bytes, limits.max_ratio * archive_bytes)
        self._num_bytes = 0
        self._num_container_bytes = 0
        self._is_container = False
        self._num_entries = 0

    @contextmanager
    def counting_container(self) -> Iterator[None]:
        """Count what comes out meanwhile as an archive inside the archive, not as files that are kept.

        Both have the limit on bytes for themselves, so that an honest archive that is packed twice is read; the ratio
        counts them together.
        """
        before, self._is_container = self._is_container, True
        try:
            yield
        finally:
            self._is_container = before

    def spend(self, num_bytes: int) -> None:
        """Count bytes that came out.

        Raises:
            ArchiveError: they are more than the limits allow.
        """
        if self._is_container:
            self._num_container_bytes += num_bytes
        else:
            self._num_bytes += num_bytes
        if max(self._num_bytes, self._num_container_bytes) > self._limits.max_bytes:
            raise ArchiveError(
                f"More than {self._limits.max_bytes / 1e6:,.0f} MB come out of {self._name!r}, which is the most "
                "that is read. Divide it into several archives, or ask the administrator to raise "
                "BLUETIT_MAX_ARCHIVE_BYTES."
            )
        if self._num_bytes + self._num_container_bytes > self._ratio_bytes:
            raise ArchiveError(
                f"{self._name!r} grows to more than {self._limits.max_ratio:g} times its size when it is unpacked; "
                "photos hardly shrink, so it was refused as an attack. If you trust it, unpack it and use the folder."
            )

    def count_entry(self) -> None:
        """Count one more name in the archive.

        Raises:
            ArchiveError: there are more than the limits allow.
        """
        self._num_entries += 1
        if self._num_entries > self._limits.max_entries:
            raise too_many_entries(self._name, self._limits)


def too_many_entries(name: str, limits: ArchiveLimits) -> ArchiveError:
    """The error for an archive of too many files."""
    return ArchiveError(
        f"{name!r} holds more than {limits.max_entries:,} files and folders, which is the most that is read. "
        "Divide it into several archives."
    )
