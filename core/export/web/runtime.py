"""LiteRT for browsers: two files that are published, not ours; found on this machine, or fetched once."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import LinkChangedError, LinkFailedError, WebRuntimeError
from core.links.published import PublishedFile, Report, fetch_published
from core.settings import Settings

VERSION = "2.5.3"
NOTICE = f"LiteRT for the web {VERSION} (@litertjs/core), by Google: Apache License, version 2.0"
# Of the four builds the one that needs least of a browser: SIMD, no threads, which pages without a server may not have.
_ADDRESS = f"https://cdn.jsdelivr.net/npm/@litertjs/core@{VERSION}/wasm"
_TITLE = "LiteRT for web pages"
_SCRIPT = PublishedFile(
    title=_TITLE,
    name="litert_wasm_compat_internal.js",
    url=f"{_ADDRESS}/litert_wasm_compat_internal.js",
    num_bytes=273_246,
    hash="sha256:4d8f894b7883654fd6e8439730aa41e79ceaab7d19184fc4f1f0b0f1a2a2c8a5",
)
_PROGRAM = PublishedFile(
    title=_TITLE,
    name="litert_wasm_compat_internal.wasm",
    url=f"{_ADDRESS}/litert_wasm_compat_internal.wasm",
    num_bytes=9_334_181,
    hash="sha256:5255c8ad06eabdbd2522cdebf6b22fc10faf74625c23a49b9e072570cd1fa41c",
)
RUNTIME_FILES = (_SCRIPT, _PROGRAM)
# Where the files are in a folder that somebody names: there, or as the published package is unpacked.
_PLACES = (".", "wasm", "package/wasm")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRuntime:
    """What runs a LiteRT file in a browser."""

    script: str  # JavaScript that declares `ModuleFactory`
    program: bytes  # WebAssembly
    notice: str = NOTICE  # name, maker and licence


def find_runtime(
    settings: Settings,
    *,
    report: Report = lambda _fraction, _message: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> WebRuntime:
    """The files in `BLUETIT_WEB_RUNTIME_DIR`, else in the cache, else fetched into it.

    Args:
        settings: folders, mirror and time-outs.
        report: called with the fraction done, 0-1, and a sentence, while something is fetched.
        check_cancelled: called meanwhile; raises to stop.

    Raises:
        WebRuntimeError: a file is not here and cannot be fetched, or is not the published one.
        StorageError: a file cannot be read or written.
    """
    script, program = (_obtain(file, settings, report, check_cancelled) for file in RUNTIME_FILES)
    return WebRuntime(script=script.decode(), program=program)


def runtime_folder(settings: Settings) -> Path:
    """Where the files are put, by Bluetit or by hand."""
    return settings.web_runtime_dir or settings.cache_path / f"litert-web-{VERSION}"


def _obtain(file: PublishedFile, settings: Settings, report: Report, check_cancelled: Callable[[], None]) -> bytes:
    folder = runtime_folder(settings)
    paths = [folder / place / file.name for place in _PLACES]
    # Not `Path.is_file`: it fails on folders that may not be looked into, such as somebody else's home.
    path = next((path for path in paths if os.path.isfile(path)), None)
    if path is None:
        path = paths[0]
        _fetch(file, path, settings, report, check_cancelled)
    data = path.read_bytes()
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != file.hash:
        raise WebRuntimeError(
            f"The file {path} ({len(data) / 1e6:.1f} MB) is damaged or of another version: it does not have the "
            f"published hash {file.hash}. Move it away and try again; the one of version {VERSION} is needed."
        )
    return data


def _fetch(
    file: PublishedFile, path: Path, settings: Settings, report: Report, check_cancelled: Callable[[], None]
) -> None:
    try:
        fetch_published(file, path, settings, report=report, check_cancelled=check_cancelled)
    except LinkChangedError as exc:
        raise WebRuntimeError(str(exc)) from exc
    except LinkFailedError as exc:
        raise WebRuntimeError(
            f"A web page needs {_TITLE}, which is not on this machine and could not be downloaded ({exc}). On a "
            f"machine with internet, get {file.name} ({file.num_bytes / 1e6:.1f} MB) from {file.url} and put it into "
            f"{path.parent}."
        ) from exc
