"""A table beside the photos says which class each of them is of: `labels.csv`, `metadata.csv`, `val_annotations.txt`, …

Which column names the file and which the class is found out by what is in them: the file's column is the one whose
cells are files of this import, the class's one in which values come back. Tables of the same columns count as one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.datasets.readings.file_index import FileIndex
from core.datasets.readings.reading import Placement, Reading, is_same_partition
from core.datasets.readings.split_names import Role, role_of
from core.datasets.readings.table_columns import (
    ClassColumn,
    TableGroup,
    class_columns,
    find_file_column,
    find_split_column,
    grouped,
    is_answer_form,
)
from core.datasets.readings.tables import Table
from core.datasets.readings.tree import LocatedPhoto
from core.datasets.records import Split

_LEAST_SHARE_COMPLETED = 0.5  # of the photos without a class folder that a table must name to complete the folders
_LEAST_SHARE_OF_KNOWN_NAMES = 0.8  # of its classes that must be folders, too

_HEADED, _FIRST_OF_SEVERAL, _OTHER_COLUMN = 0.85, 0.7, 0.35
_HEADED_BESIDE_FOLDERS, _BESIDE_FOLDERS = 0.55, 0.3
_COMPLETING = 0.95


def read_tables(
    tables: Sequence[Table], located: Sequence[LocatedPhoto], folder_readings: Sequence[Reading]
) -> list[Reading]:
    """The readings by table, the likeliest first.

    Args:
        tables: what lies beside the photos.
        located: the photos.
        folder_readings: what the folders say: a table may complete it, and repeats it often.
    """
    index = FileIndex([photo.file for photo in located])
    groups = grouped(tables, index)
    by_folder = folder_readings[0] if folder_readings else None
    has_folder_classes = by_folder is not None and len(by_folder.class_names) > 1
    readings: list[Reading] = []
    for group in groups:
        columns = class_columns(group)
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
    index = FileIndex([photo.file for photo in located])
    return next(
        (table for table in tables if not is_answer_form(table) and find_file_column(table, index) is not None), None
    )


def _plausibility(column: ClassColumn, position: int, num_columns: int, has_folder_classes: bool) -> float:
    if has_folder_classes:
        return _HEADED_BESIDE_FOLDERS if column.is_headed else _BESIDE_FOLDERS
    if position > 0:
        return _OTHER_COLUMN
    return _HEADED if column.is_headed or num_columns == 1 else _FIRST_OF_SEVERAL


def _share_placed(reading: Reading, located: Sequence[LocatedPhoto]) -> float:
    """Of the photos that are to be learned from, those that the table names."""
    learned = [photo for photo in located if photo.role not in (Role.TEST, Role.UNLABELLED)] or list(located)
    return sum(photo.path in reading.placements for photo in learned) / len(learned)


def _reading(group: TableGroup, column: ClassColumn, located: Sequence[LocatedPhoto]) -> Reading:
    split_column = find_split_column(group)
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


def _completed(by_folder: Reading, group: TableGroup, column: ClassColumn, by_table: Reading) -> Reading | None:
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
