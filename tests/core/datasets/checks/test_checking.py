"""`core.datasets.checks.checking`: from photos in a dataset to findings in the database, and nothing twice."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from sqlalchemy import update

from core.datasets.checks.checking import run_check_task
from core.datasets.checks.findings import Finding, FindingKind, without_dismissed
from core.datasets.checks.photo_checks import PHOTO_CHECKS, PhotoCheck, measured, words_of
from core.datasets.checks.words import Words
from core.datasets.library import Library
from core.datasets.records import DatasetView, NewImage, Split
from core.errors import TaskCancelledError, UnknownDatasetError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.photos.measurements import MEASURES
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import DatasetCheck
from core.task_kinds import TASK_KINDS


@pytest.fixture
def database(prepared_settings: Settings) -> Iterator[Database]:
    with closing(open_database(prepared_settings)) as database:
        yield database


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


@pytest.fixture
def begin_check(database: Database) -> Callable[[Settings, int], TaskContext]:
    """Makes the context that a worker would give the handler."""
    queue = TaskQueue(database, TASK_KINDS)
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.PHOTOS)

    def begin(settings: Settings, dataset_id: int) -> TaskContext:
        queue.submit("check_dataset", {"dataset_id": dataset_id})
        task = queue.claim("w1", TASK_KINDS)
        assert task is not None
        return TaskContext(queue, settings, task)

    return begin


def scene(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    detail = np.random.default_rng(seed).normal(0, 20, (300, 400, 1))
    smooth = np.asarray(Image.fromarray(pixels).resize((400, 300), Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray(np.clip(smooth + detail, 0, 255).astype(np.uint8))


def resaved(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image.crop((4, 3, 400, 300))).enhance(1.03)


class Filler:
    """Puts pictures into a dataset."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._store = PhotoStore(settings.photos_path, settings.cache_path)
        self.dataset: DatasetView = library.datasets.create("birds")

    def add(self, picture: Image.Image, class_name: str, split: Split) -> int:
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=90)
        stored = encode_photo(target.getvalue(), "photo.jpg")
        self._store.put(stored)
        image = NewImage(photo=stored.record, class_name=class_name, name="photo.jpg", split=split)
        return self._library.images.add(self.dataset.id, [image])[0]


@pytest.fixture
def filler(library: Library, prepared_settings: Settings) -> Filler:
    return Filler(library, prepared_settings)


@pytest.fixture
def planted(filler: Filler) -> dict[str, int]:
    """Six scenes, with a copy, a near-duplicate across the split, and a black photo among them; ids by name."""
    ids = {f"scene {seed}": filler.add(scene(seed), "crow" if seed < 3 else "tit", Split.TRAIN) for seed in range(6)}
    ids["copy"] = filler.add(scene(0), "crow", Split.TRAIN)
    ids["resaved"] = filler.add(resaved(scene(1)), "crow", Split.VALIDATION)
    ids["black"] = filler.add(Image.new("RGB", (400, 300)), "tit", Split.VALIDATION)
    ids["black too"] = filler.add(Image.new("RGB", (300, 300), (1, 1, 1)), "tit", Split.TRAIN)
    return ids


def found_in(library: Library, dataset_id: int) -> dict[FindingKind, Finding]:
    check = library.checks.load(dataset_id)
    assert check is not None
    assert check[0] == library.datasets.get(dataset_id).revision
    return {finding.kind: finding for finding in map(Finding.from_json, check[1])}


def test_what_was_planted_is_found(
    begin_check, library: Library, filler: Filler, prepared_settings: Settings, planted: dict[str, int]
):
    """Copies, near-duplicates and a black photo are found; black photos are not each other's duplicates."""
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    found = found_in(library, filler.dataset.id)
    assert found[FindingKind.EXACT_DUPLICATES].groups == ((planted["scene 0"], planted["copy"]),)
    assert found[FindingKind.NEAR_DUPLICATES].groups == ((planted["scene 1"], planted["resaved"]),)
    assert found[FindingKind.IN_TWO_SPLITS].groups == ((planted["scene 1"], planted["resaved"]),)
    assert found[FindingKind.DARK].image_ids == (planted["black"], planted["black too"])
    assert FindingKind.ROUGH_SEARCH not in found
    hashes = {image.photo_hash for image in library.images.of(filler.dataset.id)}
    assert all(similarity > 0.85 for similarity in library.checks.pairs(hashes).values())
    assert len(library.checks.pairs(hashes)) == 1


