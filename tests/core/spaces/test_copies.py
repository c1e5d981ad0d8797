"""Copies of what another server has deleted go; `tests/core/test_two_nodes.py` has two of them."""

import os
from contextlib import closing
from pathlib import Path

from core.photos.store import PhotoStore
from core.runs.folder import runs_path
from core.settings import Settings
from core.spaces.copies import forget_copies
from core.storage.db import open_database


def test_without_an_object_store_nothing_is_a_copy(settings: Settings) -> None:
    """A workspace may hold files of another database, which nobody deletes unasked."""
    photo = PhotoStore.of(settings).path("ab" * 32, ".jpg")
    kept: list[Path] = [photo, runs_path(settings) / "7" / "head.npz", settings.foreign_path / "3" / "model.tflite"]
    for path in kept:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
        for each in (path, path.parent):
            os.utime(each, (0, 0))
    with closing(open_database(settings)) as database:
        forget_copies(database, settings)
    assert all(path.is_file() for path in kept)
