"""Pictures that leave open how they are shown are shown alike within an import, and the report says how."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets.ingest import storing
from core.datasets.ingest.desk import ImportDesk
from core.datasets.ingest.joint_decision import JointDecision
from core.datasets.library import Library
from core.datasets.records import ImportView
from core.datasets.sources.requests import ImportRequest, ServerFolder
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.photos.rendering import prevailing_rendering
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import Database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.import_samples import photo, work, write_files, zip_of
from tests.core.photos.photo_files import camera_raw_file, encode, gradient, noise_photo, signs, tiff


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, import_dirs=(str(tmp_path / "shared"),))


Bring = Callable[..., ImportView]


@pytest.fixture
def bring(settings: Settings, library: Library, database: Database, tmp_path: Path) -> Bring:
    """Imports files into a new dataset, from a folder or an archive."""
    queue = TaskQueue(database, TASK_KINDS)
    desk = ImportDesk(settings, library, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))

    def bring(files: dict[str, bytes], *, as_archive: bool = False) -> ImportView:
        folder = write_files(tmp_path / "shared" / "set", {} if as_archive else files)
        folder.mkdir(parents=True, exist_ok=True)
        if as_archive:
            folder = tmp_path / "shared" / "set.zip"
            folder.write_bytes(zip_of(files))
        dataset_id = library.datasets.create(f"set {len(library.datasets.all())}").id
        import_id = desk.submit(ImportRequest(dataset_id=dataset_id, source=ServerFolder(path=str(folder))))
        work(queue, settings)
        return library.imports.get(import_id)

    return bring


@pytest.fixture
def shown(settings: Settings, library: Library) -> Callable[[ImportView], dict[str, np.ndarray]]:
    """The stored pixels of an import's photos, by their names."""
    store = PhotoStore(settings.photos_path, settings.cache_path)

    def shown(view: ImportView) -> dict[str, np.ndarray]:
        images = library.images.of(view.dataset_id)
        photos = library.photos.get({image.photo_hash for image in images})
        found = {}
        for image in images:
            record = photos[image.photo_hash]
            with Image.open(io.BytesIO(store.read(record.hash, record.suffix))) as picture:
                found[image.name] = np.asarray(picture.convert("RGB")).astype(int)
        return found

    return shown


CLASSES = (("a", 100), ("b", 1000))


def counting(monkeypatch) -> list[str]:
    """The names of all photos that are read, as often as they are."""
    names: list[str] = []

    def counted(data, name, *args, **options):
        names.append(name)
        return encode_photo(data, name, *args, **options)

    monkeypatch.setattr(storing, "encode_photo", counted)
    return names


@pytest.mark.parametrize("as_archive", [False, True])
def test_signed_values_of_all_classes_are_stretched_alike(bring, shown, as_archive):
    """A flat and a rich scan of a set keep their difference, whichever is read first; the report names the range."""
    files = {
        f"{name}/{name}{number}.tif": tiff(gradient(high + number, "int16", smallest=-high))
        for name, high in CLASSES
        for number in range(3)
    }
    view = bring(files, as_archive=as_archive)
    pixels = shown(view)
    assert len(pixels) == 6
    assert view.num_refused == 0
    assert pixels["b0.tif"].max() > 250
    assert pixels["a0.tif"].max() < 170
    (note,) = view.notes
    assert note.startswith("6 pictures have more than 8 bits a pixel: -9")
    assert note.endswith("as white, the same for all of them.")


def test_the_same_value_is_the_same_grey_in_every_class(bring, shown):
    """A value that two pictures share is shown by one grey."""
    low, high = gradient(100, "int16", smallest=-100), gradient(1000, "int16", smallest=-1000)
    low[5, 5] = high[5, 5] = 77
    pixels = shown(bring({"a/low.tif": tiff(low), "b/high.tif": tiff(high)}))
    assert np.abs(pixels["low.tif"][5, 5] - pixels["high.tif"][5, 5]).max() <= 1
    assert pixels["low.tif"].max() < 170


def test_a_depth_that_all_agree_on_is_read_once(bring, monkeypatch):
    """Twelve bits in each picture need no second reading, nor do ordinary photos."""
    calls = counting(monkeypatch)
    files = {f"{name}/{number}.tif": tiff(gradient(3000 + number)) for name in ("a", "b") for number in range(3)}
    view = bring({**files, "a/photo.jpg": photo(1), "b/photo.jpg": photo(2)})
    assert len(calls) == 8
    assert "6 pictures have 12 bits a pixel: values were scaled by 4095, the same for all of them." in view.notes


