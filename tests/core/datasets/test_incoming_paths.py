"""Paths that strangers wrote."""

import pytest

from core.datasets.incoming_paths import MAX_SHOWN_CHARS, is_junk, normalise_path, path_refusal, shown_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cats/1.jpg", "cats/1.jpg"),
        ("cats\\1.jpg", "cats/1.jpg"),
        ("./cats//./1.jpg", "cats/1.jpg"),
        ("cats/", "cats"),
        ("/cats/1.jpg", "/cats/1.jpg"),
        ("\\\\server\\1.jpg", "/server/1.jpg"),
        ("../1.jpg", "../1.jpg"),
        ("./", ""),
    ],
)
def test_paths_of_all_systems_are_written_alike(path: str, expected: str):
    """What is wrong with a path stays visible."""
    assert normalise_path(path) == expected


@pytest.mark.parametrize("path", ["", "/1.jpg", "C:/1.jpg", "c:1.jpg", "../1.jpg", "a/../1.jpg", "a\0b", "a/" * 3000])
def test_unsafe_paths_have_a_reason(path: str):
    """None of them is taken for a label."""
    assert path_refusal(path)


@pytest.mark.parametrize("path", ["1.jpg", "a b/Vögel 🐦.jpg", "cats: big/1.jpg", "..a/1.jpg", "a/..."])
def test_strange_but_harmless_paths_are_accepted(path: str):
    """Only what leads somewhere else is refused."""
    assert path_refusal(path) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cats/1.jpg", False),
        ("cats/.1.jpg", True),
        (".cats/1.jpg", True),
        ("__MACOSX/cats/1.jpg", True),
        ("a/__macosx/1.jpg", True),
        ("cats/thumbs.DB", True),
        ("Desktop.ini", True),
        ("Thumbs.db/1.jpg", False),
        ("desktop.ini/1.jpg", False),
        ("__MACOSX", False),
    ],
)
def test_files_of_the_operating_system_are_known(path: str, expected: bool):
    """A folder that is named like one of them may hold photos."""
    assert is_junk(path) is expected


def test_a_long_path_is_shown_short():
    """A report stays readable."""
    assert shown_path("short.jpg") == "short.jpg"
    assert len(shown_path("x" * 5000)) == MAX_SHOWN_CHARS + 1
