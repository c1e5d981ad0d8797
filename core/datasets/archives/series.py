"""Which of several archives are one: told from their names alone.

Two kinds. A *divided* archive was cut into pieces whose bytes must be joined (`photos.zip.001`, `photos.z01` with
`photos.zip`, `photos.tar.gz.partaa`). The parts of a *series* are whole archives of one folder, as Google Drive and
Takeout pack a large one (`Insects-20240501T101010Z-001.zip`, `-002.zip`).
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT section 8 (z01)
"""

import io
import itertools
import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ARCHIVE_ENDINGS = (
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz", ".tbz2", ".tbz", ".txz", ".tzst", ".tar"),
    *(".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", ".tm"),
)
_ENDING = "|".join(re.escape(ending) for ending in ARCHIVE_ENDINGS)
_ENDS_LIKE_ARCHIVE = re.compile(rf"(?P<stem>.*?)(?:{_ENDING})", re.IGNORECASE | re.DOTALL)
# A browser's name for a second download of the same file.
_COPY = r"(?: ?\(\d+\))?"

# photos.zip.001, photos.7z.001, photos.tar.gz.part01, photos.tar.gz.partaa, photos.tar.aa
_PIECE = re.compile(
    rf"(?P<whole>.+(?:{_ENDING}))"
    r"(?:\.(?P<number>\d{2,4})|[._-]?part[._-]?(?P<part>\d{1,4}|[a-z]{2,3})|\.(?!gz|xz|tm)(?P<letters>[a-z]{2}))",
    re.IGNORECASE | re.DOTALL,
)
# photos.z01, photos.z02, ..., photos.zip; photos.part1.rar, photos.r00
_ZIP_PIECE = re.compile(r"(?P<stem>.+)\.z(?P<number>\d{2,3})", re.IGNORECASE | re.DOTALL)
_RAR_PIECE = re.compile(r"(?P<stem>.+?)(?:\.part(?P<part>\d+)\.rar|\.r(?P<number>\d{2,3}))", re.IGNORECASE | re.DOTALL)
# Insects-20240501T101010Z-001.zip, drive-download-20240501T101010Z-1-001.zip
_DOWNLOAD_PART = re.compile(
    rf"(?P<stem>.+?)-\d{{8}}T\d{{6}}Z(?:-\d+)?-(?P<number>\d{{3,}}){_COPY}(?:{_ENDING})", re.IGNORECASE | re.DOTALL
)
# iCloud Photos Part 1 of 3.zip
_COUNTED_PART = re.compile(
    rf"(?P<stem>.+?)[-_ .]*\bpart[-_ ]?(?P<number>\d+)[-_ ]of[-_ ](?P<total>\d+){_COPY}(?:{_ENDING})",
    re.IGNORECASE | re.DOTALL,
)
_DOWNLOAD_PARTS = (_DOWNLOAD_PART, _COUNTED_PART)
# photos-001.zip, shard-000000.tar: a series only together with others of its kind
_NUMBERED_PART = re.compile(
    rf"(?P<stem>.+?)[-_ .](?:part)?(?P<number>\d{{3,}}){_COPY}(?:{_ENDING})", re.IGNORECASE | re.DOTALL
)
# part1.zip beside part2.zip, photos.part1.zip: said in words
_WORDED_PART = re.compile(
    rf"(?P<stem>.*?)[-_ .]*\b(?:part|teil|vol)[-_ .]?(?P<number>\d{{1,3}}){_COPY}(?:{_ENDING})",
    re.IGNORECASE | re.DOTALL,
)

_MAX_TOLD_MISSING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveGroup:
    """Archives that are one, or a single one."""

    name: str  # for people, with an archive's ending where it has one
    members: tuple[int, ...]  # places in the names that were given, in the order in which they belong together
    is_divided: bool = False  # whether the members are pieces whose bytes must be joined
    is_series: bool = False  # whether the members are parts of one folder, each an archive by itself
    is_download: bool = False  # a series as Google Drive or iCloud names it, which no one takes for classes
    missing: tuple[str, ...] = ()  # pieces or parts that should be there, as far as their numbers tell


@dataclass(frozen=True, slots=True)
class _Piece:
    place: int
    number: int
    text: str  # the number as written


