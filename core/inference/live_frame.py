"""One frame of a live camera, answered: as a photo is, but small, quickly, and with all that a moving picture needs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import UnsupportedImageError
from core.inference.class_table import Prediction
from core.inference.classifier import Classifier
from core.photos.decode import decode_photo
from core.photos.limits import ImageLimits

# A frame is scaled to the network's input before it is sent. More pixels than any of them needs would only keep the
# server busy: a small file can unfold to a hundred million of them.
FRAME_LIMITS = ImageLimits(max_bytes=400_000, max_pixels=1_500_000)

_JPEG_START = b"\xff\xd8\xff"

# Whoever takes means over several frames misses nothing that could be seen on a bar.
TOLD_FROM = 0.001
_ALWAYS_TOLD, _MOST_TOLD = 10, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameAnswer:
    """What a network says to one frame."""

    # Likeliest first: the ten likeliest, or all where there are fewer, and up to 50 that have at least 0.1 %.
    classes: tuple[Prediction, ...]
    num_classes: int  # that the network knows
    groups: Mapping[str, float]  # everyday groups with their probabilities, likeliest first; none of trained models
    has_rule: bool  # as of `Classification`
    refusal: str | None  # as of `Classification`
    # Which part of the frame the network saw: left, top, right, bottom as shares of its sides, see `seen_part`.
    seen: tuple[float, float, float, float]
    useful_side_px: int  # of a frame's shortest side; larger frames change nothing
    heat: npt.NDArray[Any] | None  # float (rows, columns), 0-1, over `seen`; None: not asked for, or only measurable
    milliseconds: float  # from the file to the answer


def answer_frame(
    classifier: Classifier, data: bytes, *, heat_index: int | None = None, is_alone: bool = True
) -> FrameAnswer:
    """Decode a frame and name what is in it; nothing of it is kept.

    Args:
        classifier: the network.
        data: a JPEG file, from a browser, so it may be anything.
        heat_index: position of the class whose evidence is wanted; one that there is not is passed over.
        is_alone: whether nothing else is being answered, so that all threads may work on this frame.

    Raises:
        ImageError: it is no JPEG, damaged, or larger than `FRAME_LIMITS`.
    """
    started = time.perf_counter()
    if not data.startswith(_JPEG_START):
        raise UnsupportedImageError("This frame is no JPEG; the camera's frames are sent as JPEG. Reload the page.")
    squares = classifier.squares
    photo = decode_photo(data, "frame", limits=FRAME_LIMITS, rendering=squares.rendering)
    outputs = classifier.answer(squares.fit(photo.image), is_alone=is_alone)
    probabilities: npt.NDArray[np.floating[Any]] = outputs.probabilities
    if classifier.judge is not None:
        probabilities = classifier.judge.calibrate(outputs.probabilities)
    likeliest = classifier.classes.top(probabilities, _MOST_TOLD)
    is_heat_wanted = heat_index is not None and heat_index < len(classifier.classes)
    return FrameAnswer(
        classes=tuple(
            each for rank, each in enumerate(likeliest) if rank < _ALWAYS_TOLD or each.probability >= TOLD_FROM
        ),
        num_classes=len(classifier.classes),
        groups=classifier.classes.group_probabilities(probabilities),
        has_rule=classifier.judge is not None and classifier.judge.rule.decision.refuses,
        refusal=None if classifier.judge is None else classifier.judge.refusal(likeliest[0], outputs.features),
        seen=squares.seen_part(photo.original_size),
        useful_side_px=squares.shortest_side_px,
        heat=classifier.heat_of(outputs, heat_index) if is_heat_wanted and heat_index is not None else None,
        milliseconds=(time.perf_counter() - started) * 1000,
    )
