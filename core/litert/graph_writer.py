"""Write a LiteRT file operation by operation, or go on with one, without TensorFlow and its converter.

What the operations compute is that of TensorFlow's operations of the same names; all numbers are float32.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from core.litert.graph_file import GraphParts, needed, put_together, take_apart

_Operator = schema.BuiltinOperator
_Options = schema.BuiltinOptions
_Activation = schema.ActivationFunctionType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Convolution:
    """A convolution, padded with zeros so that strides alone make the output smaller ("same")."""

    # float32 (filters, rows, columns, channels); with a kernel for each channel alone (1, rows, columns, channels)
    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]  # (filters,), or (channels,)
    strides: int = 1
    is_depthwise: bool = False  # whether each channel has a kernel of its own
    is_relu6: bool = False  # whether what comes out is cut off below 0 and above 6


class GraphWriter:
    """A network that grows by an operation at a time; each gives the number of the tensor that it makes."""

    def __init__(self, input_name: str, input_shape: tuple[int, ...]) -> None:
        """Begin with an input.

        Args:
            input_name: by which it is handed over.
            input_shape: of the float32 tensor, batch included.
        """
        self._parts = GraphParts(input_name=input_name)
        self._parts.input = self._add_tensor(input_name, input_shape)

    @classmethod
    def continuing(cls, content: bytes) -> Self:
        """Go on with the network of a LiteRT file, whoever wrote it; arguments and errors as of `take_apart`."""
        writer = cls.__new__(cls)
        writer._parts = take_apart(content)
        return writer

    @property
    def input(self) -> int:
        """Number of the input's tensor."""
        return self._parts.input

    @property
    def outputs(self) -> Mapping[str, int]:
        """Numbers of what a network that is gone on with has given until now, by name."""
        return self._parts.outputs

    def shape_of(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor, batch included."""
        return tuple(int(side) for side in self._parts.tensors[tensor].shape)

    def convolve(self, tensor: int, convolution: Convolution, name: str) -> int:
        """Convolve (batch, rows, columns, channels)."""
        kernel, is_depthwise = convolution.kernel, convolution.is_depthwise
        options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
        if is_depthwise:
            options.depthMultiplier = 1
        options.padding = schema.Padding.SAME
        options.strideW = options.strideH = strides = convolution.strides
        options.dilationWFactor = options.dilationHFactor = 1
        options.fusedActivationFunction = _Activation.RELU6 if convolution.is_relu6 else _Activation.NONE
        batch, rows, columns, _ = self.shape_of(tensor)
        inputs = [tensor, self._add_array(f"{name}/kernel", kernel), self._add_array(f"{name}/bias", convolution.bias)]
        return self._add(
            _Operator.DEPTHWISE_CONV_2D if is_depthwise else _Operator.CONV_2D,
            inputs,
            name,
            (batch, -(-rows // strides), -(-columns // strides), kernel.shape[-1] if is_depthwise else len(kernel)),
            options=options,
            kind=_Options.DepthwiseConv2DOptions if is_depthwise else _Options.Conv2DOptions,
        )

    def multiply(self, tensor: int, factor: float, name: str) -> int:
        """Multiply each value by a factor."""
        inputs = [tensor, self._add_array(f"{name}/factor", np.array(factor, np.float32))]
        shape = self.shape_of(tensor)
        return self._add(_Operator.MUL, inputs, name, shape, options=schema.MulOptionsT(), kind=_Options.MulOptions)

    def scale(self, tensor: int, factor: float, offset: float, name: str) -> int:
        """Multiply each value by a factor, then add an offset."""
        scaled = self.multiply(tensor, factor, f"{name}/product")
        inputs = [scaled, self._add_array(f"{name}/offset", np.array(offset, np.float32))]
        shape = self.shape_of(tensor)
        return self._add(_Operator.ADD, inputs, name, shape, options=schema.AddOptionsT(), kind=_Options.AddOptions)

    def reverse(self, tensor: int, axis: int, name: str) -> int:
        """Turn the order of values along an axis round."""
        inputs = [tensor, self._add_array(f"{name}/axis", np.array([axis], np.int32))]
        return self._add(
            _Operator.REVERSE_V2,
            inputs,
            name,
            self.shape_of(tensor),
            options=schema.ReverseV2OptionsT(),
            kind=_Options.ReverseV2Options,
        )

    def add(self, tensor: int, other: int, name: str) -> int:
        """Add two tensors of one shape."""
        shape = self.shape_of(tensor)
        return self._add(
            _Operator.ADD, [tensor, other], name, shape, options=schema.AddOptionsT(), kind=_Options.AddOptions
        )

    def concatenate(self, tensors: Sequence[int], name: str) -> int:
        """Put the channels, on the last axis, of several tensors behind each other."""
        shapes = [self.shape_of(tensor) for tensor in tensors]
        options = schema.ConcatenationOptionsT()
        options.axis = len(shapes[0]) - 1
        shape = (*shapes[0][:-1], sum(shape[-1] for shape in shapes))
        return self._add(
            _Operator.CONCATENATION, list(tensors), name, shape, options=options, kind=_Options.ConcatenationOptions
        )

    def pool(self, tensor: int, name: str) -> int:
        """Mean over rows and columns: (batch, rows, columns, channels) → (batch, channels)."""
        batch, _, _, channels = self.shape_of(tensor)
        axes = self._add_array(f"{name}/axes", np.array([1, 2], np.int32))
        options = schema.ReducerOptionsT()
        options.keepDims = False
        return self._add(
            _Operator.MEAN, [tensor, axes], name, (batch, channels), options=options, kind=_Options.ReducerOptions
        )

    def connect(
        self,
        tensor: int,
        kernel: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        name: str,
        *,
        is_relu: bool = False,
    ) -> int:
        """A dense layer: kernel float32 (units, channels), bias (units,), and a ReLU behind it or not."""
        batch, _ = self.shape_of(tensor)
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = _Activation.RELU if is_relu else _Activation.NONE
        inputs = [tensor, self._add_array(f"{name}/kernel", kernel), self._add_array(f"{name}/bias", bias)]
        return self._add(
            _Operator.FULLY_CONNECTED,
            inputs,
            name,
            (batch, len(kernel)),
            options=options,
            kind=_Options.FullyConnectedOptions,
        )

    def softmax(self, tensor: int, name: str) -> int:
        """Probabilities from logits (batch, classes)."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        return self._add(
            _Operator.SOFTMAX, [tensor], name, self.shape_of(tensor), options=options, kind=_Options.SoftmaxOptions
        )

    def repeat(self, tensor: int, wanted: Sequence[int], prefix: str) -> list[int]:
        """Compute something a second time, by the same weights, of something else than the input.

        Args:
            tensor: in place of the input, of its shape.
            wanted: tensors that are computed of the input.
            prefix: of the names of what is computed anew.

        Returns:
            Numbers of the tensors computed anew, in the order of those wanted.
        """
        parts = self._parts
        twins = {parts.input: tensor}
        for operation in needed(parts.operators, wanted):
            twin = copy.copy(operation)
            twin.inputs = [twins.get(int(each), int(each)) for each in operation.inputs]
            for made in map(int, operation.outputs):
                named = copy.copy(parts.tensors[made])
                named.name = prefix.encode() + named.name
                parts.tensors.append(named)
                twins[made] = len(parts.tensors) - 1
            twin.outputs = [twins[int(made)] for made in operation.outputs]
            parts.operators.append(twin)
        return [twins[each] for each in wanted]

    def to_bytes(self, outputs: Mapping[str, int]) -> bytes:
        """The file, with nothing in it that no output needs.

        Args:
            outputs: the name by which each is asked for, and the number of its tensor.
        """
        return put_together(replace(self._parts, outputs=outputs))

    def _add(
        self, operator: int, inputs: list[int], name: str, shape: tuple[int, ...], *, options: Any, kind: int
    ) -> int:
        made = self._add_tensor(name, shape)
        operation = schema.OperatorT()
        operation.opcodeIndex = self._code(operator)
        operation.inputs, operation.outputs = inputs, [made]
        operation.builtinOptions, operation.builtinOptionsType = options, kind
        self._parts.operators.append(operation)
        return made

    def _code(self, operator: int) -> int:
        """Number of an operation among those of the file; of another version than the first are only a file's own."""
        for number, code in enumerate(self._parts.codes):
            if code.builtinCode == operator and code.version == 1:
                return number
        self._parts.codes.append(_operator_code(operator))
        return len(self._parts.codes) - 1

    def _add_array(self, name: str, values: npt.NDArray[Any]) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._parts.buffers.append(buffer)
        kind = schema.TensorType.INT32 if values.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._add_tensor(name, values.shape, kind, buffer=len(self._parts.buffers) - 1)

    def _add_tensor(
        self, name: str, shape: tuple[int, ...], kind: int = schema.TensorType.FLOAT32, *, buffer: int = 0
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), list(shape), kind, buffer
        tensor.hasRank = True
        self._parts.tensors.append(tensor)
        return len(self._parts.tensors) - 1


def _operator_code(operator: int) -> Any:
    code = schema.OperatorCodeT()
    # Readers from before there were more than 127 operations look into the second.
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    return code
