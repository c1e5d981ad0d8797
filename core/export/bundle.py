"""All that belongs to a model as one zip: the files, what says when it does not know, and how to use them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from core.datasets.exporting import safe_file_name
from core.errors import RunFileError
from core.export.model_readme import DECISION_NAME, README_NAME, REFERENCE_NAME, TakenFiles, describe_files
from core.export.run_files import RUN_FILES
from core.inference.judging import Judge, read_rule
from core.inference.trained_model import read_model_record
from core.runs.folder import RunFolder


def labels_name(title: str) -> str:
    """Name of the file with the classes of a model, for whoever takes it away.

    Args:
        title: the run's name.
    """
    return f"{safe_file_name(title)} labels.txt"


def write_bundle(target: IO[bytes], title: str, folder: RunFolder) -> None:
    """Write a zip of a run's model, of what says when it does not know, and of a text on how to use them.

    What is damaged is left out, and the text says so.

    Args:
        target: a file that can be sought in.
        title: the run's name.
        folder: of the run.

    Raises:
        OSError: a file cannot be read, or the zip not be written.
        StorageError: a file cannot be read.
    """
    name = safe_file_name(title)
    rule = read_rule(folder)
    wanted = [(folder.file(row.file_name), f"{name}{row.suffix}") for row in RUN_FILES]
    wanted.append((folder.labels_path, labels_name(title)))
    if rule.problem is None:
        wanted.append((folder.decision_path, DECISION_NAME))
        if Judge.of(folder, rule).rule.problem is None:
            wanted.append((folder.reference_path, REFERENCE_NAME))
    there = {path: file_name for path, file_name in wanted if path.is_file()}
    files = TakenFiles(
        keras=there.get(folder.keras_path),
        litert=there.get(folder.litert_path),
        labels=labels_name(title),
        has_decision=folder.decision_path in there,
        has_reference=folder.reference_path in there,
    )
    try:
        readme = describe_files(title, read_model_record(folder), rule, files)
    except RunFileError as exc:
        readme = f"{exc}\n"
    _write_zip(target, there, {README_NAME: readme})


def _write_zip(target: IO[bytes], files: Mapping[Path, str], texts: Mapping[str, str]) -> None:
    """A zip of files, each under a name of its own, and of texts by name."""
    with zipfile.ZipFile(target, "w") as archive:  # weights are noise to a compressor
        for path, name in files.items():
            archive.write(path, name)
        for name, text in texts.items():
            archive.writestr(name, text)
