"""Photos that need no network: birds that Bluetit draws, and the handwritten digits of scikit-learn."""

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.datasets.samples.drawn_samples import CLASS_NAMES, draw_sample
from core.datasets.sources.requests import DrawnShapes, HandwrittenDigits
from core.datasets.sources.source_files import SourceFile

NUM_DIGITS = 1_797
DIGIT_SIDE_PX = 128
_DIGIT_BORDER = 2  # of the 8 × 8 picture's pixels
_JPEG_QUALITY = 92


def count_samples(source: DrawnShapes | HandwrittenDigits) -> int:
    """How many files `open_samples` will give."""
    return source.num_per_class * len(CLASS_NAMES) if isinstance(source, DrawnShapes) else NUM_DIGITS


def open_samples(source: DrawnShapes | HandwrittenDigits) -> Iterator[SourceFile]:
    """The photos of a sample, in a folder per class, made one at a time."""
    if isinstance(source, DrawnShapes):
        return _drawn_birds(source)
    return _handwritten_digits()


def _drawn_birds(source: DrawnShapes) -> Iterator[SourceFile]:
    for number in range(source.num_per_class):
        for class_name in CLASS_NAMES:
            target = io.BytesIO()
            # As a camera would; PNG would be five times as large, because of the grain.
            draw_sample(class_name, seed=source.seed, number=number).save(target, "JPEG", quality=_JPEG_QUALITY)
            name = f"{class_name.replace(' ', '_')}_{number + 1:04d}.jpg"
            yield SourceFile(path=f"{class_name}/{name}", data=target.getvalue())


def _handwritten_digits() -> Iterator[SourceFile]:
    """Dark ink on light paper.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
    """
    from sklearn.datasets import load_digits  # loads SciPy, which takes a second

    digits = load_digits()
    for number, (ink, label) in enumerate(zip(digits.images, digits.target, strict=True), start=1):
        target = io.BytesIO()
        _digit(ink).save(target, "PNG")
        yield SourceFile(path=f"{label}/digit_{number:04d}.png", data=target.getvalue())


def _digit(ink: npt.NDArray[np.float64]) -> Image.Image:
    """A grey picture of 128 × 128 pixels from 8 × 8 amounts of ink, 0-16."""
    paper = 255 - 14 * np.pad(ink, _DIGIT_BORDER)
    return Image.fromarray(paper.astype(np.uint8)).resize((DIGIT_SIDE_PX, DIGIT_SIDE_PX), Image.Resampling.BICUBIC)
