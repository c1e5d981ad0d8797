"""Paths that strangers wrote: inside archives, in uploads, in manifests.

They are labels that tell classes and splits apart; no file is ever opened or written under such a path.
"""

import re

MAX_PATH_CHARS = 4_096  # longest path of Linux; Windows and macOS allow less
MAX_SHOWN_CHARS = 200  # of a refused path in a report

_DRIVE = re.compile(r"[A-Za-z]:")
_JUNK_FOLDERS = frozenset({"__macosx"})
_JUNK_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})


def normalise_path(path: str) -> str:
    """A path with `/` between its parts, whatever system wrote it, and without empty parts and `.`.

    A `/` in front stays, so that `path_refusal` can see it.
    """
    unified = path.replace("\\", "/")
    parts = "/".join(part for part in unified.split("/") if part not in ("", "."))
    return f"/{parts}" if unified.startswith("/") else parts


def path_refusal(path: str) -> str | None:
    """Why a normalised path is not accepted, for people; None when it is."""
    if len(path) > MAX_PATH_CHARS:
        return f"Its path has {len(path):,} characters; at most {MAX_PATH_CHARS:,} are read."
    if path == "" or "\0" in path:
        return "It has no usable name. Rename it and try again."
    if path.startswith("/") or _DRIVE.match(path):
        return "Its path is absolute, as only a broken or hostile program writes it. Pack the folder anew."
    if ".." in path.split("/"):
        return "Its path leads out of the folder with '..', as only a broken or hostile program writes it."
    return None


def is_junk(path: str) -> bool:
    """Whether a normalised path is a hidden file or one that the operating system made; nobody misses it.

    Only files count as `Thumbs.db`: a folder of that name may hold photos.
    """
    *folders, name = path.split("/")
    return (
        any(part.startswith(".") for part in (*folders, name))
        or any(folder.casefold() in _JUNK_FOLDERS for folder in folders)
        or name.casefold() in _JUNK_FILES
    )


def shown_path(path: str) -> str:
    """A path as a report shows it: never longer than a few lines, whatever a stranger wrote."""
    return path if len(path) <= MAX_SHOWN_CHARS else f"{path[:MAX_SHOWN_CHARS]}…"
