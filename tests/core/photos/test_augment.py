"""Views of photos: what each number does to the pixels, and that a view is the same wherever it is made."""

import hashlib
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from core.config import AugmentConfig
from core.errors import ConfigError
from core.photos.augment import augment, views
from tests.conftest import PROJECT_DIR

OFF = AugmentConfig(flip=False, rotation=0, zoom=0, shift=0, brightness=0, contrast=0, colour=0)
STRONG = AugmentConfig(flip=True, rotation=0.5, zoom=0.9, shift=1, brightness=0.5, contrast=0.9, colour=1)
PHOTO_HASH = "ab" * 32
SIDE = 256
MIDDLE = SIDE // 2
NUM_DRAWS = 300


def noise(width: int = 64, height: int = 48) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def coordinates() -> Image.Image:
    """A photo whose red is the column and whose green is the row: its pixels say where they came from."""
    columns, rows = np.meshgrid(np.arange(SIDE, dtype=np.uint8), np.arange(SIDE, dtype=np.uint8))
    return Image.fromarray(np.stack([columns, rows, np.zeros_like(rows)], axis=-1))


def pixels(image: Image.Image) -> npt.NDArray[np.float64]:
    return np.asarray(image, np.float64)


def many(image: Image.Image, config: AugmentConfig) -> list[npt.NDArray[np.float64]]:
    return [pixels(augment(image, config, photo_hash=PHOTO_HASH, view=view)) for view in range(1, NUM_DRAWS + 1)]


def slopes(view: npt.NDArray[np.float64]) -> tuple[float, float]:
    """By how much column and row in the photo grow from one column of the view to the next, near its middle."""
    reach = 16
    difference = view[MIDDLE, MIDDLE + reach] - view[MIDDLE, MIDDLE - reach]
    return difference[0] / (2 * reach), difference[1] / (2 * reach)


def test_view_zero_is_the_photo_itself():
    """View 0 has the photo's pixels whatever the config, in an image of its own."""
    photo = noise()
    view = augment(photo, STRONG, photo_hash=PHOTO_HASH, view=0)
    np.testing.assert_array_equal(pixels(view), pixels(photo))
    assert view is not photo


def test_everything_off_changes_nothing():
    """With every number 0 each view is the photo, pixel for pixel, and the photo is never handed out itself."""
    photo = noise()
    for view in views(photo, OFF, photo_hash=PHOTO_HASH, num_views=4):
        np.testing.assert_array_equal(pixels(view), pixels(photo))
        assert view is not photo


def test_the_photo_is_left_alone():
    """Sixteen views later the photo given in is as it was."""
    photo = noise()
    before = photo.tobytes()
    views(photo, STRONG, photo_hash=PHOTO_HASH, num_views=16)
    assert photo.tobytes() == before


def test_views_are_those_of_augment_and_differ():
    """The helper numbers its views from 0, and no two of sixteen are alike."""
    photo = noise()
    made = views(photo, AugmentConfig(), photo_hash=PHOTO_HASH, num_views=16)
    for number, view in enumerate(made):
        again = augment(photo, AugmentConfig(), photo_hash=PHOTO_HASH, view=number)
        assert view.tobytes() == again.tobytes()
    assert len({view.tobytes() for view in made}) == 16


@pytest.mark.parametrize("change", [{"photo_hash": "cd" * 32}, {"view": 2}, {"config": AugmentConfig(zoom=0.11)}])
def test_photo_config_and_number_each_matter(change: dict[str, object]):
    """Another photo hash, config or view number gives other pixels."""
    arguments = {"config": AugmentConfig(), "photo_hash": PHOTO_HASH, "view": 1}
    first, second = (augment(noise(), **given).tobytes() for given in (arguments, {**arguments, **change}))
    assert first != second


def test_equal_configs_give_equal_views():
    """0, 0.0 and -0.0 are the same config, so they are the same in JSON and in the pixels."""
    configs = [replace(AugmentConfig(), zoom=zero, shift=zero) for zero in (0, 0.0, -0.0)]
    assert len({augment(noise(), config, photo_hash=PHOTO_HASH, view=1).tobytes() for config in configs}) == 1


def test_which_views_are_flipped_never_changes():
    """The random numbers behind the views are pinned: other ones would silently spoil features kept from before."""
    photo = Image.new("RGB", (2, 1))
    photo.putpixel((0, 0), (255, 255, 255))
    made = views(photo, replace(OFF, flip=True), photo_hash=PHOTO_HASH, num_views=17)[1:]
    assert "".join("x" if view.getpixel((0, 0)) == (0, 0, 0) else "." for view in made) == "x...xx.xxxxxx.x."


DIGEST_SCRIPT = f"""
import hashlib
import numpy as np
from PIL import Image
from core.config import AugmentConfig
from core.photos.augment import views
photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
config = AugmentConfig(rotation=0.2, colour=0.3)
made = views(photo, config, photo_hash={PHOTO_HASH!r}, num_views=12)
print(hashlib.sha256(b"".join(view.tobytes() for view in made)).hexdigest())
"""


def test_same_pixels_in_every_process_and_thread():
    """Processes with different hash seeds, and eight threads at once, make the same views as this one."""
    photo, config = noise(), AugmentConfig(rotation=0.2, colour=0.3)

    def digest(_: int) -> str:
        made = views(photo, config, photo_hash=PHOTO_HASH, num_views=12)
        return hashlib.sha256(b"".join(view.tobytes() for view in made)).hexdigest()

    with ThreadPoolExecutor(8) as executor:
        digests = set(executor.map(digest, range(32)))
    for hash_seed in ("1", "2"):
        process = subprocess.run(
            [sys.executable, "-c", DIGEST_SCRIPT],
            capture_output=True,
            text=True,
            cwd=PROJECT_DIR,
            env={**os.environ, "PYTHONPATH": str(PROJECT_DIR), "PYTHONHASHSEED": hash_seed},
            check=True,
        )
        digests.add(process.stdout.strip())
    assert len(digests) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (64, 48), (300, 7)])
def test_same_size_and_no_black_corners(size: tuple[int, int]):
    """Turned, zoomed out and shifted as far as can be, a view has the photo's size and nothing but its colour."""
    photo = Image.new("RGB", size, (200, 150, 100))
    for config in (replace(STRONG, brightness=0, contrast=0, colour=0), replace(OFF, rotation=0.13)):
        for view in views(photo, config, photo_hash=PHOTO_HASH, num_views=40):
            assert (view.size, view.mode) == (size, "RGB")
            assert view.getextrema() == ((200, 200), (150, 150), (100, 100))


def test_what_lies_outside_is_the_mirror_image():
    """A shifted photo goes on as NumPy's symmetric padding would, at all four edges and beyond one whole photo."""
    plane = np.pad(pixels(coordinates()), ((2 * SIDE, 2 * SIDE), (2 * SIDE, 2 * SIDE), (0, 0)), "symmetric")
    for view in many(coordinates(), replace(OFF, shift=1))[:60]:
        distances = [
            np.abs(plane[2 * SIDE - row : 3 * SIDE - row, MIDDLE + 2 * SIDE, 1] - view[:, MIDDLE, 1]).max()
            for row in range(-SIDE, SIDE + 1)
        ]
        down = int(np.argmin(distances)) - SIDE
        # The shift is no whole number of pixels: half a pixel is half a level of this photo.
        assert min(distances) <= 1.0
        assert abs(down) <= SIDE


def test_shift_is_a_share_of_the_sides():
    """Shift 0.1 moves by up to a tenth of width and of height, each way, independently."""
    moved = np.array([MIDDLE - view[MIDDLE, MIDDLE, :2] for view in many(coordinates(), replace(OFF, shift=0.1))])
    assert np.abs(moved).max() <= 0.1 * SIDE + 1
    assert moved.min(axis=0).max() < -0.08 * SIDE
    assert moved.max(axis=0).min() > 0.08 * SIDE
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.2


def test_rotation_is_a_share_of_a_full_turn():
    """Rotation 0.2 turns by up to 72 degrees either way about the middle, without stretching."""
    seen = [slopes(view) for view in many(coordinates(), replace(OFF, rotation=0.2))]
    degrees = np.array([math.degrees(math.atan2(row, column)) for column, row in seen])
    assert 0.9 * 72 < degrees.max() <= 73
    assert -73 <= degrees.min() < -0.9 * 72
    assert [math.hypot(*slope) for slope in seen] == pytest.approx([1.0] * NUM_DRAWS, abs=0.05)


