"""What files are called in an object store, and which belong together."""

from pathlib import Path

import pytest

from core.storage.store_keys import Keys, below, is_draft, is_photo, is_single, may_change, unit_of

KEYS = Keys(workspace_dir=Path("/w"), cache_path=Path("/elsewhere/cache"))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/w/photos/ab/abc.jpg", "photos/ab/abc.jpg"),
        ("/w/runs/12/exports/web.zip", "runs/12/exports/web.zip"),
        ("/elsewhere/cache/backbones/Lite0-1/model.tflite", "cache/backbones/Lite0-1/model.tflite"),
    ],
)
def test_paths_and_keys_lead_to_each_other(path: str, key: str) -> None:
    """On every node, wherever its cache is."""
    assert KEYS.of(Path(path)) == key
    assert KEYS.path(key) == Path(path)


def test_a_cache_in_the_workspace_has_the_same_keys() -> None:
    """Nodes may differ in where their cache is, not in what they call things."""
    inside = Keys(workspace_dir=Path("/w"), cache_path=Path("/w/cache"))
    assert inside.of(Path("/w/cache/exports/1.zip")) == "cache/exports/1.zip"


def test_a_path_outside_has_no_key() -> None:
    """A path of another node's workspace is a mistake, and never becomes a key."""
    with pytest.raises(ValueError, match="subpath"):
        KEYS.of(Path("/other/runs/1/a"))


def test_natures() -> None:
    """Which are named by their bytes, which may be replaced, which are not finished."""
    assert is_photo("photos/ab/abc.jpg")
    assert not is_photo("runs/1/photos")
    assert [key for key in ("runs/1/a", "deleting/7.json", "cache/exports/class-1.zip") if may_change(key)] == [
        "runs/1/a",
        "deleting/7.json",
        "cache/exports/class-1.zip",
    ]
    assert not any(map(may_change, ("incoming/k/0", "foreign/3/model.tflite", "cache/backbones/x/model.tflite")))
    singles = ["photos/ab/abc.jpg", "cache/classify/batch/file"]
    assert [key for key in (*singles, "cache/classify/batch", "incoming/k/0", "runs/1/a") if is_single(key)] == singles
    assert is_draft("runs/.tmp-abc/head.npz")
    assert not is_draft("runs/1/head.npz")


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("runs/12/exports/web.zip", "runs/12"),
        ("incoming/k/deep/0", "incoming/k"),
        ("cache/backbones/Lite0-1/model.tflite", "cache/backbones/Lite0-1"),
        ("cache/exports/1.zip", "cache/exports/1.zip"),
    ],
)
def test_what_belongs_together(key: str, unit: str) -> None:
    """A run, an upload, a network are asked for at once."""
    assert unit_of(key) == unit


def test_below_takes_no_neighbour() -> None:
    """Run 12 is not below run 1."""
    listing = {"runs/1/a": 1, "runs/12/a": 2, "runs/1": 3}
    assert below("runs/1", listing) == [("runs/1/a", 1), ("runs/1", 3)]
