"""Reads classes and splits off the folders that photos lie in; pure, nothing is opened.

Rules, in the order in which they apply:

1. A folder named like a split (train, validation, test and their kin, any case) is a split when all folders beside it
   are named so too, or when one of those that are has folders inside. So `test/cats/1.jpg` beside `cats/2.jpg` is the
   test split, while a folder `test` that holds photos itself, beside a folder `cats`, is a class: a split that
   does not say which class its photos are of would be of no use. Only the outermost split of a path counts.
2. Folders that all photos share are stripped, but for the last one where it holds all the photos: it is the class.
3. The folder that holds the photo is its class. Where that is uncertain in a deeper tree, because a name comes back
   under several parents (`cats/indoor`, `dogs/indoor`) or a class lies inside another one, the person is asked.
4. Class folders that differ by case, spaces, hyphens, underscores or a plural only are never merged without asking.
5. A photo beside the class folders, or directly in a split that has class folders elsewhere, has no class that
   anybody could know: it is refused. Where no photo at all has a class folder, the archive's name is the class.
6. Photos beside a single folder with more of them are of one class or two: the person is asked.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from core.datasets.incoming_paths import is_junk, normalise_path, path_refusal
from core.datasets.records import Split
from core.errors import ConfigError, DatasetError

MANIFEST_NAME = "bluetit-manifest.csv"  # of Bluetit's own exports; no photo, and nobody misses it
DEFAULT_CLASS_NAME = "photos"  # of photos without a folder in an archive without a name

_SPLIT_NAMES = {
    Split.TRAIN: ("train", "training"),
    Split.VALIDATION: ("val", "valid", "validation", "dev"),
    Split.TEST: ("test", "testing", "eval", "evaluation"),
}
_SPLIT_BY_NAME = {name: split for split, names in _SPLIT_NAMES.items() for name in names}
_SET_ENDING = re.compile(r"[ _-]?(set|data)$")  # training_set, Test-Data
_SEPARATORS = re.compile(r"[\s_\-]+")
_ARCHIVE_ENDING = re.compile(r"(\.(zip|tar|tgz|tbz2?|txz)|\.tar\.(gz|bz2|xz))$", re.IGNORECASE)
# Files that lie beside photos and are none. All others are tried, as photos come under any name.
_NO_PHOTO_ENDINGS = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg"),
    *(".html", ".htm", ".css", ".js", ".py", ".pyc", ".ipynb", ".sh", ".bat", ".exe", ".dll", ".log", ".lock"),
    *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".svg", ".mp4", ".mov", ".avi", ".mkv", ".mp3"),
    *(".wav", ".npy", ".npz", ".mat", ".h5", ".hdf5", ".pkl", ".pt", ".pth", ".onnx", ".tflite", ".db", ".sqlite"),
)

_NO_PHOTO = "It is no photo, as its name says."
_LOOSE = "It lies beside the class folders, so its class is not known. Move it into a class folder and add it again."
_LOOSE_IN_SPLIT = (
    "It lies directly in a {} folder, so its class is not known. Move it into a class folder in there and add it again."
)

_Folders = tuple[str, ...]


class Reading(StrEnum):
    """Which folder of a deeper tree is the class."""

    LEAF = "leaf"  # the one that holds the photo
    TOP = "top"  # the outermost one


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a photo belongs."""

    class_name: str
    split: Split | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """A class folder's name as written, with its photos per split; "" stands for no split."""

    name: str
    counts: dict[str, int]

    @property
    def num_photos(self) -> int:
        """Photos in all splits."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class NameGroup:
    """Class folders whose names are so alike that they may be one class."""

    classes: tuple[ClassCount, ...]  # most photos first
    suggestion: dict[str, str]  # every name of the group to the class that it probably means


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOption:
    """What one reading makes of the folders."""

    reading: Reading
    classes: tuple[ClassCount, ...]  # every class, by name
    groups: tuple[NameGroup, ...]  # what the person must decide when taking this reading


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutAnswer:
    """What the person decided."""

    class_map: dict[str, str] = field(default_factory=dict)  # folder name to class name; others keep theirs
    reading: Reading = Reading.LEAF

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the database."""
        return {"class_map": dict(self.class_map), "reading": self.reading.value}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "LayoutAnswer":
        """The answer that `to_json` wrote.

        Raises:
            ConfigError: the values are no such answer.
        """
        unknown = set(values) - {"class_map", "reading"}
        class_map = values.get("class_map", {})
        if unknown or not isinstance(class_map, dict):
            raise ConfigError(f"An answer with class_map and reading was expected, not {dict(values)!r}.")
        if not all(isinstance(name, str) for pair in class_map.items() for name in pair):
            raise ConfigError(f"class_map is {class_map!r}; names of classes were expected.")
        return cls(class_map=dict(class_map), reading=_parse_reading(values.get("reading", Reading.LEAF)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutQuestion:
    """What only the person can decide; one option when the reading is clear and just names are alike."""

    options: tuple[ReadingOption, ...]  # the suggested one first

    @property
    def suggested_answer(self) -> LayoutAnswer:
        """The answer that most people would give."""
        option = self.options[0]
        class_map = {name: target for group in option.groups for name, target in group.suggestion.items()}
        return LayoutAnswer(class_map=class_map, reading=option.reading)

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the database."""
        return {
            "options": [
                {
                    "reading": option.reading.value,
                    "classes": [_count_to_json(count) for count in option.classes],
                    "groups": [
                        {
                            "classes": [_count_to_json(count) for count in group.classes],
                            "suggestion": dict(group.suggestion),
                        }
                        for group in option.groups
                    ],
                }
                for option in self.options
            ]
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "LayoutQuestion":
        """The question that `to_json` wrote.

        Raises:
            ConfigError: the values are no such question.
        """
        try:
            options = tuple(_option_from_json(option) for option in values["options"])
        except (KeyError, TypeError, AttributeError) as exc:
            raise ConfigError(f"A question about folders was expected, not {dict(values)!r}.") from exc
        if not options:
            raise ConfigError("A question about folders needs at least one option.")
        return cls(options=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where every photo belongs; with a question, as the suggestion has it before names are mapped."""

    placements: dict[str, Placement]  # by path, as given
    refused: dict[str, str]  # path to reason, for people
    question: LayoutQuestion | None
    readings: dict[Reading, dict[str, Placement]]  # the placements of every reading that there is


@dataclass(frozen=True, slots=True)
class _Found:
    """One photo's folders, the split taken out."""

    path: str  # as given
    folders: _Folders
    split: Split | None


def plan_layout(paths: Sequence[str], archive_name: str) -> Layout:
    """Work out class and split of every photo.

    Args:
        paths: of the files, inside the archive or folder, any system's separators; hidden files and those of
            the operating system are passed over silently.
        archive_name: of the archive or folder; the class where no photo has a class folder.
    """
    refused: dict[str, str] = {}
    found = _take_out_splits(_photo_folders(paths, refused))
    root_name = _archive_stem(archive_name)
    found = _strip_shared_folders(found, root_name)
    if not any(photo.folders for photo in found):
        found = [replace(photo, folders=(root_name,)) for photo in found]
    else:
        refused.update({photo.path: _loose_reason(photo.split) for photo in found if not photo.folders})
        found = [photo for photo in found if photo.folders]
    options = _options(found)
    readings = {
        reading: {photo.path: Placement(_class_folder(photo.folders, reading), photo.split) for photo in found}
        for reading in options
    }
    question = _question(readings)
    return Layout(placements=readings[options[0]], refused=refused, question=question, readings=readings)


def apply_answer(layout: Layout, answer: LayoutAnswer) -> Layout:
    """The layout as the person wants it, without a question.

    Raises:
        DatasetError: the answer names a class folder or a reading that the layout does not have.
    """
    if answer.reading not in layout.readings:
        expected = ", ".join(layout.readings)
        raise DatasetError(f"The folders cannot be read as {answer.reading.value!r}; {expected} was expected.")
    placements = layout.readings[answer.reading]
    unknown = set(answer.class_map) - {placement.class_name for placement in placements.values()}
    if unknown:
        raise DatasetError(f"There is no class folder {', '.join(map(repr, sorted(unknown)))} in what has arrived.")
    mapped = {
        path: replace(placement, class_name=answer.class_map.get(placement.class_name, placement.class_name))
        for path, placement in placements.items()
    }
    return replace(layout, placements=mapped, question=None, readings={answer.reading: mapped})


# --- folders ----------------------------------------------------------------------------------------------


def _photo_folders(paths: Sequence[str], refused: dict[str, str]) -> dict[str, _Folders]:
    """The folders of everything that may be a photo, outermost first; what is none goes into `refused`."""
    folders: dict[str, _Folders] = {}
    for path in paths:
        # macOS writes accents as letters of their own, others do not: the same name to every eye.
        normal = unicodedata.normalize("NFC", normalise_path(path))
        reason = path_refusal(normal)
        if reason is not None:
            refused[path] = reason
            continue
        *parents, name = normal.split("/")
        if is_junk(normal) or name.casefold() == MANIFEST_NAME:
            continue
        if name.casefold().endswith(_NO_PHOTO_ENDINGS):
            refused[path] = _NO_PHOTO
        else:
            folders[path] = tuple(parents)
    return folders


def _take_out_splits(folders_by_path: Mapping[str, _Folders]) -> list[_Found]:
    children: defaultdict[_Folders, set[str]] = defaultdict(set)
    for folders in set(folders_by_path.values()):
        for depth, folder in enumerate(folders):
            children[folders[:depth]].add(folder)
    by_folders = {folders: _find_split(folders, children) for folders in set(folders_by_path.values())}
    return [_Found(path, *by_folders[folders]) for path, folders in folders_by_path.items()]


def _find_split(folders: _Folders, children: Mapping[_Folders, set[str]]) -> tuple[_Folders, Split | None]:
    """The folders without the outermost split, and that split."""
    for depth, folder in enumerate(folders):
        split = _split_named(folder)
        if split is None or not _is_split_level(folders[:depth], children):
            continue
        inner = depth + 1
        # training_set/training_set/cats, as some data sets are packed
        while inner < len(folders) and _split_named(folders[inner]) is split and folders[: inner + 1] in children:
            inner += 1
        return folders[:depth] + folders[inner:], split
    return folders, None


def _split_named(folder: str) -> Split | None:
    name = folder.strip().casefold()
    return _SPLIT_BY_NAME.get(name) or _SPLIT_BY_NAME.get(_SET_ENDING.sub("", name))


def _is_split_level(parent: _Folders, children: Mapping[_Folders, set[str]]) -> bool:
    """Whether folders named like splits are splits in this folder (rule 1)."""
    siblings = children[parent]
    named_so = [folder for folder in siblings if _split_named(folder) is not None]
    return len(named_so) == len(siblings) or any((*parent, folder) in children for folder in named_so)


def _strip_shared_folders(found: list[_Found], root_name: str) -> list[_Found]:
    """Take off the folders that all photos lie in; where nothing would be left of any, the last one stays."""
    distinct = {photo.folders for photo in found}
    if not distinct:
        return []
    first, last = min(distinct), max(distinct)  # whatever these two share, all share
    num_shared = next(
        (depth for depth, (one, other) in enumerate(zip(first, last, strict=False)) if one != other),
        min(len(first), len(last)),
    )
    shared = first[:num_shared]
    kept: _Folders = ()
    if len(distinct) == 1:
        kept = shared[-1:]
    elif _has_one_folder_beside_photos(found, num_shared):
        kept = shared[-1:] or (root_name,)  # rule 6
    return [replace(photo, folders=kept + photo.folders[num_shared:]) for photo in found]


def _has_one_folder_beside_photos(found: Sequence[_Found], depth: int) -> bool:
    folders = {photo.folders[depth] for photo in found if len(photo.folders) > depth}
    return len(folders) == 1 and any(len(photo.folders) == depth and photo.split is None for photo in found)


def _loose_reason(split: Split | None) -> str:
    return _LOOSE if split is None else _LOOSE_IN_SPLIT.format(split.value)


def _archive_stem(archive_name: str) -> str:
    name = unicodedata.normalize("NFC", normalise_path(archive_name).rpartition("/")[2])
    return _ARCHIVE_ENDING.sub("", name).strip() or DEFAULT_CLASS_NAME


# --- readings ---------------------------------------------------------------------------------------------


def _class_folder(folders: _Folders, reading: Reading) -> str:
    return folders[-1] if reading is Reading.LEAF else folders[0]


def _options(found: Iterable[_Found]) -> tuple[Reading, ...]:
    """The readings that make sense, the likeliest first."""
    class_folders = {photo.folders for photo in found}
    has_twins = len({folders[-1] for folders in class_folders}) < len(class_folders)
    has_nested = any(folders[:depth] in class_folders for folders in class_folders for depth in range(1, len(folders)))
    return (Reading.TOP, Reading.LEAF) if has_twins or has_nested else (Reading.LEAF,)


def _question(readings: Mapping[Reading, Mapping[str, Placement]]) -> LayoutQuestion | None:
    options = []
    for reading, placements in readings.items():
        classes = _count_classes(placements.values())
        options.append(ReadingOption(reading=reading, classes=classes, groups=_group_alike(classes)))
    if len(options) == 1 and not options[0].groups:
        return None
    return LayoutQuestion(options=tuple(options))


def _count_classes(placements: Iterable[Placement]) -> tuple[ClassCount, ...]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for placement in placements:
        counts[placement.class_name][placement.split or ""] += 1
    return tuple(ClassCount(name=name, counts=dict(counts[name])) for name in sorted(counts))


# --- names that are alike ---------------------------------------------------------------------------------


def _group_alike(classes: Sequence[ClassCount]) -> tuple[NameGroup, ...]:
    by_key: defaultdict[str, list[ClassCount]] = defaultdict(list)
    for count in classes:
        by_key[_spelling_key(count.name)].append(count)
    group_of = {key: [key] for key in by_key}  # every key to the list that holds its group, itself included
    for key in by_key:
        for plural in _plurals(key):
            if plural in by_key and group_of[plural] is not group_of[key]:
                merged = group_of[key] + group_of[plural]
                group_of.update(dict.fromkeys(merged, merged))
    groups = []
    for key, keys in group_of.items():
        members = [count for member_key in keys for count in by_key[member_key]]
        if key == keys[0] and len(members) > 1:
            members.sort(key=lambda count: (-count.num_photos, count.name))
            groups.append(NameGroup(classes=tuple(members), suggestion=_suggest(members)))
    return tuple(groups)


def _spelling_key(name: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold()) or name


def _plurals(key: str) -> tuple[str, ...]:
    """English plurals of a name."""
    regular = (f"{key}s", f"{key}es")
    return (*regular, f"{key[:-1]}ies") if key.endswith("y") else regular


def _suggest(members: Sequence[ClassCount]) -> dict[str, str]:
    """One class of names that only differ in spelling, or that never stand beside each other in one split.

    "glass" and "glasses" in the same split were probably meant to be two classes.
    """
    target = members[0]
    suggestion = {}
    for member in members:
        is_same_word = _spelling_key(member.name) == _spelling_key(target.name)
        is_apart = not set(member.counts) & set(target.counts)
        suggestion[member.name] = target.name if is_same_word or is_apart else member.name
    return suggestion


# --- JSON -------------------------------------------------------------------------------------------------


def _count_to_json(count: ClassCount) -> dict[str, Any]:
    return {"name": count.name, "counts": dict(count.counts)}


def _count_from_json(values: Mapping[str, Any]) -> ClassCount:
    return ClassCount(name=values["name"], counts=dict(values["counts"]))


def _option_from_json(values: Mapping[str, Any]) -> ReadingOption:
    return ReadingOption(
        reading=_parse_reading(values["reading"]),
        classes=tuple(_count_from_json(count) for count in values["classes"]),
        groups=tuple(
            NameGroup(
                classes=tuple(_count_from_json(count) for count in group["classes"]),
                suggestion=dict(group["suggestion"]),
            )
            for group in values["groups"]
        ),
    )


def _parse_reading(value: Any) -> Reading:
    try:
        return Reading(value)
    except ValueError as exc:
        expected = ", ".join(Reading)
        raise ConfigError(f"The reading is {value!r}; one of {expected} was expected.") from exc
