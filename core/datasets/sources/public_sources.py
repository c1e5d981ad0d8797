"""Photos from Kaggle, TensorFlow Datasets and a web search; each needs an optional package and a network."""

import contextlib
import importlib.util
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from core.datasets.sources.library_download import PHOTOS_FOLDER
from core.datasets.sources.requests import Kaggle, Licence, TensorFlowDataset, WebSearch
from core.datasets.sources.source_files import SourceFile
from core.errors import LinkError, SourceError
from core.links.photo import fetch_photo
from core.settings import Settings

Report = Callable[[float | None, str], None]
Cancelled = Callable[[], bool]

PROJECT_ROOT = Path(__file__).parents[3]
POLL_SECONDS = 0.5
# The libraries write while they download and unpack; TensorFlow Datasets tries a dead server for minutes by itself.
SILENCE_SECONDS = 120.0
SEARCH_TIMEOUT_SECONDS = 10
MAX_SEARCH_PAGES = 12
NUM_FETCH_THREADS = 8

LICENCE_WORDS: dict[Licence, str] = {
    Licence.ANY: "Any photo; most must not be passed on",
    Licence.PUBLIC: "In the public domain: free for everything",
    Licence.SHARE: "Free to use and share",
    Licence.SHARE_COMMERCIALLY: "Free to use and share, in a business too",
    Licence.MODIFY: "Free to change, use and share",
    Licence.MODIFY_COMMERCIALLY: "Free to change, use and share, in a business too",
}
# What ddgs calls them; its "any" means any Creative Commons licence, so no filter is None.
_SEARCH_LICENCES: dict[Licence, str | None] = {
    Licence.ANY: None,
    Licence.PUBLIC: "Public",
    Licence.SHARE: "Share",
    Licence.SHARE_COMMERCIALLY: "ShareCommercially",
    Licence.MODIFY: "Modify",
    Licence.MODIFY_COMMERCIALLY: "ModifyCommercially",
}
_NETWORK_ERRORS = re.compile(
    r"Connection|Timeout|Resol|DNS|SSL|Proxy|unreachable|timed out|Max retries|sending request", re.IGNORECASE
)
_KAGGLE_URL = re.compile(r"(?:https?://)?(?:www\.)?kaggle\.com/(?:datasets/)?([^?#]*)", re.IGNORECASE)
_KAGGLE_HANDLE = re.compile(r"([\w.-]+/[\w.-]+(?:/versions/\d+)?)(?:/.*)?", re.ASCII)


def open_public_source(
    source: Kaggle | TensorFlowDataset | WebSearch,
    *,
    settings: Settings,
    folder: Path,
    report: Report,
    cancelled: Cancelled,
) -> Iterator[SourceFile]:
    """The photos of a public source, downloaded before or while they are asked for.

    Args:
        source: which one.
        settings: the limits, and how links are read.
        folder: of this import's own; may keep what is downloaded, so that another try need not begin anew.
        report: called with the fraction done, or None, and what is being done.
        cancelled: asked a few times per second whether to give up; may raise an error of its own.

    Raises:
        SourceError: the package is not installed, the network or the source does not answer, there is no such data
            set, it is not one of labelled photos, or `cancelled` said so. Raised while iterating, too.
    """
    match source:
        case Kaggle():
            _check_installed("kagglehub", "Kaggle data sets", "kaggle")
            handle = kaggle_handle(source.handle)
            download = _LibraryDownload("Kaggle", handle, ("kaggle", str(folder), handle))
        case TensorFlowDataset():
            _check_installed("tensorflow_datasets", "TensorFlow Datasets", "tfds")
            name = source.name.strip()
            arguments = ("tensorflow", str(folder), name, str(source.max_photos))
            download = _LibraryDownload("TensorFlow Datasets", name, arguments)
        case WebSearch():
            _check_installed("ddgs", "web search", "websearch")
            return _search(source, settings, report=report, cancelled=cancelled)
    folder.mkdir(parents=True, exist_ok=True)
    download.run(folder, settings, report=report, cancelled=cancelled)
    return _files_in(folder / PHOTOS_FOLDER, settings.max_photo_bytes)