def test_nothing_is_found_out_twice(
    begin_check, library: Library, filler: Filler, prepared_settings: Settings, planted: dict[str, int]
):
    """A second check needs neither photos nor features: it gives the same findings without them."""
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    first = library.checks.load(filler.dataset.id)
    for path in prepared_settings.photos_path.rglob("*.jpg"):
        path.unlink()
    (features_path,) = prepared_settings.cache_path.rglob("features-*.sqlite3")
    features_path.unlink()
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    assert library.checks.load(filler.dataset.id) == first
    assert not features_path.exists()


def forget(library: Library, dataset_id: int, *names: str) -> None:
    """Leave of the photos what a version knew that did not measure this."""
    photos = library.photos.get({image.photo_hash for image in library.images.of(dataset_id)}).values()
    library.photos.save_measurements(
        {
            photo.hash: {key: photo.measurements[key] for key in photo.measurements if key not in names}
            for photo in photos
        }
    )


@pytest.mark.parametrize(
    "names",
    [["dark_share"], ["phash"], ["phash_mirrored"], ["sharpness", "contrast"], ["version"], ["version", *MEASURES]],
    ids=lambda names: f"{len(names)} with {names[-1]}",
)
def test_photos_that_an_older_version_measured_are_measured_again(
    begin_check,
    library: Library,
    filler: Filler,
    prepared_settings: Settings,
    planted: dict[str, int],
    names: list[str],
):
    """Whatever is missing, the check finds what it finds in new photos, and keeps what it measured."""
    hashes = {image.photo_hash for image in library.images.of(filler.dataset.id)}
    before = library.photos.get(hashes)
    forget(library, filler.dataset.id, *names)
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    assert library.photos.get(hashes) == before
    found = found_in(library, filler.dataset.id)
    assert found[FindingKind.DARK].image_ids == (planted["black"], planted["black too"])
    assert found[FindingKind.NEAR_DUPLICATES].groups == ((planted["scene 1"], planted["resaved"]),)


def test_photos_that_cannot_be_measured_again_do_not_stop_a_check(
    begin_check, library: Library, filler: Filler, prepared_settings: Settings, planted: dict[str, int]
):
    """A lost file has no light to speak of; what is known of the others is found."""
    forget(library, filler.dataset.id, *MEASURES)
    photos = library.photos.get({image.photo_hash for image in library.images.of(filler.dataset.id)})
    lost = library.images.get([planted["black"]])[0].photo_hash
    PhotoStore(prepared_settings.photos_path, prepared_settings.cache_path).delete(lost, photos[lost].suffix)
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    assert found_in(library, filler.dataset.id)[FindingKind.DARK].image_ids == (planted["black too"],)


def test_a_new_check_is_a_row_and_a_measure(
    begin_check,
    library: Library,
    filler: Filler,
    prepared_settings: Settings,
    planted: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
):
    """Photos that are there already are measured for it, it is found in words, and the check of before is outdated."""
    red = [filler.add(Image.new("RGB", (400, 300), (200, shade, 0)), "tit", Split.TRAIN) for shade in (0, 20)]
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    before = library.checks.load(filler.dataset.id)
    assert before is not None
    assert not before.is_outdated
    redness = {"redness": lambda photo: round(float(np.asarray(photo.colours)[..., 0].mean() / 255), 4)}
    row = PhotoCheck(
        kind="red",
        measure=measured("redness"),
        from_limit=0.75,
        words=Words(title="Very red", why="Everything in them is red.", dismissal="I like red", looked_for="red"),
    )
    monkeypatch.setattr("core.photos.measurements.MEASURES", {**MEASURES, **redness})
    monkeypatch.setattr("core.datasets.checks.photo_checks.PHOTO_CHECKS", (*PHOTO_CHECKS, row))
    outdated = library.checks.load(filler.dataset.id)
    assert outdated is not None
    assert outdated.is_outdated
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    finding = found_in(library, filler.dataset.id)["red"]
    assert (finding.title, finding.why) == ("Very red: 2 photos", "Everything in them is red.")
    assert finding.image_ids == tuple(red)
    assert finding.remedy is not None
    assert finding.remedy.image_ids == tuple(red)
    assert words_of("red").dismissal == "I like red"
    library.checks.dismiss(filler.dataset.id, finding.dismissal_keys)
    assert without_dismissed([finding], library.checks.dismissed(filler.dataset.id)) == []


