"""Where in a photo the square lies that a network sees."""

import pytest

from core.photos.fit import FitMode
from core.photos.squares import SquareMaker
from core.settings import Settings

PARTS = {
    "crop": (FitMode.CROP, 1.0, (320, 240), (0.125, 0.0, 0.875, 1.0)),
    "crop-with-margin": (FitMode.CROP, 0.5, (200, 100), (0.375, 0.25, 0.625, 0.75)),
    "letterbox": (FitMode.LETTERBOX, 1.0, (100, 50), (0.0, -0.5, 1.0, 1.5)),
    "letterbox-upright": (FitMode.LETTERBOX, 1.0, (50, 100), (-0.5, 0.0, 1.5, 1.0)),
    "squash": (FitMode.SQUASH, 1.0, (300, 100), (0.0, 0.0, 1.0, 1.0)),
}


@pytest.mark.parametrize(("mode", "crop_fraction", "photo_size", "part"), PARTS.values(), ids=PARTS)
def test_the_seen_part_is_told(
    mode: FitMode,
    crop_fraction: float,
    photo_size: tuple[int, int],
    part: tuple[float, ...],
    tmp_path,
) -> None:
    """As shares of the photo's sides, whatever its size; bars lie outside."""
    squares = SquareMaker.of((224, 224), mode, Settings(workspace_dir=tmp_path), crop_fraction=crop_fraction)
    assert squares.seen_part(photo_size) == pytest.approx(part)
