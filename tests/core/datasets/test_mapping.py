"""The map of a dataset: alike photos lie together, few photos work too, and a map is drawn once."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from core.datasets import mapping
from core.datasets.library import Library
from core.datasets.mapping import load_map, map_path, place_photos, run_map_task, save_map
from core.datasets.records import NewImage
from core.errors import ArtefactMissingError, TaskCancelledError, UnknownDatasetError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.queue import TaskQueue
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import Database
from core.task_kinds import TASK_KINDS

HASHES = [f"{number:064x}" for number in range(3)]
POINTS = np.array([[0.0, 1.0], [-1.0, 0.5], [0.25, -1.0]], np.float32)


def clusters(num_photos: int, num_clusters: int = 3) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Random features around a few centres, and which centre each belongs to."""
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(num_clusters, 64))
    labels = np.arange(num_photos) % num_clusters
    features = centres[labels] + 0.2 * chance.normal(size=(num_photos, 64))
    return np.maximum(features, 0).astype(np.float32), labels


def place(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return place_photos(features, report=lambda fraction, message: None, check_cancelled=lambda: None)


def share_beside_its_own(points: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Share of the points whose nearest neighbour has the same label."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((labels[distances.argmin(axis=1)] == labels).mean())


@pytest.mark.parametrize("num_photos", [0, 1, 2, 3, 4, 5, 9, 10, 11, 40])
def test_any_number_of_photos_has_a_map(num_photos: int):
    """No photo at all, one, two, a few: every photo has a place within the square, and different photos differ."""
    points = place(np.random.default_rng(1).random((num_photos, 64), np.float32))
    assert (points.shape, points.dtype) == ((num_photos, 2), np.float32)
    assert np.abs(points).max(initial=0) <= 1
    assert len(np.unique(points, axis=0)) == num_photos
    if num_photos > 1:
        assert np.abs(points).max() == pytest.approx(1)


@pytest.mark.parametrize("value", [0.0, 3.0])
@pytest.mark.parametrize("num_photos", [2, 30])
def test_photos_without_a_difference_share_one_place(num_photos: int, value: float):
    """Equal features, zeros too, give no direction to lay the photos out in; nothing is divided by zero."""
    assert not place(np.full((num_photos, 64), value, np.float32)).any()


def test_repeated_photos_are_placed():
    """Thirty copies of one photo and one other: no step fails, and the other lies apart."""
    features = np.ones((31, 64), np.float32)
    features[7, :32] = 0
    points = place(features)
    assert np.isfinite(points).all()
    assert not np.isclose(points[[0, *range(8, 31)]], points[7], atol=1e-3).all(axis=1).any()


def test_alike_photos_lie_together():
    """Photos of three kinds form three groups."""
    features, labels = clusters(90)
    assert share_beside_its_own(place(features), labels) == 1.0


def test_without_opentsne_alike_photos_lie_together_too(monkeypatch: pytest.MonkeyPatch):
    """scikit-learn draws the map where there is no package for the machine."""
    monkeypatch.setattr(mapping, "find_spec", lambda _: None)
    features, labels = clusters(60)
    assert share_beside_its_own(place(features), labels) == 1.0


def test_many_photos_are_interpolated(monkeypatch: pytest.MonkeyPatch):
    """From some number on what pushes photos apart is read from a grid; a map that is drawn again is the same."""
    monkeypatch.setattr(mapping, "INTERPOLATED_FROM", 90)
    monkeypatch.setattr(mapping, "STEPS", (20, 20))
    features, labels = clusters(90)
    points = place(features)
    assert share_beside_its_own(points, labels) > 0.9
    np.testing.assert_array_equal(place(features), points)


def test_the_same_features_give_the_same_map():
    """A map drawn again is the same; the length of a feature vector does not matter, only where it points."""
    features, _ = clusters(60)
    first = place(features)
    np.testing.assert_array_equal(place(features), first)
    np.testing.assert_allclose(place(features * 2), first, atol=1e-5)


def test_photos_beyond_the_limit_lie_beside_those_that_they_look_like(monkeypatch: pytest.MonkeyPatch):
    """With room for 45 photos in t-SNE, the other 45 are found in the right groups all the same."""
    monkeypatch.setattr(mapping, "MAX_FITTED_PHOTOS", 45)
    features, labels = clusters(90)
    points = place(features)
    assert share_beside_its_own(points, labels) == 1.0
    assert np.abs(points).max() == pytest.approx(1)


def test_progress_grows_and_stopping_works():
    """Reports go up step by step; the error of `check_cancelled` ends the work between two of them."""
    features, _ = clusters(30)
    fractions: list[float] = []

    def stop_in_the_middle() -> None:
        if len(fractions) == 2:
            raise TaskCancelledError("Somebody asked for the task to stop.")

    place_photos(features, report=lambda fraction, _: fractions.append(fraction), check_cancelled=lambda: None)
    assert fractions == sorted(set(fractions))
    assert len(fractions) == 1 + len(mapping.STEPS)
    fractions.clear()
    with pytest.raises(TaskCancelledError):
        place_photos(
            features, report=lambda fraction, _: fractions.append(fraction), check_cancelled=stop_in_the_middle
        )
    assert len(fractions) == 2


def test_a_saved_map_is_found_again(settings: Settings):
    """Whatever the order of the hashes, and with hashes repeated; other photos or another backbone have no map."""
    save_map(settings, HASHES, POINTS)
    expected = {name: (float(x), float(y)) for name, (x, y) in zip(HASHES, POINTS, strict=True)}
    assert load_map(settings, HASHES) == expected
    assert load_map(settings, HASHES[::-1] + HASHES) == expected
    assert load_map(settings, HASHES[:2]) is None
    assert load_map(replace(settings, default_backbone="EfficientNetLite1"), HASHES) is None


def test_a_photo_without_a_place_is_left_out(settings: Settings):
    """A photo that could not be read when the map was drawn is not on it."""
    points = POINTS.copy()
    points[1] = np.nan
    save_map(settings, HASHES, points)
    assert set(load_map(settings, HASHES) or {}) == {HASHES[0], HASHES[2]}


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array"])
def test_a_damaged_map_is_none(settings: Settings, content: bytes):
    """A file that is empty, cut off or something else counts as not drawn, so that it is drawn again."""
    save_map(settings, HASHES, POINTS)
    map_path(settings, HASHES).write_bytes(content)
    assert load_map(settings, HASHES) is None


def test_a_map_of_another_shape_is_none(settings: Settings):
    """An array that does not belong to these photos is not taken for their map."""
    save_map(settings, HASHES, POINTS[:2])
    assert load_map(settings, HASHES) is None


def test_old_maps_are_forgotten(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Only the newest maps are kept."""
    monkeypatch.setattr(mapping, "MAX_KEPT_MAPS", 2)
    for number in range(4):
        save_map(settings, [HASHES[0], str(number)], POINTS[:2])
    assert len(list((settings.cache_path / "maps").iterdir())) == 2


@pytest.fixture
def bird_dataset(library: Library, settings: Settings) -> int:
    """The sample photos and a drawn one, one of them in two classes."""
    store = PhotoStore(settings.photos_path, settings.cache_path)
    grey = io.BytesIO()
    Image.linear_gradient("L").save(grey, "PNG")
    files = [(sample.file_name, sample_path(sample).read_bytes()) for sample in SAMPLE_PHOTOS]
    images = []
    for name, data in [*files, ("grey.png", grey.getvalue())]:
        stored = encode_photo(data, name)
        store.put(stored)
        images.append(NewImage(photo=stored.record, class_name="things", name=name))
    dataset_id = library.datasets.create("Things").id
    library.images.add(dataset_id, [*images, replace(images[0], class_name="others")])
    return dataset_id


@pytest.fixture
def start(database: Database, settings: Settings) -> Callable[[int], tuple[TaskContext, TaskQueue]]:
    """Submits the map of a dataset and claims it as a worker does."""

    def start_task(dataset_id: int) -> tuple[TaskContext, TaskQueue]:
        queue = TaskQueue(database, TASK_KINDS)
        queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.PHOTOS)
        queue.submit("map_dataset", {"dataset_id": dataset_id})
        task = queue.claim("w1", ["map_dataset"])
        assert task is not None
        return TaskContext(queue, settings, task), queue

    return start_task


def test_the_task_draws_a_map(library: Library, prepared_settings: Settings, bird_dataset: int, start: Callable):
    """Every photo of the dataset has a place, once; asked again, the task finds the map and draws nothing."""
    context, queue = start(bird_dataset)
    run_map_task(context)
    context.flush()
    hashes = {image.photo_hash for image in library.images.of(bird_dataset)}
    drawn = load_map(prepared_settings, hashes)
    assert drawn is not None
    assert set(drawn) == hashes
    assert len(set(drawn.values())) == len(hashes)
    progress = queue.progress(context.task_id)
    assert progress is not None
    assert progress.message == "The map is ready"
    written_at = map_path(prepared_settings, hashes).stat().st_mtime_ns
    run_map_task(context)
    assert map_path(prepared_settings, hashes).stat().st_mtime_ns == written_at


def test_a_photo_that_cannot_be_read_is_left_off(
    library: Library, prepared_settings: Settings, bird_dataset: int, start: Callable
):
    """One damaged file costs one point, not the map."""
    store = PhotoStore(prepared_settings.photos_path, prepared_settings.cache_path)
    photos = library.photos.get({image.photo_hash for image in library.images.of(bird_dataset)})
    damaged = next(iter(photos.values()))
    store.path(damaged.hash, damaged.suffix).write_bytes(b"damaged")
    run_map_task(start(bird_dataset)[0])
    assert set(load_map(prepared_settings, photos) or {}) == set(photos) - {damaged.hash}


@pytest.mark.usefixtures("prepared_settings")
def test_a_cancelled_task_leaves_no_map(library: Library, settings: Settings, bird_dataset: int, start: Callable):
    """Somebody asked to stop: nothing is drawn."""
    context, queue = start(bird_dataset)
    queue.request_cancel(context.task_id)
    with pytest.raises(TaskCancelledError):
        run_map_task(context)
    assert load_map(settings, [image.photo_hash for image in library.images.of(bird_dataset)]) is None


def test_without_a_prepared_backbone_the_task_says_so(bird_dataset: int, start: Callable):
    """The error tells that the backbone is not prepared."""
    with pytest.raises(ArtefactMissingError, match="not been prepared"):
        run_map_task(start(bird_dataset)[0])


def test_a_dataset_that_is_gone_is_named(start: Callable):
    """An unknown dataset is an error of its own."""
    with pytest.raises(UnknownDatasetError):
        run_map_task(start(99)[0])
