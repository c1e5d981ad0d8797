"""`core.datasets.ingest.importing`: photos from every source reach their class and split, all of them or none."""

import errno
import os
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.exporting import export_dataset
from core.datasets.ingest import refusals
from core.datasets.ingest.desk import ImportDesk, ImportStatus
from core.datasets.library import Library
from core.datasets.readings.question import PlanAnswer, PlanQuestion
from core.datasets.records import ImportState, NewImage, SplitOrigin
from core.datasets.shelves.image_shelf import ImageShelf
from core.datasets.shelves.photo_index import PhotoIndex
from core.datasets.sources import downloads
from core.datasets.sources.requests import (
    DrawnShapes,
    ImportRequest,
    Links,
    ServerFolder,
    Source,
    StagedArchive,
    StagedFiles,
)
from core.errors import SourceError
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.photos import store as photo_store
from core.photos.store import PhotoStore
from core.settings import Settings
from core.storage.db import Database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.import_samples import photo, photos, work, write_files, zip_of
from tests.download_server import Act, DownloadServer


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(
        settings,
        import_dirs=(str(tmp_path / "shared"),),
        link_allowed_private_hosts=("127.0.0.1",),
        download_stall_seconds=5.0,
    )


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    return TaskQueue(database, TASK_KINDS)


@pytest.fixture
def desk(settings: Settings, library: Library, queue: TaskQueue) -> ImportDesk:
    return ImportDesk(settings, library, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))


@pytest.fixture
def store(settings: Settings) -> PhotoStore:
    return PhotoStore(settings.photos_path, settings.cache_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DownloadServer]:
    monkeypatch.setattr(downloads, "RETRY_PAUSE_SECONDS", (0.0,))
    with DownloadServer(zip_of(photos("birds/crow/1.jpg", "birds/tit/2.jpg"))) as running:
        yield running


@pytest.fixture
def dataset_id(library: Library) -> int:
    return library.datasets.create("birds").id


Run = Callable[..., ImportStatus]


@pytest.fixture
def run(desk: ImportDesk, queue: TaskQueue, settings: Settings, dataset_id: int) -> Run:
    """Submits an import, does it, and says how it stands."""

    def run(source: Source, **values: object) -> ImportStatus:
        import_id = desk.submit(ImportRequest(dataset_id=dataset_id, source=source, **values))  # type: ignore[arg-type]
        work(queue, settings)
        return desk.status(import_id)

    return run


@pytest.fixture
def do_next(queue: TaskQueue, settings: Settings) -> Callable[[], TaskStatus]:
    """Does the oldest queued task."""
    return lambda: work(queue, settings)


def contents(library: Library, dataset_id: int) -> list[tuple[str, str | None, str]]:
    """(class, split, name) of every image, sorted."""
    names = {found.id: found.name for found in library.classes.of(dataset_id)}
    images = library.images.of(dataset_id)
    return sorted((names[image.class_id], image.split, image.name) for image in images)


def incoming(settings: Settings) -> list[str]:
    return sorted(os.listdir(settings.incoming_path)) if settings.incoming_path.is_dir() else []


# --- uploads ---------------------------------------------------------------------------------------------


def test_files_into_a_class(run: Run, desk: ImportDesk, library: Library, dataset_id: int, settings: Settings) -> None:
    """Good photos arrive in the class, each bad file is named with its reason, and the upload is deleted."""
    files = {"a.jpg": photo(1), "b.png": photo(2, image_format="PNG"), "c.txt": b"no photo", "d.jpg": b""}
    status = run(StagedFiles(folder=desk.stage_files(files.items())), target_class="  blue   tit ")
    assert contents(library, dataset_id) == [("blue tit", None, "a.jpg"), ("blue tit", None, "b.png")]
    assert (status.view.state, status.view.num_accepted, status.view.num_refused) == (ImportState.DONE, 2, 2)
    assert [name for name, _ in status.view.refused] == ["c.txt", "d.jpg"]
    assert "text file" in status.view.refused[0][1]
    assert "empty" in status.view.refused[1][1]
    assert incoming(settings) == []


