"""The folder that holds a photo, or one further out, is its class.

Where a name comes back under several parents (`cats/indoor`, `dogs/indoor`), a class lies inside another one, or
several folders have several inside (`oak/red oak`, `maple/sugar maple`), the outermost folder, the innermost one,
and those between are readings of their own. A photo beside the class folders, or directly in a split that has class
folders elsewhere, has no class that a folder names; neither has one in the only folder of a split that is no class of
the photos to be learned from (`test/unknown`).
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from core.datasets.readings.reading import NOT_SAID, Placement, Reading
from core.datasets.readings.split_names import Role
from core.datasets.readings.tree import Folders, LocatedPhoto

LEAF, TOP = "leaf", "top"  # keys of the innermost and the outermost folder; between them "level 2", "level 3", …
ONE_CLASS = "one class"

_LOOSE = "It lies beside the class folders, so its class is not known. Move it into a class folder and add it again."
_LOOSE_IN_SPLIT = (
    "It lies directly in a {} folder, so its class is not known. Move it into a class folder in there and add it again."
)
_STRANGE = "It lies in “{}”, the only folder of the {} photos, which is none of the classes that are learned."
# What people call the one folder that some programs want around photos without a class.
_NAMES_OF_NO_CLASS = frozenset(
    (
        *("unknown", "unknowns", "unlabeled", "unlabelled", "unclassified", "none", "nolabel", "nolabels", "noclass"),
        *("dummy", "all", "class", "classes", "folder", "testfolder", "subfolder", "misc", "holder", "unbekannt"),
    )
)
_NUMBER = re.compile(r"[\W\d_]+")

_CLEAR = 0.9
_LIKELIER, _AS_LIKELY, _BETWEEN = 0.65, 0.6, 0.5
_NUMBERED_PARTS = 0.55  # `fold_1`, `fold_2`: parts of one set, where the folders inside are the same in each
_ARCHIVE_NAMES = 0.2  # classes that are called like the archives, where the folders inside come back in each
_SINGLE_CLASS = 0.5
_NO_FOLDER = 0.5


def read_folders(
    located: Sequence[LocatedPhoto], root_name: str, archive_folders: frozenset[str] = frozenset()
) -> list[Reading]:
    """The readings by folder, the likeliest first; none without photos.

    Args:
        located: the photos.
        root_name: the class where no photo has a folder.
        archive_folders: outermost folders that are called like the archives that they came in.
    """
    labelled = [photo for photo in located if photo.role is not Role.UNLABELLED]
    left_out = {photo.path: NOT_SAID for photo in located if photo.role is Role.UNLABELLED}
    strange = _strange_folders(labelled)
    left_out |= {
        photo.path: _STRANGE.format(photo.folders[-1], photo.role.value)
        for photo in labelled
        if photo.role and (photo.role, photo.folders) in strange
    }
    labelled = [photo for photo in labelled if photo.path not in left_out]
    with_folders = [photo for photo in labelled if photo.folders]
    if not with_folders:
        return [_one_class(labelled, root_name, left_out)] if labelled else []
    left_out |= {photo.path: _loose_reason(photo) for photo in labelled if not photo.folders}
    distinct = {photo.folders for photo in with_folders}
    if not _is_ambiguous(distinct):
        names = {photo.path: photo.folders[-1] for photo in with_folders}
        num_classes = len(set(names.values()))
        plausibility = _CLEAR if num_classes > 1 else _SINGLE_CLASS
        return [replace(_reading(LEAF, with_folders, -1, left_out, plausibility), is_plain=True)]
    depth = max(map(len, distinct))
    outermost, innermost = _plausibilities(distinct, archive_folders)
    readings = [
        _reading(TOP, with_folders, 0, left_out, outermost),
        *(_reading(f"level {level + 1}", with_folders, level, left_out, _BETWEEN) for level in range(1, depth - 1)),
        _reading(LEAF, with_folders, -1, left_out, innermost),
    ]
    return sorted(readings, key=lambda reading: -reading.plausibility)


def _strange_folders(photos: Sequence[LocatedPhoto]) -> set[tuple[Role, Folders]]:
    """The only folder of a split, where it is called like no class and none of the several that are learned from."""
    by_role: defaultdict[Role, set[Folders]] = defaultdict(set)
    for photo in photos:
        if photo.role is not None and photo.folders:
            by_role[photo.role].add(photo.folders)
    learned = by_role[Role.TRAIN]
    return {
        (role, next(iter(folders)))
        for role, folders in by_role.items()
        if role is not Role.TRAIN and len(folders) == 1 and len(learned) > 1 and not folders & learned
        if _NUMBER.sub("", next(iter(folders))[-1].casefold()) in _NAMES_OF_NO_CLASS
    }


def _is_ambiguous(distinct: set[Folders]) -> bool:
    """Whether a name comes back under several parents, a class is in another one, or there are groups of classes."""
    has_nested = any(folders[:depth] in distinct for folders in distinct for depth in range(1, len(folders)))
    return _has_twins(distinct) or has_nested or _are_groups(distinct)


def _has_twins(distinct: set[Folders]) -> bool:
    return len({folders[-1] for folders in distinct}) < len(distinct)


def _are_groups(distinct: set[Folders]) -> bool:
    """Whether all folders are groups of several folders with photos, of which there are several, too."""
    inner: defaultdict[str, set[Folders]] = defaultdict(set)
    for folders in distinct:
        inner[folders[0]].add(folders[1:])
    return len(inner) > 1 and all(len(names) > 1 and () not in names for names in inner.values())


def _plausibilities(distinct: set[Folders], archive_folders: frozenset[str]) -> tuple[float, float]:
    """Of the outermost and of the innermost folder as the class."""
    outermost = {folders[0] for folders in distinct}
    if outermost <= archive_folders:
        return _ARCHIVE_NAMES, _CLEAR
    inner = {name: frozenset(folders[1:] for folders in distinct if folders[0] == name) for name in outermost}
    is_one_name = len({_NUMBER.sub("", name.casefold()) for name in outermost}) == 1
    if is_one_name and len(outermost) > 1 and len(set(inner.values())) == 1 and len(next(iter(inner.values()))) > 1:
        return _NUMBERED_PARTS, _CLEAR
    return (_LIKELIER, _AS_LIKELY) if _has_twins(distinct) or not _are_groups(distinct) else (_AS_LIKELY, _LIKELIER)


def _reading(
    key: str, photos: Sequence[LocatedPhoto], level: int, left_out: dict[str, str], plausibility: float
) -> Reading:
    placements = {
        photo.path: Placement(
            photo.folders[min(level, len(photo.folders) - 1)], photo.role.as_split if photo.role else None
        )
        for photo in photos
    }
    title, explanation = _WORDS.get(key, _BETWEEN_WORDS)
    return Reading(
        key=key,
        title=title,
        explanation=explanation,
        placements=placements,
        left_out=dict(left_out),
        plausibility=plausibility,
    )


def _one_class(photos: Sequence[LocatedPhoto], root_name: str, left_out: dict[str, str]) -> Reading:
    return Reading(
        key=ONE_CLASS,
        title="All in one class",
        explanation=f"There are no class folders: all photos become examples of “{root_name}”.",
        placements={photo.path: Placement(root_name, photo.role.as_split if photo.role else None) for photo in photos},
        left_out=left_out,
        plausibility=_NO_FOLDER,
    )


def _loose_reason(photo: LocatedPhoto) -> str:
    return _LOOSE if photo.role is None else _LOOSE_IN_SPLIT.format(photo.role.value)


_WORDS = {
    LEAF: ("The innermost folders", "The folder that a photo lies in is its class."),
    TOP: ("The outermost folders", "The outermost folder is the class, whatever folders are inside."),
}
_BETWEEN_WORDS = ("Folders in between", "A folder between the outermost and the innermost one is the class.")
