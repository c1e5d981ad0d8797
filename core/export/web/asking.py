"""What a web page answers in a browser of this machine: a copy of it that holds photos is opened and asks itself."""

import base64
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import WebPageError
from core.export.web.browser import browser_version, find_browser, page_messages
from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors

# Unpacking and compiling a network takes a few seconds, a photo a tenth of one; both more where much else is going on.
_SILENCE_SECONDS = 120.0
_BEGIN, _END = "BLUETIT ", " END"  # as `assets/trial.js` writes them
_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PageAnswers:
    """What a page answers in a browser."""

    browser: str  # name and version
    probabilities: npt.NDArray[np.float64]  # (photos, classes), 0-1, calibrated
    answers: tuple[str | None, ...]  # labels of the likeliest classes; None: "I don't know"
    milliseconds: npt.NDArray[np.float64]  # (photos,): from a photo's file to its answer
    ready_seconds: float  # from opening the page until it can answer


def ask_page(
    page: bytes,
    photos: Sequence[bytes],
    *,
    browser: Path | None = None,
    place: Path | None = None,
    watch: Callable[[int], None] = lambda _number: None,
) -> PageAnswers:
    """Open a copy of a page that holds photos, and have it answer them.

    Args:
        page: from `build_page`.
        photos: files of kinds that browsers read, one at least.
        browser: its program; None: the first that is found.
        place: folder for the copy, where drafts are cleared up; None: the system's for temporary files.
        watch: called a few times a second with how many photos were answered; raises to stop.

    Raises:
        WebPageError: there is no browser, it does not start, falls silent or ends, or the page does not work in it. The
            page may be good all the same: nobody knows.
        StorageError: the copy cannot be written.
    """
    program = browser or find_browser()
    if program is None:
        raise WebPageError("No Chrome, Chromium or Edge was found on this computer.")
    trial = _Trial()
    with tempfile.TemporaryDirectory(dir=place, prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "page.html"
        with translating_disk_errors(copy):
            copy.write_bytes(page + _photos_block(photos))
        _follow(program, copy, trial, num_photos=len(photos), watch=watch)
    return PageAnswers(
        browser=browser_version(program),
        probabilities=np.array([answer["shares"] for answer in trial.answers], np.float64),
        answers=tuple(answer["answer"] for answer in trial.answers),
        milliseconds=np.array([answer["milliseconds"] for answer in trial.answers], np.float64),
        ready_seconds=trial.ready_seconds,
    )


@dataclass(slots=True, kw_only=True)
class _Trial:
    """What a page has told so far."""

    ready_seconds: float = 0.0
    answers: list[Mapping[str, Any]] = field(default_factory=list)  # with `shares`, `answer`, `milliseconds`


def _photos_block(photos: Sequence[bytes]) -> bytes:
    """What makes a copy of a page ask itself: data, nothing that runs."""
    asked = [
        {"name": f"photo {number}", "kind": _kind(data), "data": base64.b64encode(data).decode()}
        for number, data in enumerate(photos, start=1)
    ]
    return f'<script type="application/json" id="trial">{json.dumps(asked)}</script>'.encode()


def _kind(data: bytes) -> str:
    return _KINDS.get(data[:3], "")  # where it is empty, browsers look into the file


def _follow(browser: Path, page: Path, trial: _Trial, *, num_photos: int, watch: Callable[[int], None]) -> None:
    """Take in what the page tells until it has answered everything."""

    def check() -> None:
        watch(len(trial.answers))

    with page_messages(browser, page, timeout_seconds=_SILENCE_SECONDS, check_cancelled=check) as messages:
        for told in filter(None, map(_told, messages)):
            if "problem" in told:
                raise WebPageError(f"The page does not work there: {told['problem']}")
            if "isDone" in told:
                return
            if "ready" in told:
                trial.ready_seconds = told["ready"] / 1000
                continue
            trial.answers.append(told)
    raise WebPageError(
        f"The browser ended after {len(trial.answers):,} of {num_photos:,} photos. It may lack memory; try again."
    )


def _told(message: str) -> dict[str, Any] | None:
    """What the page says to Bluetit; None: it says something else, such as a warning."""
    if not (message.startswith(_BEGIN) and message.endswith(_END)):
        return None
    told: dict[str, Any] = json.loads(message[len(_BEGIN) : -len(_END)])
    return told
