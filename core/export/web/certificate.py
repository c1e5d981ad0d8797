"""Whether a web page answers as its model did where it was made: opened in a real browser and asked about photos."""

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import WebPageError
from core.export.web.browser import browser_version, find_browser, page_messages
from core.export.web.model import Sample
from core.storage.files import translating_disk_errors

# Browsers decode photos a little differently from each other: as far as that moves a probability.
MAX_DIFFERENCE = 2e-2
# Unpacking and compiling a network takes a few seconds, a photo a tenth of one; both more where much else is going on.
_SILENCE_SECONDS = 120.0
_BEGIN, _END = "BLUETIT ", " END"  # as `assets/trial.js` writes them
_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCertificate:
    """A page beside the model that it was made of."""

    page_sha256: str
    num_bytes: int  # of the page
    num_photos: int  # that were compared
    browser: str | None  # name and version; None: none on this machine
    problem: str | None  # for people: why nothing was compared; None: all photos were
    # All None where nothing was compared.
    top1_agreement: float | None = None  # share of photos of which the likeliest class is the same, 0-1
    decision_agreement: float | None = None  # share with the same answer, "I don't know" being one, 0-1
    max_probability_difference: float | None = None  # largest, of any class of any photo, 0-1
    ready_seconds: float | None = None  # from opening the page until it can answer
    photo_milliseconds: float | None = None  # from a photo's file to its answer, median

    @property
    def is_close(self) -> bool | None:
        """Whether the page answers as it should; None: nobody knows, for it ran in no browser here."""
        if self.top1_agreement is None or self.max_probability_difference is None:
            return None
        return self.top1_agreement == 1.0 and self.max_probability_difference <= MAX_DIFFERENCE

    def to_json(self) -> dict[str, Any]:
        """As a certificate's file has it."""
        return asdict(self)

    def describe(self) -> str:
        """What was found, in one sentence or two for people."""
        if self.problem is not None or self.max_probability_difference is None or self.top1_agreement is None:
            return self.problem or "Nothing was compared."
        same = "the same best answer to each" if self.top1_agreement == 1 else f"the same to {self.top1_agreement:.1%}"
        return (
            f"Opened in {self.browser} and asked about {self.num_photos:,} photos: {same}, probabilities differ by at "
            f"most {100 * self.max_probability_difference:.2g} points."
        )


def certify_page(
    page: bytes,
    photos: Sequence[Sample],
    *,
    browser: Path | None = None,
    report: Callable[[float, str], None] = lambda _fraction, _message: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> WebCertificate:
    """Open a copy of the page that holds photos, have it answer them, and compare.

    A browser that is missing, does not start or falls silent is no error: the page may be good, nobody knows, and the
    certificate says so.

    Args:
        page: from `build_page`.
        photos: with what the model answers; those of the test split, as a rule.
        browser: its program; None: the first that is found.
        report: called with the fraction done, 0-1, and a sentence.
        check_cancelled: called a few times a second; raises to stop.

    Raises:
        StorageError: the copy cannot be written.
    """
    program = browser or find_browser()
    facts: dict[str, Any] = {
        "page_sha256": hashlib.sha256(page).hexdigest(),
        "num_bytes": len(page),
        "browser": None if program is None else browser_version(program),
    }
    if program is None:
        problem = "Not run in a browser here: no Chrome, Chromium or Edge was found on this machine."
        return WebCertificate(**facts, num_photos=0, problem=problem)
    try:
        copy = page + _photos_block(photos)
        trial = _ask(program, copy, num_photos=len(photos), report=report, check=check_cancelled)
    except WebPageError as exc:
        return WebCertificate(**facts, num_photos=0, problem=f"Not proven in a browser here. {exc}")
    return WebCertificate(**facts, num_photos=len(photos), problem=None, **_compare(photos, trial))


@dataclass(slots=True, kw_only=True)
class _Trial:
    """What a page has told so far."""

    ready_seconds: float | None = None
    answers: list[Mapping[str, Any]] = field(default_factory=list)  # with `shares`, `answer`, `milliseconds`


def _photos_block(photos: Sequence[Sample]) -> bytes:
    """What makes a copy of a page ask itself: data, nothing that runs."""
    asked = [
        {"name": f"photo {number}", "kind": _kind(photo.data), "data": base64.b64encode(photo.data).decode()}
        for number, photo in enumerate(photos, start=1)
    ]
    return f'<script type="application/json" id="trial">{json.dumps(asked)}</script>'.encode()


def _kind(data: bytes) -> str:
    return _KINDS.get(data[:3], "")  # where it is empty, browsers look into the file


def _ask(
    browser: Path, page: bytes, *, num_photos: int, report: Callable[[float, str], None], check: Callable[[], None]
) -> _Trial:
    trial = _Trial()
    with tempfile.TemporaryDirectory(prefix="bluetit-page-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "page.html"
        with translating_disk_errors(copy):
            copy.write_bytes(page)
        with page_messages(browser, copy, timeout_seconds=_SILENCE_SECONDS, check_cancelled=check) as messages:
            for told in filter(None, map(_told, messages)):
                if "problem" in told:
                    raise WebPageError(f"The page does not work there: {told['problem']}")
                if "isDone" in told:
                    return trial
                if "ready" in told:
                    trial.ready_seconds = told["ready"] / 1000
                    continue
                trial.answers.append(told)
                done = len(trial.answers)
                report(done / num_photos, f"Asking the web page in a browser: photo {done:,} of {num_photos:,}")
    raise WebPageError(
        f"The browser ended after {len(trial.answers):,} of {num_photos:,} photos. It may lack memory; try again."
    )


def _told(message: str) -> dict[str, Any] | None:
    """What the page says to Bluetit; None: it says something else, such as a warning."""
    if not (message.startswith(_BEGIN) and message.endswith(_END)):
        return None
    told: dict[str, Any] = json.loads(message[len(_BEGIN) : -len(_END)])
    return told


def _compare(photos: Sequence[Sample], trial: _Trial) -> dict[str, Any]:
    """The figures of a certificate; none where no photo was asked about."""
    if not photos:
        return {"ready_seconds": trial.ready_seconds}
    expected = np.array([photo.probabilities for photo in photos], np.float64)
    found = np.array([answer["shares"] for answer in trial.answers], np.float64)
    decisions = [answer["answer"] == photo.answer for answer, photo in zip(trial.answers, photos, strict=True)]
    return {
        "top1_agreement": float(np.mean(expected.argmax(axis=1) == found.argmax(axis=1))),
        "decision_agreement": float(np.mean(decisions)),
        "max_probability_difference": float(np.abs(expected - found).max()),
        "ready_seconds": trial.ready_seconds,
        "photo_milliseconds": float(np.median([answer["milliseconds"] for answer in trial.answers])),
    }
