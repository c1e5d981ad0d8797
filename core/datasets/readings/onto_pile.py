"""Photos of which nobody has said what they show come onto the pile (`core.datasets.pile`), in every reading.

As a class of their own they would be learned from, and left out they would have to be brought a second time.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.datasets.pile import PILE_NAME, is_pile
from core.datasets.readings.reading import NOT_SAID, PLAUSIBLE_FROM, Placement, Reading
from core.datasets.readings.split_names import Role, is_unsorted, role_of
from core.datasets.readings.tree import LocatedPhoto

UNSORTED = "unsorted"
_NUM_NAMED = 3  # folders or classes in a sentence


def onto_pile(reading: Reading, located: Sequence[LocatedPhoto]) -> Reading:
    """The reading with what nobody has sorted in the pile: classes of such a name, and photos from such a folder.

    A table or a project may say the class of photos in such a folder; then it counts.

    Args:
        reading: as the folders, names or tables were understood.
        located: the photos.
    """
    renamed = {
        path: (placement.class_name, replace(placement, class_name=PILE_NAME))
        for path, placement in reading.placements.items()
        if is_pile(placement.class_name) or is_unsorted(placement.class_name)
    }
    from_folders = {
        photo.path: (_unsorted_folder(photo), Placement(PILE_NAME, None))
        for photo in located
        if photo.role is Role.UNLABELLED and photo.path in reading.left_out
    }
    piled = renamed | from_folders
    if not piled:
        return reading
    return replace(
        reading,
        placements=reading.placements | {path: placement for path, (_, placement) in piled.items()},
        left_out={path: reason for path, reason in reading.left_out.items() if path not in piled},
        remark=_remark(sorted({name for name, _ in piled.values()}), len(piled)),
    )


def nothing_but_unsorted(located: Sequence[LocatedPhoto]) -> Reading:
    """The reading where there is nothing but photos in folders that nobody has sorted."""
    return Reading(
        key=UNSORTED,
        title="Photos to sort",
        explanation="There are no class folders.",
        placements={},
        left_out={photo.path: NOT_SAID for photo in located},
        plausibility=PLAUSIBLE_FROM,
        is_plain=True,
    )


def _unsorted_folder(photo: LocatedPhoto) -> str:
    folders = photo.file.folders
    return next((folder for folder in folders if role_of(folder) is Role.UNLABELLED), folders[-1])


def _remark(names: Sequence[str], num_photos: int) -> str:
    quoted = ", ".join(f"“{name}”" for name in names[:_NUM_NAMED]) + (", …" if len(names) > _NUM_NAMED else "")
    photos, wait = ("1 photo", "waits") if num_photos == 1 else (f"{num_photos:,} photos", "wait")
    return (
        f"{photos} from {quoted} {wait} in the class “{PILE_NAME}”: nobody has said yet what they show, so no training "
        "uses them until they are sorted."
    )
