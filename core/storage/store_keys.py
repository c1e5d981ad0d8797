"""What files of a workspace are called in an object store, and which of them belong together."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.storage.files import TEMPORARY_PREFIX

Stored = TypeVar("Stored")

_PHOTOS, _RUNS, _FOREIGN = "photos", "runs", "foreign"
COPIED = (_PHOTOS, _RUNS, _FOREIGN)  # folders of a node in which copies go for room
CLASSIFY = "classify"  # in the cache: a folder for each batch of photos
_CACHE, _DELETING = "cache", "deleting"
# Files that may be replaced. All others never change, once they are there.
_MAY_CHANGE = (f"{_RUNS}/", f"{_DELETING}/", f"{_CACHE}/exports/")
_CLASSIFY_PARTS = 4  # of a key: the cache, this, the batch, and the file


@dataclass(frozen=True, slots=True)
class Keys:
    """The places of one node."""

    workspace_dir: Path
    cache_path: Path  # what is in it is stored below `cache`, wherever it is here

    def of(self, path: Path) -> str:
        """The key of a path, with slashes."""
        if path.is_relative_to(self.cache_path):
            return f"{_CACHE}/{path.relative_to(self.cache_path).as_posix()}"
        return path.relative_to(self.workspace_dir).as_posix()

    def path(self, key: str) -> Path:
        """The path of a key."""
        nature, _, rest = key.partition("/")
        return self.cache_path / rest if nature == _CACHE else self.workspace_dir / key


def is_photo(key: str) -> bool:
    """Whether a file is named by the hash of its bytes."""
    return key.startswith(f"{_PHOTOS}/")


def is_single(key: str) -> bool:
    """Whether a file has a name that no other file ever gets, and is brought and removed for itself.

    So are photos, and those of the classify page, whose names are random.
    """
    return is_photo(key) or (key.startswith(f"{_CACHE}/{CLASSIFY}/") and len(key.split("/")) == _CLASSIFY_PARTS)


def is_draft(key: str) -> bool:
    """Whether a file, or a folder that it is in, is not finished."""
    return f"/{TEMPORARY_PREFIX}" in key


def may_change(key: str) -> bool:
    """Whether a file may be replaced by another under its name."""
    return key.startswith(_MAY_CHANGE)


def unit_of(key: str) -> str:
    """What is listed or brought at once: the folder of a run, of an upload, of a network."""
    parts = key.split("/")
    return "/".join(parts[: 3 if parts[0] == _CACHE else 2])


def below(key: str, listing: dict[str, Stored]) -> list[tuple[str, Stored]]:
    """What of a listing is a file, or lies below a folder."""
    return [(each, stored) for each, stored in listing.items() if each == key or each.startswith(f"{key}/")]
