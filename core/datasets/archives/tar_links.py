"""Links of a tar to its other files, and those files read a second time."""

import hashlib
import posixpath
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.datasets.archives.rules import CHUNK_BYTES, CUT_OFF, BrokenArchiveError, BrokenMemberError, Budget
from core.datasets.archives.tar_headers import raw_name_of
from core.datasets.archives.tar_stream import TarStream

_MAX_LINK_HOPS = 5  # from link to link until the file comes
_MAX_KEPT_BYTES = 50_000_000  # of a file with several links, which is then read once for all of them


@dataclass(frozen=True, slots=True)
class Span:
    """Where the content of a file lies in the unpacked tar."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TarLink:
    """A link to another file of the archive, by the keys of both."""

    raw_name: bytes
    target: bytes
    span: Span | None  # of a hard link: the file that bore the target's name at this place


def link_of(header: tarfile.TarInfo, spans: dict[bytes, Span]) -> TarLink | None:
    """A hard link (GNU tar writes one for the second name of a file) or a symbolic one inside the archive."""
    raw_name, raw_target = raw_name_of(header.name), raw_name_of(header.linkname)
    if header.islnk():
        key = key_of(raw_target)
        return TarLink(raw_name, key, spans.get(key))
    if header.issym() and not raw_target.startswith(b"/"):
        return TarLink(raw_name, key_of(posixpath.join(posixpath.dirname(raw_name), raw_target)), None)
    return None


def find_target(target: bytes, spans: dict[bytes, Span], targets: dict[bytes, bytes]) -> Span | None:
    """Where the file lies to which a link leads, over other links too; None where there is no such file.

    Args:
        target: key of what the link leads to.
        spans: the files, by key.
        targets: key of each link to the key of what it leads to.
    """
    for _ in range(_MAX_LINK_HOPS):
        if target in spans:
            return spans[target]
        if target not in targets:
            return None
        target = targets[target]
    return None


def key_of(raw_name: bytes) -> bytes:
    """What a file is found by: short, as 200,000 of them may be kept, whatever their names."""
    return hashlib.blake2b(posixpath.normpath(raw_name), digest_size=16).digest()


class Replay:
    """Reads files once more, in the order in which they lie in the archive."""

    def __init__(self, open_stream: Callable[[Budget], TarStream], budget: Budget) -> None:
        self._open_stream = open_stream
        self._budget = budget
        self._stream: TarStream | None = None
        self._span: Span | None = None
        self._kept: list[bytes] = []

    def chunks(self, span: Span) -> Iterator[bytes]:
        """The content of a file, in pieces."""
        if span == self._span:
            for data in self._kept:
                self._budget.spend(len(data))
                yield data
            return
        self._kept, self._span = [], None
        stream = self._stream_at(span.start)
        is_kept = span.end - span.start <= _MAX_KEPT_BYTES
        for data in read_span(stream, span.start, span.end):
            if is_kept:
                self._kept.append(data)
            yield data
        self._span = span if is_kept else None

    def _stream_at(self, start: int) -> TarStream:
        # What is passed over on the way comes out a second time, and is kept by nobody.
        with self._budget.counting_container():
            try:
                if self._stream is None or self._stream.position > start:
                    self._stream = self._open_stream(self._budget)
                self._stream.skip_to(start)
            except BrokenArchiveError as exc:
                raise BrokenMemberError(CUT_OFF) from exc
        return self._stream


def read_span(stream: TarStream, start: int, end: int) -> Iterator[bytes]:
    """What lies between two places of a stream that stands at the first of them, in pieces.

    Raises:
        BrokenMemberError: it is not there, or not whole.
    """
    if stream.position != start:
        raise BrokenMemberError(CUT_OFF)
    while stream.position < end:
        try:
            data = stream.read(min(CHUNK_BYTES, end - stream.position))
        except BrokenArchiveError as exc:
            raise BrokenMemberError(CUT_OFF) from exc
        if not data:
            raise BrokenMemberError(CUT_OFF)
        yield data
