"""Pasted pictures and files that are too large, as the page gets them; browser tests paste for real."""

import base64
from typing import Any

import pytest

from pages.widgets.browser_events import Pasted, PastedPhoto, clean_name, parse_lost, parse_oversized, parse_pasted


def test_a_pasted_picture_arrives_with_its_bytes():
    """The content is what the clipboard held."""
    content = base64.b64encode(b"picture").decode()
    pasted = parse_pasted({"photos": [{"name": "shot.png", "size": 7, "content": content}]})
    assert pasted == Pasted(photos=(PastedPhoto(name="shot.png", data=b"picture", reason=""),), link="")


def test_a_link_arrives_as_it_is():
    """Text that is an address comes beside the pictures."""
    assert parse_pasted({"photos": [], "link": "https://example.org/a.jpg"}).link == "https://example.org/a.jpg"


@pytest.mark.parametrize(("content", "reason"), [(None, "too large"), ("no base64!", "broken"), (5, "broken")])
def test_what_cannot_be_used_says_why(content: Any, reason: str):
    """The name is in the message."""
    (photo,) = parse_pasted({"photos": [{"name": "shot.png", "content": content}]}).photos
    assert photo.data is None
    assert reason in photo.reason
    assert "shot.png" in photo.reason


@pytest.mark.parametrize("payload", [None, 5, "x", [], {}, {"photos": "x"}, {"photos": [None, 3]}])
def test_anything_else_is_nothing(payload: Any):
    """The browser writes the payload, so it may be anything."""
    assert parse_pasted(payload) == Pasted(photos=(), link="")


def test_oversized_files_come_with_their_size():
    """Entries that are none are left out."""
    entries = [{"name": "big.jpg", "size": 60_000_000}, {"name": "x"}, None, {"name": "y", "size": "2"}]
    assert parse_oversized(entries) == {"big.jpg": 60_000_000}
    assert parse_oversized(None) == {}


def test_lost_files_come_with_their_name():
    """Entries that are none are left out."""
    assert parse_lost(["a.jpg", 3, None, "b/c.jpg"]) == ["a.jpg", "b_c.jpg"]
    assert parse_lost({"a": 1}) == []


def test_names_hold_no_path():
    """Slashes and control characters are replaced, and a name is at most 100 characters long."""
    assert clean_name("../a\\b\n.png") == ".._a_b_.png"
    assert len(clean_name("x" * 300)) == 100
    assert clean_name(None) == "pasted image"
