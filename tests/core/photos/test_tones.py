"""`core.photos.tones`: values of any depth become greys that show what is in them, by one scale for all of a set."""

import numpy as np
import pytest

from core.photos.tones import (
    ScaleSource,
    ToneScale,
    ToneTags,
    choose_scale,
    is_nearly_black,
    survey_tones,
    to_bytes,
    whole_bits,
)
from tests.core.photos.photo_files import gradient


def scale_of(*pictures: np.ndarray, tags: ToneTags | None = None) -> tuple[float, float]:
    scale = choose_scale([survey_tones(picture, tags or ToneTags()) for picture in pictures])
    return scale.low, scale.high


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (gradient(1, "uint16"), (0, 1)),
        (gradient(200, "uint16"), (0, 255)),
        (gradient(1000, "uint16"), (0, 1023)),
        (gradient(3000, "uint16"), (0, 4095)),
        (gradient(9000, "uint16"), (0, 16383)),
        (gradient(40_000, "uint16"), (0, 65535)),
        (gradient(2**20 - 5, "uint32"), (0, 2**20 - 1)),
        (gradient(3000, "int16"), (0, 4095)),
        (gradient(0.9, "float32"), (0, 1)),
        (gradient(244.2, "float32"), (0, 255)),
        (gradient(3000, "float64"), (0, 4095)),
    ],
    ids=lambda value: f"{value.dtype} {value.max():g}" if isinstance(value, np.ndarray) else "",
)
def test_the_smallest_usual_depth_that_holds_the_values(picture, expected):
    """Without a range of its own a picture fills the smallest usual depth."""
    assert scale_of(picture) == expected


@pytest.mark.parametrize(
    "picture",
    [
        gradient(1000, "int16", smallest=-1024),
        gradient(33_800, "uint16", smallest=31_744),
        gradient(9000, "uint16", smallest=7000),
        gradient(0.02, "float32", smallest=-0.01),
        gradient(40, "uint16", smallest=3),
        gradient(1e9, "float64", smallest=9.9e8),
    ],
    ids=["signed", "offset", "thermal", "small", "few", "large"],
)
def test_values_of_no_depth_are_stretched_to_what_they_are(picture):
    """Signed values, and those that would fill less than a quarter of a depth, show at least 64 greys."""
    scale = choose_scale([survey_tones(picture, ToneTags())])
    assert scale.source is ScaleSource.VALUES
    shown = to_bytes(picture, scale, ToneTags())
    assert len(np.unique(shown)) >= min(37, len(np.unique(picture)))
    assert shown.max() > 200
    assert shown.min() < 50


def test_one_scale_for_all_that_belong_together():
    """A dark and a bright picture of a set are shown by the same scale, that of the brightest."""
    dark, bright = gradient(200), gradient(4000)
    assert scale_of(dark, bright) == scale_of(bright, dark) == (0, 4095)
    assert scale_of(gradient(900, "int16", smallest=-900), gradient(90, "int16", smallest=-90)) == pytest.approx(
        (-900, 900), abs=30
    )


def test_a_few_dead_pixels_decide_nothing():
    """The largest possible value, far above all others, is a dead pixel and not the end of the scale."""
    picture = gradient(3000)
    picture[3, 3] = 65_535
    assert scale_of(picture) == (0, 4095)
    signed = gradient(1000, "int16", smallest=-1000, shape=(100, 100))
    signed[0, 0] = 32_000
    low, high = scale_of(signed)
    assert -1000 <= low < -900
    assert 900 < high <= 1000


def test_what_files_say_counts():
    """Bits and ranges that files name are taken, the widest of several; those that show nothing are not."""
    picture = gradient(3000)
    assert scale_of(gradient(300), tags=ToneTags(bits=10)) == (0, 1023)
    assert scale_of(picture, tags=ToneTags(low=500, high=2500)) == (500, 2500)
    narrow = survey_tones(picture, ToneTags(low=500, high=2500))
    wide = survey_tones(picture, ToneTags(low=100, high=2000))
    assert choose_scale([narrow, wide]) == ToneScale(low=100, high=2500, source=ScaleSource.FILE)
    for low, high in ((0, 1), (3000, 9000), (5, 5), (9, 2), (0, float("nan"))):
        assert scale_of(picture, tags=ToneTags(low=low, high=high)) == (0, 4095)
    # values beyond the depth that the file names
    assert scale_of(picture, tags=ToneTags(bits=10)) == (0, 4095)


def test_values_that_are_no_numbers():
    """Nothing is known about them: they are black and do not count."""
    picture = gradient(0.8, "float32")
    picture[0], picture[1, 0], picture[1, 1] = np.nan, np.inf, -np.inf
    assert scale_of(picture) == (0, 1)
    shown = to_bytes(picture, ToneScale(low=0, high=1, source=ScaleSource.BITS), ToneTags())
    assert shown[0].max() == 0
    assert (shown[1, 0], shown[1, 1]) == (255, 0)
    assert scale_of(np.full((4, 4), np.nan)) == (0, 1)


def test_no_data_is_left_out():
    """The value that stands for nothing does not count, and is black."""
    picture = gradient(800, "float32", smallest=400)
    picture[:10] = -9999
    low, high = scale_of(picture, tags=ToneTags(no_data=-9999))
    assert (low, high) == (0, 1023)
    assert to_bytes(picture, ToneScale(low=0, high=1023, source=ScaleSource.BITS), ToneTags(no_data=-9999))[0, 0] == 0


def test_inverted_values():
    """Where the largest value is black, it is shown black."""
    scale = ToneScale(low=0, high=100, source=ScaleSource.FILE)
    shown = to_bytes(np.array([[0, 100]], np.uint16), scale, ToneTags(is_inverted=True))
    assert shown.tolist() == [[255, 0]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32"])
def test_large_pictures_are_scaled_like_small_ones(dtype):
    """The table for many values gives what the formula gives for few."""
    scale = ToneScale(low=10, high=100, source=ScaleSource.VALUES)
    large = gradient(120, dtype, shape=(400, 500))
    shown = to_bytes(large, scale, ToneTags())
    assert shown.shape == large.shape
    np.testing.assert_array_equal(shown[7:8, :40], to_bytes(large[7:8, :40], scale, ToneTags()))
    colours = np.stack([large] * 3, axis=-1)
    np.testing.assert_array_equal(to_bytes(colours, scale, ToneTags())[..., 1], shown)


def test_of_one_value():
    """A picture without any content is shown somehow, and divides by nothing."""
    for value in (0, 7, 65_535):
        picture = np.full((2, 2), value, np.uint16)
        scale = choose_scale([survey_tones(picture, ToneTags())])
        assert to_bytes(picture, scale, ToneTags()).shape == (2, 2)
    assert scale_of(np.full((3, 3), -5.0)) == (-6, -4)


def test_nearly_black_and_depths():
    """A picture far below the white of its set is known as nearly black; depths are told from other ranges."""
    scale = choose_scale([survey_tones(gradient(60_000), ToneTags())])
    assert is_nearly_black(survey_tones(gradient(3000), ToneTags()), scale)
    assert not is_nearly_black(survey_tones(gradient(30_000), ToneTags()), scale)
    assert whole_bits(scale) == 16
    assert whole_bits(ToneScale(low=0, high=4095, source=ScaleSource.FILE)) is None
    assert ToneScale.from_json(scale.to_json()) == scale
