"""From where modules of TensorFlow Hub may come: from a few publishers, and from folders that were set.

A module is a program, and whoever can open the page chooses it. So what is not known to be allowed is refused, in the
server before a run is noted and in the worker again before anything is downloaded or loaded.
"""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from core.config import HUB_PREFIX
from core.errors import ConfigError
from core.settings import Settings

# Host and path in their plainest spelling: nothing before the host, no port, no `..`, no %-code, no query. Whatever
# else a server might take for the same place, or for another one, is not an address of a module.
_HANDLE = re.compile(r"https://(?:www\.)?([a-z0-9.-]+(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+)/?", re.ASCII)


def is_hub_handle(place: str) -> bool:
    """Whether a place is meant as an address, which may be a refused one, and not as a folder."""
    return "://" in place


def find_hub_module(backbone: str, settings: Settings) -> str:
    """The handle, or the whole path of the folder, that a backbone's name of `TrainConfig` means.

    A relative folder is one in the workspace's folder of modules or in one of `hub_dirs`, whatever the folder that this
    process works in. A folder that is not there any more is looked for by its name in the workspace's folder of
    modules: a run keeps the whole path, and the workspace may have been moved since.

    Args:
        backbone: `HUB_PREFIX` and a handle or folder.
        settings: what is allowed, and where modules may be.

    Raises:
        ConfigError: modules are not allowed, or not from there.
    """
    place = backbone.removeprefix(HUB_PREFIX).strip()
    if not settings.allow_hub:
        raise ConfigError(
            "Modules of TensorFlow Hub are switched off on this server. Choose another network, or ask the "
            "administrator (BLUETIT_ALLOW_HUB)."
        )
    if is_hub_handle(place):
        if not is_allowed_address(place, settings):
            raise ConfigError(
                f"{place[:200]} is no address from which modules of TensorFlow Hub may be loaded. "
                f"{_describe_publishers(settings)} Choose another network, download the module yourself and put its "
                f"folder into {settings.hub_path}, or have the administrator add its publisher to "
                "BLUETIT_HUB_PUBLISHERS."
            )
        return place
    return str(_find_folder(place, settings))


def is_allowed_address(address: str, settings: Settings) -> bool:
    """Whether an address is spelt plainly and begins like one of the setting `hub_publishers`."""
    match = _HANDLE.fullmatch(address)
    allowed = [publisher.removeprefix("https://").removeprefix("www.") for publisher in settings.hub_publishers]
    return match is not None and any(match[1].startswith(f"{publisher.rstrip('/')}/") for publisher in allowed)


def is_allowed_redirect(address: str, settings: Settings) -> bool:
    """Whether the server of an allowed handle may send the download on to an address.

    It may name any server that keeps its files, over an encrypted connection, but no module of another publisher.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").removeprefix("www.")
    is_module = host == "tfhub.dev" or (host == "kaggle.com" and parts.path.startswith("/models/"))
    return parts.scheme == "https" and (not is_module or is_allowed_address(f"https://{host}{parts.path}", settings))


def _describe_publishers(settings: Settings) -> str:
    if not settings.hub_publishers:
        return "None is allowed on this server."
    publishers = [f"https://{publisher.removeprefix('https://')}" for publisher in settings.hub_publishers]
    return f"Allowed are those that begin with {' or '.join(publishers)}."


def _find_folder(place: str, settings: Settings) -> Path:
    roots = [settings.hub_path, *map(Path, settings.hub_dirs)]
    given = [Path(os.path.abspath(root / os.path.expanduser(place))) for root in roots]
    moved = Path(os.path.abspath(settings.hub_path / (Path(place).name or place)))
    for folder in (*given, moved):
        if _is_inside(folder, roots) and os.path.isdir(folder):
            return folder
    # One that may be used but is not there is told apart when it is to be loaded.
    if not _is_inside(given[0], roots):
        raise ConfigError(
            f"Modules of TensorFlow Hub may not be loaded from {given[0]}. Put the module into {settings.hub_path}, or "
            "have the administrator add its folder to the setting BLUETIT_HUB_DIRS."
        )
    return given[0]


def _is_inside(folder: Path, roots: list[Path]) -> bool:
    """By its name first: a path that is outside anyway is not looked at, which may be a stranger's network share."""
    places = [*roots, *(root.resolve() for root in roots)]
    if not any(folder.is_relative_to(place) for place in places):
        return False
    try:
        return any(folder.resolve().is_relative_to(place) for place in places)
    except (OSError, ValueError, RuntimeError):  # too long; a null character; links in a circle up to Python 3.12
        return False
