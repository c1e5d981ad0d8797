"""The exports of a run as they lie in its folder: a zip of each format that was made, and what is known of it.

exports/<format>.zip    what people take away
exports/<format>.json   `ExportRecord`; also of an export that was refused, which has no zip
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.actions.files import read_actions
from core.actions.records import Actions
from core.errors import RunFileError
from core.export.certificate import Proven, artefact_sha256
from core.export.formats import MAX_DIRECT_DIFFERENCE, ExportFormat, Runtime
from core.inference.judging import read_rule
from core.inference.trained_model import read_model_record
from core.records import Record
from core.runs.folder import RunFolder
from core.storage.files import translating_disk_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRecord(Record):
    """One export that was made and proven."""

    json_error = RunFileError
    json_remedy = "make the export again"

    proven: Proven
    answers_by: dict[str, Any]  # `answering` when it was made: an export of a model that answers otherwise is outdated
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


def answering(folder: RunFolder, runtime: Runtime) -> dict[str, Any]:
    """What a run's model answers by, as JSON: its description, limits, and the photos that distances are measured to.

    Of a page also what it does when it sees a class, if anything.

    Raises:
        RunFileError: the description is damaged.
        ActionError: what a page does when it sees a class is.
        StorageError: a file cannot be read.
    """
    rule = read_rule(folder)
    actions = read_actions(folder) if runtime is Runtime.BROWSER else Actions()
    return {
        "model": read_model_record(folder).to_json(),
        "decision": rule.decision.to_json(),
        "reference": None if rule.reference_stamp is None else rule.reference_stamp[1],
        **({} if actions.is_empty else {"actions": actions.to_json()}),
    }


def read_export(folder: RunFolder, row: ExportFormat) -> ExportRecord | None:
    """What is known of the export of a format; None where it was not made, or of a model that answers otherwise.

    Raises:
        RunFileError: the record is damaged.
        StorageError: a file cannot be read.
    """
    path = record_path(folder, row)
    if not path.is_file():
        return None
    record = folder.read_record(path, ExportRecord)
    return record if record.answers_by == answering(folder, row.runtime) else None


def remove_export(folder: RunFolder, row: ExportFormat) -> None:
    """Take away the zip of a format and what is known of it; what is not there is no failure.

    Raises:
        StorageError: a file cannot be deleted.
    """
    folder.forget(record_path(folder, row), zip_path(folder, row))


def why_not_handed_out(folder: RunFolder, row: ExportFormat) -> str | None:
    """For people: why nobody gets the zip of a format; None: it is whole, proven, and of the model as it answers now.

    Raises:
        StorageError: a file cannot be read.
    """
    try:
        record = read_export(folder, row)
    except RunFileError as exc:
        return str(exc)
    if record is None:
        return f"The export for {row.title} is not there, or the model answers otherwise by now. Make it again."
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
