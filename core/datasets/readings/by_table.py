"""A table beside the photos says which class each of them is of: `labels.csv`, `metadata.csv`, `val_annotations.txt`, …

Which column names the file and which the class is found out by what is in them: the file's column is the one whose
cells are files of this import, the class's one in which values come back. Tables of the same columns count as one.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.datasets.incoming_paths import normalise_path
from core.datasets.readings.listing import ListedFile, split_ending
from core.datasets.readings.reading import Placement, Reading, is_same_partition
from core.datasets.readings.split_names import Role, role_of
from core.datasets.readings.tables import Table, without_upload_prefix
from core.datasets.readings.tree import LocatedPhoto
from core.datasets.records import Split

# Words that head the column of a class, in small letters without signs.
_CLASS_HEADERS = frozenset(
    (
        *("label", "labels", "class", "classes", "classname", "classid", "cls", "category", "categories", "categoryid"),
        *("categoryname", "labelname", "labelid", "breed", "species", "genus", "family", "target", "diagnosis", "dx"),
        *("type", "kind", "tag", "tags", "choice", "choices", "annotation", "emotion", "expression", "finding", "y"),
        *("wnid", "synset", "subject", "style", "artist", "disease", "condition", "result", "groundtruth", "truth"),
        *("klasse", "art", "kategorie", "clase", "especie", "categoria", "classe", "espece", "categorie", "soort"),
    )
)
# Words that head columns which are no class, whatever is in them.
_OTHER_HEADERS = frozenset(
    (
        *("width", "height", "w", "h", "x", "y1", "y2", "x1", "x2", "xmin", "xmax", "ymin", "ymax", "left", "top"),
        *("right", "bottom", "area", "size", "bytes", "filesize", "id", "index", "url", "link", "path", "date", "time"),
        *("datetime", "timestamp", "year", "month", "day", "hour", "lat", "lon", "latitude", "longitude", "age"),
        *("score", "confidence", "probability", "fold", "usage", "license", "licence", "format", "mode", "channels"),
        *("roix1", "roix2", "roiy1", "roiy2", "depth", "annotator", "annotationid", "createdat", "updatedat"),
    )
)
_SPLIT_HEADERS = frozenset(("split", "subset", "set", "usage", "partition", "dataset", "datasplit", "phase"))
_SAMPLED_ROWS = 200
_LEAST_SHARE_OF_ROWS = 0.3  # of a column's cells that must be files: a table may list more than has arrived
_LEAST_SHARE_FILLED = 0.8  # of the rows that must have a class
_MEAN_PHOTOS_PER_CLASS = 2.0
_LEAST_SHARE_COMPLETED = 0.5  # of the photos without a class folder that a table must name to complete the folders
_LEAST_SHARE_OF_KNOWN_NAMES = 0.8  # of its classes that must be folders, too

_HEADED, _FIRST_OF_SEVERAL, _OTHER_COLUMN = 0.85, 0.7, 0.35
_HEADED_BESIDE_FOLDERS, _BESIDE_FOLDERS = 0.55, 0.3
_COMPLETING = 0.95


@dataclass(frozen=True, slots=True)
class _Row:
    path: str  # of the photo
    cells: tuple[str, ...]
    split: Split | None  # as the table's own name says


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """Tables of the same columns."""

    files: tuple[ListedFile, ...]
    columns: tuple[str, ...]
    file_column: int
    rows: tuple[_Row, ...]  # those that name a photo of this import
    num_rows: int  # all of them

    @property
    def title(self) -> str:
        names = sorted({file.name for file in self.files})
        return names[0] if len(names) == 1 else f"{len(names)} tables such as {names[0]}"


@dataclass(frozen=True, slots=True)
class _ClassColumn:
    name: str
    values: tuple[str, ...]  # of each row
    is_headed: bool  # whether its name says that it is a class
    is_other: bool  # whether its name says that it is something else


def read_tables(
    tables: Sequence[Table], located: Sequence[LocatedPhoto], folder_readings: Sequence[Reading]
) -> list[Reading]:
    """The readings by table, the likeliest first.

    Args:
        tables: what lies beside the photos.
        located: the photos.
        folder_readings: what the folders say: a table may complete it, and repeats it often.
    """
    index = _FileIndex([photo.file for photo in located])
    groups = _grouped(tables, index)
    by_folder = folder_readings[0] if folder_readings else None
    has_folder_classes = by_folder is not None and len(by_folder.class_names) > 1
    readings: list[Reading] = []
    for group in groups:
        columns = _class_columns(group)
        for position, column in enumerate(columns):
            reading = _reading(group, column, located)
            is_known = any(
                is_same_partition(reading.placements, other.placements) for other in [*folder_readings, *readings]
            )
            completed = _completed(by_folder, group, column, reading) if by_folder else None
            if completed is not None:
                readings.append(completed)
            elif not is_known and len(reading.class_names) > 1:
                plausibility = _plausibility(column, position, len(columns), has_folder_classes)
                share = _share_placed(reading, located)
                readings.append(replace(reading, plausibility=plausibility * share))
    return sorted(readings, key=lambda reading: -reading.plausibility)


def first_listing(tables: Iterable[Table], located: Sequence[LocatedPhoto]) -> Table | None:
    """The first table that lists the photos, whatever else is in it; a made-up form for answers does not count."""
    index = _FileIndex([photo.file for photo in located])
    return next((table for table in tables if not _is_form(table) and _file_column(table, index) is not None), None)


def _is_form(table: Table) -> bool:
    """Kaggle's form for answers: its classes are made up."""
    return "submission" in table.file.stem.casefold()


