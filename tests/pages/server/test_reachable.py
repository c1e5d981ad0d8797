"""The address in the code is one that a phone can open, or there is none and a sentence says what to do."""

import pytest

from pages.server.reachable import find_reachable_address, is_local

MACHINE = ("192.168.1.20", "10.0.0.7")


@pytest.mark.parametrize(
    ("page_url", "listens_at", "expected"),
    [
        ("https://photos.example.org/dataset", "localhost", "https://photos.example.org/bluetit/phone"),
        ("https://example.org/photos/dataset", "localhost", "https://example.org/photos/bluetit/phone"),
        ("https://example.org/photos/dataset/", "localhost", "https://example.org/photos/bluetit/phone"),
        ("http://192.168.1.99:8501/dataset", "0.0.0.0", "http://192.168.1.99:8501/bluetit/phone"),
        ("https://[fd00::5]:8501/dataset", "", "https://[fd00::5]:8501/bluetit/phone"),
        ("http://localhost:8501/dataset", "", "http://192.168.1.20:8501/bluetit/phone"),
        ("https://127.0.0.1:8443/base/dataset", "0.0.0.0", "https://192.168.1.20:8443/base/bluetit/phone"),
        ("http://[::1]:8501/dataset", "10.0.0.7", "http://10.0.0.7:8501/bluetit/phone"),
        ("http://localhost/dataset", "fd00::5", "http://[fd00::5]/bluetit/phone"),
    ],
)
def test_addresses(page_url: str, listens_at: str, expected: str) -> None:
    """As the browser has the page, behind whatever server; localhost becomes the computer's address in its network."""
    address = find_reachable_address("bluetit/phone", page_url, listens_at=listens_at, machine=MACHINE)
    assert (address.url, address.problem) == (expected, None)
    assert address.lends_camera == expected.startswith("https:")
    assert address.with_token("abc") == f"{expected}#abc"


@pytest.mark.parametrize(
    ("page_url", "listens_at", "machine", "words"),
    [
        ("http://localhost:8501/dataset", "localhost", MACHINE, "listens to this computer only"),
        ("http://localhost:8501/dataset", "127.0.0.1", MACHINE, "listens to this computer only"),
        ("http://localhost:8501/dataset", "", (), "in no network"),
        (None, "", MACHINE, "Reload"),
    ],
)
def test_where_no_phone_comes(page_url: str | None, listens_at: str, machine: tuple[str, ...], words: str) -> None:
    """A sentence says why, and what to do."""
    address = find_reachable_address("bluetit/phone", page_url, listens_at=listens_at, machine=machine)
    assert address.url is None
    assert not address.lends_camera
    assert words in (address.problem or "")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("a.localhost", True), ("127.0.0.9", True), ("::1", True), ("", False), ("school", False)],
)
def test_this_very_computer(host: str, expected: bool) -> None:
    """A name that leads here for this computer leads elsewhere for a phone."""
    assert is_local(host) is expected