def test_photos_are_stored(run: Run, desk: ImportDesk, library: Library, dataset_id: int, store: PhotoStore) -> None:
    """The bytes of every image are in the store, and the same photo twice is stored once."""
    run(StagedFiles(folder=desk.stage_files([("a.jpg", photo(1)), ("b.jpg", photo(1))])), target_class="tit")
    first, second = library.images.of(dataset_id)
    assert first.photo_hash == second.photo_hash
    record = library.photos.get([first.photo_hash])[first.photo_hash]
    assert store.read(record.hash, record.suffix)
    assert record.measurements["version"]


def test_folder_from_the_browser(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """Folders give classes and splits, hidden files are passed over, paths that lead out are refused."""
    files = photos("birds/Train/crow/1.jpg", "birds/val/crow/2.jpg", "birds/train/.DS_Store", "../../etc/tit/3.jpg")
    status = run(StagedFiles(folder=desk.stage_files(files.items())), title="birds")
    assert contents(library, dataset_id) == [("crow", "train", "1.jpg"), ("crow", "validation", "2.jpg")]
    assert {image.split_origin for image in library.images.of(dataset_id)} == {SplitOrigin.IMPORTED}
    ((name, reason),) = status.view.refused
    assert name == "../../etc/tit/3.jpg"
    assert "leads out" in reason


def test_splits_that_are_not_kept(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """The person may say that split folders do not count."""
    folder = desk.stage_files(photos("train/crow/1.jpg", "test/crow/2.jpg").items())
    run(StagedFiles(folder=folder), keep_splits=False)
    assert {image.split for image in library.images.of(dataset_id)} == {None}


def test_class_folder_with_an_impossible_name(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """A folder whose name no class can have is refused file by file; odd but possible names are kept."""
    files = photos("🐦/1.jpg", "عصفور/2.jpg", "x" * 300 + "/3.jpg")
    status = run(StagedFiles(folder=desk.stage_files(files.items())))
    assert [row[0] for row in contents(library, dataset_id)] == ["عصفور", "🐦"]
    assert status.view.num_refused == 1
    assert "100" in status.view.refused[0][1]


def test_burst(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """The photos of one burst share a capture; two bursts of the same second do not."""
    for number in range(2):
        folder = desk.stage_files([(f"{frame}.jpg", photo(10 * number + frame)) for frame in range(3)])
        run(StagedFiles(folder=folder), target_class="me", capture=True)
    captures = library.images.captures(dataset_id)
    assert len(captures) == 2
    assert all(label.startswith("burst 20") for label in captures.values())
    assert len({image.capture_id for image in library.images.of(dataset_id)}) == 2


def test_archive(run: Run, desk: ImportDesk, library: Library, dataset_id: int, settings: Settings) -> None:
    """An archive's folders are classes; what is wrong inside is refused file by file."""
    files = {**photos("crow/1.jpg", "tit/2.jpg"), "../evil.jpg": photo(5), "tit/inner.zip": b"PK\3\4"}
    status = run(StagedArchive(folder=desk.stage_files([("birds.zip", zip_of(files))])))
    assert contents(library, dataset_id) == [("crow", None, "1.jpg"), ("tit", None, "2.jpg")]
    assert {name for name, _ in status.view.refused} == {"../evil.jpg", "tit/inner.zip"}
    assert incoming(settings) == []


def test_flat_archives(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """An archive without folders is a class by its name; of several that cannot be read one does not stop the rest."""
    archives = [
        ("crows.zip", zip_of(photos("1.jpg"))),
        ("tits.zip", zip_of(photos("1.jpg"))),
        ("rats.rar", b"Rar!\x1a\x07\0"),
    ]
    status = run(StagedArchive(folder=desk.stage_files(archives)))
    assert contents(library, dataset_id) == [("crows", None, "1.jpg"), ("tits", None, "1.jpg")]
    assert [name for name, _ in status.view.refused] == ["rats.rar"]


def test_damaged_archive(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """An archive that is none fails the import with the reason; nothing is added."""
    status = run(StagedArchive(folder=desk.stage_files([("birds.zip", b"PK\x03\x04 no zip at all")])))
    assert status.view.state is ImportState.FAILED
    assert "birds.zip" in (status.error or "")
    assert library.images.of(dataset_id) == []


def test_archive_bomb(
    desk: ImportDesk, library: Library, queue: TaskQueue, settings: Settings, dataset_id: int
) -> None:
    """An archive that grows beyond the limits adds nothing, also not the photos that came before."""
    strict = replace(settings, max_archive_bytes=50_000)
    files = {"crow/1.jpg": photo(1), "crow/2.jpg": bytes(100_000)}
    packed = settings.workspace_dir / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    folder = desk.stage_files([("bomb.zip", packed.read_bytes())])
    import_id = desk.submit(ImportRequest(dataset_id=dataset_id, source=StagedArchive(folder=folder)))
    assert work(queue, strict) is TaskStatus.FAILED
    assert "come out of" in (desk.status(import_id).error or "")
    assert library.images.of(dataset_id) == []


def test_too_many_photos(
    desk: ImportDesk, queue: TaskQueue, settings: Settings, dataset_id: int, library: Library
) -> None:
    """More files than the setting allows are refused as a whole, when they come and when they are listed."""
    strict = replace(settings, max_import_photos=2)
    strict_desk = ImportDesk(strict, library, queue, Supervisor(strict, queue, kinds=TASK_KINDS_PATH))
    with pytest.raises(SourceError, match="More than 2 files"):
        strict_desk.stage_files(photos("1.jpg", "2.jpg", "3.jpg").items())
    assert incoming(settings) == []
    folder = desk.stage_files([("a.zip", zip_of(photos("a/1.jpg", "a/2.jpg", "a/3.jpg")))])
    import_id = desk.submit(ImportRequest(dataset_id=dataset_id, source=StagedArchive(folder=folder)))
    work(queue, strict)
    assert "3 files were found" in (desk.status(import_id).error or "")


def test_refusals_are_counted(run: Run, desk: ImportDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of refused files is cut short, their number is not."""
    monkeypatch.setattr(refusals, "MAX_LISTED_REFUSALS", 3)
    folder = desk.stage_files([(f"{number}.jpg", b"broken") for number in range(10)])
    view = run(StagedFiles(folder=folder), target_class="crow").view
    assert (view.state, view.num_accepted, view.num_refused, len(view.refused)) == (ImportState.DONE, 0, 10, 3)


def test_progress(run: Run, desk: ImportDesk, queue: TaskQueue) -> None:
    """Progress counts the files, the refused ones too, and ends at 1."""
    folder = desk.stage_files([*photos("1.jpg", "2.jpg").items(), ("3.jpg", b"broken")])
    status = run(StagedFiles(folder=folder), target_class="crow")
    progress = queue.progress(status.view.task_id or 0)
    assert progress is not None
    assert (progress.fraction, progress.message) == (1.0, "Read 3 of 3 files, 1 refused")


# --- the manifest ----------------------------------------------------------------------------------------


def test_manifest_wins_over_folders(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """The manifest says class, name, split, capture and source; files that it does not name go by their folders."""
    manifest = (
        "path,class,split,split_origin,name,sha256,capture,source_url\r\n"
        "a/1.jpg,blue tit / male,test,person,IMG 1.jpg,,burst 7,https://example.org/1\r\n"
    )
    files = {**photos("export/a/1.jpg", "export/b/2.jpg"), "export/bluetit-manifest.csv": manifest.encode("utf-8-sig")}
    status = run(StagedArchive(folder=desk.stage_files([("birds.zip", zip_of(files))])))
    assert status.view.num_refused == 0
    assert contents(library, dataset_id) == [("b", None, "2.jpg"), ("blue tit / male", "test", "IMG 1.jpg")]
    image = next(image for image in library.images.of(dataset_id) if image.name == "IMG 1.jpg")
    assert (image.split_origin, image.source_url) == (SplitOrigin.PERSON, "https://example.org/1")
    assert library.images.captures(dataset_id)[image.capture_id or 0] == "burst 7"


def test_manifest_is_found_by_the_names_of_another_system(
    run: Run, desk: ImportDesk, library: Library, dataset_id: int
) -> None:
    """Accents in two characters, as macOS packs an export anew, are the same as in one."""
    path = "Vögel/Blåmes/1.jpg"
    manifest = f"path,class,name\r\n{unicodedata.normalize('NFC', path)},tit,IMG 1.jpg\r\n".encode()
    (photo_content,) = photos(path).values()
    files = {unicodedata.normalize("NFD", path): photo_content, "bluetit-manifest.csv": manifest}
    status = run(StagedArchive(folder=desk.stage_files([("birds.zip", zip_of(files))])))
    assert status.view.num_refused == 0
    assert contents(library, dataset_id) == [("tit", None, "IMG 1.jpg")]


@pytest.mark.parametrize("num_photos", [0, 1])
def test_classes_of_a_manifest_are_made_in_its_order(
    run: Run, desk: ImportDesk, library: Library, dataset_id: int, num_photos: int
) -> None:
    """Empty ones too, beside those that are there; one with a name that cannot be is left out."""
    library.classes.create(dataset_id, "Crow")
    manifest = f"path,class\n,tit\n,crow\n,{'y' * 300}\n,owl\n" + "1.jpg,owl\n" * num_photos
    files = {"bluetit-manifest.csv": manifest.encode(), **photos(*["1.jpg"][:num_photos])}
    status = run(StagedArchive(folder=desk.stage_files([("birds.zip", zip_of(files))])))
    assert (status.view.state, status.view.num_accepted) == (ImportState.DONE, num_photos)
    assert [found.name for found in library.classes.of(dataset_id)] == ["Crow", "tit", "owl"]


def test_photos_for_one_class_make_no_other(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """Who brings an export into a class wants its photos, not its classes."""
    files = {"bluetit-manifest.csv": b"path,class\n,tit\n,owl\n1.jpg,owl\n", **photos("1.jpg")}
    run(StagedArchive(folder=desk.stage_files([("birds.zip", zip_of(files))])), target_class="crow")
    assert contents(library, dataset_id) == [("crow", None, "1.jpg")]
    assert [found.name for found in library.classes.of(dataset_id)] == ["crow"]


def test_export_comes_back(
    run: Run,
    desk: ImportDesk,
    library: Library,
    dataset_id: int,
    store: PhotoStore,
    tmp_path: Path,
    do_next: Callable[[], TaskStatus],
) -> None:
    """What was exported and imported into an empty dataset exports as the same bytes."""
    files = photos("train/Crow/1.jpg", "val/crows and ravens/2.jpg", "test/Crow/1.jpg")
    run(StagedFiles(folder=desk.stage_files(files.items())))
    first = tmp_path / "first.zip"
    export_dataset(library, store, dataset_id, first, report=lambda fraction, message: None)
    other_id = library.datasets.create("copy").id
    request = ImportRequest(
        dataset_id=other_id, source=StagedArchive(folder=desk.stage_files([("first.zip", first.read_bytes())]))
    )
    import_id = desk.submit(request)
    do_next()
    assert desk.status(import_id).view.num_accepted == 3
    export_dataset(library, store, other_id, tmp_path / "second.zip", report=lambda fraction, message: None)
    assert (tmp_path / "second.zip").read_bytes() == first.read_bytes()


# --- questions -------------------------------------------------------------------------------------------


def test_question_and_answer(
    run: Run, desk: ImportDesk, library: Library, dataset_id: int, queue: TaskQueue, settings: Settings
) -> None:
    """Class folders that are alike stop the import at a question; the answer lets it go on with the same files."""
    files = photos("train/Blue Tit/1.jpg", "test/blue_tits/2.jpg")
    status = run(StagedArchive(folder=desk.stage_files([("birds.zip", zip_of(files))])))
    assert (status.view.state, status.is_active) == (ImportState.QUESTION, False)
    assert library.images.of(dataset_id) == []
    question = PlanQuestion.from_json(status.view.question or {})
    assert {found.name for found in question.options[0].classes} == {"Blue Tit", "blue_tits"}
    answer = PlanAnswer(class_map={"Blue Tit": "tit", "blue_tits": "tit"}, reading="leaf")
    desk.answer(status.view.id, answer.to_json())
    assert desk.status(status.view.id).is_active
    work(queue, settings)
    assert contents(library, dataset_id) == [("tit", "test", "2.jpg"), ("tit", "train", "1.jpg")]
    assert incoming(settings) == []


def test_no_question_with_a_target_class(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """Where every photo goes into one class, how folders are called does not matter."""
    files = photos("train/Tit/1.jpg", "test/tits/2.jpg")
    run(StagedFiles(folder=desk.stage_files(files.items())), target_class="tit")
    assert contents(library, dataset_id) == [("tit", "test", "2.jpg"), ("tit", "train", "1.jpg")]


def test_question_about_a_download(
    run: Run, desk: ImportDesk, library: Library, dataset_id: int, server: DownloadServer, queue: TaskQueue
) -> None:
    """After the answer nothing is downloaded again."""
    server.content = zip_of(photos("train/tit/1.jpg", "test/Tits/2.jpg"))
    status = run(Links(urls=(server.url(),)))
    assert status.view.state is ImportState.QUESTION
    question = PlanQuestion.from_json(status.view.question or {})
    desk.answer(status.view.id, question.suggested_answer.to_json())
    work(queue, desk._settings)
    assert len(library.images.of(dataset_id)) == 2
    assert len(server.requests) == 1


# --- links -----------------------------------------------------------------------------------------------


def test_links_to_photos_and_archives(
    run: Run, library: Library, dataset_id: int, server: DownloadServer, settings: Settings
) -> None:
    """Each answer is a photo or an archive by its content; links that fail are named, without their query."""
    server.contents = {"/crow.jpg": photo(7), "/download?id=3": zip_of(photos("a/b.jpg")), "/page": b"<html></html>"}
    urls = (server.url("/crow.jpg"), server.url("/download?id=3"), server.url("/page?key=secret"), "ftp://x/y")
    server.contents["/page?key=secret"] = b"<html></html>"
    status = run(Links(urls=urls), target_class="crow")
    assert [row[2] for row in contents(library, dataset_id)] == ["b.jpg", "crow.jpg"]
    (page, page_reason), (ftp, ftp_reason) = status.view.refused
    assert page == f"{server.host_and_port}/page"
    assert "web page" in page_reason
    assert (ftp, "'ftp'" in ftp_reason) == ("x/y", True)
    sources = {image.name: image.source_url for image in library.images.of(dataset_id)}
    assert sources["crow.jpg"] == server.url("/crow.jpg")
    assert incoming(settings) == []


def test_link_that_lies_about_its_type(run: Run, library: Library, dataset_id: int, server: DownloadServer) -> None:
    """An archive that calls itself a photo is an archive."""
    server.media_type = "image/jpeg"
    run(Links(urls=(server.url("/photo.jpg"),)))
    assert contents(library, dataset_id) == [("crow", None, "1.jpg"), ("tit", None, "2.jpg")]


def test_retry_of_a_broken_download(
    run: Run,
    desk: ImportDesk,
    library: Library,
    dataset_id: int,
    server: DownloadServer,
    do_next: Callable[[], TaskStatus],
) -> None:
    """A failed download is tried again from where it stopped."""
    half = len(server.content) // 2
    server.acts = [Act(send_bytes=half), Act(send_bytes=0)]
    status = run(Links(urls=(server.url(),)))
    assert status.view.state is ImportState.FAILED
    assert "broke off" in (status.error or "")
    desk.retry(status.view.id)
    do_next()
    assert len(library.images.of(dataset_id)) == 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half}-"]


def test_link_to_a_private_address(run: Run, library: Library, dataset_id: int) -> None:
    """A private address fails the import before anything is asked."""
    status = run(Links(urls=("http://10.0.0.1/birds.zip",)))
    assert "private network" in (status.error or "")
    assert library.images.of(dataset_id) == []


# --- folders of the server -------------------------------------------------------------------------------


def test_server_folder(run: Run, library: Library, dataset_id: int, tmp_path: Path) -> None:
    """An allowed folder is imported, and stays as it is; relative paths begin at the allowed folder."""
    folder = write_files(tmp_path / "shared" / "birds", photos("train/crow/1.jpg", "val/crow/2.jpg", ".hidden/3.jpg"))
    run(ServerFolder(path="birds"))
    assert contents(library, dataset_id) == [("crow", "train", "1.jpg"), ("crow", "validation", "2.jpg")]
    assert (folder / "train" / "crow" / "1.jpg").is_file()


def test_server_folder_in_the_order_of_people(run: Run, library: Library, dataset_id: int, tmp_path: Path) -> None:
    """Photo 2 comes before photo 10."""
    write_files(tmp_path / "shared" / "birds", photos("crow/10.jpg", "crow/2.jpg", "crow/a1b10.jpg", "crow/a1b9.jpg"))
    run(ServerFolder(path="birds"))
    names = [image.name for image in library.images.of(dataset_id)]
    assert names == ["2.jpg", "10.jpg", "a1b9.jpg", "a1b10.jpg"]


def test_archive_on_the_server(run: Run, library: Library, dataset_id: int, tmp_path: Path) -> None:
    """An archive in an allowed folder is read where it lies."""
    write_files(tmp_path / "shared", {"birds.zip": zip_of(photos("crow/1.jpg", "tit/2.jpg"))})
    run(ServerFolder(path=str(tmp_path / "shared" / "birds.zip")))
    assert len(library.images.of(dataset_id)) == 2
    assert (tmp_path / "shared" / "birds.zip").is_file()


def test_links_inside_a_server_folder(run: Run, library: Library, dataset_id: int, tmp_path: Path) -> None:
    """Links that lead out of the allowed folders, links to folders, pipes and dead links are refused one by one."""
    secret = write_files(tmp_path / "secret", {"key.jpg": photo(1)})
    crow = write_files(tmp_path / "shared", photos("birds/crow/1.jpg", "more/2.jpg")) / "birds" / "crow"
    (crow / "out.jpg").symlink_to(secret / "key.jpg")
    (crow / "in.jpg").symlink_to(tmp_path / "shared" / "more" / "2.jpg")
    (crow / "dead.jpg").symlink_to(crow / "nothing.jpg")
    (crow / "circle.jpg").symlink_to(crow / "circle.jpg")
    (crow / "folder").symlink_to(secret)
    os.mkfifo(crow / "pipe.jpg")
    status = run(ServerFolder(path=str(tmp_path / "shared" / "birds")))
    assert [row[2] for row in contents(library, dataset_id)] == ["1.jpg", "in.jpg"]
    reasons = dict(status.view.refused)
    assert {name.rpartition("/")[2] for name in reasons} == {"out.jpg", "dead.jpg", "circle.jpg", "folder", "pipe.jpg"}
    assert "leads out" in reasons["crow/out.jpg"]
    assert "device" in reasons["crow/pipe.jpg"]


# --- samples ---------------------------------------------------------------------------------------------


def test_samples(run: Run, library: Library, dataset_id: int, settings: Settings) -> None:
    """Drawn samples arrive in their classes, and their files are gone afterwards."""
    status = run(DrawnShapes(num_per_class=2, seed=1))
    classes = library.classes.of(dataset_id)
    assert len(classes) >= 3
    assert {found.num_images for found in classes} == {2}
    assert status.view.num_refused == 0
    assert incoming(settings) == []


# --- failures --------------------------------------------------------------------------------------------


def test_full_disk(
    run: Run,
    desk: ImportDesk,
    library: Library,
    dataset_id: int,
    monkeypatch: pytest.MonkeyPatch,
    do_next: Callable[[], TaskStatus],
) -> None:
    """When the disk is full the import fails and says so, nothing is added, and another try goes on."""
    folder = desk.stage_files([(f"{number}.jpg", photo(number)) for number in range(40)])
    real = photo_store._write
    num_written = 0

    def write_until_full(path: Path, content: bytes) -> None:
        nonlocal num_written
        num_written += 1
        if num_written > 35:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, content)

    monkeypatch.setattr(photo_store, "_write", write_until_full)
    status = run(StagedFiles(folder=folder), target_class="crow")
    assert status.view.state is ImportState.FAILED
    assert "is full" in (status.error or "")
    assert library.images.of(dataset_id) == []
    monkeypatch.setattr(photo_store, "_write", real)
    desk.retry(status.view.id)
    do_next()
    assert len(library.images.of(dataset_id)) == 40


def test_done_import_is_not_repeated(
    run: Run, desk: ImportDesk, library: Library, dataset_id: int, do_next: Callable[[], TaskStatus], queue: TaskQueue
) -> None:
    """A task that runs again after its last transaction, as after a kill at that moment, adds nothing."""
    status = run(StagedFiles(folder=desk.stage_files(photos("1.jpg").items())), target_class="crow")
    queue.submit("import_photos", {"import_id": status.view.id})
    assert do_next() is TaskStatus.DONE
    assert len(library.images.of(dataset_id)) == 1
    assert desk.status(status.view.id).view == status.view


def test_dataset_that_goes_away(
    desk: ImportDesk, library: Library, dataset_id: int, do_next: Callable[[], TaskStatus]
) -> None:
    """An import whose dataset is deleted meanwhile fails with the reason."""
    folder = desk.stage_files(photos("1.jpg").items())
    request = ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=folder), target_class="crow")
    import_id = desk.submit(request)
    library.datasets.delete(dataset_id)
    assert do_next() is TaskStatus.FAILED
    assert desk.status(import_id).view.state is ImportState.FAILED


def test_cancel_at_the_last_moment(
    desk: ImportDesk,
    library: Library,
    dataset_id: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    do_next: Callable[[], TaskStatus],
) -> None:
    """A cancel that comes after the worker's last look still wins: nothing is added."""
    folder = desk.stage_files(photos("1.jpg").items())
    request = ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=folder), target_class="crow")
    import_id = desk.submit(request)
    real = ImageShelf.add

    def cancel_first(self: ImageShelf, dataset_id: int, images: list[NewImage], **values: object) -> list[int]:
        desk.cancel(import_id)
        return real(self, dataset_id, images, **values)

    monkeypatch.setattr(ImageShelf, "add", cancel_first)
    assert do_next() is TaskStatus.CANCELLED
    assert desk.status(import_id).view.state is ImportState.CANCELLED
    assert library.images.of(dataset_id) == []
    assert incoming(settings) == []


def test_cancel_between_photos(
    desk: ImportDesk,
    library: Library,
    dataset_id: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    do_next: Callable[[], TaskStatus],
) -> None:
    """A cancel in the middle ends the work soon, and leaves neither images nor files of the upload."""
    folder = desk.stage_files([(f"{number}.jpg", photo(number)) for number in range(200)])
    request = ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=folder), target_class="crow")
    import_id = desk.submit(request)
    monkeypatch.setattr("core.jobs.context.CANCEL_CHECK_SECONDS", 0.0)
    real, num_batches = PhotoIndex.add, []

    def cancel_after_two(self: PhotoIndex, records: list) -> None:
        num_batches.append(len(records))
        if len(num_batches) == 2:
            desk.cancel(import_id)
        real(self, records)

    monkeypatch.setattr(PhotoIndex, "add", cancel_after_two)
    assert do_next() is TaskStatus.CANCELLED
    assert len(num_batches) == 2
    assert library.images.of(dataset_id) == []
    assert incoming(settings) == []


def test_upload_that_a_power_cut_damaged(desk: ImportDesk, run: Run, settings: Settings) -> None:
    """A staged file that is shorter than it was is refused, not imported in part."""
    folder = desk.stage_files(photos("1.jpg", "2.jpg").items())
    (settings.incoming_path / folder / "000001").write_bytes(b"")
    view = run(StagedFiles(folder=folder), target_class="crow").view
    assert (view.num_accepted, view.num_refused) == (1, 1)
    assert "damaged" in view.refused[0][1]


def test_many_small_files(run: Run, desk: ImportDesk, library: Library, dataset_id: int) -> None:
    """Thousands of files at once arrive, all of them."""
    folder = desk.stage_files((f"class {number % 7}/{number}.jpg", photo(number % 50)) for number in range(2_000))
    view = run(StagedFiles(folder=folder)).view
    assert (view.num_accepted, view.num_refused) == (2_000, 0)
    assert len(library.images.of(dataset_id)) == 2_000
