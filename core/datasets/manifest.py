"""The table inside an exported dataset: what every photo in the zip is, in full, whatever its file could be called.

Before the photos come the classes in their order, each in a row that has nothing but its name.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.datasets.incoming_paths import normalise_path, path_refusal, shown_path
from core.datasets.records import Review, Split, SplitOrigin
from core.errors import DatasetError

COLUMNS = ("path", "class", "split", "split_origin", "name", "sha256", "capture", "source_url", "review")

# A cell that begins with one of these may be run as a formula by a spreadsheet, the wide forms of East Asia too.
# Source: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_GUARD = "'"  # in front of such a cell, and of one that begins with it already, so that reading is exact


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One photo of an export."""

    path: str  # in the zip, below the folder of the manifest
    class_name: str
    split: Split | None
    split_origin: SplitOrigin | None
    name: str  # the original file's name
    photo_hash: str  # SHA-256 of the file
    capture: str | None  # label
    source_url: str | None
    review: Review | None = None  # what a person who looked again has said of its class


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The whole table."""

    class_names: tuple[str, ...]  # in the order of the dataset, empty classes too; () in tables without such rows
    rows: dict[str, ManifestRow]  # by path


def write_manifest(rows: Iterable[ManifestRow], class_names: Iterable[str] = ()) -> bytes:
    """The table as a CSV file in UTF-8, which spreadsheets open without running anything in it."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for class_name in class_names:
        writer.writerow([guard_cell(class_name) if column == "class" else "" for column in COLUMNS])
    for row in rows:
        cells = (
            row.path,
            row.class_name,
            row.split or "",
            row.split_origin or "",
            row.name,
            row.photo_hash,
            row.capture or "",
            row.source_url or "",
            row.review or "",
        )
        writer.writerow([guard_cell(cell) for cell in cells])
    # The mark in front tells Excel that it is UTF-8.
    return target.getvalue().encode("utf-8-sig")


def read_manifest(text: str) -> Manifest:
    """The table as `write_manifest` wrote it or a spreadsheet saved it.

    Only the columns `path` and `class` must be there; of a photo without a name the path's last part is taken.

    Raises:
        DatasetError: the text is no such table, or a row has a value that cannot be; the message says which.
    """
    text = text.removeprefix("\ufeff")
    first_line = text.partition("\n")[0]
    # Excel writes semicolons where the comma parts decimals.
    delimiter = ";" if ";" in first_line and "," not in first_line else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    class_names: list[str] = []
    rows: dict[str, ManifestRow] = {}
    try:
        missing = {"path", "class"} - set(reader.fieldnames or ())
        if missing:
            raise DatasetError(
                f"The manifest has no column {' and no column '.join(sorted(missing))}. "
                f"Its first line must be: {','.join(COLUMNS)}."
            )
        for values in reader:
            cells = {column: _unguard(values.get(column) or "") for column in COLUMNS}
            if cells["class"] and not any(cell for column, cell in cells.items() if column != "class"):
                class_names.append(cells["class"])
                continue
            row = _parse_row(cells, reader.line_num)
            if row.path in rows:
                raise DatasetError(f"Line {reader.line_num} of the manifest names {shown_path(row.path)!r} again.")
            rows[row.path] = row
    except csv.Error as exc:
        raise DatasetError(f"Line {reader.line_num} of the manifest cannot be read: {exc}.") from exc
    return Manifest(class_names=tuple(class_names), rows=rows)


def _parse_row(cells: Mapping[str, str], line: int) -> ManifestRow:
    path = unicodedata.normalize("NFC", normalise_path(cells["path"]))
    reason = path_refusal(path)
    if reason is not None:
        raise DatasetError(f"Line {line} of the manifest has the path {shown_path(cells['path'])!r}. {reason}")
    if not cells["class"]:
        raise DatasetError(f"Line {line} of the manifest has no class for {shown_path(path)!r}.")
    split = _parse_split(cells["split"], line)
    return ManifestRow(
        path=path,
        class_name=cells["class"],
        split=split,
        split_origin=None if split is None else _parse_origin(cells["split_origin"], line),
        name=cells["name"] or path.rpartition("/")[2],
        photo_hash=cells["sha256"],
        capture=cells["capture"] or None,
        source_url=cells["source_url"] or None,
        review=_parse_review(cells["review"], line),
    )


def _parse_split(text: str, line: int) -> Split | None:
    try:
        return Split(text) if text else None
    except ValueError as exc:
        expected = ", ".join(Split)
        raise DatasetError(f"Line {line} of the manifest has the split {text!r}; {expected} was expected.") from exc


def _parse_origin(text: str, line: int) -> SplitOrigin:
    try:
        return SplitOrigin(text or SplitOrigin.IMPORTED)
    except ValueError as exc:
        expected = ", ".join(SplitOrigin)
        raise DatasetError(f"Line {line} of the manifest has the origin {text!r}; {expected} was expected.") from exc


def _parse_review(text: str, line: int) -> Review | None:
    try:
        return Review(text) if text else None
    except ValueError as exc:
        expected = ", ".join(Review)
        raise DatasetError(f"Line {line} of the manifest has the review {text!r}; {expected} was expected.") from exc


def guard_cell(cell: str) -> str:
    """A cell that spreadsheets show as it is and never run as a formula."""
    # Some spreadsheets drop spaces in front before they look.
    return _GUARD + cell if cell.lstrip(" ").startswith((*_FORMULA_STARTS, _GUARD)) else cell


def _unguard(cell: str) -> str:
    return cell.removeprefix(_GUARD)