def kaggle_handle(text: str) -> str:
    """`owner/name` from what a person pastes: that itself, or the address of the data set's page.

    Raises:
        SourceError: the text is neither.
    """
    in_url = _KAGGLE_URL.fullmatch(text.strip().partition("?")[0].partition("#")[0])
    path = in_url[1] if in_url else text.strip()
    handle = _KAGGLE_HANDLE.fullmatch(path.strip("/"))
    if handle is None or path.startswith(("competitions/", "c/", "models/", "code/")):
        raise SourceError(
            f"{text.strip()[:100]!r} is no Kaggle data set. Open the data set's page on Kaggle and copy its address, "
            "or write owner/name, such as alxmamaev/flowers-recognition."
        )
    return handle[1]


def _check_installed(package: str, what: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise SourceError(
            f"For {what} a package is missing on the server. Ask whoever runs it to install it: "
            f'pip install "bluetit[{extra}]"'
        )


def _stop_if(cancelled: Cancelled) -> None:
    if cancelled():
        raise SourceError("The import was stopped.")


# --- data sets, downloaded by a library in a process of its own ------------------------------------------


class _LibraryDownload:
    """One run of `core.datasets.sources.library_download`."""

    def __init__(self, service: str, name: str, arguments: tuple[str, ...]) -> None:
        self._service = service
        self._name = name
        self._arguments = arguments

    def run(self, folder: Path, settings: Settings, *, report: Report, cancelled: Cancelled) -> None:
        """Download into the folder; returns when everything is there."""
        command = [sys.executable, "-m", "core.datasets.sources.library_download", *self._arguments]
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.DEVNULL, cwd=PROJECT_ROOT
            ) as process,
        ):
            try:
                self._watch(process, folder, settings, report=report, cancelled=cancelled)
            finally:
                process.kill()
            self._check(_last_line(output))

    def _watch(
        self,
        process: subprocess.Popen[bytes],
        folder: Path,
        settings: Settings,
        *,
        report: Report,
        cancelled: Cancelled,
    ) -> None:
        """Wait for the end; give up when it is not wanted any more, too large, or silent for too long."""
        num_bytes, changed_at = -1, time.monotonic()
        _stop_if(cancelled)
        while not _has_ended(process):
            _stop_if(cancelled)
            before, num_bytes = num_bytes, _size_of(folder)
            report(None, f"Downloading {self._name} from {self._service}: {num_bytes / 1e6:,.0f} MB so far")
            if num_bytes > settings.max_archive_bytes:
                raise SourceError(
                    f"{self._name} has more than {settings.max_archive_bytes / 1e9:,.1f} GB, the most that is "
                    "downloaded. Choose a smaller data set, or ask whoever runs the server to raise the limit."
                )
            if num_bytes != before:
                changed_at = time.monotonic()
            elif time.monotonic() - changed_at > SILENCE_SECONDS:
                raise SourceError(
                    f"Nothing came from {self._service} for {SILENCE_SECONDS:.0f} seconds. "
                    "Check whether this computer is connected to the internet, and try again."
                )

    def _check(self, answer: dict[str, Any]) -> None:
        """Raise what the library said, in plain words."""
        if answer:
            cause = " ".join(str(answer["message"]).split())[:200]
            raise SourceError(self._explain(answer["error"], answer["status"], cause) + f" ({cause})")

    def _explain(self, error: str, status: int | None, cause: str) -> str:
        if error == "NotImagesError":
            return f"{self._name} is not a set of labelled photos: it needs an image and a label for each"
        if error == "DatasetNotFoundError" or status == 404:
            return f"{self._service} has no data set named {self._name}. Check the spelling"
        if status in (401, 403):
            return (
                f"{self._service} does not give {self._name} to this server. Check the spelling; if the data set is "
                "private or has conditions, whoever runs the server must log in with a Kaggle key (kaggle.json)"
            )
        if _NETWORK_ERRORS.search(error + cause):
            return f"{self._service} cannot be reached. Check whether this computer is connected to the internet"
        return f"{self._service} could not deliver {self._name}. Try again, or choose another data set"


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(POLL_SECONDS)
    return process.returncode is not None


def _last_line(output: IO[bytes]) -> dict[str, Any]:
    output.seek(0)
    lines = output.read().decode("utf-8", "replace").strip().splitlines()
    try:
        return dict(json.loads(lines[-1]))
    except (IndexError, ValueError):
        return {"error": "", "status": None, "message": "the library ended without a word"}


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # moved or deleted meanwhile
            total += path.stat().st_size
    return total


