"""Values with more than 8 bits, as microscopes, scanners and satellites write them, brought to 0-255.

Which values are black and white is decided by `choose_scale` over all pictures that belong together: two classes must
never be stretched differently, or a network learns the stretching.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.records import Record

# Depths of cameras and detectors; values without a range of their own fill the smallest of these.
USUAL_BITS = (1, 8, 10, 12, 14, 16)
# Pictures that fill less than this share of a scale would come out nearly black, white or grey: with less than 64 of
# 256 greys. They are stretched to the values they have.
LEAST_COVERAGE = 0.25
# A share of the darkest and of the brightest pixels says nothing about a picture: dead pixels, dust, sparks.
OUTLIER_SHARE = 0.001
# A range that files name must hold at least this share of the values: a window on soft tissue leaves out air and bones.
_LEAST_INSIDE = 0.05
# As many values are enough to tell quantiles that differ by less than a grey.
_MAX_SAMPLED_VALUES = 250_000
# Values take eight bytes each while they are scaled.
_VALUES_AT_ONCE = 4_000_000
# Of 255: a picture without anything brighter is nearly black on a screen.
NEARLY_BLACK_BELOW = 24


class ToneKind(StrEnum):
    """What the values of a picture are."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    FLOAT = "float"


class ScaleSource(StrEnum):
    """Where a scale comes from."""

    FILE = "file"  # the files say which values are black and white
    BITS = "bits"  # the depth that the files name, or the smallest usual one that holds all values
    VALUES = "values"  # the values that there are


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneTags:
    """What a file says about its values."""

    bits: int | None = None  # used bits a sample, where they are fewer than the file has room for
    low: float | None = None  # value that is shown black
    high: float | None = None  # value that is shown white
    is_inverted: bool = False  # whether the largest value is black
    no_data: float | None = None  # value of pixels about which nothing is known


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneSurvey:
    """What counts for the choice of a scale, of one picture."""

    kind: ToneKind
    num_channels: int  # 1 or 3
    bits: int | None  # as the file says
    low: float | None  # as the file says, as is `high`
    high: float | None
    smallest: float
    largest: float
    dark_end: float  # without the darkest `OUTLIER_SHARE` of the values
    bright_end: float  # without the brightest

    @property
    def group(self) -> str:
        """Pictures of the same group have the same scale."""
        said = f"{self.bits} bits" if self.bits else "range" if self.low is not None else "values"
        return f"{self.kind}, {self.num_channels} channels, {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneScale(Record):
    """Which value is shown black, and which white."""

    low: float
    high: float  # above `low`
    source: ScaleSource


def whole_bits(scale: ToneScale) -> int | None:
    """The depth whose values a scale spans; None if it spans others."""
    if scale.source is not ScaleSource.BITS or scale.low != 0:
        return None
    bits = round(math.log2(scale.high + 1))
    return bits if bits > 1 and scale.high == 2**bits - 1 else None


