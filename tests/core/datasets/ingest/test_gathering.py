"""`core.datasets.ingest.gathering`: archives that are one are joined, whichever way they come, and all is counted."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.ingest.gathering import Gathered, gather
from core.datasets.ingest.parts import service_note
from core.datasets.ingest.staging import stage
from core.datasets.ingest.workplace import Workplace
from core.datasets.sources.requests import ImportRequest, Links, ServerFolder, StagedArchive, StagedFiles
from core.datasets.sources.source_files import SourceFile
from core.errors import ConfigError, SourceError
from core.settings import Settings
from tests.core.datasets.import_samples import write_files, zip_of
from tests.download_server import DownloadServer
from tests.ordinary_user import close_folder, ordinary_user

UPLOAD = "0" * 32
DOWNLOAD = "Insects-20240501T101010Z-{}.zip"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, import_dirs=(str(tmp_path / "shared"),))


@pytest.fixture
def workplace(tmp_path: Path, settings: Settings) -> Workplace:
    return Workplace(settings=settings, folder=tmp_path / "work", report=lambda *_: None, check_cancelled=lambda: None)


def stage_upload(files: Mapping[str, bytes], settings: Settings) -> None:
    sources = [SourceFile(path=path, data=data) for path, data in files.items()]
    stage(sources, settings.incoming_path / UPLOAD, max_files=1_000)


def give(way: str, files: Mapping[str, bytes], workplace: Workplace, tmp_path: Path) -> Gathered:
    """Hand over files as archives, as files of a folder, or as a folder of the server."""
    if way == "server folder":
        write_files(tmp_path / "shared" / "photos", files)
        source: StagedArchive | StagedFiles | ServerFolder = ServerFolder(path="photos")
    else:
        stage_upload(files, workplace.settings)
        source = StagedArchive(folder=UPLOAD) if way == "archives" else StagedFiles(folder=UPLOAD)
    return gather(ImportRequest(dataset_id=1, source=source, title="photos"), workplace)


def paths_of(gathered: Gathered) -> list[str]:
    return sorted(prefix + path for prefix, part in gathered.parts for path in part.list_files().paths)


def contents_of(gathered: Gathered) -> dict[str, bytes | str | None]:
    return {
        prefix + file.path: file.data or file.reason for prefix, part in gathered.parts for file in part.read_files()
    }


def cut(data: bytes, names: Iterable[str]) -> dict[str, bytes]:
    names = list(names)
    size = -(-len(data) // len(names))
    return {name: data[number * size : (number + 1) * size] for number, name in enumerate(names)}


WAYS = ["archives", "files", "server folder"]


@pytest.mark.parametrize("way", WAYS)
def test_a_download_in_parts_has_one_root(way: str, workplace: Workplace, tmp_path: Path):
    """No part has a folder of its own put before its paths, and a note says that they are one."""
    files = {
        DOWNLOAD.format("001"): zip_of({"Insects/ant/1.jpg": b"1", "Insects/bee/1.jpg": b"2"}),
        DOWNLOAD.format("002"): zip_of({"Insects/bee/2.jpg": b"3", "Insects/wasp/1.jpg": b"4"}),
    }
    gathered = give(way, files, workplace, tmp_path)
    assert paths_of(gathered) == [
        "Insects/ant/1.jpg",
        "Insects/bee/1.jpg",
        "Insects/bee/2.jpg",
        "Insects/wasp/1.jpg",
    ]
    assert gathered.notes == ("2 archives were read as the parts of one, 'Insects'.",)
    assert way != "archives" or gathered.name == "Insects"


@pytest.mark.parametrize("way", WAYS)
def test_a_part_that_is_missing_is_told(way: str, workplace: Workplace, tmp_path: Path):
    """What came is read all the same."""
    files = {DOWNLOAD.format(number): zip_of({f"ant/{number}.jpg": b"1"}) for number in ("001", "003")}
    gathered = give(way, files, workplace, tmp_path)
    assert paths_of(gathered) == ["ant/001.jpg", "ant/003.jpg"]
    assert "Of 'Insects', part 002 seems to be missing" in gathered.notes[1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "names", [["a.zip.001", "a.zip.002", "a.zip.003"], ["a.zip.partaa", "a.zip.partab"]], ids=["numbers", "letters"]
)
def test_a_divided_archive_is_joined(way: str, names: list[str], workplace: Workplace, tmp_path: Path):
    """Its pieces may come in any order."""
    pieces = cut(zip_of({"ant/1.jpg": b"1" * 500, "bee/1.jpg": b"2" * 500}), names)
    gathered = give(way, dict(reversed(pieces.items())), workplace, tmp_path)
    folder = "" if way == "archives" else "a/"
    assert contents_of(gathered) == {f"{folder}ant/1.jpg": b"1" * 500, f"{folder}bee/1.jpg": b"2" * 500}
    assert gathered.notes == (f"{len(names)} pieces were joined to one archive, 'a.zip'.",)


def test_folders_without_permission_are_told(workplace: Workplace) -> None:
    """What lies beside them is read, and the report names each; nothing is left out without a word."""
    with ordinary_user() as folder:
        (folder / "birds" / "tit").mkdir(parents=True)
        (folder / "birds" / "tit" / "1.jpg").write_bytes(b"1")
        close_folder(folder / "birds" / "crow")
        close_folder(folder / "shut")
        settings = replace(workplace.settings, import_dirs=(str(folder),))
        allowing = replace(workplace, settings=settings)
        gathered = gather(ImportRequest(dataset_id=1, source=ServerFolder(path=str(folder / "birds"))), allowing)
        (files,) = [list(part.read_files()) for _, part in gathered.parts]
        with pytest.raises(SourceError, match=r"'shut' cannot be read: Permission denied.*administrator"):
            gather(ImportRequest(dataset_id=1, source=ServerFolder(path=str(folder / "shut"))), allowing)
    assert [(file.path, file.reason) for file in files] == [
        ("tit/1.jpg", None),
        ("crow", "It cannot be read: Permission denied."),
    ]


def test_a_divided_archive_without_a_piece_is_refused(workplace: Workplace, tmp_path: Path):
    """Alone it fails with the reason; beside others it is a refused file."""
    files = cut(zip_of({"1.jpg": bytes(500)}), ["a.zip.001", "a.zip.002", "a.zip.003"])
    del files["a.zip.002"]
    with pytest.raises(SourceError, match=r"piece 002 is missing\. Add all pieces at once; 2 came"):
        give("archives", files, workplace, tmp_path)
    gathered = give("server folder", {**files, "b.zip": zip_of({"1.jpg": b"1"})}, workplace, tmp_path)
    assert paths_of(gathered) == ["b/1.jpg"]
    assert [name for name, _ in gathered.refused] == ["a.zip"]


def test_pieces_behind_links_are_joined(settings: Settings, workplace: Workplace):
    """Only the first one looks like an archive; the names tell about the others."""
    workplace = replace(workplace, settings=replace(settings, link_allowed_private_hosts=("127.0.0.1",)))
    with DownloadServer(b"") as server:
        pieces = cut(zip_of({"ant/1.jpg": b"1" * 500}), ["/a.zip.001", "/a.zip.002", "/a.zip.003"])
        parts = {f"/{DOWNLOAD.format(n)}": zip_of({f"ant/{n}.jpg": b"1"}) for n in ("001", "002")}
        server.contents.update(pieces | parts)
        for paths, expected in ((pieces, ["ant/1.jpg"]), (parts, ["ant/001.jpg", "ant/002.jpg"])):
            urls = tuple(server.url(path) for path in paths)
            place = replace(workplace, folder=workplace.folder / expected[0][4:])
            gathered = gather(ImportRequest(dataset_id=1, source=Links(urls=urls), title="links"), place)
            assert paths_of(gathered) == expected


def test_archives_that_are_no_series_keep_a_folder_each(workplace: Workplace, tmp_path: Path):
    """With the whole name of the archive but its ending."""
    names = ["St. Bernard-samples.zip", "St. Poodle-samples.zip", "Class 3-samples.zip"]
    gathered = give("archives", {name: zip_of({"0.jpg": b"1"}) for name in names}, workplace, tmp_path)
    assert paths_of(gathered) == ["Class 3-samples/0.jpg", "St. Bernard-samples/0.jpg", "St. Poodle-samples/0.jpg"]
    assert (gathered.name, gathered.notes) == ("photos", ())


def test_a_part_that_was_downloaded_twice_is_read_once(workplace: Workplace, tmp_path: Path):
    """A browser puts a number behind its name."""
    data = zip_of({"ant/1.jpg": b"1"})
    files = {DOWNLOAD.format("001 (1)"): data, DOWNLOAD.format("001"): data}
    gathered = give("archives", files, workplace, tmp_path)
    assert paths_of(gathered) == ["ant/1.jpg"]
    assert any("(1).zip' is the same archive once more" in note for note in gathered.notes)


def test_two_downloads_have_a_folder_each(workplace: Workplace, tmp_path: Path):
    """And the parts of one share theirs."""
    files = {DOWNLOAD.format(number): zip_of({f"ant/{number}.jpg": b"1"}) for number in ("001", "002")}
    files["Birds-20240501T101010Z-001.zip"] = zip_of({"tit/1.jpg": b"1"})
    gathered = give("archives", files, workplace, tmp_path)
    assert paths_of(gathered) == ["Birds/tit/1.jpg", "Insects/ant/001.jpg", "Insects/ant/002.jpg"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"1.jpg": b"1"}, ["class-001/1.jpg", "class-002/1.jpg"]),
        ({"ant/1.jpg": b"1"}, ["ant/1.jpg", "ant/1.jpg"]),
        ({"0.jpg": b"1", "0.cls": b"3"}, ["0.cls", "0.cls", "0.jpg", "0.jpg"]),
    ],
    ids=["only photos", "folders", "shards"],
)
def test_numbered_archives_are_a_series_only_if_they_can_be_no_classes(
    files: Mapping[str, bytes], expected: list[str], workplace: Workplace, tmp_path: Path
):
    """Archives of nothing but photos may well be a class each."""
    gathered = give("archives", {f"class-00{n}.zip": zip_of(files) for n in (1, 2)}, workplace, tmp_path)
    assert paths_of(gathered) == expected


@pytest.mark.parametrize("way", ["files", "server folder"])
def test_archives_among_files_are_opened(way: str, workplace: Workplace, tmp_path: Path):
    """They are folders in the place where they lie; one that cannot be read is its own part, the rest is read."""
    files = {
        "cats.zip": zip_of({"1.jpg": b"cat"}),
        "sub/dogs.zip": zip_of({"1.jpg": b"dog"}),
        "sub/bird.jpg": b"bird",
        "rats.rar": b"Rar!\x1a\x07\0",
    }
    gathered = give(way, files, workplace, tmp_path)
    broken = [part for prefix, part in gathered.parts if prefix == "rats/"]
    assert [part.name for part in broken] == ["rats.rar"]
    rest = [(prefix, part) for prefix, part in gathered.parts if part not in broken]
    found = {prefix + file.path: file.data for prefix, part in rest for file in part.read_files()}
    assert found == {"cats/1.jpg": b"cat", "sub/dogs/1.jpg": b"dog", "sub/bird.jpg": b"bird"}


def test_an_archive_of_the_server_is_joined_with_the_pieces_beside_it(workplace: Workplace, tmp_path: Path):
    """The person names one of them."""
    write_files(tmp_path / "shared", cut(zip_of({"ant/1.jpg": bytes(900)}), ["a.zip.001", "a.zip.002"]))
    request = ImportRequest(dataset_id=1, source=ServerFolder(path="a.zip.001"))
    assert paths_of(gather(request, workplace)) == ["ant/1.jpg"]


def test_an_archive_behind_a_link_that_leads_out_is_not_opened(workplace: Workplace, tmp_path: Path):
    """It is refused like any other file there."""
    secret = write_files(tmp_path / "secret", {"a.zip": zip_of({"1.jpg": b"1"})})
    write_files(tmp_path / "shared" / "photos", {"1.jpg": b"1"})
    os.symlink(secret / "a.zip", tmp_path / "shared" / "photos" / "a.zip")
    gathered = gather(ImportRequest(dataset_id=1, source=ServerFolder(path="photos")), workplace)
    assert "leads out" in str(contents_of(gathered)["a.zip"])


@pytest.mark.parametrize("way", WAYS)
def test_service_files_are_counted(way: str, workplace: Workplace, tmp_path: Path):
    """Whichever way they came, one sentence tells."""
    files = {"ant/1.jpg": b"1", "ant/Thumbs.db": b"x", "__MACOSX/ant/._1.jpg": b"x", ".22 LR/1.jpg": b"1"}
    given = {"a.zip": zip_of(files)} if way == "archives" else files
    gathered = give(way, given, workplace, tmp_path)
    assert paths_of(gathered) == [".22 LR/1.jpg", "ant/1.jpg"]
    note = service_note(part.list_files() for _, part in gathered.parts)
    assert note == "2 files that the system made (Thumbs.db, __MACOSX) were left out."


@pytest.mark.parametrize("way", WAYS)
def test_some_files_are_read_by_their_paths(way: str, workplace: Workplace, tmp_path: Path):
    """In one pass, the others are not touched."""
    files = {"a/1.jpg": b"1", "labels.csv": b"2", "a/1.cls": b"3"}
    given = {"x.zip": zip_of(files)} if way == "archives" else files
    ((_, part),) = give(way, given, workplace, tmp_path).parts
    found = {file.path: file.data for file in part.read_some(["a/1.cls", "labels.csv"])}
    assert found == {"labels.csv": b"2", "a/1.cls": b"3"}


# --- names ------------------------------------------------------------------------------------------------


def write_raw(folder: Path, files: Mapping[bytes, bytes]) -> None:
    for name, data in files.items():
        path = os.path.join(os.fsencode(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


def test_names_of_the_server_that_are_no_utf8_stay_apart(workplace: Workplace, tmp_path: Path):
    """They are read like names in a zip; where two would be the same to the eye, the bytes are shown."""
    words = ["Vögel", "Mäuse", "Löwen"]
    files = {f"{word}/1.jpg".encode("cp1252"): word.encode() for word in words}
    files["Löwen/1.jpg".encode()] = b"another"
    write_raw(tmp_path / "shared" / "photos", files)
    gathered = gather(ImportRequest(dataset_id=1, source=ServerFolder(path="photos")), workplace)
    ((_, part),) = gathered.parts
    assert contents_of(gathered) == {
        "Vögel/1.jpg": "Vögel".encode(),
        "Mäuse/1.jpg": "Mäuse".encode(),
        "Löwen/1.jpg": b"another",
        "L%F6wen/1.jpg": "Löwen".encode(),
    }
    assert sorted(part.list_files().paths) == sorted(contents_of(gathered))
    assert [file.data for file in part.read_some(["L%F6wen/1.jpg"])] == ["Löwen".encode()]
    encodings = part.list_files().name_encodings
    assert encodings is not None
    assert encodings.used.encoding == "cp1252"


def test_the_character_set_that_a_person_chose_is_used(workplace: Workplace, tmp_path: Path):
    """For archives and for folders of the server."""
    write_raw(tmp_path / "shared" / "photos", {"小狗/1.jpg".encode("gbk"): b"dog"})
    request = ImportRequest(dataset_id=1, source=ServerFolder(path="photos"), name_encoding="gbk")
    assert paths_of(gather(request, workplace)) == ["小狗/1.jpg"]
    assert ImportRequest.from_json(request.to_json()) == request


def test_an_unknown_character_set_is_refused():
    """With the ones that there are."""
    with pytest.raises(ConfigError, match="must be one of utf-8, cp437"):
        ImportRequest(dataset_id=1, source=ServerFolder(path="photos"), name_encoding="klingon")