def _files_in(folder: Path, max_bytes: int) -> Iterator[SourceFile]:
    """The files below a folder in the order of their names; hidden ones and links are left out."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_symlink() or not path.is_file() or any(part.startswith(".") for part in relative.parts):
            continue
        if path.stat().st_size > max_bytes:
            reason = f"The file has more than {max_bytes / 1e6:,.0f} MB, the most that is read."
            yield SourceFile(path=relative.as_posix(), reason=reason)
        else:
            yield SourceFile(path=relative.as_posix(), data=path.read_bytes())


# --- web search ------------------------------------------------------------------------------------------


def _search(source: WebSearch, settings: Settings, *, report: Report, cancelled: Cancelled) -> Iterator[SourceFile]:
    """The photos found, in a folder named after the search; found photos that cannot be read carry the reason."""
    folder = re.sub(r"[\\/\s]+", " ", source.query).strip(" .") or "photos"
    results = _results(source, cancelled)
    num_found = number = 0
    with ThreadPoolExecutor(NUM_FETCH_THREADS, thread_name_prefix="search") as executor:
        while num_found < source.max_photos:
            _stop_if(cancelled)
            report(num_found / source.max_photos, f"{num_found} of {source.max_photos} photos of {source.query}")
            # No more at once than are still wanted.
            batch = list(itertools.islice(results, min(NUM_FETCH_THREADS, source.max_photos - num_found)))
            if not batch:
                return
            jobs = [executor.submit(_fetch, result, settings, cancelled=cancelled) for result in batch]
            for job in jobs:
                number += 1
                file = job.result()
                num_found += file.data is not None
                yield SourceFile(
                    path=f"{folder}/{number:04d} {file.path}", data=file.data, reason=file.reason, url=file.url
                )


def _results(source: WebSearch, cancelled: Cancelled) -> Iterator[dict[str, Any]]:
    """What the search engine lists, page after page, each photo once."""
    from ddgs import DDGS
    from ddgs.exceptions import DDGSException

    # Only this engine knows the licence filter; others would ignore it in silence.
    backend = "auto" if source.licence is Licence.ANY else "duckduckgo"
    search = DDGS(timeout=SEARCH_TIMEOUT_SECONDS)
    seen: set[str] = set()
    for page in range(1, MAX_SEARCH_PAGES + 1):
        _stop_if(cancelled)
        try:
            results = search.images(
                source.query,
                safesearch="on",
                backend=backend,
                page=page,
                max_results=None,
                license_image=_SEARCH_LICENCES[source.licence],
            )
        except DDGSException as exc:
            if page == 1:
                raise _search_error(source, exc) from exc
            return
        fresh = [result for result in results if result.get("image") and result["image"] not in seen]
        if not fresh:
            return
        for result in fresh:
            if result["image"] not in seen:
                seen.add(result["image"])
                yield result


def _search_error(source: WebSearch, exc: Exception) -> SourceError:
    cause = " ".join(str(exc).split())[:200]
    if "No results" in cause:
        wider = "" if source.licence is Licence.ANY else ", or allow more licences"
        return SourceError(
            f"The web search found no photos of {source.query!r}. Use other words{wider}; "
            "if that does not help, the search engine wants fewer questions: wait a few minutes."
        )
    if _NETWORK_ERRORS.search(cause):
        return SourceError(
            "The web search cannot be reached. Check whether this computer is connected to the internet. "
            + f"({cause})"
        )
    return SourceError(f"The web search does not answer at the moment. Wait a few minutes and try again. ({cause})")


def _fetch(result: dict[str, Any], settings: Settings, *, cancelled: Cancelled) -> SourceFile:
    """One photo, with the page it stands on; its path is only the file's name."""
    link = str(result["image"])
    page = str(result.get("url") or "")
    url = page if page.startswith(("http://", "https://")) else link
    try:
        photo = fetch_photo(link, settings, cancelled=cancelled)
    except LinkError as exc:
        title = re.sub(r"[\\/\s]+", " ", str(result.get("title") or "photo")).strip()[:60]
        return SourceFile(path=title, reason=str(exc), url=url)
    return SourceFile(path=photo.name, data=photo.data, url=url)
