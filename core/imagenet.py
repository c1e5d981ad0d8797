"""The 1,000 ImageNet classes: their readable names, and which of them are meant by a word.

Source: O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015,
https://arxiv.org/abs/1409.0575. Index and wnid are those of `keras.applications`; the labels are made readable, the
four that are shared by two classes are told apart, and each class is put into one of a few everyday groups.
"""

import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NUM_CLASSES = 1000

_CLASSES_PATH = Path(__file__).parent / "data" / "imagenet_classes.csv"


@dataclass(frozen=True, slots=True)
class ImageNetClass:
    """One of the 1,000 classes."""

    index: int  # position among the network's outputs, 0-999
    wnid: str  # WordNet id, such as n02106662
    label: str  # readable and unique, such as "German shepherd"
    group: str  # everyday kind, such as "dog"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSearch:
    """What the 1,000 classes have to say to a word that a person typed."""

    query: str
    matches: tuple[ImageNetClass, ...]  # classes that are what was asked for
    group_matches: tuple[ImageNetClass, ...]  # every class of the group that was asked for, such as all dogs
    nearest: tuple[ImageNetClass, ...]  # the most similar names, where nothing matches


@cache
def classes() -> tuple[ImageNetClass, ...]:
    """The 1,000 classes in the order of the networks' outputs."""
    with _CLASSES_PATH.open(encoding="utf-8", newline="") as file:
        return tuple(
            ImageNetClass(int(row["index"]), row["wnid"], row["label"], row["group"]) for row in csv.DictReader(file)
        )


def search_classes(query: str) -> ClassSearch:
    """Answer "does it know …?": classes whose name has every word of the query, or the nearest names.

    Words match at the beginning of a word of the label, in any case and order, and with or without a plural s;
    the name of a group ("dog", "birds") lists the whole group.
    """
    words = _words(query)
    if not words:
        return ClassSearch(query=query, matches=(), group_matches=(), nearest=())
    matches = tuple(candidate for candidate in classes() if _has_words(candidate.label, words))
    group_matches = tuple(
        candidate for candidate in classes() if " ".join(words) in _words(candidate.group.replace(" or ", " "))
    )
    nearest = () if matches or group_matches else _nearest(words)
    return ClassSearch(query=query, matches=matches, group_matches=group_matches, nearest=nearest)


def _words(text: str) -> list[str]:
    return [_singular(word) for word in re.findall(r"[^\W_]+", text.casefold())]


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _has_words(label: str, wanted: Sequence[str]) -> bool:
    have = _words(label)
    # A short word must match whole: "cat" is not "catamaran".
    return all(any(part == word or (len(word) > 3 and part.startswith(word)) for part in have) for word in wanted)


def _nearest(words: Sequence[str]) -> tuple[ImageNetClass, ...]:
    """Names that share the query's last word (the noun), then those spelled most alike."""
    same_noun = [candidate for candidate in classes() if _has_words(candidate.label, words[-1:])]
    by_spelling = {" ".join(_words(candidate.label)): candidate for candidate in classes()}
    alike = difflib.get_close_matches(" ".join(words), by_spelling, n=5, cutoff=0.8)
    found = dict.fromkeys(same_noun + [by_spelling[name] for name in alike])
    return tuple(found)[:8]
