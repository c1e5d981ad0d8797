"""What packaging found out when it compared each file with the model: `package.json` in the run's folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import RunFileError
from core.export.run_files import RUN_FILES, RunFile
from core.runs.folder import RunFolder

# As versions before the table of formats kept them: the format to the names of difference and size.
_EARLIER_NAMES = {"keras": ("reload_difference", "keras_bytes"), "litert": ("litert_difference", "litert_bytes")}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinding:
    """One file beside the model that it was made of."""

    difference: float  # largest, of probabilities, 0-1
    same_top1: bool  # whether the likeliest class was the same for every photo
    num_compared: int  # photos
    num_bytes: int

    def is_close(self, row: RunFile) -> bool:
        """Whether the file answers as its format promises; a difference that is no number does not."""
        return self.difference <= row.max_difference and self.same_top1


Findings = Mapping[str, FileFinding]  # by the name of the format


def write_findings(folder: RunFolder, findings: Findings, *, seconds: float) -> None:
    """Keep what was found.

    Args:
        folder: of the run.
        findings: of each file that was made.
        seconds: that packaging took.

    Raises:
        NoSpaceError: the disk is full.
        StorageError: the file cannot be written.
    """
    files = {name: asdict(found) for name, found in findings.items()}
    folder.write_json(folder.package_path, {"files": files, "seconds": seconds})


def read_findings(folder: RunFolder) -> Findings:
    """What was found; nothing where the files were never made.

    Raises:
        RunFileError: the file is damaged.
        StorageError: the file cannot be read.
    """
    if not folder.package_path.is_file():
        return {}
    values = folder.read_json(folder.package_path)
    try:
        files = values["files"] if "files" in values else _of_earlier_version(values)
        return {name: FileFinding(**found) for name, found in files.items()}
    except (TypeError, KeyError, AttributeError) as exc:
        raise RunFileError(f"The file {folder.package_path} is damaged. Make the files again.") from exc


def _of_earlier_version(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "difference": values[difference],
            "same_top1": name == "keras" or values["same_top1"],
            "num_compared": values["num_compared"],
            "num_bytes": values.get(num_bytes, 0),
        }
        for name, (difference, num_bytes) in _EARLIER_NAMES.items()
    }


def describe_findings(findings: Findings) -> str:
    """What the comparisons found out, a sentence for each file."""
    told = [_describe(row, findings[row.name]) for row in RUN_FILES if row.name in findings]
    return " ".join(told) or "The files were made."


def _describe(row: RunFile, found: FileFinding) -> str:
    return row.finding.format(
        difference="no difference" if found.difference == 0 and row.max_difference == 0 else _points(found.difference),
        answers="the same best answer" if found.same_top1 else "not always the same best answer",
        photos=f"{found.num_compared:,}",
    )


def _points(difference: float) -> str:
    """A difference of probabilities, 0-1, in percentage points."""
    return f"{100 * difference:.2g} points"


def warnings_of(findings: Findings) -> list[str]:
    """For people: which files answer otherwise than the model."""
    return [
        f"The version for {row.title} differs from the one for Keras by up to {found.difference:.1e} in a probability"
        f"{'' if found.same_top1 else ', and names another class for some photos'}. Prefer the one for Keras where "
        "exact answers matter."
        for row in RUN_FILES
        if (found := findings.get(row.name)) is not None and not found.is_close(row)
    ]
