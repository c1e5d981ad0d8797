"""Archives of every kind with bytes changed at random: what comes is files, reasons, or our one error."""

import io
import random
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import py7zr
import pytest

from core.datasets.archives.archive import open_archive
from core.datasets.archives.rules import ArchiveLimits
from core.errors import ArchiveError

NUM_PER_KIND = 120
CONTENT = b"abc" * 1_000 + random.Random(0).randbytes(1_000)
LIMITS = ArchiveLimits(max_bytes=20_000_000, max_photo_bytes=2_000_000, max_entries=1_000)


def zip_bytes(method: int, files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


INNER = zip_bytes(zipfile.ZIP_DEFLATED, {"c/3.jpg": CONTENT})
FILES = {"a/é.jpg": CONTENT, "in.zip": INNER, "b/2.jpg": CONTENT}


def tar_bytes(mode: str, layout: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode, format=layout, encoding="cp1252") as archive:
        for name, data in {**FILES, "x" * 150 + "/4.jpg": b"y"}.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
        for kind in (tarfile.LNKTYPE, tarfile.SYMTYPE):
            header = tarfile.TarInfo(f"link {kind!r}.jpg")
            header.type, header.linkname = kind, "x" * 150 + "/4.jpg"
            archive.addfile(header)
    return target.getvalue()


def seven_zip_bytes() -> bytes:
    target = io.BytesIO()
    with py7zr.SevenZipFile(target, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(data, name)
    return target.getvalue()


KINDS = {
    "zip, stored": zip_bytes(zipfile.ZIP_STORED, FILES),
    "zip, deflated": zip_bytes(zipfile.ZIP_DEFLATED, FILES),
    "zip, bzip2": zip_bytes(zipfile.ZIP_BZIP2, FILES),
    "zip, LZMA": zip_bytes(zipfile.ZIP_LZMA, FILES),
    "tar": tar_bytes("w", tarfile.GNU_FORMAT),
    "tar, pax": tar_bytes("w", tarfile.PAX_FORMAT),
    "tar.gz": tar_bytes("w:gz", tarfile.GNU_FORMAT),
    "tar.xz": tar_bytes("w:xz", tarfile.GNU_FORMAT),
    "7z": seven_zip_bytes(),
}


def mutated(whole: bytes, chance: random.Random) -> bytes:
    data = bytearray(whole)
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(data))
        match chance.randrange(5):
            case 0 if place > 0:
                del data[place:]
            case 1:
                data[place:place] = data[place : place + chance.randint(1, 600)]
            case _:
                data[place] = chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])
    return bytes(data)


@pytest.mark.parametrize("whole", KINDS.values(), ids=KINDS)
def test_mutated_bytes_raise_nothing_but_our_error(tmp_path: Path, whole: bytes):
    """And every name that comes out can be stored."""
    chance = random.Random(0)
    path = tmp_path / "a"
    for _ in range(NUM_PER_KIND):
        path.write_bytes(mutated(whole, chance))
        with suppress(ArchiveError), open_archive(path, "a", LIMITS) as archive:
            listed = [entry.path for entry in archive.entries()]
            read = [(entry.path, content) for entry, content in archive.read_all()]
            assert all(name.encode("utf-8") for name in (*listed, *(name for name, _ in read)))
            assert all(content for _, content in read if isinstance(content, str))
