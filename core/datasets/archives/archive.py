"""Photos out of an archive that a stranger packed, one after the other; no path of it is ever written to the disk.

The file's content decides what it is, never its name. What is wrong with the archive as a whole raises
`ArchiveError`; what is wrong with one file inside is its reason in `Archive.read_all`, and the others are read.
"""

import io
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from core.datasets.archives.name_encodings import NameEncodings, merge_encodings
from core.datasets.archives.recognising import GET_AGAIN, HEAD_BYTES, is_nested_archive, open_reader
from core.datasets.archives.rules import ArchiveLimits, BrokenArchiveError, BrokenMemberError, Budget, Member
from core.datasets.archives.series import JoinedFile, archive_folder, is_archive_name, is_piece_name
from core.datasets.incoming_paths import is_junk, normalise_path, path_refusal, service_name, shown_path
from core.errors import ArchiveError
from core.storage.files import translating_disk_errors

_SPOOL_MEMORY_BYTES = 4_000_000  # of an archive inside the archive; a larger one goes to a temporary file
_MISNAMED = "It is an archive, though its name does not say so. Unpack it, and add the folder or a zip of it."
_TOO_DEEP = "It is an archive inside an archive inside an archive. Unpack it and add it by itself."
_PIECE = "It is a piece of a divided archive, inside an archive. Unpack the outer one and add all pieces at once."


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A file inside an archive."""

    path: str  # with "/" between folders, as in the archive otherwise
    num_bytes: int  # as the archive says


class _Spool:
    """Where archives inside an archive are put while they are read."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """A file without a name, in memory while it is small, which is gone at the end."""
        if self._folder is not None:
            with translating_disk_errors(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.SpooledTemporaryFile(
            max_size=_SPOOL_MEMORY_BYTES, dir=None if self._folder is None else str(self._folder)
        ) as file:
            yield cast(BinaryIO, file)

    def write(self, file: BinaryIO, data: bytes) -> None:
        """Append to a file that `open` gave."""
        with translating_disk_errors(self._folder or Path(tempfile.gettempdir())):
            file.write(data)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of the archive, or of an archive inside it."""

    path: str  # normalised, that of the inner archive before it
    member: Member
    refusal: str | None


