"""A LiteRT file that is asked; only in a process of its own."""

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from core.foreign.records import AnswerForm


class RunningModel:
    """One interpreter of a stranger's file.

    Raises:
        ValueError, RuntimeError: LiteRT cannot load it.
    """

    def __init__(self, content: bytes, *, num_threads: int) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=num_threads)
        (before,) = self._interpreter.get_input_details()
        if len(before["shape"]) == 4 and int(before["shape"][0]) != 1:  # a batch of several
            self._interpreter.resize_tensor_input(before["index"], [1, *map(int, before["shape"][1:])])
        self._interpreter.allocate_tensors()
        (self.input,) = self._interpreter.get_input_details()
        self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()

    def ask(self, values: npt.NDArray[Any], position: int) -> npt.NDArray[np.float32]:
        """What it says.

        Args:
            values: (height, width, 3), of the input's own kind.
            position: of the output that is wanted.

        Returns:
            float32 (numbers,), quantised ones as the values that they stand for.
        """
        self._interpreter.set_tensor(self.input["index"], values[np.newaxis])
        self._interpreter.invoke()
        details = self.outputs[position]
        numbers = self._interpreter.get_tensor(details["index"]).reshape(-1)
        step, zero_point = details["quantization"]
        if numbers.dtype.kind != "f" and step:
            return np.asarray((numbers.astype(np.float32) - zero_point) * step, np.float32)
        return np.asarray(numbers, np.float32)


def to_probabilities(numbers: npt.NDArray[np.float32], form: AnswerForm) -> npt.NDArray[np.float32]:
    """What a model says as probabilities of its classes.

    Args:
        numbers: float32 (numbers,), as `RunningModel.ask` gives them.
        form: what they are.

    Returns:
        float32 (classes,), 0-1, which add up to 1.
    """
    values = numbers.astype(np.float64)
    match form:
        case AnswerForm.LOGITS:
            values = np.exp(values - values.max())
        case AnswerForm.SECOND_LOGIT:
            second = 1 / (1 + np.exp(-np.clip(values[0], -500, 500)))
            values = np.array([1 - second, second])
        case AnswerForm.SECOND_PROBABILITY:
            second = np.clip(values[0], 0, 1)
            values = np.array([1 - second, second])
    values = np.clip(values, 0, None)
    total = values.sum()
    return np.asarray(values / total if total > 0 else np.full(values.shape, 1 / len(values)), np.float32)
