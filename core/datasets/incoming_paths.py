"""Paths that strangers wrote: inside archives, in uploads, in manifests.

They are labels that tell classes and splits apart; no file is ever opened or written under such a path.
"""

import re
from collections.abc import Mapping

MAX_PATH_CHARS = 4_096  # longest path of Linux; Windows and macOS allow less
MAX_SHOWN_CHARS = 200  # of a refused path in a report

_DRIVE = re.compile(r"[A-Za-z]:/")  # "A: good/1.jpg" is a name

# What systems and programs put beside people's files, in small letters; a star stands for any ending.
# A folder counts with everything in it; only files count as `Thumbs.db`: a folder of that name may hold photos.
_SERVICE_FOLDERS = {
    # macOS
    **{"__macosx": "__MACOSX", ".appledouble": ".AppleDouble", ".spotlight-*": ".Spotlight-V100"},
    **{".fseventsd": ".fseventsd", ".documentrevisions-*": ".DocumentRevisions", ".temporaryitems": ".TemporaryItems"},
    # Windows
    **{"$recycle.bin": "$RECYCLE.BIN", "recycler": "RECYCLER", "recycled": "RECYCLED"},
    **{"system volume information": "System Volume Information", "found.000": "FOUND.000"},
    # Linux
    **{".trash*": ".Trash", "lost+found": "lost+found", ".thumbnails": ".thumbnails", ".cache": ".cache"},
    # storage on the network: Synology, QNAP, NetApp
    **{"@eadir": "@eaDir", "#recycle": "#recycle", "#snapshot": "#snapshot", "@recycle": "@Recycle"},
    **{"@recently-snapshot": "@Recently-Snapshot", "@tmp": "@tmp", "@sharebin": "@sharebin", ".@__thumb": ".@__thumb"},
    **{"@__thumb": ".@__thumb", ".streams": ".streams", ".@upload_cache": ".@upload_cache", ".snapshot": ".snapshot"},
    # programs
    **{".ipynb_checkpoints": ".ipynb_checkpoints", "__pycache__": "__pycache__", ".git": ".git", ".svn": ".svn"},
    **{".picasaoriginals": ".picasaoriginals", ".dropbox.cache": ".dropbox.cache", ".stfolder": ".stfolder"},
}
_SERVICE_FILES = {
    **{".ds_store": ".DS_Store", "._*": "._ files", "icon\r": "Icon", ".localized": ".localized"},
    **{"thumbs.db": "Thumbs.db", "ehthumbs.db": "ehthumbs.db", "ehthumbs_vista.db": "ehthumbs_vista.db"},
    **{"desktop.ini": "desktop.ini", "folder.ini": "folder.ini", ".directory": ".directory"},
    **{".picasa.ini": ".picasa.ini", "picasa.ini": "picasa.ini", "zbthumbnail.info": "ZbThumbnail.info"},
    # of a telephone's gallery: to be deleted, or not written to the end
    **{".trashed-*": ".trashed files", ".pending-*": ".pending files", ".nomedia": ".nomedia"},
}
# A dot before a number, a space or capitals alone is a name that people give: ".22 LR", ".NET". Programs write
# one word with letters.
_HIDDEN_NAME = re.compile(r"\.+(?![A-Z]{2,}$)[A-Za-z_][^ ]*|\._.*")
_HIDDEN = "hidden files"
_SHOWN_SERVICE_NAMES = 4


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
    """Whether a normalised path is a hidden file or one that a system or program made: a service file."""
    return service_name(path) is not None


def service_name(path: str) -> str | None:
    """What a report calls the service file at a normalised path, such as `__MACOSX`; None for people's own files."""
    *folders, name = path.split("/")
    for folder in folders:
        found = _find_service(folder, _SERVICE_FOLDERS)
        if found is not None:
            return found
    return _find_service(name, _SERVICE_FILES)


def service_files_note(counts: Mapping[str, int]) -> str | None:
    """A sentence on service files that were left out, for a report.

    Args:
        counts: files by their `service_name`.

    Returns:
        None where there were none.
    """
    num_files = sum(counts.values())
    if num_files == 0:
        return None
    names = sorted((name for name in counts if counts[name] > 0), key=lambda name: (-counts[name], name))
    shown = ", ".join(names[:_SHOWN_SERVICE_NAMES]) + (", …" if len(names) > _SHOWN_SERVICE_NAMES else "")
    if num_files == 1:
        return f"One file that the system made ({shown}) was left out."
    return f"{num_files:,} files that the system made ({shown}) were left out."


def _find_service(part: str, table: Mapping[str, str]) -> str | None:
    name = part.casefold()
    if name in table:
        return table[name]
    if not part.startswith("."):
        return None
    for pattern, shown in table.items():
        if pattern.endswith("*") and name.startswith(pattern[:-1]):
            return shown
    return _HIDDEN if _HIDDEN_NAME.fullmatch(part) else None


def shown_path(path: str) -> str:
    """A path as a report shows it: never longer than a few lines, whatever a stranger wrote."""
    return path if len(path) <= MAX_SHOWN_CHARS else f"{path[:MAX_SHOWN_CHARS]}…"
