"""Which old character set the names of an archive are written in, told from all of them together.

A zip from before UTF-8, and many that are packed today, holds names in the character set of the system that packed
it and does not say which. Every candidate reads all names; the cost of a reading is the bits that its characters
take, few for common letters of one script and many for rare ones, signs and mixtures. The cheapest reading wins.
"""

import functools
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.datasets.archives.common_characters import (
    CENTRAL_EUROPEAN_LETTERS,
    CYRILLIC_PERCENT,
    HANGUL,
    JAPANESE_KANJI,
    SIMPLIFIED_CHINESE,
    TRADITIONAL_CHINESE,
    WESTERN_LETTERS,
)

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

# Bits that a character costs.
_ASCII_LETTER, _OTHER_ASCII, _RARE_ASCII = 4.5, 6.0, 9.0
_SIGN, _CONTROL, _UNREADABLE = 14.0, 20.0, 40.0
_PUNCTUATION = 9.0
# On top of that.
_MIXED_SCRIPTS = 8.0  # letters of two scripts side by side
_SIGN_IN_WORD = 6.0
_TWO_ACCENTS = 2.5  # Latin letters with accents side by side
_CAPITAL_FIRST, _CAPITAL_AFTER_CAPITAL, _CAPITAL_INSIDE = 1.5, 0.3, 8.0


@dataclass(frozen=True, slots=True)
class EncodingChoice:
    """A character set, and what it makes of the names."""

    encoding: str  # of `NAME_ENCODINGS`
    examples: tuple[str, ...]  # a few names as it reads them; the same names for every choice

    @property
    def title(self) -> str:
        """For people."""
        return NAME_ENCODINGS.get(self.encoding, self.encoding)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEncodings:
    """How names were read that do not say their character set."""

    used: EncodingChoice
    is_sure: bool  # False: a person should look at the examples
    alternatives: tuple[EncodingChoice, ...]  # other readings, the likeliest first

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
    is_utf8 = [_is_utf8(part) for part in parts]
    is_mixed = not all(is_utf8) and sum(is_utf8) >= max(2, len(parts) / 2)
    if is_mixed:
        parts = [part for part, is_read in zip(parts, is_utf8, strict=True) if not is_read]
    ranked = sorted(((_cost(parts, encoding), encoding) for encoding in NAME_ENCODINGS), key=lambda item: item[0])
    choices = _distinct_choices(parts, [encoding for _, encoding in ranked])
    costs = {encoding: cost for cost, encoding in ranked}
    if forced is not None:
        used = EncodingChoice(forced, _examples(parts, forced))
        others = tuple(choice for choice in choices if choice.encoding != forced)[:_NUM_ALTERNATIVES]
        return NameReader(forced, is_mixed), NameEncodings(used=used, is_sure=True, alternatives=others)
    best = choices[0]
    margin = min((costs[choice.encoding] for choice in choices[1:]), default=math.inf) - costs[best.encoding]
    num_characters = sum(len(NameReader(best.encoding).read(part)) for part in parts)
    is_sure = margin >= _SURE_BITS and costs[best.encoding] < _DOUBTFUL_BITS * num_characters
    if best.encoding == "utf-8" and is_sure:
        return NameReader("utf-8"), None
    encodings = NameEncodings(used=best, is_sure=is_sure, alternatives=tuple(choices[1 : 1 + _NUM_ALTERNATIVES]))
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


def _is_utf8(raw: bytes) -> bool:
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


# --- the cost of a reading --------------------------------------------------------------------------------


def _cost(parts: Sequence[bytes], encoding: str) -> float:
    script_cost, prior_bits = _MODELS[encoding]
    return prior_bits + sum(_text_cost(part.decode(encoding, "surrogateescape"), script_cost) for part in parts)


def _text_cost(text: str, character_cost: Callable[[str], float]) -> float:
    bits = 0.0
    for before, char, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if char.isascii():
            bits += _ascii_cost(char)
            continue
        bits += character_cost(char)
        if char.isalpha():
            bits += _neighbour_cost(before, char, after)
        elif before.isalpha() and after.isalpha():
            bits += _SIGN_IN_WORD
    return bits


def _ascii_cost(char: str) -> float:
    if char.isalpha():
        return _ASCII_LETTER
    if not char.isprintable():
        return _CONTROL
    return _RARE_ASCII if char in "\\[]{}|^`~<>?*" else _OTHER_ASCII


