"""Lists of class names as tools and people write them."""

import pytest

from core.errors import ForeignModelError
from core.foreign.labels import read_labels, tidy_labels


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"0 Blue tit\n1 crow\n", ("Blue tit", "crow")),
        (b"\xef\xbb\xbf0 Blue tit\r\n1 crow\r\n\r\n", ("Blue tit", "crow")),
        ("0 Blaumeise\n1 Krähe 2".encode(), ("Blaumeise", "Krähe 2")),
        ("Krähe\nMeise".encode("cp1252"), ("Krähe", "Meise")),
        ("Krähe\nMeise".encode("utf-16"), ("Krähe", "Meise")),
        (b"1:crow\n0:tit", ("tit", "crow")),
        (b"0,tit\n1,crow", ("tit", "crow")),
        (b"tit\ncrow\n", ("tit", "crow")),
        (b"3 blind mice\n2 crows", ("3 blind mice", "2 crows")),  # no numbers from 0 on: they belong to the names
        (b"0 \n1 crow", ("", "crow")),
        (b"0\n1\n2", ("0", "1", "2")),  # digits are what the classes are called
        (b'["tit", "crow"]', ("tit", "crow")),
        (b'{"1": "crow", "0": "tit"}', ("tit", "crow")),
        (b'{"crow": 1, "tit": 0}', ("tit", "crow")),
        (b'{"class_names": ["tit", "crow"], "fit_mode": "crop"}', ("tit", "crow")),
    ],
)
def test_every_way_of_writing_names_is_read(content: bytes, names: tuple[str, ...]):
    """With numbers and without, in whichever letters and line ends."""
    assert read_labels(content, "labels.txt") == names


@pytest.mark.parametrize("content", [b"", b"\n\n", b"{", b'{"tit": 1, "crow": 7}', b'{"tit": "a"}'])
def test_what_has_no_names_is_refused(content: bytes):
    """With the name of the file, and what was expected."""
    with pytest.raises(ForeignModelError, match=r"labels\.txt"):
        read_labels(content, "labels.txt")


def test_names_that_no_class_can_have_are_tidied():
    """Missing ones are numbered, doubled ones too; what turns the text around it goes."""
    assert tidy_labels(["crane", "", "Crane ", "tit\u202e", "x" * 300]) == (
        "crane",
        "Class 2",
        "Crane 2",
        "tit",
        "x" * 100,
    )
