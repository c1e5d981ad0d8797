"""Which old character set the names of an archive are written in, told from all of them together.

A zip from before UTF-8, and many that are packed today, holds names in the character set of the system that packed
it and does not say which. Every candidate reads all names; the cost of a reading is the bits that its characters
take, few for common letters of one script and many for rare ones, signs and mixtures. The cheapest reading wins.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.datasets.archives.name_costs import reading_cost
from core.records import Record

# Python's name of each character set that is tried, with the name for people. Of equal readings the first wins.
NAME_ENCODINGS = {
    "utf-8": "Unicode (UTF-8)",
    "cp437": "Western European (DOS, 437)",
    "cp850": "Western European (DOS, 850)",
    "cp1252": "Western European (Windows, Latin-1)",
    "cp866": "Cyrillic (DOS, 866)",
    "cp1251": "Cyrillic (Windows, 1251)",
    "koi8_r": "Cyrillic (KOI8-R)",
    "cp932": "Japanese (Shift-JIS)",
    "gbk": "Simplified Chinese (GBK)",
    "cp950": "Traditional Chinese (Big5)",
    "cp949": "Korean (EUC-KR)",
    "cp852": "Central European (DOS, 852)",
    "cp1250": "Central European (Windows, 1250)",
}

MAX_NAMES = 2_000  # different names that are looked at
_MAX_NAME_BYTES = 512  # of each; a longer one tells no more
_NUM_EXAMPLES = 3
_NUM_ALTERNATIVES = 4
_DIGITS = re.compile(rb"[0-9]+")  # no byte of a longer character either, in any of the character sets
_SURE_BITS = 10.0  # a reading that is 1,000 times likelier than the next is taken without a question
_DOUBTFUL_BITS = 13.0  # a character: on average no reading that makes sense costs so much


@dataclass(frozen=True, slots=True)
class EncodingChoice(Record):
    """A character set, and what it makes of the names."""

    is_json_row = True

    encoding: str  # of `NAME_ENCODINGS`
    examples: tuple[str, ...]  # a few names as it reads them; the same names for every choice

    @property
    def title(self) -> str:
        """For people."""
        return NAME_ENCODINGS.get(self.encoding, self.encoding)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEncodings(Record):
    """How names were read that do not say their character set."""

    is_sure: bool  # False: a person should look at the examples
    choices: tuple[EncodingChoice, ...]  # at least the one that was used, then the others, the likeliest first

    @property
    def used(self) -> EncodingChoice:
        """How they were read."""
        return self.choices[0]

    @property
    def alternatives(self) -> tuple[EncodingChoice, ...]:
        """Other readings, the likeliest first."""
        return self.choices[1:]

    @property
    def note(self) -> str:
        """A sentence for a report."""
        shown = ", ".join(repr(example) for example in self.used.examples)
        doubt = "" if self.is_sure else " That is not sure: look whether they are right."
        return f"Names that do not say their character set were read as {self.used.title}, such as {shown}.{doubt}"


@dataclass(frozen=True, slots=True)
class NameReader:
    """Turns the bytes of names into text."""

    encoding: str
    is_utf8_first: bool = False  # whether names that are UTF-8 are read so: archives that two programs wrote

    def read(self, raw: bytes) -> str:
        """A name; bytes that the character set does not have stay apart as `%E4`."""
        if self.is_utf8_first:
            try:
                return raw.decode("utf-8")
            except UnicodeDecodeError:
                pass
        return escape_undecoded(raw.decode(self.encoding, "surrogateescape"))


class ArchiveNames:
    """The names of one archive that do not say their character set, which is looked for when the first one comes."""

    def __init__(self, list_names: Callable[[], Iterable[bytes]], forced: str | None) -> None:
        """Take where the names come from.

        Args:
            list_names: every such name of the archive.
            forced: the character set that a person chose.
        """
        self._list_names = list_names
        self._forced = forced
        self._reader: NameReader | None = None
        self.encodings: NameEncodings | None = None  # None as well while no name had to be guessed

    def read(self, raw: bytes) -> str:
        """A name as text."""
        if raw.isascii():
            return raw.decode("ascii")
        if self._reader is None:
            self._reader, self.encodings = detect_encoding(self._list_names(), self._forced)
        return self._reader.read(raw)


def escape_undecoded(text: str) -> str:
    """A text in which bytes that could not be read (as surrogates) are written `%E4`: no database takes surrogates."""
    if text.isascii():
        return text
    return "".join(f"%{ord(char) - 0xDC00:02X}" if "\udc80" <= char <= "\udcff" else char for char in text)


def detect_encoding(names: Iterable[bytes], forced: str | None = None) -> tuple[NameReader, NameEncodings | None]:
    """Find the character set of names.

    Args:
        names: as written, whole paths with `/` between folders; those that say their character set left out.
        forced: the character set that a person chose, of `NAME_ENCODINGS`.

    Returns:
        The reader, and what to tell about it: None where there was nothing to guess, as all names are ASCII or UTF-8.
    """
    parts = _distinct_parts(names)
    if not parts:
        return NameReader(forced or "utf-8"), None
    is_utf8 = [is_utf8_text(part) for part in parts]
    is_mixed = not all(is_utf8) and sum(is_utf8) >= max(2, len(parts) / 2)
    if is_mixed:
        parts = [part for part, is_read in zip(parts, is_utf8, strict=True) if not is_read]
    ranked = sorted(
        ((reading_cost(parts, encoding), encoding) for encoding in NAME_ENCODINGS), key=lambda item: item[0]
    )
    choices = _distinct_choices(parts, [encoding for _, encoding in ranked])
    costs = {encoding: cost for cost, encoding in ranked}
    if forced is not None:
        used = EncodingChoice(forced, _examples(parts, forced))
        others = tuple(choice for choice in choices if choice.encoding != forced)[:_NUM_ALTERNATIVES]
        return NameReader(forced, is_mixed), NameEncodings(is_sure=True, choices=(used, *others))
    best = choices[0]
    margin = min((costs[choice.encoding] for choice in choices[1:]), default=math.inf) - costs[best.encoding]
    num_characters = sum(len(NameReader(best.encoding).read(part)) for part in parts)
    is_sure = margin >= _SURE_BITS and costs[best.encoding] < _DOUBTFUL_BITS * num_characters
    if best.encoding == "utf-8" and is_sure:
        return NameReader("utf-8"), None
    encodings = NameEncodings(is_sure=is_sure, choices=(best, *choices[1 : 1 + _NUM_ALTERNATIVES]))
    return NameReader(best.encoding, is_mixed), encodings


def merge_encodings(found: Iterable[NameEncodings | None]) -> NameEncodings | None:
    """What to tell of several archives: the first that is unsure, else the first; None where nothing was guessed."""
    return min(filter(None, found), key=lambda encodings: encodings.is_sure, default=None)


# --- candidates -------------------------------------------------------------------------------------------


def _distinct_parts(names: Iterable[bytes]) -> list[bytes]:
    """Different names of folders and files that are not ASCII; a slash is no byte of a longer character anywhere.

    Names that differ by their numbers alone count once, or a sign in all of them would outweigh everything else.
    """
    parts: dict[bytes, bytes] = {}
    for name in names:
        for part in name.split(b"/"):
            if not part.isascii() and len(parts) < MAX_NAMES:
                parts.setdefault(_DIGITS.sub(b"0", part), part[:_MAX_NAME_BYTES])
    return list(parts.values())


def is_utf8_text(raw: bytes) -> bool:
    """Whether bytes are UTF-8 text."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _distinct_choices(parts: Sequence[bytes], encodings: Sequence[str]) -> list[EncodingChoice]:
    """The readings that differ from those before them, and that can read every name; at least the first one."""
    choices: list[EncodingChoice] = []
    seen: set[tuple[str, ...]] = set()
    for encoding in encodings:
        reader = NameReader(encoding)
        texts = tuple(reader.read(part) for part in parts)
        if texts not in seen and (not choices or _reads_all(parts, encoding)):
            seen.add(texts)
            choices.append(EncodingChoice(encoding, texts[:_NUM_EXAMPLES]))
    return choices


def _examples(parts: Sequence[bytes], encoding: str) -> tuple[str, ...]:
    return tuple(NameReader(encoding).read(part) for part in parts[:_NUM_EXAMPLES])


def _reads_all(parts: Iterable[bytes], encoding: str) -> bool:
    try:
        for part in parts:
            part.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
