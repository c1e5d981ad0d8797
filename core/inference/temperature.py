"""Probabilities as sure as they should be: temperature scaling."""

import math

import numpy as np
import numpy.typing as npt

# A probability that float32 lost to 0 becomes the least that float32 holds: its logarithm is wanted.
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)


def calibrated(probabilities: npt.NDArray[np.floating], temperature: float) -> npt.NDArray[np.float64]:
    """Probabilities as sure as they should be: softmax(log(probability) / temperature).

    The order of the classes stays, so the answer does too. float64, because two probabilities that differ by one step
    of float32 must still differ afterwards.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML (2017),
    section 4.2; logits are known from probabilities up to a constant, which the softmax takes out again.

    Args:
        probabilities: (classes,) or (photos, classes), 0-1.
        temperature: above 0; above 1 makes less sure, 1 only makes the sum exactly 1.

    Returns:
        float64 of the same shape, 0-1.

    Raises:
        ValueError: the temperature is not positive.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"Temperature {temperature}: a finite number above 0 is needed.")
    powers: npt.NDArray[np.float64] = np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64)
    if temperature != 1.0:
        powers /= powers.max(axis=-1, keepdims=True)
        np.log(powers, out=powers)
        powers /= temperature
        np.exp(powers, out=powers)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers
