"""The last layers of a trained model without Keras: a few matrices on the pooled features of a frozen backbone."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import ArrayFileError, RunFileError
from core.storage.arrays import StoredArrays, read_arrays

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Dense layers with ReLU between them; the last makes logits."""

    kernels: tuple[Array, ...]  # float32 (inputs, outputs) of each layer
    biases: tuple[Array, ...]  # float32 (outputs,) of each layer

    @property
    def num_features(self) -> int:
        """Width of the features that it takes."""
        return int(self.kernels[0].shape[0])

    @property
    def num_classes(self) -> int:
        """Number of probabilities; two where there is a single logit."""
        return max(2, int(self.kernels[-1].shape[1]))

    @property
    def is_linear(self) -> bool:
        """Whether logits are one matrix on the features."""
        return len(self.kernels) == 1

    @property
    def num_bytes(self) -> int:
        """What it takes in memory."""
        return sum(array.nbytes for array in (*self.kernels, *self.biases))

    def logits(self, features: Array) -> Array:
        """Scores of the classes before they are shared out.

        Args:
            features: float32 (..., channels).

        Returns:
            float32 (..., classes); or (..., 1), the logit of the second of two classes.
        """
        values = features
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            values = np.maximum(values @ kernel + bias, 0)
        return np.asarray(values @ self.kernels[-1] + self.biases[-1], np.float32)

    def probabilities(self, features: Array) -> Array:
        """Probabilities of the classes: a softmax of the logits, or for a single one a sigmoid.

        Args:
            features: float32 (..., channels).

        Returns:
            float32 (..., classes), 0-1, adding up to 1.
        """
        return probabilities_of(self.logits(features))

    def gradient(self, features: Array, class_index: int) -> Array:
        """How the score of a class changes with each feature; of a linear head the same for all photos.

        Args:
            features: float32 (channels,), of one photo.
            class_index: of the class. Of a single logit, what speaks for the second class speaks against the first.

        Returns:
            float32 (channels,).

        Source: the chain rule through dense layers and ReLU, whose slope is 1 above 0 and 0 elsewhere.
        """
        slopes: list[npt.NDArray[np.bool_]] = []
        values = features
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            values = np.maximum(values @ kernel + bias, 0)
            slopes.append(values > 0)
        last = self.kernels[-1]
        two_sided = np.hstack([-last, last]) if last.shape[1] == 1 else last
        gradient = two_sided[:, class_index]
        for kernel, slope in zip(self.kernels[-2::-1], slopes[::-1], strict=True):
            gradient = kernel @ np.where(slope, gradient, 0)
        return np.asarray(gradient, np.float32)


def probabilities_of(logits: Array) -> Array:
    """Probabilities for logits: a softmax, or for a single logit a sigmoid.

    Args:
        logits: float32 (..., classes); or (..., 1), the logit of the second of two classes.

    Returns:
        float32 (..., classes), 0-1, adding up to 1.
    """
    if logits.shape[-1] == 1:
        # A softmax over 0 and the logit is the sigmoid, and overflows for no logit.
        logits = np.concatenate([np.zeros_like(logits), logits], axis=-1)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def read_head(path: Path) -> Head:
    """The head in a file `head.npz`.

    Raises:
        RunFileError: the file is missing or damaged.
        StorageError: the file cannot be read.
    """
    try:
        head = _head_of(read_arrays(path))
    except ArrayFileError as exc:
        raise RunFileError(f"{exc} The model cannot answer without it. Train again.") from exc
    except ValueError as exc:
        raise RunFileError(f"The file {path} is damaged: {exc}. Train again.") from exc
    if not _is_whole(head):
        shapes = [kernel.shape for kernel in head.kernels]
        raise RunFileError(f"The file {path} is damaged: its matrices {shapes} are no layers of a head. Train again.")
    return head


def _head_of(arrays: StoredArrays) -> Head:
    numbers = range(len(arrays) // 2)
    return Head(
        kernels=tuple(np.asarray(arrays[f"kernel_{number}"], np.float32) for number in numbers),
        biases=tuple(np.asarray(arrays[f"bias_{number}"], np.float32) for number in numbers),
    )


def _is_whole(head: Head) -> bool:
    if not head.kernels or not all(kernel.ndim == 2 and kernel.size for kernel in head.kernels):
        return False
    has_fitting_biases = all(
        bias.shape == kernel.shape[1:] for kernel, bias in zip(head.kernels, head.biases, strict=True)
    )
    has_fitting_layers = all(below.shape[1] == above.shape[0] for below, above in pairwise(head.kernels))
    has_numbers = all(bool(np.isfinite(array).all()) for array in (*head.kernels, *head.biases))
    return has_fitting_biases and has_fitting_layers and has_numbers
