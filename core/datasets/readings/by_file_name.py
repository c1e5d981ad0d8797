"""The class is in the file's name: `cat.0.jpg`, `Abyssinian_12.jpg`, `dog (3).png`, `0001_oak_leaf.jpg`.

A name falls into words and numbers. What repeats from file to file, beside a number that does not, is the class.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from core.datasets.readings.reading import Placement, Reading
from core.datasets.readings.split_names import Role, role_of
from core.datasets.readings.tree import LocatedPhoto

KEY = "file names"
# What cameras, phones and programs call every picture, in small letters and without what is no letter.
_MACHINE_NAMES = frozenset(
    (
        *("img", "image", "images", "imag", "im", "i", "dsc", "dscn", "dscf", "dcim", "pxl", "mvimg", "vid", "p"),
        *("pict", "photo", "photos", "picture", "pic", "screenshot", "bildschirmfoto", "whatsapp", "wa", "scan"),
        *("frame", "file", "camera", "cam", "snapshot", "capture", "sample", "download", "unnamed", "untitled"),
        *("gopr", "dji", "cimg", "sam", "hpim", "burst", "crop", "tile", "patch", "foto", "bild", "x", "id", "n"),
        *("no", "nr", "num", "page", "video", "clip", "vlcsnap", "signal", "fb", "isic", "copy", "kopie", "aug"),
    )
)
_NO_CLASS = "The name says no class, unlike the names of the other photos."
_LEAST_SHARE_NAMED = 0.8  # of the photos that could be named: where fewer are, names are not how this set is sorted
_MEAN_PHOTOS_PER_CLASS = 3.0  # with fewer, every other name is a word of its own
_PLAUSIBLE, _BESIDE_FOLDERS = 0.8, 0.3

_BEFORE_LAST_NUMBER = re.compile(r"^(?P<name>.*[^\W_])[\W_]+\d+\W*$")
_BEFORE_NUMBER = re.compile(r"^(?P<name>.*?[^\d\W_][^\d]*?)[\W_]*\d[\W\d_]*$")
_AFTER_NUMBER = re.compile(r"^[\W_]*\d[\d\W_]*(?P<name>[^\d\W_].*?)$")
_FIRST_WORD = re.compile(r"^(?P<name>[^\d\W_]+)[\W_]+.*\d.*$")
_BEFORE_MARK = re.compile(r"^(?P<name>.+?)-!-.*$")  # Teachable Machine's projects
_WORD = re.compile(r"[^\W_]+")


def _named(pattern: re.Pattern[str], stem: str) -> str | None:
    found = pattern.match(stem)
    return found["name"].strip(" ._-([{") if found else None


def _words_without_digits(stem: str) -> str | None:
    words = _WORD.findall(stem)
    plain = [word for word in words if not any(char.isdecimal() for char in word)]
    return " ".join(plain) if plain and len(plain) < len(words) else None


# How a name may be read, the likeliest first.
_WAYS: tuple[Callable[[str], str | None], ...] = (
    functools.partial(_named, _BEFORE_MARK),
    functools.partial(_named, _BEFORE_LAST_NUMBER),
    functools.partial(_named, _BEFORE_NUMBER),
    functools.partial(_named, _AFTER_NUMBER),
    functools.partial(_named, _FIRST_WORD),
    _words_without_digits,
)


def read_file_names(located: Sequence[LocatedPhoto], *, num_folder_classes: int) -> Reading | None:
    """The reading by file name; None where names say nothing that repeats.

    Args:
        located: the photos.
        num_folder_classes: classes that folders name; with two or more, names are hardly what is meant.
    """
    photos = [photo for photo in located if photo.role is not Role.UNLABELLED]
    # Photos to be judged are often only numbered: what is learned from says whether names are classes.
    learned = [photo for photo in photos if photo.role is not Role.TEST] or photos
    stems = {photo.path: photo.file.stem for photo in photos}
    for way in _WAYS:
        names = {path: name for path, stem in stems.items() if (name := _class_in(way(stem)))}
        if _are_classes(names, [photo.path for photo in learned]):
            return _reading(photos, located, names, num_folder_classes)
    return None


def _class_in(name: str | None) -> str | None:
    """A name as a class, if it may be one."""
    letters = re.sub(r"[\W\d_]+", " ", (name or "").casefold()).split()
    if name is None or not letters or role_of(name) is not None:
        return None
    # "n01443537" is a class of ImageNet, "n" is none.
    if letters[0] in _MACHINE_NAMES and (len(letters[0]) > 1 or name.casefold() == letters[0]):
        return None
    return name


def _are_classes(names: Mapping[str, str], paths: Sequence[str]) -> bool:
    counts = Counter(names[path] for path in paths if path in names)
    repeated = {name: num for name, num in counts.items() if num > 1}
    num_repeated = sum(repeated.values())
    return (
        len(repeated) > 1
        and num_repeated >= _LEAST_SHARE_NAMED * len(paths)
        and counts.total() >= _MEAN_PHOTOS_PER_CLASS * len(counts)
    )


def _reading(
    photos: Sequence[LocatedPhoto], located: Sequence[LocatedPhoto], names: Mapping[str, str], num_folder_classes: int
) -> Reading:
    placements = {
        photo.path: Placement(names[photo.path], photo.role.as_split if photo.role else None)
        for photo in photos
        if photo.path in names
    }
    return Reading(
        key=KEY,
        title="The names of the files",
        explanation="The word that comes back in the files' names is the class.",
        placements=placements,
        left_out={photo.path: _NO_CLASS for photo in located if photo.path not in placements},
        plausibility=_PLAUSIBLE if num_folder_classes < 2 else _BESIDE_FOLDERS,
    )
