"""Write a LiteRT file operation by operation, without TensorFlow and its converter.

Source of the layout: `schema.fbs` of TensorFlow Lite, of which `ai-edge-litert` brings the classes. What the operations
compute is that of TensorFlow's operations of the same names; all numbers are float32.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

_SCHEMA_VERSION = 3
_IDENTIFIER = b"TFL3"
_DESCRIPTION = "Written by Bluetit."
_SIGNATURE = "serving_default"
_ALIGNMENT_BYTES = 16  # of the numbers in the file, which is used where it lies

_Operator = schema.BuiltinOperator
_Options = schema.BuiltinOptions


class GraphWriter:
    """A network that grows by an operation at a time; each gives the number of the tensor that it makes.

    Convolutions are padded with zeros so that strides alone make the output smaller ("same").
    """

    def __init__(self, input_name: str, input_shape: tuple[int, ...]) -> None:
        """Begin with an input.

        Args:
            input_name: by which it is handed over.
            input_shape: of the float32 tensor, batch included.
        """
        self._buffers: list[Any] = [schema.BufferT()]  # the first is that of whatever is computed
        self._codes: dict[int, int] = {}
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._input_name = input_name
        self.input = self._add_tensor(input_name, input_shape)

    def shape_of(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor, batch included."""
        return tuple(self._tensors[tensor].shape)

    def convolve(
        self,
        tensor: int,
        kernel: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        name: str,
        *,
        strides: int = 1,
        is_relu6: bool = False,
    ) -> int:
        """Convolve with kernels float32 (filters, rows, columns, channels) and bias (filters,)."""
        options = schema.Conv2DOptionsT()
        shape = self._strided(tensor, options, strides, is_relu6)
        inputs = [tensor, self._add_array(f"{name}/kernel", kernel), self._add_array(f"{name}/bias", bias)]
        return self._add(
            _Operator.CONV_2D, inputs, name, (*shape, len(kernel)), options=options, kind=_Options.Conv2DOptions
        )

    def convolve_depthwise(
        self,
        tensor: int,
        kernel: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        name: str,
        *,
        strides: int = 1,
        is_relu6: bool = False,
    ) -> int:
        """Convolve each channel with a kernel of its own: float32 (rows, columns, channels) and bias (channels,)."""
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = 1
        shape = self._strided(tensor, options, strides, is_relu6)
        inputs = [tensor, self._add_array(f"{name}/kernel", kernel[None]), self._add_array(f"{name}/bias", bias)]
        return self._add(
            _Operator.DEPTHWISE_CONV_2D,
            inputs,
            name,
            (*shape, kernel.shape[-1]),
            options=options,
            kind=_Options.DepthwiseConv2DOptions,
        )

    def scale(self, tensor: int, factor: float, offset: float, name: str) -> int:
        """Multiply each value by a factor, then add an offset."""
        shape = self.shape_of(tensor)
        factors = self._add_array(f"{name}/factor", np.array(factor, np.float32))
        scaled = self._add(
            _Operator.MUL,
            [tensor, factors],
            f"{name}/product",
            shape,
            options=schema.MulOptionsT(),
            kind=_Options.MulOptions,
        )
        offsets = self._add_array(f"{name}/offset", np.array(offset, np.float32))
        return self._add(
            _Operator.ADD, [scaled, offsets], name, shape, options=schema.AddOptionsT(), kind=_Options.AddOptions
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

    def connect(self, tensor: int, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32], name: str) -> int:
        """A dense layer: kernel float32 (classes, channels), bias (classes,)."""
        batch, _ = self.shape_of(tensor)
        inputs = [tensor, self._add_array(f"{name}/kernel", kernel), self._add_array(f"{name}/bias", bias)]
        return self._add(
            _Operator.FULLY_CONNECTED,
            inputs,
            name,
            (batch, len(kernel)),
            options=schema.FullyConnectedOptionsT(),
            kind=_Options.FullyConnectedOptions,
        )

    def softmax(self, tensor: int, name: str) -> int:
        """Probabilities from logits (batch, classes)."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        return self._add(
            _Operator.SOFTMAX, [tensor], name, self.shape_of(tensor), options=options, kind=_Options.SoftmaxOptions
        )

    def to_bytes(self, outputs: Mapping[str, int]) -> bytes:
        """The file.

        Args:
            outputs: the name by which each is asked for, and the number of its tensor.
        """
        graph = schema.SubGraphT()
        graph.name = "main"
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = [self.input], list(outputs.values())
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = _SIGNATURE, 0
        signature.inputs = [_named(self._input_name, self.input)]
        signature.outputs = [_named(name, tensor) for name, tensor in outputs.items()]
        model = schema.ModelT()
        model.version, model.description = _SCHEMA_VERSION, _DESCRIPTION
        model.operatorCodes = [_operator_code(code) for code in self._codes]
        model.subgraphs, model.buffers, model.signatureDefs = [graph], self._buffers, [signature]
        builder = _AligningBuilder(sum(buffer.data.nbytes for buffer in self._buffers[1:]) + 65_536)
        builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def _strided(self, tensor: int, options: Any, strides: int, is_relu6: bool) -> tuple[int, int, int]:
        """Set the options of a convolution; batch, rows and columns of what it makes."""
        options.padding = schema.Padding.SAME
        options.strideW = options.strideH = strides
        options.dilationWFactor = options.dilationHFactor = 1
        activation = schema.ActivationFunctionType
        options.fusedActivationFunction = activation.RELU6 if is_relu6 else activation.NONE
        batch, rows, columns, _ = self.shape_of(tensor)
        return batch, -(-rows // strides), -(-columns // strides)

    def _add(
        self, operator: int, inputs: list[int], name: str, shape: tuple[int, ...], *, options: Any, kind: int
    ) -> int:
        made = self._add_tensor(name, shape)
        operation = schema.OperatorT()
        operation.opcodeIndex = self._codes.setdefault(operator, len(self._codes))
        operation.inputs, operation.outputs = inputs, [made]
        operation.builtinOptions, operation.builtinOptionsType = options, kind
        self._operators.append(operation)
        return made

    def _add_array(self, name: str, values: npt.NDArray[Any]) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(buffer)
        kind = schema.TensorType.INT32 if values.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._add_tensor(name, values.shape, kind, buffer=len(self._buffers) - 1)

    def _add_tensor(
        self, name: str, shape: tuple[int, ...], kind: int = schema.TensorType.FLOAT32, *, buffer: int = 0
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
        tensor.hasRank = True
        self._tensors.append(tensor)
        return len(self._tensors) - 1


class _AligningBuilder(flatbuffers.Builder):  # type: ignore[misc]  # without types
    """Puts arrays of bytes where numbers may lie: XNNPACK reads them as floats in vectors, at the place itself."""

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> Any:  # noqa: N802  # as flatbuffers calls it
        """As in flatbuffers, of bytes, at a multiple of `_ALIGNMENT_BYTES`."""
        if x.dtype != np.uint8:
            return super().CreateNumpyVector(x)
        self.StartVector(1, x.size, _ALIGNMENT_BYTES)
        self.head = int(self.Head() - x.size)
        self.Bytes[self.Head() : self.Head() + x.size] = x.tobytes()
        self.vectorNumElems = x.size
        return self.EndVector()


def _named(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry


def _operator_code(operator: int) -> Any:
    code = schema.OperatorCodeT()
    # Readers from before there were more than 127 operations look into the second.
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    return code