def _neighbour_cost(before: str, char: str, after: str) -> float:
    bits = 0.0
    script = _script_of(char)
    for neighbour in (before, after):
        if neighbour.isalpha():
            if _script_of(neighbour) != script:
                bits += _MIXED_SCRIPTS / 2
            elif script == "LATIN" and not neighbour.isascii():
                bits += _TWO_ACCENTS / 2
    if char.isupper():
        if before.isalpha() and before.isupper():
            bits += _CAPITAL_AFTER_CAPITAL
        else:
            bits += _CAPITAL_INSIDE if before.isalpha() else _CAPITAL_FIRST
    return bits


@functools.lru_cache(maxsize=10_000)
def _script_of(char: str) -> str:
    """Latin, Cyrillic or the like; the scripts of one language that are written side by side count as one."""
    word = unicodedata.name(char, "UNKNOWN").split(" ")[0]
    return "CJK" if word in ("HIRAGANA", "KATAKANA", "HALFWIDTH", "HANGUL") or "PROLONGED" in word else word


def _sign_cost(char: str) -> float:
    if "\udc80" <= char <= "\udcff":
        return _UNREADABLE
    category = unicodedata.category(char)
    if category in ("Cc", "Co", "Cn", "Cs"):
        return _CONTROL
    return _PUNCTUATION if category in ("Pi", "Pf", "Pd", "Po", "Ps", "Pe") and char not in "⌐¬" else _SIGN


def _latin_cost(*languages: tuple[str, ...]) -> Callable[[str], float]:
    """A letter of several costs what it costs in the last: it says nothing about which of them it is."""
    bits = {letter: 3.5 + 1.2 * rank for groups in languages for rank, group in enumerate(groups) for letter in group}
    return lambda char: bits.get(char.lower(), 11.0) if char.isalpha() else _sign_cost(char)


def _cyrillic_cost(char: str) -> float:
    percent = CYRILLIC_PERCENT.get(char.lower())
    if percent is None:
        return 12.0 if char.isalpha() else _sign_cost(char)
    return -math.log2(percent / 100)


def _east_asian_cost(common: str, encoding: str, frequent_rows: range) -> Callable[[str], float]:
    """For a character set of two bytes whose first bytes in `frequent_rows` hold what is in daily use."""
    known = frozenset(common)

    @functools.lru_cache(maxsize=20_000)
    def cost(char: str) -> float:
        if char in known:
            return 9.0
        if "\u3041" <= char <= "\u30ff":  # kana; a Chinese or Korean name has none
            return 6.0 if encoding == "cp932" else 15.0
        if "\uff61" <= char <= "\uff9f":
            return 9.0  # kana of one byte
        if not char.isalpha():
            return 9.0 if "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uff5e" else _sign_cost(char)
        raw = char.encode(encoding, "replace")
        if len(raw) == 2 and raw[0] in frequent_rows:
            has_high_second = raw[1] >= 0xA1 or encoding in ("cp932", "cp950")
            return 12.7 if has_high_second else 18.0
        return 17.0 if len(raw) == 2 and raw[0] >= 0xA1 else 19.0

    return cost


def _utf8_cost(char: str) -> float:
    """Hardly any text of another character set happens to be UTF-8 too."""
    if "\udc80" <= char <= "\udcff":
        return _UNREADABLE
    is_usual = "\u00a0" <= char <= "\u017f" or "\u0370" <= char <= "\u052f" or char >= "\u0800"
    return 3.0 if is_usual else 9.0


_WESTERN = _latin_cost(WESTERN_LETTERS)
_SHARED = tuple("".join(letter for letter in group if letter in "éäöüáíóßçúâôîëý") for group in WESTERN_LETTERS)
_CENTRAL = _latin_cost(CENTRAL_EUROPEAN_LETTERS, _SHARED)
# How a character costs, and bits for how seldom archives are written so at all.
_MODELS: dict[str, tuple[Callable[[str], float], float]] = {
    "utf-8": (_utf8_cost, 0.0),
    "cp437": (_WESTERN, 0.0),
    "cp850": (_WESTERN, 0.5),
    "cp1252": (_WESTERN, 1.0),
    "cp866": (_cyrillic_cost, 1.0),
    "cp1251": (_cyrillic_cost, 1.0),
    "koi8_r": (_cyrillic_cost, 8.0),
    "cp932": (_east_asian_cost(JAPANESE_KANJI, "cp932", range(0x88, 0x98)), 1.0),
    "gbk": (_east_asian_cost(SIMPLIFIED_CHINESE, "gbk", range(0xB0, 0xD8)), 0.0),
    "cp950": (_east_asian_cost(TRADITIONAL_CHINESE, "cp950", range(0xA4, 0xC7)), 1.0),
    "cp949": (_east_asian_cost(HANGUL, "cp949", range(0xB0, 0xC9)), 1.0),
    "cp852": (_CENTRAL, 9.5),
    "cp1250": (_CENTRAL, 9.8),
}
