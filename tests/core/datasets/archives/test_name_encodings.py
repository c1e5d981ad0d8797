"""Names in old character sets are recognised over all names of an archive together."""

import random
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from core.datasets.archives.archive import open_archive
from core.datasets.archives.name_encodings import (
    NAME_ENCODINGS,
    ArchiveNames,
    NameEncodings,
    detect_encoding,
    merge_encodings,
)
from core.datasets.archives.rules import ArchiveLimits
from tests.core.datasets.archives.archive_samples import add_to_tar, contents, list_paths

CLASSES = {
    "Japanese animals": (("cp932",), "犬 猫 鳥 魚"),
    "Japanese kana": (("cp932",), "うさぎ ねこ ハムスター"),
    "Japanese, backslashes": (("cp932",), "ソース 表紙 予算 能力 十"),
    "Japanese checks": (("cp932",), "良品 不良品 傷あり"),
    "simplified Chinese animals": (("gbk",), "熊猫 老虎 狮子 狗"),
    "simplified Chinese fruit": (("gbk",), "苹果 香蕉 橙子 草莓"),
    "simplified Chinese waste": (("gbk",), "可回收物 有害垃圾 厨余垃圾"),
    "traditional Chinese animals": (("cp950",), "貓 狗 鳥 魚"),
    "traditional Chinese fruit": (("cp950",), "蘋果 香蕉 柳橙 草莓"),
    "traditional Chinese, backslashes": (("cp950",), "功能 成功 許可 蓋子"),
    "Korean animals": (("cp949",), "고양이 강아지 물고기"),
    "Korean flowers": (("cp949",), "장미 해바라기 튤립 민들레"),
    "Russian": (("cp866", "cp1251"), "кошки собаки птицы"),
    "Russian, capitals first": (("cp866", "cp1251"), "Годен Брак Царапина"),
    "German": (("cp437", "cp850", "cp1252"), "Vögel Äpfel Mäuse groß"),
    "French": (("cp437", "cp850", "cp1252"), "forêt château église défaut"),
    "Spanish": (("cp437", "cp850", "cp1252"), "niño árbol pájaro león"),
    "Swedish": (("cp437", "cp850", "cp1252"), "blåmes älg räv björn"),
    "Polish": (("cp852", "cp1250"), "żółw łoś wąż jeż gęś"),
    "Czech": (("cp852", "cp1250"), "kočka kůň žába řeka želva medvěd"),
}
CASES = [(encoding, words.split()) for encodings, words in CLASSES.values() for encoding in encodings]
IDS = [f"{name}, {encoding}" for name, (encodings, _) in CLASSES.items() for encoding in encodings]


def write_zip_of_old_names(path: Path, names: list[bytes], *, flags: int = 0, extra: bytes = b"") -> Path:
    """A zip as a program from before UTF-8 writes it; the content of each file is its number."""
    data, table = b"", b""
    for number, name in enumerate(names):
        content = str(number).encode()
        values = (20, flags, 0, 0, 0, zlib.crc32(content), len(content), len(content), len(name), len(extra))
        table += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *values, 0, 0, 0, 0, len(data)) + name + extra
        data += struct.pack("<4s5H3L2H", b"PK\3\4", *values) + name + extra + content
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(names), len(names), len(table), len(data), 0)
    path.write_bytes(data + table + end)
    return path


def encodings_of(path: Path, name_encoding: str | None = None) -> NameEncodings | None:
    with open_archive(path, path.name, ArchiveLimits(), name_encoding=name_encoding) as archive:
        list(archive.entries())
        return archive.name_encodings


@pytest.mark.parametrize(("encoding", "names"), CASES, ids=IDS)
def test_class_names_of_many_languages_are_recognised(tmp_path: Path, encoding: str, names: list[str]):
    """As folders of a zip that says nothing, and nothing is lost where a second byte is a backslash."""
    paths = [f"{name}/IMG_{number}.jpg" for number, name in enumerate(names * 2)]
    path = write_zip_of_old_names(tmp_path / "a.zip", [one.encode(encoding) for one in paths])
    assert contents(path) == {one: str(number).encode() for number, one in enumerate(paths)}
    told = encodings_of(path)
    assert told is not None
    used = told.used.encoding
    assert [name.encode(encoding).decode(used) for name in names] == names
    assert told.used.examples == tuple(name for name in names if not name.isascii())[:3]
    # A zip is cut off: the same without the table of contents.
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"PK\1\2")] + b"PK\1\2")
    assert list_paths(path) == paths


@pytest.mark.parametrize(("encoding", "names"), CASES, ids=IDS)
def test_a_wrong_reading_is_never_sure(encoding: str, names: list[str]):
    """Even of one or two names alone: either the reading is right, or a person is asked, with it among the choices."""
    chance = random.Random(0)
    for _ in range(10):
        picked = chance.sample(names, min(len(names), chance.randint(1, 2)))
        raw = [name.encode(encoding) for name in picked]
        reader, told = detect_encoding(raw)
        if [reader.read(one) for one in raw] != picked:
            assert told is not None
            assert not told.is_sure


