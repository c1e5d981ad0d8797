"""Reads tar, plain or compressed, from front to back in flat memory.

Python's `tarfile` keeps every member it has met and reads long names whole, whatever size they claim; here only the
current one is kept, and `tarfile.TarInfo` reads the single header. Links to files of the archive come last, with the
content of their targets: for those, and only when they are read, the archive is passed a second time.
Source: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html (ustar and pax),
https://www.gnu.org/software/tar/manual/html_node/Standard.html (GNU)
"""

import functools
import io
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from core.datasets.archives.name_encodings import ArchiveNames, NameEncodings, is_utf8_text
from core.datasets.archives.rules import ArchiveLimits, BrokenArchiveError, Budget, Member
from core.datasets.archives.tar_headers import (
    NO_PHOTO_BUT_A_LINK,
    is_tar_header,
    next_header,
    padded,
    raw_name_of,
    refusal_of,
)
from core.datasets.archives.tar_links import Replay, Span, TarLink, find_target, key_of, link_of, read_span
from core.datasets.archives.tar_stream import open_tar_stream

_MAX_LINK_NAME_BYTES = 64_000_000  # of all links together, as their names are kept until the archive's end


class TarReader:
    """The files of a tar."""

    def __init__(self, file: BinaryIO, name: str, limits: ArchiveLimits, *, name_encoding: str | None = None) -> None:
        self._file = file
        self._name = name
        self._limits = limits
        self._num_file_bytes = file.seek(0, io.SEEK_END)
        self._names = ArchiveNames(self._untold_names, name_encoding)

    @property
    def name_encodings(self) -> NameEncodings | None:
        """How names were read that are no UTF-8, once there was such a one."""
        return self._names.encodings

    def begins_like_tar(self, budget: Budget) -> bool:
        """Whether a tar is inside, once it is unpacked."""
        try:
            return is_tar_header(open_tar_stream(self._file, budget).read_block())
        except BrokenArchiveError:
            return False

    def members(self, budget: Budget) -> Iterator[Member]:
        """Every file and device from the front, links at the end; folders are left out.

        Raises:
            ArchiveError: more comes out than the limits allow.
            BrokenArchiveError: the rest cannot be read.
        """
        stream = open_tar_stream(self._file, budget)
        spans: dict[bytes, Span] = {}
        links: list[TarLink] = []
        num_link_bytes = 0
        broken: BrokenArchiveError | None = None
        try:
            while (header := next_header(stream, budget)) is not None:
                # Links, folders and devices may state a size, but no data follows theirs.
                has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
                start = stream.position
                end = start + header.size if has_data else start
                raw_name = raw_name_of(header.name)
                link = link_of(header, spans) if num_link_bytes < _MAX_LINK_NAME_BYTES else None
                if link is not None:
                    links.append(link)
                    num_link_bytes += len(raw_name)
                elif not header.isdir():
                    if header.isreg():
                        spans[key_of(raw_name)] = Span(start, end)
                    yield Member(
                        path=self._readable(raw_name),
                        num_bytes=end - start,
                        refusal=refusal_of(header),
                        chunks=functools.partial(read_span, stream, start, end),
                    )
                stream.skip_to(start + padded(end - start))
        except BrokenArchiveError as exc:
            broken = exc
        yield from self._linked(links, spans, budget)
        if broken is not None:
            raise broken

    def _linked(self, links: list[TarLink], spans: dict[bytes, Span], budget: Budget) -> Iterator[Member]:
        """The links, in the order in which the content that they lead to lies in the archive."""
        targets = {key_of(link.raw_name): link.target for link in links}
        found: list[tuple[Span, TarLink]] = []
        for link in links:
            span = link.span or find_target(link.target, spans, targets)
            if span is not None:
                found.append((span, link))
            else:
                yield Member(
                    path=self._readable(link.raw_name),
                    num_bytes=0,
                    refusal=NO_PHOTO_BUT_A_LINK,
                    chunks=lambda: iter(()),
                )
        replay = Replay(functools.partial(open_tar_stream, self._file), budget)
        for span, link in sorted(found, key=lambda item: item[0].start):
            yield Member(
                path=self._readable(link.raw_name),
                num_bytes=span.end - span.start,
                refusal=None,
                chunks=functools.partial(replay.chunks, span),
            )

    def _readable(self, raw_name: bytes) -> str:
        """A name without the lone surrogates that stand for bytes which are no UTF-8: no database takes them."""
        try:
            return raw_name.decode("utf-8")
        except UnicodeDecodeError:
            return self._names.read(raw_name)

    def _untold_names(self) -> Iterator[bytes]:
        """The names that are no UTF-8, for which the archive is passed once more."""
        budget = Budget(self._name, self._num_file_bytes, self._limits)
        stream = open_tar_stream(self._file, budget)
        with suppress(BrokenArchiveError):  # said when the files are read
            while (header := next_header(stream, budget)) is not None:
                raw_name = raw_name_of(header.name)
                if not is_utf8_text(raw_name):
                    yield raw_name
                has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
                stream.skip_to(stream.position + (padded(header.size) if has_data else 0))