class Archive:
    """An open archive; made by `open_archive`.

    Archives inside it are opened too, one level: `a/train.zip` with `cats/1.jpg` gives `a/train/cats/1.jpg`. The
    limits hold for both levels together.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        limits: ArchiveLimits,
        *,
        spool: _Spool,
        volume_starts: Sequence[int],
        name_encoding: str | None,
    ) -> None:
        self._name = name
        self._limits = limits
        self._spool = spool
        self._name_encoding = name_encoding
        self._num_bytes = file.seek(0, io.SEEK_END)
        self._reader = open_reader(file, name, limits, volume_starts=volume_starts, name_encoding=name_encoding)
        self._inner_encodings: list[NameEncodings] = []
        self._service_files: Counter[str] = Counter()

    @property
    def service_files(self) -> dict[str, int]:
        """How many files of systems and programs `entries` has left out so far, by their `service_name`."""
        return dict(self._service_files)

    @property
    def name_encodings(self) -> NameEncodings | None:
        """How names were read that do not say their character set, once `entries` has been read to its end.

        One that is unsure comes first, then that of the archive itself, then those of archives inside it. None: all
        names say it, or are UTF-8.
        """
        return merge_encodings([self._reader.name_encodings, *self._inner_encodings])

    def entries(self) -> Iterator[ArchiveEntry]:
        """The files that look as if they can be read, in stored order; a path may come twice.

        What `read_all` refuses for its name or kind is left out. A compressed tar is unpacked for it once, and so is
        every archive inside the archive.

        Raises:
            ArchiveError: more than the limits allow, or nothing can be listed because the archive is broken.
            StorageError: the disk failed, or is full.
        """
        num_listed = 0
        self._service_files.clear()
        self._inner_encodings.clear()
        try:
            for found in self._walk(self._new_budget()):
                service = self._service_of(found)
                if service is not None:
                    self._service_files[service] += 1
                elif found.refusal is None:
                    num_listed += 1
                    yield ArchiveEntry(found.path, found.member.num_bytes)
        except BrokenArchiveError as exc:
            # Otherwise `read_all` says so, beside what could be read.
            if num_listed == 0:
                raise ArchiveError(f"Nothing can be read from {self._name!r}: {exc}. {GET_AGAIN}") from exc

    def read_all(self, only: Collection[str] | None = None) -> Iterator[tuple[ArchiveEntry, bytes | str]]:
        """Every file with its bytes, or with the reason why it is refused, in stored order.

        One file is held in memory at a time, as long as the caller keeps none. Hidden files and those of the
        operating system are left out. When the archive is cut off or damaged, the last item has the
        archive's own name and says so.

        Args:
            only: paths as `entries` gave them; of all others nothing is read or said.

        Raises:
            ArchiveError: more came out than the limits allow.
            StorageError: the disk failed, or is full.
        """
        num_members = 0
        try:
            for found in self._walk(self._new_budget()):
                num_members += 1
                if self._service_of(found) is not None or (only is not None and found.path not in only):
                    continue
                if found.refusal is not None:
                    shown = shown_path(found.path or found.member.path)
                    yield ArchiveEntry(shown, found.member.num_bytes), found.refusal
                else:
                    # No variable may keep the bytes, or two files would be in memory.
                    yield ArchiveEntry(found.path, found.member.num_bytes), self._read(found.member)
        except BrokenArchiveError as exc:
            if only is None:
                yield ArchiveEntry(self._name, self._num_bytes), _broken_reason(num_members, exc)

    def _new_budget(self) -> Budget:
        return Budget(self._name, self._num_bytes, self._limits)

    def _walk(self, budget: Budget) -> Iterator[_Found]:
        for member in self._reader.members(budget):
            path = normalise_path(member.path)
            refusal = path_refusal(path) or member.refusal
            if refusal is None and not is_junk(path) and is_archive_name(path.rpartition("/")[2]):
                yield from self._walk_inner(member, path, budget)
            else:
                yield _Found(path, member, refusal or self._size_refusal(member))

    def _walk_inner(self, outer: Member, outer_path: str, budget: Budget) -> Iterator[_Found]:
        """The files of an archive inside the archive; one that cannot be opened is a refused file."""
        parent, _, name = outer_path.rpartition("/")
        folder = "/".join(part for part in (parent, archive_folder(name)) if part)
        if is_piece_name(name):
            yield _Found(outer_path, outer, _PIECE)
            return
        with self._spool.open() as file:
            try:
                with budget.counting_container():
                    for chunk in outer.chunks():
                        self._spool.write(file, chunk)
            except BrokenMemberError as exc:
                yield _Found(outer_path, outer, str(exc))
                return
            try:
                reader = open_reader(file, name, self._limits, name_encoding=self._name_encoding)
            except ArchiveError as exc:
                yield _Found(outer_path, outer, str(exc))
                return
            num_members = 0
            try:
                for member in reader.members(budget):
                    num_members += 1
                    path = normalise_path(member.path)
                    refusal = path_refusal(path) or member.refusal
                    if refusal is None and is_archive_name(path.rpartition("/")[2]):
                        refusal = _TOO_DEEP
                    yield _Found(f"{folder}/{path}", member, refusal or self._size_refusal(member))
            except BrokenArchiveError as exc:
                yield _Found(outer_path, outer, _broken_reason(num_members, exc))
            self._inner_encodings += filter(None, [reader.name_encodings])

    def _size_refusal(self, member: Member) -> str | None:
        return self._too_large() if member.num_bytes > self._limits.max_photo_bytes else None

    @staticmethod
    def _service_of(found: _Found) -> str | None:
        return service_name(found.path) if path_refusal(found.path) is None else None

    def _read(self, member: Member) -> bytes | str:
        # BytesIO hands its buffer over without a second copy.
        buffer = io.BytesIO()
        try:
            for chunk in member.chunks():
                if buffer.tell() + len(chunk) > self._limits.max_photo_bytes:
                    return self._too_large()
                buffer.write(chunk)
        except BrokenMemberError as exc:
            return str(exc)
        return _MISNAMED if is_nested_archive(buffer.getbuffer()[:HEAD_BYTES].tobytes()) else buffer.getvalue()

    def _too_large(self) -> str:
        return f"It has more than {self._limits.max_photo_bytes / 1e6:,.0f} MB, the most that is read of one photo."


@contextmanager
def open_archive(
    path: Path | Sequence[Path],
    name: str,
    limits: ArchiveLimits,
    *,
    spool_dir: Path | None = None,
    name_encoding: str | None = None,
) -> Iterator[Archive]:
    """Open a zip, a 7-Zip archive, a tar or a compressed tar.

    Args:
        path: the file; or the pieces of a divided one, in their order.
        name: what messages call it.
        limits: what is read at most.
        spool_dir: where archives inside the archive are put while they are read, as files without a name; None for
            the system's temporary folder.
        name_encoding: of `NAME_ENCODINGS`, how names are read that do not say their character set; None: it is found
            out, and `Archive.name_encodings` tells how.

    Raises:
        ArchiveError: the file is no such archive, is larger than the limits, or has too many entries.
        StorageError: the file cannot be read.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    with translating_disk_errors(paths[0]):
        joined = JoinedFile(paths)
    with io.BufferedReader(joined) as file:
        num_bytes = file.seek(0, io.SEEK_END)
        if num_bytes > limits.max_bytes:
            raise ArchiveError(
                f"{name!r} has {num_bytes / 1e6:,.0f} MB; archives of at most {limits.max_bytes / 1e6:,.0f} MB are "
                "read. Divide it into several, or ask the administrator to raise BLUETIT_MAX_ARCHIVE_BYTES."
            )
        yield Archive(
            file,
            name,
            limits,
            spool=_Spool(spool_dir),
            volume_starts=joined.starts,
            name_encoding=name_encoding,
        )


def _broken_reason(num_members: int, error: BrokenArchiveError) -> str:
    found = "one file" if num_members == 1 else f"{num_members:,} files"
    return f"Only its first {found} could be found: {error}. {GET_AGAIN}"
