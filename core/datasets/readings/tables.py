"""Tables that lie beside photos: csv, tsv, spreadsheets, JSON and JSON lines, text in columns, annotations as XML.

Whatever the format, a table is rows of text under the names of their columns.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import python_calamine

from core.datasets.readings.listing import ListedFile

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods", ".jsonl", ".ndjson", ".json", ".xml")
# A table of a million photos has some 50 MB; more is no table that a person made.
MAX_TABLE_BYTES = 50_000_000
MAX_TABLE_ROWS = 1_000_000
_SPREADSHEET_ENDINGS = (".xlsx", ".xls", ".ods")
_DELIMITERS = (",", ";", "\t", "|")
_SNIFFED_LINES = 50
_HEADER_WORD = re.compile(r"[^\W\d]")
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio puts it before the name of each upload


@dataclass(frozen=True, slots=True)
class Table:
    """A table beside photos."""

    file: ListedFile
    columns: tuple[str, ...]  # their names; "column 1", "column 2", … where the table has none
    rows: tuple[tuple[str, ...], ...]  # as many cells as there are columns


def read_table(file: ListedFile, content: bytes) -> Table | None:
    """The table that a file holds; None where it holds none."""
    if len(content) > MAX_TABLE_BYTES:
        return None
    if file.ending in _SPREADSHEET_ENDINGS:
        return _from_cells(file, _spreadsheet_rows(content))
    text = _decode(content)
    match file.ending:
        case ".json":
            return _from_records(file, _json_records(text))
        case ".jsonl" | ".ndjson":
            return _from_records(file, _json_line_records(text))
        case ".xml":
            return _from_records(file, _cvat_records(text))
        case _:
            return _from_cells(file, _text_rows(text))


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # Excel's "Unicode text"
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


# --- cells --------------------------------------------------------------------------------------------------------


def _spreadsheet_rows(content: bytes) -> list[list[str]]:
    """The first sheet that holds anything."""
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        for name in workbook.sheet_names:
            rows = [[_cell_text(cell) for cell in row] for row in workbook.get_sheet_by_name(name).to_python()]
            if any(cell for row in rows for cell in row):
                return rows
    except (python_calamine.CalamineError, OSError, ValueError):
        return []
    return []


def _cell_text(cell: object) -> str:
    # Spreadsheets keep every number as a decimal one.
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _text_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        return []
    delimiter = _delimiter_of(lines[:_SNIFFED_LINES])
    if delimiter is None:
        return [line.split() for line in lines]
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return []


def _delimiter_of(lines: Sequence[str]) -> str | None:
    """What stands between cells: the sign that every line has, and most often; None for plain spaces."""
    counts = {delimiter: min(line.count(delimiter) for line in lines) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None


def _from_cells(file: ListedFile, rows: list[list[str]]) -> Table | None:
    width = max((len(row) for row in rows), default=0)
    if width < 2 or not rows:
        return None
    rows = [row + [""] * (width - len(row)) for row in rows[:MAX_TABLE_ROWS]]
    names = [f"column {number}" for number in range(1, width + 1)]
    if _is_header(rows):
        names = [cell or name for cell, name in zip(rows[0], names, strict=True)]
        rows = rows[1:]
    return Table(file, tuple(names), tuple(map(tuple, rows))) if rows else None


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: words, none of which a file's ending or the rows below have."""
    first, rest = rows[0], rows[1:]
    if not rest or not all(_HEADER_WORD.search(cell) or not cell for cell in first):
        return False
    if any(re.search(r"\.(jpe?g|png|ppm|tiff?|bmp|gif|webp)$", cell, re.IGNORECASE) for cell in first):
        return False
    below = [{row[column] for row in rest} for column in range(len(first))]
    return not any(cell and cell in cells for cell, cells in zip(first, below, strict=True))


# --- records ------------------------------------------------------------------------------------------------------


def _from_records(file: ListedFile, records: Sequence[Mapping[str, str]]) -> Table | None:
    columns = tuple(dict.fromkeys(name for record in records for name in record))
    if len(columns) < 2:
        return None
    return Table(file, columns, tuple(tuple(record.get(name, "") for name in columns) for record in records))


def _json_line_records(text: str) -> list[dict[str, str]]:
    records = []
    for line in text.splitlines():
        if line.strip():
            value = _parse_json(line)
            if not isinstance(value, dict):
                return []
            records.append(_flat(value))
    return records[:MAX_TABLE_ROWS]


def _json_records(text: str) -> list[dict[str, str]]:
    value = _parse_json(text)
    if isinstance(value, dict) and isinstance(value.get("images"), list) and isinstance(value.get("annotations"), list):
        return _coco_records(value)
    if isinstance(value, dict):
        inner = next((each for each in value.values() if _is_list_of_records(each)), None)
        if inner is not None:
            value = inner
        elif value and all(isinstance(each, str | int) for each in value.values()):
            return [{"file": str(name), "class": str(each)} for name, each in value.items()]
        elif value and all(_is_list_of_texts(each) for each in value.values()):
            return [{"file": file, "class": str(name)} for name, files in value.items() for file in files]
    if not _is_list_of_records(value):
        return []
    return [_label_studio_record(record) or _flat(record) for record in value[:MAX_TABLE_ROWS]]


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_list_of_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _flat(record: Mapping[str, Any]) -> dict[str, str]:
    """The plain values of a record; what is nested is left out."""
    return {
        str(name): str(value)
        for name, value in record.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def _coco_records(value: Mapping[str, Any]) -> list[dict[str, str]]:
    """Whole photos out of COCO's annotations: those whose annotations all are of one category.

    Source: https://cocodataset.org/#format-data
    """
    names = {each.get("id"): str(each.get("name")) for each in _records(value.get("categories"))}
    found: dict[Any, set[str]] = {}
    for annotation in _records(value["annotations"]):
        name = names.get(annotation.get("category_id"))
        if name is not None:
            found.setdefault(annotation.get("image_id"), set()).add(name)
    return [
        {"file_name": str(image.get("file_name")), "category": next(iter(found[image.get("id")]))}
        for image in _records(value["images"])
        if len(found.get(image.get("id"), ())) == 1
    ]


def _records(value: object) -> Iterable[Mapping[str, Any]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _label_studio_record(record: Mapping[str, Any]) -> dict[str, str] | None:
    """The file and the choice of a task of Label Studio; None for another record, or one with several choices.

    Source: https://labelstud.io/guide/export
    """
    data, annotations = record.get("data"), record.get("annotations") or record.get("completions")
    if not isinstance(data, dict) or not isinstance(annotations, list):
        return None
    choices = {
        str(choice)
        for annotation in _records(annotations)
        for result in _records(annotation.get("result"))
        if isinstance(result.get("value"), dict)
        for choice in result["value"].get("choices") or ()
    }
    image = next((value for value in data.values() if isinstance(value, str)), "")
    if len(choices) != 1:
        return {"image": image}
    return {"image": image, "choice": choices.pop()}


def without_upload_prefix(name: str) -> str:
    """A file's name in Label Studio as it was before the upload."""
    return _UPLOAD_PREFIX.sub("", name)


def _cvat_records(text: str) -> list[dict[str, str]]:
    """File and tag of each image of CVAT's XML; those with several tags are left out.

    Source: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return []  # no program that writes annotations needs them; they can grow without bound
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return []
    records = []
    for image in root.iter("image"):
        tags = {tag.get("label", "") for tag in image.iter("tag")}
        if len(tags) == 1 and image.get("name"):
            records.append({"name": image.get("name", ""), "label": tags.pop()})
    return records[:MAX_TABLE_ROWS]
