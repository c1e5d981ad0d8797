"""The folder that holds a photo, or one further out, is its class.

Where a name comes back under several parents (`cats/indoor`, `dogs/indoor`) or a class lies inside another one, the
outermost folder, the innermost one, and those between are readings of their own. A photo beside the class folders, or
directly in a split that has class folders elsewhere, has no class that a folder names.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.datasets.readings.reading import Placement, Reading
from core.datasets.readings.split_names import Role
from core.datasets.readings.tree import Folders, LocatedPhoto

LEAF, TOP = "leaf", "top"  # keys of the innermost and the outermost folder; between them "level 2", "level 3", …
ONE_CLASS = "one class"

_LOOSE = "It lies beside the class folders, so its class is not known. Move it into a class folder and add it again."
_LOOSE_IN_SPLIT = (
    "It lies directly in a {} folder, so its class is not known. Move it into a class folder in there and add it again."
)
_UNLABELLED = "It lies in a folder of photos without classes, so its class is not known."

_CLEAR = 0.9
_OUTERMOST, _INNERMOST, _BETWEEN = 0.65, 0.6, 0.5
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
    with_folders = [photo for photo in labelled if photo.folders]
    left_out = {photo.path: _UNLABELLED for photo in located if photo.role is Role.UNLABELLED}
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
    is_archives = {folders[0] for folders in distinct} <= archive_folders
    readings = [
        _reading(TOP, with_folders, 0, left_out, _ARCHIVE_NAMES if is_archives else _OUTERMOST),
        *(_reading(f"level {level + 1}", with_folders, level, left_out, _BETWEEN) for level in range(1, depth - 1)),
        _reading(LEAF, with_folders, -1, left_out, _CLEAR if is_archives else _INNERMOST),
    ]
    return sorted(readings, key=lambda reading: -reading.plausibility)


def _is_ambiguous(distinct: set[Folders]) -> bool:
    """Whether a name comes back under several parents, or a class lies inside another one."""
    has_twins = len({folders[-1] for folders in distinct}) < len(distinct)
    has_nested = any(folders[:depth] in distinct for folders in distinct for depth in range(1, len(folders)))
    return has_twins or has_nested


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
