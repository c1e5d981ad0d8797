"""One of several numbers in the file's name is the class: `25_0_2_20170116.jpg` says age, sex, race and time.

Which of them is meant, and whether any, only the person knows: each that comes back often is a reading of its own, no
likelier than that all photos belong together.
"""

import re
from collections import Counter
from collections.abc import Sequence

from core.datasets.readings.reading import PLAUSIBLE_FROM, Placement, Reading
from core.datasets.readings.split_names import Role
from core.datasets.readings.tree import LocatedPhoto

_NUMBERS = re.compile(r"\d+(?:[_\-. ]+\d+)+")
_GAP = re.compile(r"[_\-. ]+")
_LEAST_SHARE = 0.95  # of the photos that have as many numbers as most have
_LEAST_SHARE_REPEATED = 0.8  # of the photos whose number comes back
_MEAN_PHOTOS_PER_CLASS = 3.0
# Longer ones are times, addresses and numbers of pictures.
_MAX_DIGITS = 3
_MAX_READINGS = 4
_OTHER_NAME = "Its name has other numbers than the names of most photos, so its class is not known."
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def read_numbers(located: Sequence[LocatedPhoto]) -> list[Reading]:
    """A reading for each number that may be a class; none where names are no rows of numbers."""
    photos = [photo for photo in located if photo.role is not Role.UNLABELLED]
    fields = {photo.path: found for photo in photos if (found := _fields(photo.file.stem))}
    lengths = Counter(map(len, fields.values()))
    if not lengths:
        return []
    ((length, num_photos),) = lengths.most_common(1)
    if num_photos < _LEAST_SHARE * len(photos):
        return []
    fields = {path: found for path, found in fields.items() if len(found) == length}
    places = [
        place for place in range(min(length, len(_ORDINALS))) if _are_classes([f[place] for f in fields.values()])
    ]
    return [_reading(place, photos, located, fields) for place in places[:_MAX_READINGS]]


def _fields(stem: str) -> tuple[str, ...]:
    """The numbers at the beginning of a name; none of names that are a date and a time."""
    found = _NUMBERS.match(stem)
    fields = tuple(_GAP.split(found[0])) if found else ()
    return () if _is_date(fields[:3]) else fields


def _is_date(fields: Sequence[str]) -> bool:
    if len(fields) < 3:
        return False
    year, month, day = fields
    return len(year) == 4 and year[:2] in ("19", "20") and 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _are_classes(values: Sequence[str]) -> bool:
    counts = Counter(values)
    num_repeated = sum(num for num in counts.values() if num > 1)
    return (
        len(counts) > 1
        and max(map(len, counts)) <= _MAX_DIGITS
        and num_repeated >= _LEAST_SHARE_REPEATED * len(values)
        and len(values) >= _MEAN_PHOTOS_PER_CLASS * len(counts)
    )


def _reading(
    place: int, photos: Sequence[LocatedPhoto], located: Sequence[LocatedPhoto], fields: dict[str, tuple[str, ...]]
) -> Reading:
    placements = {
        photo.path: Placement(fields[photo.path][place], photo.role.as_split if photo.role else None)
        for photo in photos
        if photo.path in fields
    }
    return Reading(
        key=f"number {place + 1}",
        title=f"The {_ORDINALS[place]} number in the names",
        explanation=f"The names of the files are rows of numbers; the {_ORDINALS[place]} one is the class.",
        placements=placements,
        left_out={photo.path: _OTHER_NAME for photo in located if photo.path not in placements},
        plausibility=PLAUSIBLE_FROM,
    )
