"""Names of classes that are so alike that they may mean one class: `Cats` and `cats`, `blue_tit` and `blue tit`.

Minus and plus are part of a name (`A` and `A-`, `1` and `-1` are different), but for a hyphen inside a word.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets.connected import Groups
from core.datasets.readings.reading import ClassCount
from core.names import first_free, name_key
from core.records import Record

_SPACES = re.compile(r"[\s_]+")
# Between two letters on either side: `blue-tit` is `bluetit`; `1-1` is not `11`, nor is `A-B` `AB`.
_INSIDE_A_WORD = re.compile(r"(?<=[^\W\d_]{2})[ \-](?=[^\W\d_]{2})")
_SINGLE_LETTERS = 2  # names up to this long that differ by case alone are letters, and meant to be different


@dataclass(frozen=True, slots=True, kw_only=True)
class NameGroup(Record):
    """Classes whose names are so alike that they may be one class."""

    classes: tuple[ClassCount, ...]  # most photos first
    suggestion: dict[str, str]  # every name of the group to the class that it probably means
    apart: dict[str, str]  # every name to one under which it stays a class of its own

    @classmethod
    def _renewed(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if "apart" in values or not isinstance(values.get("suggestion"), Mapping):
            return values
        return {**values, "apart": {name: name for name in values["suggestion"]}}  # each was a class under its own name

    @property
    def question(self) -> str:
        """What the person is asked, in words."""
        names = " and ".join(f"“{count.name}”" for count in self.classes)
        if len({name_key(count.name) for count in self.classes}) == 1:
            return f"{names} differ by capitals or spaces alone: are they one class?"
        return f"{names} look like one class written differently: are they?"


def group_alike(classes: Sequence[ClassCount]) -> tuple[NameGroup, ...]:
    """The groups of names that are alike, each of two names or more."""
    by_key: defaultdict[str, list[ClassCount]] = defaultdict(list)
    for count in classes:
        by_key[spelling_key(count.name)].append(count)
    keys = list(by_key)
    numbers = {key: number for number, key in enumerate(keys)}
    alike = Groups(len(keys))
    for key, number in numbers.items():
        for plural in _plurals(key):
            if plural in numbers:
                alike.join(number, numbers[plural])
    taken = {name_key(count.name) for count in classes}
    groups = []
    for group in alike.all():
        members = [count for number in group for count in by_key[keys[number]]]
        if len(members) > 1:
            members.sort(key=lambda count: (-count.num_photos, count.name))
            apart = _apart(members, taken)
            groups.append(NameGroup(classes=tuple(members), suggestion=_suggest(members, apart), apart=apart))
    return tuple(groups)


def spelling_key(name: str) -> str:
    """What two spellings of one name have in common: case, spaces and hyphens inside words do not count."""
    spaced = _SPACES.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()
    return _INSIDE_A_WORD.sub("", spaced) or name


def _plurals(key: str) -> tuple[str, ...]:
    """English plurals of a name; of a single letter or digit there is none."""
    if len(key) < 3:
        return ()
    regular = (f"{key}s", f"{key}es")
    return (*regular, f"{key[:-1]}ies") if key.endswith("y") else regular


def _suggest(members: Sequence[ClassCount], apart: dict[str, str]) -> dict[str, str]:
    """One class of names that only differ in spelling, or that never stand beside each other in one split.

    "glass" and "glasses" in the same split were probably meant to be two classes, and so were "A" and "a".
    """
    target = members[0]
    suggestion = {}
    for member in members:
        is_beside = bool(set(member.counts) & set(target.counts))
        is_same_word = spelling_key(member.name) == spelling_key(target.name)
        are_letters = is_beside and len(member.name) <= _SINGLE_LETTERS
        is_one = not are_letters if is_same_word else not is_beside
        suggestion[member.name] = target.name if is_one else apart[member.name]
    return suggestion


def _apart(members: Sequence[ClassCount], taken: Collection[str]) -> dict[str, str]:
    """A name for each under which it can stand beside the others: capitals do not tell classes apart."""
    used: set[str] = set()
    apart = {}
    for member in members:
        name = member.name
        if name_key(name) in used:
            kind = "small" if name == name.lower() else "capital"
            name = first_free(f"{name} ({kind})", lambda key: key in used or key in taken)
        used.add(name_key(name))
        apart[member.name] = name
    return apart
