"""Archives for tests, built for real, and what comes out of them."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from core.datasets.archives.archive import open_archive
from core.datasets.archives.rules import ArchiveLimits

LIMITS = ArchiveLimits()
FILES = {"cats/1.jpg": b"first cat", "cats/2.jpg": b"second cat", "dogs/1.jpg": b"a dog"}


def write_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            add_to_tar(archive, name, data)
    return path


def add_to_tar(archive: tarfile.TarFile, name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE) -> None:
    header = tarfile.TarInfo(name)
    header.size, header.type = len(data), kind
    header.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    archive.addfile(header, io.BytesIO(data))


def list_paths(path: Path, limits: ArchiveLimits = LIMITS) -> list[str]:
    with open_archive(path, path.name, limits) as archive:
        return [entry.path for entry in archive.entries()]


def read(path: Path, limits: ArchiveLimits = LIMITS) -> list[tuple[str, bytes | str]]:
    with open_archive(path, path.name, limits) as archive:
        return [(entry.path, content) for entry, content in archive.read_all()]


def refusals(path: Path, limits: ArchiveLimits = LIMITS) -> dict[str, str]:
    return {name: content for name, content in read(path, limits) if isinstance(content, str)}


def contents(path: Path, limits: ArchiveLimits = LIMITS) -> dict[str, bytes]:
    return {name: content for name, content in read(path, limits) if isinstance(content, bytes)}
