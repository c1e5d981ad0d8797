"""What a reading of names costs in bits: the fewer, the likelier they were written in this character set.

Common letters of one script cost little; rare ones, signs and mixtures much.
"""

import functools
import math
import unicodedata
from collections.abc import Callable, Sequence

from core.datasets.archives.common_characters import (
    CENTRAL_EUROPEAN_LETTERS,
    CYRILLIC_PERCENT,
    HANGUL,
    JAPANESE_KANJI,
    SIMPLIFIED_CHINESE,
    TRADITIONAL_CHINESE,
    WESTERN_LETTERS,
)

# Bits that a character costs.
_ASCII_LETTER, _OTHER_ASCII, _RARE_ASCII = 4.5, 6.0, 9.0
_SIGN, _CONTROL, _UNREADABLE = 14.0, 20.0, 40.0
_PUNCTUATION = 9.0
# On top of that.
_MIXED_SCRIPTS = 8.0  # letters of two scripts side by side
_SIGN_IN_WORD = 6.0
_TWO_ACCENTS = 2.5  # Latin letters with accents side by side
_CAPITAL_FIRST, _CAPITAL_AFTER_CAPITAL, _CAPITAL_INSIDE = 1.5, 0.3, 8.0


def reading_cost(parts: Sequence[bytes], encoding: str) -> float:
    """Bits that names cost when a character set reads them.

    Args:
        parts: names of folders and files as written.
        encoding: of `NAME_ENCODINGS`.
    """
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
