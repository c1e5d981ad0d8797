"""Pieces of files are found wherever they lie in others, and nothing else is."""

import io
import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.storage.byte_scan import _CHUNK_BYTES, WINDOW_BYTES, files_below, scan_files, windows_of


def photo(seed: int, file_format: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, file_format)
    return target.getvalue()


@pytest.mark.parametrize("offset", [0, 1, 777, _CHUNK_BYTES - 32, _CHUNK_BYTES - 1, _CHUNK_BYTES, _CHUNK_BYTES + 5])
def test_a_piece_is_found_at_every_place(tmp_path: Path, offset: int) -> None:
    """Also across the end of what is read at once, and at the very end of the file."""
    window = os.urandom(WINDOW_BYTES)
    path = tmp_path / "file"
    path.write_bytes(random.Random(1).randbytes(offset) + window)
    scan = scan_files([path], [window, os.urandom(WINDOW_BYTES)])
    assert scan.found == {path: 1}
    assert scan.num_files == 1


def test_what_is_no_piece_is_not_found(tmp_path: Path) -> None:
    """Neither a piece that was cut off, nor one with a byte changed; an empty file has none."""
    window = os.urandom(WINDOW_BYTES)
    changed = bytes([*window[:40], window[40] ^ 1, *window[41:]])
    (tmp_path / "a").write_bytes(b"12345" + window[:-1])
    (tmp_path / "b").write_bytes(changed * 3)
    (tmp_path / "c").write_bytes(b"")
    scan = scan_files(files_below([tmp_path]), [window])
    assert (scan.found, scan.num_files, scan.unreadable) == ({}, 3, ())
    assert scan_files([tmp_path / "b"], []).found == {}


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_photos_have_pieces_of_their_own(file_format: str) -> None:
    """Two photos that a person could not tell apart have none in common, and each has some."""
    first, second = windows_of(photo(1, file_format)), windows_of(photo(2, file_format))
    assert len(first) == len(second) == 3
    assert not set(first) & set(second)
    assert all(window in photo(1, file_format) for window in first)


def test_what_all_plain_photos_have_is_no_piece() -> None:
    """A white photo has none, nor has a file that is too short."""
    target = io.BytesIO()
    Image.new("RGB", (640, 480), "white").save(target, "JPEG")
    assert windows_of(target.getvalue()) == []
    assert windows_of(b"\xff\xd8") == []


def test_files_that_go_meanwhile_and_links(tmp_path: Path) -> None:
    """A file that is gone holds nothing; a link is not followed."""
    (tmp_path / "inside").mkdir()
    real = tmp_path / "inside" / "real"
    real.write_bytes(b"x")
    (tmp_path / "link").symlink_to(real)
    assert list(files_below([tmp_path, tmp_path / "missing"])) == [real]
    assert scan_files([tmp_path / "missing"], [b"x" * WINDOW_BYTES]).num_files == 0
