"""Columns of tables that lie beside photos: which one names the file, which the class, which the split."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.readings.file_index import FileIndex
from core.datasets.readings.listing import ListedFile
from core.datasets.readings.split_names import role_of
from core.datasets.readings.tables import Table
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


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row that names a photo."""

    path: str  # of the photo
    cells: tuple[str, ...]
    split: Split | None  # as the table's own name says


@dataclass(frozen=True, slots=True, kw_only=True)
class TableGroup:
    """Tables of the same columns."""

    files: tuple[ListedFile, ...]
    columns: tuple[str, ...]
    file_column: int
    rows: tuple[TableRow, ...]  # those that name a photo of this import
    num_rows: int  # all of them

    @property
    def title(self) -> str:
        """What people call them."""
        names = sorted({file.name for file in self.files})
        return names[0] if len(names) == 1 else f"{len(names)} tables such as {names[0]}"


@dataclass(frozen=True, slots=True)
class ClassColumn:
    """A column that may name the class."""

    name: str
    values: tuple[str, ...]  # of each row
    is_headed: bool  # whether its name says that it is a class
    is_other: bool  # whether its name says that it is something else


def is_answer_form(table: Table) -> bool:
    """Kaggle's form for answers: its classes are made up."""
    return "submission" in table.file.stem.casefold()


def grouped(tables: Sequence[Table], index: FileIndex) -> list[TableGroup]:
    """The tables that name photos, those of the same columns together."""
    found: defaultdict[tuple[tuple[str, ...], int], list[Table]] = defaultdict(list)
    for table in tables:
        if is_answer_form(table):
            continue
        column = find_file_column(table, index)
        if column is not None:
            found[tuple(map(_plain, table.columns)), column].append(table)
    groups = []
    for (_, column), alike in found.items():
        rows = [row for table in alike for row in _rows_of(table, column, index)]
        if len({row.path for row in rows}) > 1:
            groups.append(
                TableGroup(
                    files=tuple(table.file for table in alike),
                    columns=alike[0].columns,
                    file_column=column,
                    rows=tuple(rows),
                    num_rows=sum(len(table.rows) for table in alike),
                )
            )
    return groups


def find_file_column(table: Table, index: FileIndex) -> int | None:
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


def _rows_of(table: Table, file_column: int, index: FileIndex) -> list[TableRow]:
    role = role_of(table.file.stem)
    rows = []
    for cells in table.rows:
        file = index.find(cells[file_column], table.file.folders)
        if file is not None:
            rows.append(TableRow(file.path, cells, role.as_split if role else None))
    return rows


def class_columns(group: TableGroup) -> list[ClassColumn]:
    """The columns that may name the class, the likeliest first."""
    columns = [
        ClassColumn(
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

    def rank(column: ClassColumn) -> tuple[bool, bool]:
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


def _one_hot_column(group: TableGroup) -> ClassColumn | None:
    """A column a class with exactly one 1 in every row, as Roboflow and many Kaggle tables have it."""
    columns = [
        column
        for column in range(len(group.columns))
        if column != group.file_column and {row.cells[column].strip() for row in group.rows} <= {"0", "1", "0.0", "1.0"}
    ]
    hot = [[column for column in columns if float(row.cells[column]) == 1.0] for row in group.rows]
    if len(columns) < 2 or any(len(each) != 1 for each in hot):
        return None
    return ClassColumn(
        name=f"the columns {', '.join(group.columns[column] for column in columns[:3])} …",
        values=tuple(group.columns[each[0]].strip() for each in hot),
        is_headed=True,
        is_other=False,
    )


def find_split_column(group: TableGroup) -> int | None:
    """The column that says which split each photo is for."""
    for column, name in enumerate(group.columns):
        values = {row.cells[column].strip() for row in group.rows if row.cells[column].strip()}
        if column != group.file_column and values and all(role_of(value) for value in values):
            is_told = _plain(name) in _SPLIT_HEADERS or len({role_of(value) for value in values}) > 1
            if is_told:
                return column
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
