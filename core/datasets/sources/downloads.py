"""Large files from links: to the disk, and on from where a broken connection left off.

What has arrived lies in `<target>.part`, and what the server said about it in `<target>.json`; so a download goes on
even after the process was killed. A server that cannot go on, or whose file is another one by now, is asked from the
beginning.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import LinkBrokenError
from core.links.answer import Answer, check_head, empty_file_error, looks_like_web_page, too_large_error, web_page_error
from core.links.connection import open_link
from core.links.data_address import HeldFile, is_data_address, read_data_address
from core.links.file_names import file_name, held_name
from core.links.watch import Watch
from core.settings import Settings
from core.storage.files import ensure_free_space, translating_disk_errors, write_atomically

Report = Callable[[float | None, str], None]

# What links to whole data sets lead to.
NOUN = "photo or archive"

# Pauses before each next try; after the last one the download fails. Progress makes them begin anew.
RETRY_PAUSE_SECONDS = (1.0, 3.0, 10.0)
# A server that sends less than this between two breaks or silences makes no progress.
PROGRESS_BYTES = 16_384

_POLL_SECONDS = 0.1
_RANGE_NOT_SATISFIABLE = 416
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that has arrived whole."""

    path: Path
    name: str  # fit for people, at most `core.links.file_names.MAX_NAME_CHARS`
    url: str  # the address that delivered it, after all redirects


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """What the server said about the file whose first bytes are on the disk."""

    asked: str  # the link as it was given
    url: str  # that which answered
    name: str
    validator: str  # ETag or date that only this version of the file has; empty if the server has none
    num_bytes: int | None  # of the whole file
    is_complete: bool = False


class _RangeRefusedError(LinkBrokenError):
    """The server cannot go on from where the connection broke."""


def download(
    url: str,
    target: Path,
    settings: Settings,
    *,
    report: Report,
    cancelled: Callable[[], bool],
    max_bytes: int,
) -> Download:
    """Download the file behind a link, or what is still missing of it.

    There is no limit of time as long as bytes arrive.

    Args:
        url: an http or https address, without a scheme https is meant; or a data address, which holds the file.
        target: where the file goes; one that arrived whole from the same link before is not asked for again.
        settings: `download_stall_seconds` and the `link_...` settings but the time-out count.
        report: called with the fraction done, 0-1, None when the server does not say how much there is, and a sentence.
        cancelled: asked a few times per second whether to give up; may raise an error of its own.
        max_bytes: largest file that is accepted.

    Raises:
        LinkRefusedError: the link, or one it redirects to, is not one that is read.
        LinkFailedError: the server does not deliver, delivers a web page or too many bytes, or `cancelled` said so.
        NoSpaceError: the disk is full.
        StorageError: the file cannot be written.
    """
    if is_data_address(url):
        return _write_held(read_data_address(url, max_bytes), target)
    return _Downloader(url, target, settings, report=report, cancelled=cancelled, max_bytes=max_bytes).run()


def _write_held(held: HeldFile, target: Path) -> Download:
    ensure_free_space(target.parent, len(held.data))
    with translating_disk_errors(target):
        target.write_bytes(held.data)
    return Download(path=target, name=held_name(held), url="")


class _StallWatch(Watch):
    """A deadline that moves on with the bytes that arrive."""

    def timeout_error(self) -> LinkBrokenError:
        return LinkBrokenError(
            f"{self.link.host} fell silent for {self.seconds:g} seconds. Try again later. Or: {self.remedy}"
        )


class _Downloader:
    def __init__(
        self,
        url: str,
        target: Path,
        settings: Settings,
        *,
        report: Report,
        cancelled: Callable[[], bool],
        max_bytes: int,
    ) -> None:
        self._url = url
        self._target = target
        self._part = target.with_name(f"{target.name}.part")
        self._account_path = target.with_name(f"{target.name}.json")
        self._settings = settings
        self._report = report
        self._cancelled = cancelled
        self._max_bytes = max_bytes

    def run(self) -> Download:
        account = self._read_account()
        if account is None or not (account.is_complete and self._target.is_file()):
            account = self._try_until_complete()
        return Download(path=self._target, name=account.name, url=account.url)

    def _try_until_complete(self) -> _Account:
        pauses = list(RETRY_PAUSE_SECONDS)
        while True:
            num_before = self._num_bytes_here()
            try:
                return self._try_once()
            except LinkBrokenError as exc:
                if isinstance(exc, _RangeRefusedError):
                    self._forget()
                elif self._num_bytes_here() >= num_before + PROGRESS_BYTES:
                    pauses = list(RETRY_PAUSE_SECONDS)
                if not pauses:
                    raise
                self._pause(pauses.pop(0))

    def _try_once(self) -> _Account:
        watch = _StallWatch(self._url, self._settings.download_stall_seconds, noun=NOUN, cancelled=self._cancelled)
        before = self._read_account()
        num_here = self._num_bytes_here() if before and before.validator else 0
        headers = {"Accept": "*/*"}
        if before and num_here:
            # If-Range: a file that has changed meanwhile comes whole.
            headers |= {"Range": f"bytes={num_here}-", "If-Range": before.validator}
        with open_link(watch, self._settings, headers=headers) as answer:
            if answer.status == _RANGE_NOT_SATISFIABLE:
                raise _RangeRefusedError(f"{answer.link.host} has no bytes behind the first {num_here:,}.")
            check_head(answer, watch, self._max_bytes, statuses=(200, 206) if num_here else (200,))
            account, start = self._account_of(answer, before, num_here)
            if start == 0:
                # First, or after a crash the new account would stand beside the old file's bytes.
                self._forget()
                self._write_account(account)
            self._save(answer, watch, account, start)
        return self._complete(account, watch)

    def _account_of(self, answer: Answer, before: _Account | None, num_here: int) -> tuple[_Account, int]:
        """What the server says about the file, and the position of the first byte that it sends now."""
        account = _Account(
            asked=self._url,
            url=answer.link.url,
            name=file_name(answer),
            validator=_validator(answer.headers),
            num_bytes=_length(answer.headers),
        )
        if answer.status != 206:
            return account, 0  # whole: the first answer, no support for ranges, or another version of the file
        content_range = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", "").strip().lower())
        total = int(content_range[3]) if content_range and content_range[3] != "*" else None
        if (
            before is None
            or content_range is None
            or int(content_range[1]) != num_here
            or (total is not None and before.num_bytes is not None and total != before.num_bytes)
            or account.validator not in ("", before.validator)
        ):
            raise _RangeRefusedError(f"{answer.link.host} goes on with something else than was asked for.")
        return before, num_here

    def _save(self, answer: Answer, watch: Watch, account: _Account, start: int) -> None:
        if account.num_bytes is not None:
            if account.num_bytes > self._max_bytes:
                raise too_large_error(answer.link, watch, self._max_bytes)
            ensure_free_space(self._part.parent, account.num_bytes - start)
        with translating_disk_errors(self._part):
            file = self._part.open("ab" if start else "wb")
        with file:
            self._save_body(file, answer, watch, account)

    def _save_body(self, file: BinaryIO, answer: Answer, watch: Watch, account: _Account) -> None:
        num_at_restart = num_bytes = file.tell()
        for chunk in answer.body:
            num_bytes += len(chunk)
            if num_bytes > self._max_bytes:
                self._forget()
                raise too_large_error(answer.link, watch, self._max_bytes)
            with translating_disk_errors(self._part):
                file.write(chunk)
            # Single bytes now and then do not count: such a server would hold the worker for ever.
            if num_bytes >= num_at_restart + PROGRESS_BYTES:
                num_at_restart = num_bytes
                watch.restart()
            self._report(*_progress(account, num_bytes))
        with translating_disk_errors(self._part):
            file.flush()

    def _complete(self, account: _Account, watch: Watch) -> _Account:
        num_here = self._num_bytes_here()
        if account.num_bytes not in (None, num_here):
            if num_here > (account.num_bytes or 0):
                self._forget()
            raise LinkBrokenError(
                f"{watch.link.host} delivered {num_here:,} bytes instead of {account.num_bytes:,}. "
                f"Try again later. Or: {watch.remedy}"
            )
        with translating_disk_errors(self._part):
            with self._part.open("rb") as file:
                head = file.read(512)
            if head and not looks_like_web_page(head):
                self._part.replace(self._target)
                account = _Account(**{**asdict(account), "is_complete": True})
                self._write_account(account)
                return account
        self._forget()
        raise web_page_error(watch.link, watch) if head else empty_file_error(watch.link, watch)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._cancelled():
            time.sleep(_POLL_SECONDS)

    def _num_bytes_here(self) -> int:
        with translating_disk_errors(self._part), contextlib.suppress(FileNotFoundError):
            return self._part.stat().st_size
        return 0

    def _forget(self) -> None:
        with translating_disk_errors(self._part):
            self._part.unlink(missing_ok=True)
            self._account_path.unlink(missing_ok=True)

    def _read_account(self) -> _Account | None:
        """What is known about the part; None where there is none, or it belongs to another link."""
        with translating_disk_errors(self._account_path):
            try:
                account = _Account(**json.loads(self._account_path.read_text(encoding="utf-8")))
            except (FileNotFoundError, ValueError, TypeError):
                return None
        return account if account.asked == self._url else None

    def _write_account(self, account: _Account) -> None:
        with write_atomically(self._account_path) as draft:
            draft.write_text(json.dumps(asdict(account)), encoding="utf-8")


def _validator(headers: dict[str, str]) -> str:
    """What `If-Range` may compare: a strong ETag, else the date. Source: RFC 9110, section 13.1.5."""
    etag = headers.get("etag", "").strip()
    return etag if etag.startswith('"') else headers.get("last-modified", "").strip()


def _length(headers: dict[str, str]) -> int | None:
    declared = headers.get("content-length", "").strip()
    return int(declared) if declared.isdecimal() else None


def _progress(account: _Account, num_bytes: int) -> tuple[float | None, str]:
    if not account.num_bytes:
        return None, f"Downloading {account.name}: {num_bytes / 1e6:,.1f} MB"
    return (
        num_bytes / account.num_bytes,
        f"Downloading {account.name}: {num_bytes / 1e6:,.1f} of {account.num_bytes / 1e6:,.1f} MB",
    )
