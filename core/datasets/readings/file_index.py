"""Which photo a cell of a table means."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from core.datasets.incoming_paths import normalise_path
from core.datasets.readings.listing import ListedFile, split_ending
from core.datasets.readings.tables import without_upload_prefix


class FileIndex:
    """Finds the photo that a cell of a table means."""

    def __init__(self, files: Iterable[ListedFile]) -> None:
        self._by_name: defaultdict[str, list[ListedFile]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[ListedFile]] = defaultdict(list)
        self._by_number: defaultdict[int, list[ListedFile]] = defaultdict(list)
        for file in files:
            self._by_name[file.name.casefold()].append(file)
            self._by_stem[file.stem.casefold()].append(file)
            if file.stem.isdecimal():
                self._by_number[int(file.stem)].append(file)

    def find(self, cell: str, beside: tuple[str, ...]) -> ListedFile | None:
        """The photo; None where there is none, or several that it could be.

        Args:
            cell: a path or name with or without ending, of any system; folders that are not here do no harm.
            beside: folders of the table: of several photos one below it is meant.
        """
        parts = normalise_path(cell.strip().casefold()).strip("/").split("/")
        name = parts[-1]
        if not name:
            return None
        candidates = (
            self._by_name.get(name)
            or self._by_stem.get(name)
            or self._by_stem.get(split_ending(name)[0])
            or self._by_name.get(without_upload_prefix(name))
            or (self._by_number.get(int(name)) if name.isdecimal() and len(name) < 19 else None)
        )
        if not candidates:
            return None
        return _nearest(candidates, parts[:-1], tuple(folder.casefold() for folder in beside))


def _nearest(candidates: Sequence[ListedFile], told: Sequence[str], beside: tuple[str, ...]) -> ListedFile | None:
    """Of photos with one name the one whose folders are as told, or next to the table."""
    if len(candidates) == 1:
        return candidates[0]

    def closeness(file: ListedFile) -> tuple[int, int]:
        folders = tuple(folder.casefold() for folder in file.folders)
        num_told = 0
        for folder, wanted in zip(reversed(folders), reversed(told), strict=False):
            if folder != wanted:
                break
            num_told += 1
        num_shared = next((i for i, (a, b) in enumerate(zip(folders, beside, strict=False)) if a != b), None)
        is_below = folders[: len(beside)] == beside
        return num_told, (len(beside) if is_below else num_shared or 0) * 2 - len(folders)

    ranked = sorted(candidates, key=closeness, reverse=True)
    return ranked[0] if closeness(ranked[0]) != closeness(ranked[1]) else None
