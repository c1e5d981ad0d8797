"""What a certificate says where no browser could be asked; tests/e2e asks a real one."""

import sys
from pathlib import Path

import pytest

from core.export.web import browser
from core.export.web.browser import find_browser
from core.export.web.certificate import WebCertificate, certify_page
from core.export.web.model import Sample

PHOTO = Sample(name="a.jpg", data=b"\xff\xd8\xff", probabilities=(0.25, 0.75), answer="b")


def test_without_a_browser_the_certificate_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is not refused: it may be good, and nobody claims that it was proven."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(browser, "_MAC_PROGRAMS", ())
    monkeypatch.setattr(browser, "_WINDOWS_PROGRAMS", ())
    assert find_browser() is None
    certificate = certify_page(b"page", [PHOTO])
    assert certificate.is_close is None
    assert certificate.browser is None
    assert certificate.describe().startswith("Not run in a browser here")


def test_a_browser_that_ends_at_once_is_no_proof() -> None:
    """Such as one that lacks a library of the system, or the memory."""
    certificate = certify_page(b"page", [PHOTO], browser=Path(sys.executable))
    assert certificate.is_close is None
    assert certificate.problem is not None
    assert "ended after 0 of 1 photos" in certificate.describe()


@pytest.mark.parametrize(
    ("agreement", "difference", "is_close"), [(1.0, 0.019, True), (1.0, 0.021, False), (0.99, 0.001, False)]
)
def test_close_is_the_same_best_answer_and_two_points(agreement: float, difference: float, is_close: bool) -> None:
    """As far as browsers' decoders of photos move a probability, and no class for another."""
    certificate = WebCertificate(
        page_sha256="0" * 64,
        num_bytes=1,
        num_photos=100,
        browser="Chromium",
        problem=None,
        top1_agreement=agreement,
        decision_agreement=1.0,
        max_probability_difference=difference,
    )
    assert certificate.is_close is is_close
