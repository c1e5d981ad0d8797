"""How long models take for one photo, measured side by side on this machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.inference.classifier import Classifier

NUM_ROUNDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from the pixels of one photo to the answer, on all threads of the inference; milliseconds."""

    median: float
    low: float  # a quarter of the rounds took less
    high: float  # a quarter took more


def measure_latencies(
    classifiers: Sequence[Classifier],
    *,
    num_rounds: int = NUM_ROUNDS,
    on_round: Callable[[int], None] = lambda _num_done: None,
) -> tuple[Latency, ...]:
    """Time models in turn, so that whatever else the machine does disturbs all of them alike.

    In every round each model answers for one photo, each time another one going first; the median over the rounds
    counts, and a first round that warms the caches does not.

    Args:
        classifiers: the models, loaded.
        num_rounds: at least 1.
        on_round: called after each round with the number of those that are done.

    Returns:
        One for each model, in their order.

    Raises:
        ValueError: there is no round.
    """
    if num_rounds < 1:
        raise ValueError(f"{num_rounds} rounds: at least one is needed to measure anything.")
    squares = [_noise(classifier.engine.image_size) for classifier in classifiers]
    milliseconds = np.zeros((num_rounds, len(classifiers)))
    for number in range(-1, num_rounds):
        for position in range(len(classifiers)):
            index = (position + number) % len(classifiers)
            started = time.perf_counter()
            classifiers[index].answer(squares[index])
            if number >= 0:
                milliseconds[number, index] = 1000 * (time.perf_counter() - started)
        if number >= 0:
            on_round(number + 1)
    if not classifiers:
        return ()
    low, median, high = np.percentile(milliseconds, (25, 50, 75), axis=0)
    return tuple(
        Latency(median=float(median[index]), low=float(low[index]), high=float(high[index]))
        for index in range(len(classifiers))
    )


def _noise(image_size: tuple[int, ...]) -> Image.Image:
    """A square that no network has seen: what is in it does not matter for the time."""
    pixels = np.random.default_rng(0).integers(0, 256, (*image_size, 3), np.uint8)
    return Image.fromarray(pixels)
