"""Bytes as text inside an HTML page."""

import os

import pytest

from core.export.web.packed import pack, unpack


@pytest.mark.parametrize("length", [0, 1, 6, 7, 8, 700_000, 700_001])
def test_bytes_come_back(length: int) -> None:
    """Whatever their number, those that fill no whole character and those that fill several chunks among them."""
    data = os.urandom(length)
    assert unpack(pack(data)) == data


def test_the_text_holds_nothing_that_html_changes() -> None:
    """NUL, line ends and "<" would come out otherwise, or end the script that the text stands in."""
    text = pack(bytes(range(256)) * 49)
    assert not set(text) & set("\0\n\r<")
    assert {character for character in text if ord(character) > 0x7F} == set("\x80\x8a\x8d\xbc")


def test_the_text_is_smaller_than_base64() -> None:
    """A page with a whole network is sent by e-mail, and opened on phones."""
    data = os.urandom(100_000)
    assert len(pack(data).encode()) < 1.2 * len(data)
