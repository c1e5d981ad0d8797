"""Paths that strangers wrote."""

import pytest

from core.datasets.incoming_paths import (
    MAX_SHOWN_CHARS,
    is_junk,
    normalise_path,
    path_refusal,
    service_files_note,
    service_name,
    shown_path,
)


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


@pytest.mark.parametrize("path", ["", "/1.jpg", "C:/1.jpg", "c:/1.jpg", "../1.jpg", "a/../1.jpg", "a\0b", "a/" * 3000])
def test_unsafe_paths_have_a_reason(path: str):
    """None of them is taken for a label."""
    assert path_refusal(path)


@pytest.mark.parametrize(
    "path", ["1.jpg", "a b/Vögel 🐦.jpg", "cats: big/1.jpg", "A: good/1.jpg", "B:1.jpg", "..a/1.jpg", "a/..."]
)
def test_strange_but_harmless_paths_are_accepted(path: str):
    """Only what leads somewhere else is refused."""
    assert path_refusal(path) is None


SERVICE_FILES = {
    "__MACOSX/cats/1.jpg": "__MACOSX",
    "a/__macosx/1.jpg": "__MACOSX",
    "cats/._my cat.jpg": "._ files",
    "cats/.DS_Store": ".DS_Store",
    "cats/thumbs.DB": "Thumbs.db",
    "Desktop.ini": "desktop.ini",
    "cats/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg": "@eaDir",
    "#recycle/cats/1.jpg": "#recycle",
    "@Recycle/cats/1.jpg": "@Recycle",
    "@Recently-Snapshot/GMT/1.jpg": "@Recently-Snapshot",
    "$RECYCLE.BIN/S-1/1.jpg": "$RECYCLE.BIN",
    "System Volume Information/1.jpg": "System Volume Information",
    ".Trash-1000/files/1.jpg": ".Trash",
    ".Trashes/501/1.jpg": ".Trash",
    "lost+found/#123.jpg": "lost+found",
    "cats/.ipynb_checkpoints/1-checkpoint.jpg": ".ipynb_checkpoints",
    ".AppleDouble/1.jpg": ".AppleDouble",
    ".Spotlight-V100/1.jpg": ".Spotlight-V100",
    "cats/.picasaoriginals/1.jpg": ".picasaoriginals",
    ".thumbnails/1.jpg": ".thumbnails",
    ".cache/1.jpg": ".cache",
    ".git/objects/x.jpg": ".git",
    "cats/.trashed-1700000000-IMG.jpg": ".trashed files",
    "cats/.hidden.jpg": "hidden files",
    ".cats/1.jpg": "hidden files",
    "..a/1.jpg": "hidden files",
}


@pytest.mark.parametrize(("path", "expected"), SERVICE_FILES.items(), ids=SERVICE_FILES)
def test_files_of_systems_and_programs_are_known_by_name(path: str, expected: str):
    """Each has the name under which a report counts it."""
    assert service_name(path) == expected
    assert is_junk(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "cats/1.jpg",
            "Thumbs.db/1.jpg",
            "desktop.ini/1.jpg",
            "__MACOSX",
            "lost+found",
            "trash/1.jpg",
            "recycle/1.jpg",
        ),
        *(".22 LR/1.jpg", ".45 ACP/1.jpg", ".308-Winchester/1.jpg", "bullets/.22 LR 1.jpg", ".NET/1.jpg", ".5/1.jpg"),
        *("a.b/.c d/1.jpg", "@home/1.jpg", "#1/1.jpg", "$100/1.jpg"),
    ],
)
def test_names_that_people_give_are_no_service_files(path: str):
    """A dot before a number, or a folder that is called like a file of the system, hides no photo."""
    assert service_name(path) is None
    assert not is_junk(path)


def test_service_files_are_told_in_one_sentence():
    """With their number and the names of the most frequent ones."""
    assert service_files_note({}) is None
    assert service_files_note({"Thumbs.db": 1}) == "One file that the system made (Thumbs.db) was left out."
    told = service_files_note({"Thumbs.db": 7, "__MACOSX": 1_030})
    assert told == "1,037 files that the system made (__MACOSX, Thumbs.db) were left out."
    assert "(a, b, c, d, …)" in (service_files_note(dict.fromkeys("abcde", 1)) or "")


def test_a_long_path_is_shown_short():
    """A report stays readable."""
    assert shown_path("short.jpg") == "short.jpg"
    assert len(shown_path("x" * 5000)) == MAX_SHOWN_CHARS + 1
