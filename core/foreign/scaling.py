"""How the values of pixels become what a network was trained on, and how a quantised one writes them down."""

from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt


class Scaling(StrEnum):
    """What a network takes where a photo has 0-255."""

    BYTES = "bytes"  # 0-255: it scales by itself
    UNIT = "unit"  # 0 to 1
    SIGNED = "signed"  # -1 to 1
    TORCH = "torch"  # (x / 255 - mean) / standard deviation, of ImageNet, per channel
    CAFFE = "caffe"  # blue, green, red, less the mean of ImageNet


# Red, green, blue. Source: `preprocess_input` of keras.applications.imagenet_utils, modes torch and caffe.
_TORCH_MEAN, _TORCH_DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_CAFFE_MEAN = np.array([123.68, 116.779, 103.939])

# Lowest and highest value that each can give.
RANGES: dict[Scaling, tuple[float, float]] = {
    Scaling.BYTES: (0.0, 255.0),
    Scaling.UNIT: (0.0, 1.0),
    Scaling.SIGNED: (-1.0, 1.0),
    Scaling.TORCH: (
        float((-_TORCH_MEAN / _TORCH_DEVIATION).min()),
        float(((1 - _TORCH_MEAN) / _TORCH_DEVIATION).max()),
    ),
    Scaling.CAFFE: (float(-_CAFFE_MEAN.max()), float((255 - _CAFFE_MEAN).max())),
}
# Of the width of a range, within which that of a quantised file counts as the same: 1/127.5 is often written as 1/128.
_TOLERANCE = 0.05


def scale(pixels: npt.NDArray[np.uint8], scaling: Scaling) -> npt.NDArray[np.float32]:
    """Pixels as a network wants them.

    Args:
        pixels: uint8 (height, width, 3), red, green and blue, 0-255.
        scaling: what it wants.

    Returns:
        float32 (height, width, 3), in the range that `RANGES` tells.
    """
    values: npt.NDArray[Any] = pixels.astype(np.float32)
    match scaling:
        case Scaling.UNIT:
            values = values / np.float32(255)
        case Scaling.SIGNED:
            values = values / np.float32(127.5) - np.float32(1)
        case Scaling.TORCH:
            values = (values / 255 - _TORCH_MEAN) / _TORCH_DEVIATION
        case Scaling.CAFFE:
            values = (values - _CAFFE_MEAN)[..., ::-1]
    return np.ascontiguousarray(values, np.float32)


def quantise(
    values: npt.NDArray[np.float32], dtype: npt.DTypeLike, quantisation: tuple[float, int]
) -> npt.NDArray[Any]:
    """Values as the input of a quantised network holds them.

    Args:
        values: as `scale` makes them.
        dtype: of the input; floating point takes them as they are.
        quantisation: step and zero point, as LiteRT has them; a step of 0: the numbers are the values.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return values.astype(kind)
    step, zero_point = quantisation
    numbers = np.round(values / step + zero_point) if step else np.round(values)
    limits = np.iinfo(kind)
    return np.clip(numbers, limits.min, limits.max).astype(kind)


def scaling_of_range(low: float, high: float) -> Scaling | None:
    """The scaling whose range this is; None: it is another one."""
    for scaling, (its_low, its_high) in RANGES.items():
        allowed = _TOLERANCE * (its_high - its_low)
        if abs(low - its_low) <= allowed and abs(high - its_high) <= allowed:
            return scaling
    return None


def range_of(dtype: npt.DTypeLike, quantisation: tuple[float, int]) -> tuple[float, float] | None:
    """The values that a quantised input can hold; None: it is not quantised."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return None
    limits, (step, zero_point) = np.iinfo(kind), quantisation
    if not step:
        return float(limits.min), float(limits.max)
    return step * (limits.min - zero_point), step * (limits.max - zero_point)
