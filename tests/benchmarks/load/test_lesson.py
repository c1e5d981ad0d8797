"""What a lesson of the load test measures, and how its pupils come in."""

import io
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.load.lesson import NUM_PER_CLASS, make_materials, most_places_apart


def test_models_that_are_done_in_the_order_of_asking_are_no_place_apart():
    """Numbers say when a training was asked for."""
    assert most_places_apart([(1, 10.0), (2, 20.0), (3, 30.0)]) == 0


def test_a_model_that_overtakes_is_as_many_places_apart():
    """The last that was asked for is done first."""
    assert most_places_apart([(1, 20.0), (2, 30.0), (3, 10.0)]) == 2


def test_pupils_of_a_lesson_take_photos_of_their_own(tmp_path: Path):
    """From a folder of each class, in the size of a phone's; another pupil has none of them."""
    for name in ("alien", "predator"):
        (tmp_path / name).mkdir()
        for number in range(NUM_PER_CLASS):
            Image.new("RGB", (60, 40), (number, 90, 30)).save(tmp_path / name / f"{number}.jpg")
    first, second = make_materials(tmp_path, 2)
    assert first.class_names == ("alien", "predator")
    assert [len(photos) for photos in first.photos] == [NUM_PER_CLASS, NUM_PER_CLASS]
    with Image.open(io.BytesIO(first.photos[0][0])) as photo:
        assert max(photo.size) == 1024
    assert not set(first.photos[0]) & set(second.photos[0])


def test_a_lesson_needs_photos_of_two_classes(tmp_path: Path):
    """What is missing is said before anything is started."""
    (tmp_path / "alien").mkdir()
    with pytest.raises(SystemExit, match="two folders"):
        make_materials(tmp_path, 1)