def test_a_check_of_an_earlier_version_is_shown_until_the_next(
    begin_check,
    library: Library,
    database: Database,
    filler: Filler,
    prepared_settings: Settings,
    planted: dict[str, int],
):
    """Earlier versions wrote a list of findings; what cannot be read of it is left out, and a new check is due."""
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    now = library.checks.load(filler.dataset.id)
    assert now is not None
    with database.session() as session:
        session.execute(
            update(DatasetCheck).values(
                findings=[*now.findings, {"kind": "of the future"}], checked_at=DatasetCheck.checked_at - 1
            )
        )
    earlier = library.checks.load(filler.dataset.id)
    assert earlier is not None
    assert earlier.is_outdated
    assert earlier.as_findings() == now.as_findings() != []


def test_without_a_prepared_network_hashes_decide(
    begin_check, library: Library, filler: Filler, prepared_settings: Settings, planted: dict[str, int]
):
    """The closest near-duplicates are found at once, the finding says that it was a rough search, no pair is kept."""
    shutil.rmtree(prepared_settings.cache_path / "backbones")
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    found = found_in(library, filler.dataset.id)
    assert FindingKind.ROUGH_SEARCH in found
    assert found[FindingKind.NEAR_DUPLICATES].groups == ((planted["scene 1"], planted["resaved"]),)
    assert library.checks.pairs({image.photo_hash for image in library.images.of(filler.dataset.id)}) == {}


def test_unreadable_photos_do_not_stop_a_check(
    begin_check, library: Library, filler: Filler, prepared_settings: Settings, planted: dict[str, int]
):
    """A lost file takes part with what is known of it."""
    for path in prepared_settings.photos_path.rglob("*.jpg"):
        path.write_bytes(b"damaged")
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    found = found_in(library, filler.dataset.id)
    assert FindingKind.EXACT_DUPLICATES in found
    assert FindingKind.NEAR_DUPLICATES not in found


def test_a_check_can_be_stopped(
    begin_check,
    library: Library,
    filler: Filler,
    prepared_settings: Settings,
    database: Database,
    planted: dict[str, int],
):
    """Somebody who asks for it is heard; nothing is saved."""
    context = begin_check(prepared_settings, filler.dataset.id)
    TaskQueue(database, TASK_KINDS).request_cancel(context.task_id)
    with pytest.raises(TaskCancelledError):
        run_check_task(context)
    assert library.checks.load(filler.dataset.id) is None


@pytest.mark.parametrize("num", [0, 1])
def test_small_datasets(begin_check, library: Library, filler: Filler, prepared_settings: Settings, num: int):
    """Without photos, or with one, there is little to find, and no reason to fail."""
    for seed in range(num):
        filler.add(scene(seed), "crow", Split.VALIDATION)
    run_check_task(begin_check(prepared_settings, filler.dataset.id))
    assert set(found_in(library, filler.dataset.id)) <= {FindingKind.FEW_PHOTOS}


def test_a_dataset_that_is_gone(begin_check, prepared_settings: Settings):
    """The task ends with the error that says so."""
    with pytest.raises(UnknownDatasetError):
        run_check_task(begin_check(prepared_settings, 4711))