@pytest.mark.parametrize("words", ["Vögel Äpfel", "犬 猫", "кошки собаки", "고양이 강아지", "Zürich 東京 Москва"])
def test_utf8_is_recognised_without_being_told(tmp_path: Path, words: str):
    """Most programs write it, and there is nothing to tell about it."""
    names = [f"{word}/1.jpg" for word in words.split()]
    path = write_zip_of_old_names(tmp_path / "a.zip", [name.encode() for name in names])
    assert list_paths(path) == names
    assert encodings_of(path) is None


def test_a_name_that_says_utf8_is_no_matter_for_guessing(tmp_path: Path):
    """Also beside others that say nothing."""
    path = write_zip_of_old_names(tmp_path / "a.zip", ["é/1.jpg".encode()], flags=0x800)
    assert list_paths(path) == ["é/1.jpg"]
    assert encodings_of(path) is None


def test_the_unicode_path_comes_first(tmp_path: Path):
    """Its checksum must be of the name beside it: else somebody renamed the file without knowing of it."""
    raw = "?/1.jpg".replace("?", "\x81").encode("latin-1")
    for checksum, expected in ((zlib.crc32(raw), "猫/1.jpg"), (1, "ü/1.jpg")):
        field = struct.pack("<BL", 1, checksum) + "猫/1.jpg".encode()
        extra = struct.pack("<HH", 0x7075, len(field)) + field
        path = write_zip_of_old_names(tmp_path / "a.zip", [raw], extra=extra)
        assert list_paths(path) == [expected]


def test_a_person_can_choose_another_character_set(tmp_path: Path):
    """Every name is then read so, those that say UTF-8 apart; what the set does not have stays visible."""
    names = ["猫/1.jpg".encode("gbk"), b"\xff/2.jpg"]
    path = write_zip_of_old_names(tmp_path / "a.zip", names)
    with open_archive(path, "a.zip", ArchiveLimits(), name_encoding="gbk") as archive:
        assert [entry.path for entry in archive.entries()] == ["猫/1.jpg", "%FF/2.jpg"]
        told = archive.name_encodings
    assert told is not None
    assert (told.used.encoding, told.is_sure) == ("gbk", True)
    assert told.alternatives


def test_an_unsure_reading_offers_others_with_examples():
    """One Chinese character may be many things."""
    _, told = detect_encoding(["猫/1.jpg".encode("gbk")])
    assert told is not None
    assert not told.is_sure
    offered = {told.used.encoding: told.used.examples, **{one.encoding: one.examples for one in told.alternatives}}
    assert offered["gbk"] == ("猫",)
    assert all(choice.title in NAME_ENCODINGS.values() for choice in told.alternatives)
    assert "not sure" in told.note


def test_names_of_two_programs_in_one_archive_are_both_read(tmp_path: Path):
    """Most say nothing but are UTF-8; the others are recognised by themselves."""
    names = ["Vögel/1.jpg".encode(), "Mäuse/2.jpg".encode(), "Äpfel/3.jpg".encode(), "Löwen/4.jpg".encode("cp437")]
    path = write_zip_of_old_names(tmp_path / "a.zip", names)
    assert list_paths(path) == ["Vögel/1.jpg", "Mäuse/2.jpg", "Äpfel/3.jpg", "Löwen/4.jpg"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar_names_are_recognised_over_the_whole_archive(tmp_path: Path, mode: str):
    """Names that are UTF-8 are read so; the others tell their character set all together."""
    path = tmp_path / "a.tar"
    names = [f"{word}/{'x' * 120}/1.jpg" for word in ("кошки", "собаки", "птицы")]
    with tarfile.open(path, mode, encoding="cp1251", format=tarfile.GNU_FORMAT) as archive:
        for name in names:
            add_to_tar(archive, name, b"x")
    assert list_paths(path) == names
    assert list(contents(path)) == names
    told = encodings_of(path)
    assert told is not None
    assert told.used.encoding == "cp1251"


def test_names_inside_an_inner_archive_are_told_too(tmp_path: Path):
    """Each archive has its own character set."""
    inner = write_zip_of_old_names(tmp_path / "in.zip", [f"{word}/1.jpg".encode("cp932") for word in ("いぬ", "ねこ")])
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "in.zip")
    assert list_paths(path) == ["in/いぬ/1.jpg", "in/ねこ/1.jpg"]
    told = encodings_of(path)
    assert told is not None
    assert told.used.encoding == "cp932"


def test_the_least_sure_of_several_archives_is_told():
    """As that is what a person must look at."""
    (_, sure), (_, unsure) = detect_encoding(["Vögel Mäuse".encode("cp437")]), detect_encoding(["猫".encode("gbk")])
    assert merge_encodings([None, sure, unsure]) is unsure
    assert merge_encodings([None, None]) is None


@pytest.mark.parametrize("seed", range(5))
def test_any_bytes_become_text_that_a_database_takes(seed: int):
    """Whatever they are, different names stay different under UTF-8."""
    chance = random.Random(seed)
    raw = [chance.randbytes(chance.randint(1, 12)).replace(b"/", b"") for _ in range(50)]
    for forced in (None, "utf-8", "cp932"):
        names = ArchiveNames(lambda: iter(raw), forced)
        texts = [names.read(one) for one in raw]
        assert all(text.encode("utf-8") or not one for text, one in zip(texts, raw, strict=True))
        assert forced != "utf-8" or len(set(texts)) == len(set(raw))