def test_only_what_comes_out_differently_is_read_again(bring, monkeypatch, shown):
    """One picture of 16 bits among those of 12 changes the scale of these, and the dark ones are told."""
    calls = counting(monkeypatch)
    files = {f"a/{number}.tif": tiff(gradient(3000 + number)) for number in range(3)}
    view = bring({**files, "b/bright.tif": tiff(gradient(60_000)), "b/photo.jpg": photo(1)})
    assert sorted(calls) == sorted(["0.tif", "1.tif", "2.tif", "bright.tif", "photo.jpg", "0.tif", "1.tif", "2.tif"])
    assert shown(view)["0.tif"].max() == round(3000 / 65_535 * 255)
    words = "3 pictures are nearly black, because their values are far below"
    assert any(note.startswith(words) for note in view.notes)


@pytest.mark.parametrize(
    ("colours", "ground", "words"),
    [
        ([(255, 255, 255)] * 4, 40, "4 pictures are transparent with pale content: they were put on a dark ground."),
        ([(0, 0, 0)] * 4, 255, None),
        ([(255, 255, 255), (0, 0, 0)] * 2, 128, "4 pictures are transparent with pale or dark content"),
    ],
    ids=["pale", "dark", "mixed"],
)
def test_one_ground_for_all_transparent_pictures(bring, shown, colours, ground, words):
    """All of an import are put on the same ground, on which each can be seen and differs from the others."""
    files = {
        f"{number % 2}/{number}.png": encode(signs(colour, 3 * number), "PNG") for number, colour in enumerate(colours)
    }
    view = bring(files)
    pixels = shown(view)
    assert {tuple(picture[0, 0]) for picture in pixels.values()} == {(ground,) * 3}
    assert len({picture.tobytes() for picture in pixels.values()}) == 4
    told = [note for note in view.notes if "transparent" in note]
    assert len(told) == bool(words)
    assert all(note.startswith(words) for note in told)


def test_the_report_names_pages_raw_files_and_blank_pictures(bring):
    """What was taken of several pages, developed, or had nothing on it, is said with numbers."""
    pages = [Image.new("L", (48, 32)), noise_photo(48, 32).convert("L"), Image.new("L", (48, 32))]
    stack = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    view = bring(
        {
            "a/1.tif": stack,
            "b/2.tif": stack,
            "a/DSC_1.NEF": camera_raw_file(),
            "a/DSC_1.JPG": photo(3),
            "b/blank.png": encode(Image.new("RGBA", (9, 9), 0), "PNG"),
        }
    )
    assert "2 files have several pages: the first that is not blank was taken (1 of 3 pages)." in view.notes
    assert "1 picture is a camera's raw file: it was developed in full." in view.notes
    assert [(name, "is blank" in reason) for name, reason in view.refused] == [("b/blank.png", True)]


def test_what_cannot_be_read_again_is_refused(bring, monkeypatch, tmp_path):
    """A file that is gone at the second reading is in the report, not in the dataset."""
    files = {f"{name}/{high}.tif": tiff(gradient(high, "int16", smallest=-high)) for name, high in CLASSES}
    decide = JointDecision.decide

    def decide_and_lose(decision):
        (tmp_path / "shared" / "set" / "b" / "1000.tif").unlink()
        return decide(decision)

    monkeypatch.setattr(JointDecision, "decide", decide_and_lose)
    view = bring(files)
    assert view.refused == (("b/1000.tif", "It could not be read a second time. Add it again."),)


def test_a_photo_knows_how_it_was_shown():
    """What was decided is kept with the photo, so that a network that learned from it is asked likewise."""
    stored = encode_photo(tiff(gradient(3000)), "cell.tif")
    icon = encode_photo(encode(signs((255, 255, 255), 5), "PNG"), "icon.png")
    records = [stored.record.measurements["rendering"], icon.record.measurements["rendering"]]
    rendering = prevailing_rendering(records)
    assert [scale.high for scale in rendering.scales.values()] == [4095]
    assert rendering.ground == "dark"
    assert "rendering" not in encode_photo(photo(1), "photo.jpg").record.measurements