def archive_stem(name: str) -> str:
    """The name of an archive without the ending that says so: `St. Bernard-samples` of `St. Bernard-samples.zip`."""
    found = _ENDS_LIKE_ARCHIVE.fullmatch(name)
    return _usable(found["stem"], name) if found else name


def name_without_copy(name: str) -> str:
    """A name without the number that a browser adds to the second download of a file: `a.zip` of `a (1).zip`."""
    return re.sub(r" ?\(\d+\)(?=\.[^/]*$)", "", name)


def archive_folder(name: str) -> str:
    """The folder that stands for an archive where it lies beside others; the parts of one download share theirs."""
    found = next(filter(None, (pattern.fullmatch(name) for pattern in _DOWNLOAD_PARTS)), None)
    return _usable(found["stem"], name) if found else archive_stem(name)


def _usable(stem: str, name: str) -> str:
    """A stem that can stand for a folder, else the whole name: "..", of ".. .zip", would lead out."""
    return stem.strip() if stem.strip(". ") else name


def is_archive_name(name: str) -> bool:
    """Whether a file that is called so is an archive or a piece of one, as far as its name tells."""
    return any(pattern.fullmatch(name) for pattern in (_ENDS_LIKE_ARCHIVE, _PIECE, _ZIP_PIECE, _RAR_PIECE))


def is_piece_name(name: str) -> bool:
    """Whether a file that is called so is a piece of a divided archive, of no use without the others."""
    return not _ENDS_LIKE_ARCHIVE.fullmatch(name) and is_archive_name(name)


def group_archives(names: Sequence[str]) -> tuple[ArchiveGroup, ...]:
    """Find the archives that belong together.

    Args:
        names: of the files, without folders, in any order; one may come twice.

    Returns:
        Every name in exactly one group, the groups in the order of their first name.
    """
    groups = _divided_groups(names)
    taken = {place for group in groups for place in group.members}
    groups += _series_groups(names, taken)
    taken |= {place for group in groups for place in group.members}
    groups += [ArchiveGroup(name=name, members=(place,)) for place, name in enumerate(names) if place not in taken]
    return tuple(sorted(groups, key=lambda group: min(group.members)))


# --- pieces -----------------------------------------------------------------------------------------------


def _divided_groups(names: Sequence[str]) -> list[ArchiveGroup]:
    pieces: defaultdict[tuple[str, str], list[_Piece]] = defaultdict(list)
    for place, name in enumerate(names):
        found = _read_piece(name)
        if found is not None:
            kind, whole, text = found
            pieces[kind, whole].append(_Piece(place, _number_of(text), text))
    groups = []
    for (kind, whole), members in pieces.items():
        if kind == "piece":
            groups.append(_piece_group(whole, members))
        else:
            groups.append(_zip_group(whole, members, names) if kind == "z" else _rar_group(whole, members, names))
    return groups


def _read_piece(name: str) -> tuple[str, str, str] | None:
    """Kind, name of the whole, and number of a piece."""
    found = _ZIP_PIECE.fullmatch(name)
    if found:
        return "z", f"{found['stem']}.zip", found["number"]
    found = _RAR_PIECE.fullmatch(name)
    if found:
        return "rar", f"{found['stem']}.rar", found["part"] or found["number"]
    found = _PIECE.fullmatch(name)
    if found:
        return "piece", found["whole"], found["number"] or found["part"] or found["letters"]
    return None


def _number_of(text: str) -> int:
    """01 is 1; aa is 0, ab is 1, as the command `split` counts."""
    if text.isdigit():
        return int(text)
    number = 0
    for letter in text.casefold():
        number = number * 26 + ord(letter) - ord("a")
    return number


def _piece_group(whole: str, members: list[_Piece]) -> ArchiveGroup:
    ordered = _without_doubles(members)
    is_lettered = not ordered[0].text.isdigit()
    first = 0 if is_lettered or ordered[0].number == 0 else 1
    width = len(ordered[0].text)
    missing = _missing(first, ordered[-1].number, [piece.number for piece in ordered])
    return ArchiveGroup(
        name=whole,
        members=tuple(piece.place for piece in ordered),
        is_divided=True,
        missing=tuple(
            f"piece {_letters(number, width) if is_lettered else str(number).zfill(width)}" for number in missing
        ),
    )


