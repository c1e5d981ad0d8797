"""The browser's ways to hand over files, taken in once and put on disk before anything else happens."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Literal

from core.datasets.archives.series import archive_folder
from core.services import Services
from pages.widgets.uploading import Files, render_upload_box

# RAR is not read, but named with what to do. The last ones are pieces of a divided archive.
ARCHIVE_TYPES = (
    *("zip", "7z", "tar", "gz", "tgz", "bz2", "tbz2", "xz", "txz", "zst", "tm", "rar"),
    *(f"{number:03d}" for number in range(1, 51)),
    *(f"z{number:02d}" for number in range(1, 51)),
    *(f"{part}a{letter}" for part in ("", "part") for letter in "abcdefghijklmnopqrstuvwxyz"),
)
# Streamlit keeps an upload in memory while it arrives; larger archives come from a link or a folder of the server.
MAX_UPLOAD_MEGABYTES = 1_000

_LEAST_COMMON_CHARS = 3  # of a name for several archives


def render_uploader(
    label: str,
    *,
    key: str,
    services: Services,
    accept: Literal["directory", True],
    take: Callable[[Files], object],
    types: Sequence[str] | None = None,
) -> None:
    """A box to drop files on, which empties itself once they have been taken.

    Args:
        label: what to drop here.
        key: of the widget, the same in every run.
        services: the open services.
        accept: a whole folder, or any number of files.
        take: called with the files, once for each.
        types: endings that the browser offers; None for all.
    """
    most = min(MAX_UPLOAD_MEGABYTES, services.settings.max_archive_bytes // 1_000_000)
    limit = most if types else max_upload_bytes(services) // 1_000_000
    render_upload_box(label, key=key, max_megabytes=limit, take=take, accept=accept, types=types)


def max_upload_bytes(services: Services) -> int:
    """Largest photo that the browser lets through, in the whole megabytes that Streamlit counts in."""
    return -(-services.settings.max_photo_bytes // 1_000_000) * 1_000_000


def contents(files: Files) -> Iterator[tuple[str, bytes]]:
    """The path that the browser gave each file, with its bytes, one after the other."""
    for file in files:
        yield file.name, file.getvalue()


def common_title(names: Sequence[str]) -> str:
    """What names of archives have in common at their beginnings; the first of them where that is too little."""
    if len(names) == 1:
        return names[0]
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    shared = "".join(letters[0] for letters in alike).rstrip(" -_.(0123456789")
    return shared if len(shared) >= _LEAST_COMMON_CHARS else archive_title(names[0])


def archive_title(name: str) -> str:
    """The name of a dataset made from an archive: the file's name without its endings."""
    return archive_folder(PurePosixPath(name.replace("\\", "/")).name)
