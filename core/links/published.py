"""Files published at a fixed address, such as weights: fetched once, checked against their hash, kept."""

import base64
import hashlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from core.errors import LinkChangedError, LinkFailedError
from core.settings import Settings
from core.storage.files import ensure_free_space, remove_abandoned_drafts, write_atomically

Report = Callable[[float | None, str], None]

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file that somebody publishes, and how it is known again."""

    title: str  # of what it belongs to, for people
    name: str
    url: str
    num_bytes: int  # about; the server says it exactly
    # Algorithm and hexadecimal value with a colon between; None: none was published, and the server's own is compared.
    hash: str | None


def fetch_published(
    file: PublishedFile,
    target: Path,
    settings: Settings,
    *,
    report: Report,
    check_cancelled: Callable[[], None],
) -> None:
    """Download a file; what arrives otherwise than it was published is thrown away.

    Args:
        file: what is wanted.
        target: where it is kept.
        settings: mirror and time-outs.
        report: called with the fraction done, 0-1, and a sentence.
        check_cancelled: called between chunks; raises to stop.

    Raises:
        LinkChangedError: what arrived has another hash.
        LinkFailedError: the server did not deliver; the message is the reason alone.
        StorageError: the file cannot be written.
    """
    timeout = httpx.Timeout(settings.download_stall_seconds, connect=settings.download_connect_seconds)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=True) as client, write_atomically(target) as draft:
            remove_abandoned_drafts(target.parent)
            response = _begin(client, _source_url(file, settings), settings)
            try:
                digests = _save_body(response, draft, file, report, check_cancelled)
            finally:
                response.close()
            _check(digests, response, file)
    except httpx.HTTPError as exc:
        raise LinkFailedError(str(exc) or type(exc).__name__) from exc


def _source_url(file: PublishedFile, settings: Settings) -> str:
    if settings.weights_mirror_url:
        return f"{settings.weights_mirror_url.rstrip('/')}/{file.name}"
    return file.url


def _begin(client: httpx.Client, url: str, settings: Settings) -> httpx.Response:
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

    threading.Thread(target=ask, name="published-download", daemon=True).start()
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
    published: PublishedFile,
    report: Report,
    check_cancelled: Callable[[], None],
) -> dict[str, str]:
    """Write the body to a file and return its digests, name of the algorithm to hexadecimal."""
    total_bytes = int(response.headers.get("content-length") or published.num_bytes)
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
                f"Downloading {published.title}: {received_bytes / 1e6:.0f} of {total_bytes / 1e6:.0f} MB",
            )
    return {algorithm: digest.hexdigest() for algorithm, digest in digests.items()}


def _check(digests: dict[str, str], response: httpx.Response, file: PublishedFile) -> None:
    """Compare with the published hash or, where none was published, with the one that the storage server states."""
    expected = file.hash
    if expected is None:
        for header in response.headers.get_list("x-goog-hash", split_commas=True):
            if header.startswith("md5="):
                expected = "md5:" + base64.b64decode(header.removeprefix("md5=")).hex()
    if expected is None:
        return
    algorithm, value = expected.split(":")
    if digests[algorithm] != value:
        raise LinkChangedError(
            f"The download of {file.name} has the hash {algorithm}:{digests[algorithm]}, "
            f"{expected} was expected. It was thrown away; try again, or on another network."
        )