def _plausibility(column: _ClassColumn, position: int, num_columns: int, has_folder_classes: bool) -> float:
    if has_folder_classes:
        return _HEADED_BESIDE_FOLDERS if column.is_headed else _BESIDE_FOLDERS
    if position > 0:
        return _OTHER_COLUMN
    return _HEADED if column.is_headed or num_columns == 1 else _FIRST_OF_SEVERAL


def _share_placed(reading: Reading, located: Sequence[LocatedPhoto]) -> float:
    """Of the photos that are to be learned from, those that the table names."""
    learned = [photo for photo in located if photo.role not in (Role.TEST, Role.UNLABELLED)] or list(located)
    return sum(photo.path in reading.placements for photo in learned) / len(learned)


# --- which photo a cell means -----------------------------------------------------------------------------------


class _FileIndex:
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


# --- rows and columns -------------------------------------------------------------------------------------------


def _grouped(tables: Sequence[Table], index: _FileIndex) -> list[_Tables]:
    found: defaultdict[tuple[tuple[str, ...], int], list[Table]] = defaultdict(list)
    for table in tables:
        if _is_form(table):
            continue
        column = _file_column(table, index)
        if column is not None:
            found[tuple(map(_plain, table.columns)), column].append(table)
    groups = []
    for (_, column), alike in found.items():
        rows = [row for table in alike for row in _rows_of(table, column, index)]
        if len({row.path for row in rows}) > 1:
            groups.append(
                _Tables(
                    files=tuple(table.file for table in alike),
                    columns=alike[0].columns,
                    file_column=column,
                    rows=tuple(rows),
                    num_rows=sum(len(table.rows) for table in alike),
                )
            )
    return groups