def _letters(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, rest = divmod(number, 26)
        text = chr(ord("a") + rest) + text
    return text


def _zip_group(whole: str, members: list[_Piece], names: Sequence[str]) -> ArchiveGroup:
    """z01, z02 and so on, with the zip itself as the last piece."""
    ordered = _without_doubles(members)
    stem = whole[: -len(".zip")]
    missing = _missing(1, ordered[-1].number, [piece.number for piece in ordered])
    last = _places_of(whole, names)
    told = [f"{stem}.z{number:02d}" for number in missing]
    return ArchiveGroup(
        name=whole,
        members=(*(piece.place for piece in ordered), *last),
        is_divided=True,
        missing=(*told, *(() if last else (whole,))),
    )


def _rar_group(whole: str, members: list[_Piece], names: Sequence[str]) -> ArchiveGroup:
    """Pieces that nobody joins, as no RAR is read: one sentence is enough for all of them."""
    return ArchiveGroup(name=whole, members=(*_places_of(whole, names), *(piece.place for piece in members)))


def _places_of(whole: str, names: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(names) if name.casefold() == whole.casefold()][:1]


def _without_doubles(members: list[_Piece]) -> list[_Piece]:
    """In their order, the first of each number; a double is left to stand for itself."""
    by_number: dict[int, _Piece] = {}
    for piece in members:
        by_number.setdefault(piece.number, piece)
    return [by_number[number] for number in sorted(by_number)]


def _missing(first: int, last: int, numbers: Sequence[int]) -> list[int]:
    """The first numbers that are not there; a name may claim any number."""
    there = set(numbers)
    return list(
        itertools.islice((number for number in range(first, last + 1) if number not in there), _MAX_TOLD_MISSING)
    )


# --- series -----------------------------------------------------------------------------------------------


def _series_groups(names: Sequence[str], taken: set[int]) -> list[ArchiveGroup]:
    found: defaultdict[tuple[re.Pattern[str], str], list[_Piece]] = defaultdict(list)
    for place, name in enumerate(names):
        if place in taken:
            continue
        for pattern in (*_DOWNLOAD_PARTS, _WORDED_PART, _NUMBERED_PART):
            match = pattern.fullmatch(name)
            if match:
                # The time of the download belongs to the series; its number alone is what differs.
                key = name[: match.start("number")] + name[match.end("number") :]
                key = name_without_copy(key) if pattern in _DOWNLOAD_PARTS else key
                found[pattern, key.casefold()].append(_Piece(place, int(match["number"]), match["number"]))
                break
    groups = []
    for (pattern, _), members in found.items():
        members.sort(key=lambda piece: (piece.number, piece.place))
        numbers = [piece.number for piece in members]
        if pattern not in _DOWNLOAD_PARTS and (len(set(numbers)) < 2 or numbers[0] > 1):
            continue
        match = pattern.fullmatch(names[members[0].place])
        stem = (match["stem"] if match else "").strip(" -_.") or "photos"
        first = min(1, numbers[0])
        last = int(match["total"]) if match and pattern is _COUNTED_PART else numbers[-1]
        missing = _missing(first, last, numbers)
        width = len(members[0].text)
        groups.append(
            ArchiveGroup(
                name=stem,
                members=tuple(piece.place for piece in members),
                is_series=True,
                is_download=pattern in _DOWNLOAD_PARTS,
                missing=tuple(f"part {number:0{width}d}" for number in missing),
            )
        )
    return groups


# --- joined bytes -----------------------------------------------------------------------------------------


class JoinedFile(io.RawIOBase):
    """The bytes of several files, one behind the other, to read and to seek in."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        with ExitStack() as stack:
            self._files = [stack.enter_context(path.open("rb")) for path in paths]
            self._stack = stack.pop_all()
        self.starts: list[int] = []  # place of each file's first byte
        self._num_bytes = 0
        for file in self._files:
            self.starts.append(self._num_bytes)
            self._num_bytes += file.seek(0, io.SEEK_END)
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._num_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The place that is read next."""
        return self._position

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]
        """Read at most to the end of the file that holds the place."""
        number = max((i for i, start in enumerate(self.starts) if start <= self._position), default=0)
        while number < len(self._files):
            file = self._files[number]
            file.seek(self._position - self.starts[number])
            data = file.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                self._position += len(data)
                return len(data)
            number += 1
        return 0

    def close(self) -> None:
        """Close all of them."""
        if not self.closed:
            self._stack.close()
        super().close()
