"""The exports of a run as they lie in its folder: a zip of each format that was made, and what is known of it.

exports/<format>.zip    what people take away
exports/<format>.json   `ExportRecord`; also of an export that was refused, which has no zip

A record says all that went into its export and may be changed (`Key`). Where any of it is otherwise by now, the export
is outdated: nobody gets it, and it is told what has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core.actions.files import read_actions
from core.actions.records import Actions
from core.errors import RunFileError
from core.export.certificate import Proven, artefact_sha256
from core.export.formats import MAX_DIRECT_DIFFERENCE, ExportFormat, Runtime
from core.export.page_wishes import PageWishes, read_page_wishes
from core.inference.judging import read_rule
from core.inference.trained_model import read_model_record
from core.records import Record
from core.runs.folder import RunFolder
from core.storage.files import translating_disk_errors

Key = dict[str, Any]  # JSON by what `_IN_WORDS` lists

_IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "model": "the model",
        "decision": "when it says “I don't know”",
        "reference": "the photos that new ones are compared with",
        "title": "the model's name",
        "actions": "what happens at its classes",
        "maker_line": "the line below the title",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord(Record):
    """One export that was made and proven."""

    json_error = RunFileError
    json_remedy = "make the export again"

    proven: Proven
    made_from: Key  # `export_key` when it was made: an export is outdated where it is another by now
    artefact_bytes: int
    zip_bytes: int  # 0 where it was refused
    zip_sha256: str  # empty where it was refused
    seconds: float  # that making and proving it took
    is_made_at_once: bool = False  # while somebody waited, and proven on few photos by a stricter measure

    def promise_of(self, row: ExportFormat) -> ExportFormat:
        """The row of its format with what it was held to: numbers that were not converted differ by rounding alone."""
        return replace(row, max_difference=MAX_DIRECT_DIFFERENCE) if self.is_made_at_once else row

    def refusal(self, row: ExportFormat) -> str | None:
        """For people: why nobody gets it; None: it does what was promised."""
        return self.proven.refusal(self.promise_of(row))


def zip_path(folder: RunFolder, row: ExportFormat) -> Path:
    """Where the zip of a format is, whether it was made or not."""
    return folder.file(f"exports/{row.name}.zip")


def record_path(folder: RunFolder, row: ExportFormat) -> Path:
    """Where the record of a format is, whether it was made or not."""
    return folder.file(f"exports/{row.name}.json")


def export_key(folder: RunFolder, runtime: Runtime, title: str) -> Key:
    """All that goes into an export of a run's model and may be changed after it was made, as JSON.

    That is its description, limits, the photos that distances are measured to, and its name; of a page also what
    happens at its classes and the line below its title, where there are any.

    Args:
        folder: of the run.
        runtime: of the format.
        title: the run's name.

    Raises:
        RunFileError: the description is damaged, or what is wanted on the page is.
        ActionError: what happens at the classes is.
        StorageError: a file cannot be read.
    """
    rule = read_rule(folder)
    is_page = runtime is Runtime.BROWSER
    actions = read_actions(folder) if is_page else Actions()
    maker_line = (read_page_wishes(folder) if is_page else PageWishes()).maker_line
    return {
        "model": read_model_record(folder).to_json(),
        "decision": rule.decision.to_json(),
        "reference": None if rule.reference_stamp is None else rule.reference_stamp[1],
        "title": title,
        **({} if actions.is_empty else {"actions": actions.to_json()}),
        **({"maker_line": maker_line} if maker_line else {}),
    }


def read_export(folder: RunFolder, row: ExportFormat, title: str) -> ExportRecord | None:
    """What is known of the export of a format; None where it was not made, or is outdated.

    Args:
        folder: of the run.
        row: the format.
        title: the run's name.

    Raises:
        RunFileError: the record is damaged.
        StorageError: a file cannot be read.
    """
    record = _read_record(folder, row)
    return record if record is not None and record.made_from == export_key(folder, row.runtime, title) else None


def what_has_changed(folder: RunFolder, row: ExportFormat, title: str) -> tuple[str, ...]:
    """For people: what is otherwise than when the export of a format was made; empty where it was not, or is as new.

    Args and errors as of `read_export`.
    """
    record = _read_record(folder, row)
    if record is None:
        return ()
    then, now = record.made_from, export_key(folder, row.runtime, title)
    return tuple(words for name, words in _IN_WORDS.items() if then.get(name) != now.get(name))


def _read_record(folder: RunFolder, row: ExportFormat) -> ExportRecord | None:
    path = record_path(folder, row)
    return folder.read_record(path, ExportRecord) if path.is_file() else None


def remove_export(folder: RunFolder, row: ExportFormat) -> None:
    """Take away the zip of a format and what is known of it; what is not there is no failure.

    Raises:
        StorageError: a file cannot be deleted.
    """
    folder.forget(record_path(folder, row), zip_path(folder, row))


def why_not_handed_out(folder: RunFolder, row: ExportFormat, title: str) -> str | None:
    """For people: why nobody gets the zip of a format; None: it is whole, proven, and as it would be made now.

    Args:
        folder: of the run.
        row: the format.
        title: the run's name.

    Raises:
        StorageError: a file cannot be read.
    """
    try:
        record = read_export(folder, row, title)
        changed = what_has_changed(folder, row, title)
    except RunFileError as exc:
        return str(exc)
    if record is None:
        fault = f"is out of date: {' and '.join(changed)} changed since it was made" if changed else "is not there"
        return f"The export for {row.title} {fault}. Make it again."
    refusal = record.refusal(row)
    if refusal is not None:
        return refusal
    path = zip_path(folder, row)
    with translating_disk_errors(path):
        is_whole = path.is_file() and path.stat().st_size == record.zip_bytes
        is_whole = is_whole and artefact_sha256(path) == record.zip_sha256
    if is_whole:
        return None
    return f"The export for {row.title} was changed or cut off after it was proven. Make it again."