def survey_tones(values: NDArray[Any], tags: ToneTags) -> ToneSurvey:
    """What counts of a picture's values.

    Args:
        values: any number type, (height, width) or (height, width, 3).
        tags: what the file says.
    """
    kind = ToneKind.FLOAT if values.dtype.kind == "f" else ToneKind.SIGNED
    kind = ToneKind.UNSIGNED if values.dtype.kind in "ub" else kind
    known = _known(values, tags.no_data)
    if known.size == 0:
        known = np.zeros(1)
    smallest, largest = float(known.min()), float(known.max())
    if kind is ToneKind.UNSIGNED and largest == np.iinfo(values.dtype).max:
        largest = _largest_below_gap(known, largest)
    sample = known[:: max(1, known.size // _MAX_SAMPLED_VALUES)].astype(np.float64)
    with np.errstate(all="ignore"):
        dark_end, bright_end = np.quantile(sample, (OUTLIER_SHARE, 1 - OUTLIER_SHARE))
    low, high = tags.low, tags.high
    if low is None or high is None or not _is_believable(low, high, sample):
        low = high = None
    bits = tags.bits if tags.bits is not None and low is None and smallest >= 0 and largest < 2**tags.bits else None
    return ToneSurvey(
        kind=kind,
        num_channels=1 if values.ndim == 2 else values.shape[2],
        bits=bits,
        low=low,
        high=high,
        smallest=smallest,
        largest=largest,
        dark_end=float(dark_end),
        bright_end=float(min(bright_end, largest)),
    )


def _known(values: NDArray[Any], no_data: float | None) -> NDArray[Any]:
    """All values that mean something, flat."""
    flat = values.reshape(-1)
    if values.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
    # Values that cannot be told apart from one another in double precision do not happen in pictures.
    return flat if no_data is None or math.isnan(no_data) else flat[flat != no_data]


def _largest_below_gap(known: NDArray[Any], full: float) -> float:
    """The largest value, but for one that marks dead or empty pixels: the largest possible, far above all others."""
    others = known[known < full]
    largest = float(others.max()) if others.size else full
    return largest if largest < full * LEAST_COVERAGE else full


def _is_believable(low: float, high: float, sample: NDArray[np.float64]) -> bool:
    """Whether a range shows what is in a picture; some programs write the range of another one, or none."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return False
    inside = (sample > low) & (sample < high)
    return bool(inside.mean() >= _LEAST_INSIDE or sample.min() == sample.max())


def choose_scale(surveys: Sequence[ToneSurvey]) -> ToneScale:
    """The scale for pictures of one group; at least one."""
    dark_end = min(survey.dark_end for survey in surveys)
    bright_end = max(survey.bright_end for survey in surveys)
    scale = _said_scale(surveys) or _usual_scale(surveys)
    is_filled = scale is not None and min(bright_end, scale.high) - max(dark_end, scale.low) >= LEAST_COVERAGE * (
        scale.high - scale.low
    )
    if bright_end <= dark_end:
        # All of one value: black or white tells nothing.
        return scale or ToneScale(low=dark_end - 1, high=dark_end + 1, source=ScaleSource.VALUES)
    if scale is None or not is_filled:
        return ToneScale(low=dark_end, high=bright_end, source=ScaleSource.VALUES)
    return scale


def _said_scale(surveys: Sequence[ToneSurvey]) -> ToneScale | None:
    """From what the files say; where they differ, the range that holds all of theirs."""
    lows = [survey.low for survey in surveys if survey.low is not None]
    highs = [survey.high for survey in surveys if survey.high is not None]
    if lows and highs:
        return ToneScale(low=min(lows), high=max(highs), source=ScaleSource.FILE)
    bits = max(survey.bits or 0 for survey in surveys)
    return ToneScale(low=0.0, high=2.0**bits - 1, source=ScaleSource.BITS) if bits else None


def _usual_scale(surveys: Sequence[ToneSurvey]) -> ToneScale | None:
    """From zero to the largest value of the smallest usual depth; None for values that are no depth's."""
    largest = max(survey.largest for survey in surveys)
    if min(survey.smallest for survey in surveys) < 0:
        return None
    bits = next((bits for bits in USUAL_BITS if largest <= 2**bits - 1), math.ceil(math.log2(largest + 1)))
    return ToneScale(low=0.0, high=2.0**bits - 1, source=ScaleSource.BITS)


def is_nearly_black(survey: ToneSurvey, scale: ToneScale) -> bool:
    """Whether a picture shows nothing that is brighter than a screen's black."""
    return (survey.bright_end - scale.low) / (scale.high - scale.low) * 255 < NEARLY_BLACK_BELOW


def to_bytes(values: NDArray[Any], scale: ToneScale, tags: ToneTags) -> NDArray[np.uint8]:
    """Values as greys or colours of 0-255, of the same shape; what is no number is black.

    Args:
        values: any number type, (height, width) or (height, width, 3).
        scale: which value is black and which white; values beyond are cut off.
        tags: `is_inverted` and `no_data` count.
    """
    table: NDArray[np.uint8] | None = None
    first = 0
    if values.dtype.kind in "ui" and values.dtype.itemsize <= 2 and values.size > 65_536:
        # A table of all possible values is faster.
        first = int(np.iinfo(values.dtype).min)
        table = _scaled(np.arange(first, np.iinfo(values.dtype).max + 1), scale, tags)
    shown = np.empty(values.shape, np.uint8)
    step = max(1, _VALUES_AT_ONCE * len(values) // max(1, values.size))
    for top in range(0, len(values), step):
        rows = values[top : top + step]
        shown[top : top + step] = _scaled(rows, scale, tags) if table is None else table[rows.astype(np.intp) - first]
    return shown


def _scaled(values: NDArray[Any], scale: ToneScale, tags: ToneTags) -> NDArray[np.uint8]:
    # Broken files hold numbers beyond all measure; what comes of them is cut off below.
    with np.errstate(all="ignore"):
        # Large integers and doubles keep their differences only if the offset goes before they become single precision.
        offset = np.subtract(values, scale.low, dtype=np.float64).astype(np.float32)
        share = np.nan_to_num(offset / np.float32(scale.high - scale.low), nan=0.0, posinf=1.0, neginf=0.0)
    greys: NDArray[np.uint8] = np.rint(np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)
    if tags.is_inverted:
        greys = 255 - greys
    if tags.no_data is not None:
        greys[values == tags.no_data] = 0
    return greys


def spread(values: NDArray[Any], largest: int) -> NDArray[np.uint8]:
    """Values of few bits as 0-255, of the same shape; `largest` is the value that is white."""
    return np.asarray(np.rint(values.astype(np.float32) * (255 / largest)).clip(0, 255), np.uint8)


def opacity(alpha: NDArray[Any], largest: float) -> NDArray[np.uint8]:
    """How opaque each pixel of a wide picture is, 0-255.

    Programs that leave colours of 12 bits as they are leave 4095 for opaque too: a picture is opaque somewhere, so that
    a largest value which ends a usual depth is what it counts as opaque.

    Args:
        alpha: any number type, (height, width).
        largest: value that is opaque as far as the file says.
    """
    if alpha.dtype.kind in "ui" and largest > 255:
        found = int(alpha.max(initial=0))
        largest = next((found for bits in USUAL_BITS if found == 2**bits - 1 and found < largest), largest)
    share = np.clip(alpha.astype(np.float32) / np.float32(largest), 0.0, 1.0)
    return np.asarray(np.rint(share * 255.0), np.uint8)