def test_zoom_is_a_share_of_the_sides():
    """Zoom 0.2 shows from 80 % to 120 % of the sides, both sides alike, and the middle stays in the middle."""
    made = many(coordinates(), replace(OFF, zoom=0.2))
    scales = np.array([slopes(view)[0] for view in made])
    assert 0.78 <= scales.min() < 0.83
    assert 1.17 < scales.max() <= 1.22
    for view in made:
        assert view[MIDDLE, MIDDLE, :2] == pytest.approx([MIDDLE, MIDDLE], abs=1)


def test_flip_changes_left_and_right_in_half_of_the_views():
    """A view is the photo or its mirror image, exactly, and about as often."""
    photo = noise()
    mirrored = 0
    for view in many(photo, replace(OFF, flip=True)):
        is_mirrored = np.array_equal(view, pixels(photo)[:, ::-1])
        assert is_mirrored or np.array_equal(view, pixels(photo))
        mirrored += is_mirrored
    assert 0.4 < mirrored / NUM_DRAWS < 0.6


def test_brightness_is_a_share_of_the_range():
    """Brightness 0.2 adds or takes away up to 51 of 255, the same everywhere; white stays white, black stays black."""
    added = [view - 100 for view in many(Image.new("RGB", (4, 4), (100, 100, 100)), replace(OFF, brightness=0.2))]
    assert all(np.ptp(view) == 0 for view in added)
    assert 46 < max(view.max() for view in added) <= 51
    assert -51 <= min(view.min() for view in added) < -46
    extremes = np.array([view[0] for view in many(noise(2, 1), replace(OFF, brightness=1))])
    assert (extremes.min(), extremes.max()) == (0, 255)


def test_contrast_scales_the_distance_from_the_mean():
    """Contrast 0.5 brings values to 50-150 % of their distance from their channel's mean, as Keras does."""
    photo = Image.fromarray(np.array([[[80, 140, 60], [120, 100, 180]]], np.uint8))
    seen = []
    for view in many(photo, replace(OFF, contrast=0.5)):
        assert view.mean(axis=(0, 1)) == pytest.approx([100, 120, 120], abs=1)
        seen.append((view[0, 1] - view[0, 0]) / [40, -40, 120])
        assert seen[-1] == pytest.approx(np.full(3, seen[-1][2]), abs=0.03)
    assert 0.49 <= np.min(seen) < 0.56
    assert 1.44 < np.max(seen) <= 1.51


def test_colour_scales_the_distance_from_grey():
    """Colour 1 goes from grey to twice as colourful; brightness as people see it stays, grey stays grey."""
    for view in many(Image.new("RGB", (1, 1), (90, 90, 90)), replace(OFF, colour=1)):
        assert view[0, 0] == pytest.approx([90, 90, 90], abs=0.5)
    photo = Image.new("RGB", (1, 1), (130, 100, 110))
    grey = 0.299 * 130 + 0.587 * 100 + 0.114 * 110
    made = np.array([view[0, 0] for view in many(photo, replace(OFF, colour=1))])
    assert made @ [0.299, 0.587, 0.114] == pytest.approx(np.full(NUM_DRAWS, grey), abs=1)
    strengths = (made[:, 0] - made[:, 1]) / 30
    assert strengths.min() < 0.1
    assert strengths.max() > 1.9


def test_a_negative_view_is_refused():
    """There is no view before the photo itself."""
    with pytest.raises(ConfigError, match="view is -1"):
        augment(noise(), OFF, photo_hash=PHOTO_HASH, view=-1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rotation": 0.6}, "rotation is 0.6; a number from 0 to 0.5"),
        ({"zoom": 1}, "zoom is 1; a number from 0 to 0.9"),
        ({"shift": -0.1}, "shift is -0.1"),
        ({"brightness": "dark"}, "brightness is 'dark'"),
        ({"contrast": float("nan")}, "contrast is nan"),
        ({"colour": True}, "colour is True"),
        ({"flip": 1}, "flip is 1"),
        ({"color": 0.1}, "has no color; did you mean colour"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(values: dict[str, object], message: str):
    """The message names the value and what was expected."""
    with pytest.raises(ConfigError, match=message):
        AugmentConfig.from_json(values)


@pytest.mark.parametrize("config", [OFF, STRONG, AugmentConfig()])
def test_a_config_survives_json(config: AugmentConfig):
    """What is written is read back equal, and every field is written."""
    assert AugmentConfig.from_json(config.to_json()) == config
    assert set(config.to_json()) == {spec.name for spec in fields(AugmentConfig)}