def _file_column(table: Table, index: _FileIndex) -> int | None:
    """The column whose cells are files, by a sample of its rows."""
    step = max(1, len(table.rows) // _SAMPLED_ROWS)
    sample = table.rows[::step]
    num_found = [
        len({file.path for row in sample if (file := index.find(row[column], table.file.folders)) is not None})
        for column in range(len(table.columns))
    ]
    best = max(range(len(num_found)), key=lambda column: num_found[column])
    is_enough = num_found[best] >= max(2, math.ceil(_LEAST_SHARE_OF_ROWS * len({row[best] for row in sample})))
    return best if is_enough else None


def _rows_of(table: Table, file_column: int, index: _FileIndex) -> list[_Row]:
    role = role_of(table.file.stem)
    rows = []
    for cells in table.rows:
        file = index.find(cells[file_column], table.file.folders)
        if file is not None:
            rows.append(_Row(file.path, cells, role.as_split if role else None))
    return rows


def _class_columns(group: _Tables) -> list[_ClassColumn]:
    """The columns that may name the class, the likeliest first."""
    columns = [
        _ClassColumn(
            name=name,
            values=tuple(row.cells[column].strip() for row in group.rows),
            is_headed=_plain(name) in _CLASS_HEADERS,
            is_other=_plain(name) in _OTHER_HEADERS or _plain(name) in _SPLIT_HEADERS,
        )
        for column, name in enumerate(group.columns)
        if column != group.file_column
    ]
    one_hot = _one_hot_column(group)
    usable = [column for column in columns if not column.is_other and _may_be_classes(column.values)]
    if one_hot is not None:
        usable = [one_hot, *usable]

    def rank(column: _ClassColumn) -> tuple[bool, bool]:
        has_letters = any(char.isalpha() for value in column.values for char in value)
        return not column.is_headed, not has_letters

    return sorted(usable, key=rank)


def _may_be_classes(values: Sequence[str]) -> bool:
    filled = [value for value in values if value]
    counts = Counter(filled)
    return (
        len(filled) >= _LEAST_SHARE_FILLED * len(values)
        and bool(counts)
        and len(filled) >= _MEAN_PHOTOS_PER_CLASS * len(counts)
        and not all(re.fullmatch(r"-?\d*[.,]\d+(e-?\d+)?", value) for value in counts)
        and max(map(len, counts)) <= 100
    )


def _one_hot_column(group: _Tables) -> _ClassColumn | None:
    """A column a class with exactly one 1 in every row, as Roboflow and many Kaggle tables have it."""
    columns = [
        column
        for column in range(len(group.columns))
        if column != group.file_column and {row.cells[column].strip() for row in group.rows} <= {"0", "1", "0.0", "1.0"}
    ]
    hot = [[column for column in columns if float(row.cells[column]) == 1.0] for row in group.rows]
    if len(columns) < 2 or any(len(each) != 1 for each in hot):
        return None
    return _ClassColumn(
        name=f"the columns {', '.join(group.columns[column] for column in columns[:3])} …",
        values=tuple(group.columns[each[0]].strip() for each in hot),
        is_headed=True,
        is_other=False,
    )


def _split_column(group: _Tables) -> int | None:
    for column, name in enumerate(group.columns):
        values = {row.cells[column].strip() for row in group.rows if row.cells[column].strip()}
        if column != group.file_column and values and all(role_of(value) for value in values):
            is_told = _plain(name) in _SPLIT_HEADERS or len({role_of(value) for value in values}) > 1
            if is_told:
                return column
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


# --- readings -----------------------------------------------------------------------------------------------------


def _reading(group: _Tables, column: _ClassColumn, located: Sequence[LocatedPhoto]) -> Reading:
    split_column = _split_column(group)
    roles = {photo.path: photo.role for photo in located}
    classes: dict[str, str] = {}
    splits: dict[str, Split | None] = {}
    contradicted: set[str] = set()
    for row, value in zip(group.rows, column.values, strict=True):
        if not value:
            continue
        if classes.setdefault(row.path, value) != value:
            contradicted.add(row.path)
        told = role_of(row.cells[split_column]) if split_column is not None else None
        role = told or roles[row.path]
        splits[row.path] = role.as_split if role else row.split
    placements = {path: Placement(name, splits[path]) for path, name in classes.items() if path not in contradicted}
    missing = f"{group.title} {'does' if len(group.files) == 1 else 'do'} not say which class it is of."
    left_out = {photo.path: missing for photo in located if photo.path not in placements}
    left_out |= dict.fromkeys(contradicted, f"{group.title} gives it two classes.")
    num_absent = group.num_rows - len(group.rows)
    absent = f" {num_absent:,} of its {group.num_rows:,} rows name files that are not here." if num_absent else ""
    return Reading(
        key=f"table {group.files[0].path} {group.columns[group.file_column]} {column.name}",
        title=f"The table {group.title}: {column.name}",
        explanation=f"“{group.columns[group.file_column]}” names the file, “{column.name}” its class.{absent}",
        placements=placements,
        left_out=left_out,
        plausibility=0.0,
        used_beside=frozenset(file.path for file in group.files),
    )


def _completed(by_folder: Reading, group: _Tables, column: _ClassColumn, by_table: Reading) -> Reading | None:
    """The folders' classes, with those photos that lie in none of them from a table; None where that does not fit."""
    missing = [path for path in by_folder.left_out if path in by_table.placements]
    names = by_folder.class_names
    if len(names) < 2 or len(missing) < _LEAST_SHARE_COMPLETED * _num_completable(by_folder, missing):
        return None
    values = {by_table.placements[path].class_name for path in missing}
    known = {value: name for value in values if (name := _same_class(value, names)) is not None}
    if not missing or len(known) < _LEAST_SHARE_OF_KNOWN_NAMES * len(values):
        return None
    added = {}
    for path in missing:
        placement = by_table.placements[path]
        added[path] = Placement(known.get(placement.class_name, placement.class_name), placement.split)
    title = f"{by_folder.title}, and {group.title} for the others"
    return Reading(
        key=f"{by_folder.key} + {by_table.key}",
        title=title,
        explanation=f"{by_folder.explanation} {group.title} says which class the {len(added):,} photos without a class "
        "folder are of.",
        placements=by_folder.placements | added,
        left_out={path: reason for path, reason in by_folder.left_out.items() if path not in added},
        plausibility=_COMPLETING,
        used_beside=by_table.used_beside,
    )


def _num_completable(by_folder: Reading, missing: Sequence[str]) -> int:
    """Photos without a class in the folders that the table speaks of: it says nothing of others."""
    folders = {path.rpartition("/")[0] for path in missing}
    return sum(path.rpartition("/")[0] in folders for path in by_folder.left_out)


def _same_class(value: str, names: set[str]) -> str | None:
    """The folder that a table's class means: `14` is `00014`."""
    if value in names:
        return value
    by_fold: Mapping[str, str] = {name.casefold(): name for name in names}
    if value.casefold() in by_fold:
        return by_fold[value.casefold()]
    if value.isdecimal():
        numbered = [name for name in names if name.isdecimal() and int(name) == int(value)]
        return numbered[0] if len(numbered) == 1 else None
    return None
