"""The files of an import by their names: what may be a photo, what lies beside photos, what is refused at once."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.incoming_paths import is_junk, normalise_path, path_refusal

MANIFEST_NAME = "bluetit-manifest.csv"  # of Bluetit's own exports; no photo, and nobody misses it

# Files that lie beside photos and are none. All others are tried, as photos come under any name.
NO_PHOTO_ENDINGS = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml", ".toml", ".ini"),
    *(".cfg", ".conf", ".names", ".cls", ".caption", ".xmp", ".aae", ".thm", ".url", ".lnk", ".torrent"),
    *(".html", ".htm", ".css", ".js", ".py", ".pyc", ".ipynb", ".sh", ".bat", ".exe", ".dll", ".log", ".lock"),
    *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ods", ".ppt", ".pptx", ".svg", ".mp4", ".mov", ".avi", ".mkv"),
    *(".mp3", ".wav", ".npy", ".npz", ".mat", ".h5", ".hdf5", ".keras", ".pkl", ".pt", ".pth", ".onnx", ".tflite"),
    *(".pb", ".bin", ".index", ".data-00000-of-00001", ".weights", ".mlmodel", ".db", ".sqlite"),
)


@dataclass(frozen=True, slots=True)
class KindBeside:
    """A kind of files that are no photos."""

    one: str  # in words
    many: str
    holds_pictures: bool = False  # whether a person may miss what is in them


_VIDEO = KindBeside("video", "videos", holds_pictures=True)
_PDF = KindBeside("PDF document", "PDF documents", holds_pictures=True)
_DRAWING = KindBeside("SVG drawing", "SVG drawings", holds_pictures=True)
_DOCUMENT = KindBeside("document", "documents", holds_pictures=True)
_SLIDES = KindBeside("presentation", "presentations", holds_pictures=True)
_ARRAY = KindBeside("array of numbers", "arrays of numbers", holds_pictures=True)
_KINDS_BESIDE = {
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv"), _VIDEO),
    **dict.fromkeys((".mp3", ".wav"), KindBeside("sound", "sounds")),
    **dict.fromkeys((".doc", ".docx"), _DOCUMENT),
    **dict.fromkeys((".ppt", ".pptx"), _SLIDES),
    **dict.fromkeys((".npy", ".npz", ".mat", ".h5", ".hdf5", ".pkl"), _ARRAY),
    ".pdf": _PDF,
    ".svg": _DRAWING,
}


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of an import, by its name alone."""

    path: str  # as given: what placements and refusals are told by
    folders: tuple[str, ...]  # outermost first, letters composed
    name: str  # without folders, letters composed

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return split_ending(self.name)[0]

    @property
    def ending(self) -> str:
        """The ending in small letters, with its dot; empty where there is none."""
        return split_ending(self.name)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All files of an import."""

    photos: tuple[ListedFile, ...]  # what may be a photo
    beside: tuple[ListedFile, ...]  # what is none, as its name says
    refused: dict[str, str]  # path to reason, for people


def split_ending(name: str) -> tuple[str, str]:
    """A file's name as stem and ending; the ending in small letters with its dot, empty where there is none.

    What follows a dot is an ending if it looks like one: "St. Bernard" has none.
    """
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or not ending.isascii() or not ending.isalnum() or len(ending) > 8:
        return name, ""
    return stem, f".{ending.casefold()}"


def kind_beside(file: ListedFile) -> KindBeside:
    """What a file that is no photo is, by its ending."""
    ending = file.ending or file.name
    return _KINDS_BESIDE.get(ending, KindBeside(ending, ending))


def list_files(paths: Sequence[str]) -> Listing:
    """Sort the files of an import by what their names say.

    Args:
        paths: any system's separators; hidden files and those of the operating system are passed over silently.
    """
    photos: list[ListedFile] = []
    beside: list[ListedFile] = []
    refused: dict[str, str] = {}
    for path in paths:
        # macOS writes accents as letters of their own, others do not: the same name to every eye.
        normal = unicodedata.normalize("NFC", normalise_path(path))
        reason = path_refusal(normal)
        if reason is not None:
            refused[path] = reason
            continue
        *parents, name = normal.split("/")
        if is_junk(normal) or name.casefold() == MANIFEST_NAME:
            continue
        kind = beside if name.casefold().endswith(NO_PHOTO_ENDINGS) else photos
        kind.append(ListedFile(path, tuple(parents), name))
    return Listing(photos=tuple(photos), beside=tuple(beside), refused=refused)
