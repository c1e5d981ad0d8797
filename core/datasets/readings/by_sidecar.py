"""A small file beside each photo, of the same name, says its class: `.cls` and `.json` of WebDataset, `.txt`."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from core.datasets.readings.listing import ListedFile
from core.datasets.readings.reading import Placement, Reading
from core.datasets.readings.split_names import Role
from core.datasets.readings.tree import LocatedPhoto

SIDECAR_ENDINGS = (".cls", ".json", ".txt")
MAX_SIDECAR_BYTES = 64_000
_LEAST_SHARE = 0.8  # of the photos that must have such a file, and of the files that must name a class
_MEAN_PHOTOS_PER_CLASS = 2.0
_JSON_KEYS = ("label", "class", "cls", "category", "class_name", "label_name", "classname", "labelname", "tag", "breed")
_CLASS_LISTS = ("classes.txt", "labels.txt", "class_names.txt", "classes.names", "obj.names", "label_names.txt")
# A box of YOLO: the number of a class and four shares of the photo's sides. Such files say what is where in a photo.
_BOX = re.compile(r"\d+(\s+\d*\.?\d+(e-?\d+)?){4,}")
_PLAUSIBLE, _BESIDE_FOLDERS = 0.85, 0.3


def find_sidecars(photos: Sequence[ListedFile], beside: Sequence[ListedFile]) -> dict[str, dict[str, ListedFile]]:
    """For each ending the files that lie beside photos under the same name, by the photo's path."""
    by_place = {(file.folders, file.name.casefold()): file for file in beside if file.ending in SIDECAR_ENDINGS}
    found: defaultdict[str, dict[str, ListedFile]] = defaultdict(dict)
    for photo in photos:
        for ending in SIDECAR_ENDINGS:
            for name in (f"{photo.stem}{ending}", f"{photo.name}{ending}"):
                file = by_place.get((photo.folders, name.casefold()))
                if file is not None:
                    found[ending][photo.path] = file
    return {ending: files for ending, files in found.items() if len(files) >= max(2.0, _LEAST_SHARE * len(photos))}


def is_class_list(file: ListedFile) -> bool:
    """Whether a file's name says that it lists the classes, by which numbers in sidecars are told."""
    return file.name.casefold() in _CLASS_LISTS


def read_sidecars(
    located: Sequence[LocatedPhoto],
    beside: Sequence[ListedFile],
    contents: Mapping[str, bytes],
    *,
    num_folder_classes: int,
) -> list[Reading]:
    """The readings by sidecar, a kind of file each.

    Args:
        located: the photos.
        beside: the files that are none.
        contents: of sidecars and lists of classes, by path.
        num_folder_classes: classes that folders name; with two or more, sidecars are hardly what is meant.
    """
    names = _class_list([file for file in beside if is_class_list(file)], contents)
    readings = []
    for ending, files in find_sidecars([photo.file for photo in located], beside).items():
        values = {
            path: value
            for path, file in files.items()
            if (value := _value_of(ending, contents.get(file.path, b""), names)) is not None
        }
        counts = Counter(values.values())
        is_usable = (
            len(counts) > 1
            and len(values) >= _LEAST_SHARE * len(files)
            and len(values) >= _MEAN_PHOTOS_PER_CLASS * len(counts)
        )
        if is_usable:
            readings.append(_reading(ending, files, values, located, num_folder_classes))
    return readings


def _value_of(ending: str, content: bytes, names: Mapping[int, str]) -> str | None:
    text = content.decode("utf-8-sig", errors="replace").strip()
    value = _json_value(text) if ending == ".json" else _text_value(text)
    if value is not None and value.isdecimal() and len(value) < 10:
        return names.get(int(value), value)
    return value


def _text_value(text: str) -> str | None:
    if not text or len(text) > 100 or "\n" in text or _BOX.match(text):
        return None
    return text


def _json_value(text: str) -> str | None:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(record, str | int) and not isinstance(record, bool):
        return str(record)
    if not isinstance(record, dict):
        return None
    plain = {str(name).casefold(): value for name, value in record.items()}
    found = (plain[key] for key in _JSON_KEYS if isinstance(plain.get(key), str | int))
    return next((str(value) for value in found if str(value).strip()), None)


def _class_list(files: Sequence[ListedFile], contents: Mapping[str, bytes]) -> dict[int, str]:
    """Number to name, by a list of classes: one a line, the first being 0, or with its number in front."""
    for file in files:
        lines = [
            line.strip() for line in contents.get(file.path, b"").decode("utf-8-sig", errors="replace").splitlines()
        ]
        lines = [line for line in lines if line]
        numbered = [re.fullmatch(r"(\d{1,9})[\s:,;]+(.+)", line) for line in lines]
        if lines and all(numbered):
            return {int(found[1]): found[2].strip() for found in numbered if found}
        if lines:
            return dict(enumerate(lines))
    return {}


def _reading(
    ending: str,
    files: Mapping[str, ListedFile],
    values: Mapping[str, str],
    located: Sequence[LocatedPhoto],
    num_folder_classes: int,
) -> Reading:
    placements = {
        photo.path: Placement(values[photo.path], photo.role.as_split if photo.role else None)
        for photo in located
        if photo.path in values and photo.role is not Role.UNLABELLED
    }
    missing = f"No {ending} file beside it says its class."
    return Reading(
        key=f"sidecars {ending}",
        title=f"The {ending} file beside each photo",
        explanation=f"Each photo comes with a {ending} file of the same name, which holds its class.",
        placements=placements,
        left_out={photo.path: missing for photo in located if photo.path not in placements},
        plausibility=_PLAUSIBLE if num_folder_classes < 2 else _BESIDE_FOLDERS,
        used_beside=frozenset(file.path for file in files.values()),
    )
