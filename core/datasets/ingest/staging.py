"""Files on the disk that wait for their import: numbered, with an index that says what they are.

A folder below the setting's `incoming` holds one arrival. Its files are called 000000, 000001, ...: whatever names a
client sends, none becomes part of a path. The index is written last, so a folder without one is unfinished; it also
counts the files of systems and programs, which are not kept.
"""

import contextlib
import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.datasets.incoming_paths import normalise_path, path_refusal, service_name, shown_path
from core.datasets.sources.source_files import SourceFile
from core.errors import SourceError
from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors

_INDEX_NAME = "index.json"
_GONE = "The uploaded photos are not on the server any more. Add them again."
_CHANGED = "Its copy on the server's disk is damaged. Add it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A file of a staging folder, or the reason why there is none."""

    path: str  # as the client called it, normalised: a label, no path of this machine
    folder: Path
    number: int | None  # its name in the folder; not a path each, as there are 20,000 of them
    num_bytes: int
    reason: str | None
    url: str | None

    @property
    def location(self) -> Path | None:
        """Where the file is; None for one that was refused."""
        return None if self.number is None else numbered_path(self.folder, self.number)

    def read(self, max_bytes: int) -> SourceFile:
        """The file with its bytes, if they are not more than `max_bytes`.

        Raises:
            StorageError: the disk failed.
        """
        location = self.location
        if location is None or self.num_bytes > max_bytes:
            return SourceFile(path=self.path, reason=self.reason or too_large_reason(max_bytes), url=self.url)
        with translating_disk_errors(location):
            try:
                data = location.read_bytes()
            except FileNotFoundError:
                return SourceFile(path=self.path, reason=_CHANGED, url=self.url)
        # After a power cut a file may be shorter than what was written.
        if len(data) != self.num_bytes:
            return SourceFile(path=self.path, reason=_CHANGED, url=self.url)
        return SourceFile(path=self.path, data=data, url=self.url)


def numbered_path(folder: Path, number: int) -> Path:
    """Where the file of a number is in its folder."""
    return folder / f"{number:06d}"


def stage(files: Iterable[SourceFile], folder: Path, *, max_files: int) -> None:
    """Write files to a new folder, which appears whole or not at all.

    Nothing waits for the disk, as 20,000 files could not afford it; `StagedFile.read` notices what a power cut damaged.

    Args:
        files: held in memory one at a time. Hidden files and those of operating systems are left out.
        folder: must not exist yet.
        max_files: most files that are accepted.

    Raises:
        SourceError: there are more files.
        NoSpaceError: the disk is full; nothing was kept.
        StorageError: the folder cannot be written.
    """
    draft = folder.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{folder.name}")
    try:
        with translating_disk_errors(folder.parent):
            draft.mkdir(parents=True)
        rows = []
        service_files: Counter[str] = Counter()
        for row in _write_files(files, draft, service_files):
            rows.append(row)
            if len(rows) > max_files:
                raise SourceError(
                    f"More than {max_files:,} files came at once, which is the most that one import may bring. "
                    "Divide them, or ask the administrator to raise BLUETIT_MAX_IMPORT_PHOTOS."
                )
        with translating_disk_errors(draft):
            (draft / _INDEX_NAME).write_text(
                json.dumps({"files": rows, "service_files": service_files}), encoding="utf-8"
            )
            draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_files(files: Iterable[SourceFile], folder: Path, service_files: Counter[str]) -> Iterator[list[object]]:
    """Write each file and give its row of the index; those of systems and programs are counted only."""
    number = 0
    for file in files:
        path = normalise_path(file.path)
        reason = path_refusal(path) or file.reason
        service = service_name(path) if path_refusal(path) is None else None
        if service is not None:
            service_files[service] += 1
            continue
        if reason is None and file.data is not None:
            location = numbered_path(folder, number)
            with translating_disk_errors(location):
                location.write_bytes(file.data)
        yield [shown_path(path) if reason else path, len(file.data or b""), reason, file.url]
        number += 1


def is_staged(folder: Path) -> bool:
    """Whether a folder is there and finished."""
    return (folder / _INDEX_NAME).is_file()


def staged_files(folder: Path) -> list[StagedFile]:
    """The files of a staging folder, in the order in which they came.

    Raises:
        SourceError: the folder is not there any more.
        StorageError: the disk failed.
    """
    return [
        StagedFile(
            path=path,
            folder=folder,
            number=None if reason else number,
            num_bytes=num_bytes,
            reason=reason,
            url=url,
        )
        for number, (path, num_bytes, reason, url) in enumerate(_read_index(folder)["files"])
    ]


def staged_service_files(folder: Path) -> dict[str, int]:
    """How many files of systems and programs were not kept, by their `service_name`.

    Raises:
        SourceError: the folder is not there any more.
        StorageError: the disk failed.
    """
    return dict(_read_index(folder)["service_files"])


def _read_index(folder: Path) -> dict[str, Any]:
    with translating_disk_errors(folder):
        try:
            index = json.loads((folder / _INDEX_NAME).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError) as exc:
            raise SourceError(_GONE) from exc
    # A list: what was uploaded before service files were counted, and waits still.
    return {"files": index, "service_files": {}} if isinstance(index, list) else index


def too_large_reason(max_bytes: int) -> str:
    """Why a file is refused that is larger than photos may be."""
    return f"It has more than {max_bytes / 1e6:,.0f} MB, the most that is read of one photo."


def remove_staging(folder: Path) -> None:
    """Delete a staging folder; one that is gone already, or in use on Windows, is no failure: a later sweep gets it."""
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)
