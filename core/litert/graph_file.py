"""A LiteRT file taken apart into operations, tensors and arrays, and put together again.

Source of the layout: `schema.fbs` of TensorFlow Lite, of which `ai-edge-litert` brings the classes.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from core.errors import BackboneError

_SCHEMA_VERSION = 3
_IDENTIFIER = b"TFL3"
_DESCRIPTION = "Written by Bluetit."
_SIGNATURE = "serving_default"
_ALIGNMENT_BYTES = 16  # of the numbers in the file, which is used where it lies
_REST_BYTES = 65_536  # about what a file has besides its numbers


@dataclass(slots=True, kw_only=True)
class GraphParts:
    """What a file is made of, as the classes of the schema; one names another by its place in these lists."""

    input_name: str  # by which the input is handed over
    input: int = 0  # number of its tensor
    # The first buffer is that of whatever is computed.
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    codes: list[Any] = field(default_factory=list)  # kinds of operation that it has
    tensors: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)  # each stands behind those whose tensors it takes
    outputs: Mapping[str, int] = field(default_factory=dict)  # name by which each is asked for to number of its tensor


def take_apart(content: bytes) -> GraphParts:
    """The parts of a file, whoever wrote it.

    Args:
        content: of the file. It has one input, and a signature that names its outputs.

    Raises:
        BackboneError: it is not of this kind.
    """
    model = schema.ModelT.InitFromPackedBuf(content)
    graphs, signatures = list(model.subgraphs), list(model.signatureDefs or [])
    if len(graphs) != 1 or len(signatures) != 1 or len(signatures[0].inputs) != 1:
        raise BackboneError(
            f"The network's LiteRT file has {len(graphs)} graphs and {len(signatures)} signatures; one of each, with "
            "one input, can be gone on with. Have the model made in the worker."
        )
    (graph,), (signature,) = graphs, signatures
    (taken,) = signature.inputs
    return GraphParts(
        input_name=taken.name.decode(),
        input=int(taken.tensorIndex),
        buffers=model.buffers,
        codes=model.operatorCodes,
        tensors=graph.tensors,
        operators=graph.operators,
        outputs={given.name.decode(): int(given.tensorIndex) for given in signature.outputs},
    )


def put_together(parts: GraphParts) -> bytes:
    """The file, with nothing in it that none of its outputs needs."""
    tensors, buffers, codes = _Numbers([parts.input]), _Numbers([0]), _Numbers([])
    graph = schema.SubGraphT()
    graph.name = "main"
    graph.operators = [_renumbered(each, tensors, codes) for each in needed(parts.operators, parts.outputs.values())]
    graph.inputs = [tensors[parts.input]]
    graph.outputs = [tensors[each] for each in parts.outputs.values()]
    graph.tensors = [_with_buffer(parts.tensors[each], buffers) for each in tensors]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = _SIGNATURE, 0
    signature.inputs = [_named(parts.input_name, tensors[parts.input])]
    signature.outputs = [_named(name, tensors[each]) for name, each in parts.outputs.items()]
    model = schema.ModelT()
    model.version, model.description = _SCHEMA_VERSION, _DESCRIPTION
    model.subgraphs, model.signatureDefs = [graph], [signature]
    model.operatorCodes = [parts.codes[each] for each in codes]
    model.buffers = [parts.buffers[each] for each in buffers]
    num_bytes = sum(len(each.data) for each in model.buffers if each.data is not None)
    builder = _AligningBuilder(num_bytes + _REST_BYTES)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])  # and not `Output`, which makes another copy


def needed(operators: Sequence[Any], tensors: Collection[int]) -> list[Any]:
    """The operations that some tensors come from, in their order."""
    wanted, found = set(tensors), []
    for operation in reversed(operators):
        if not wanted.isdisjoint(map(int, operation.outputs)):
            wanted.update(map(int, operation.inputs))
            found.append(operation)
    return found[::-1]


class _Numbers(dict[int, int]):
    """New numbers for old ones, given in the order in which they are asked for."""

    def __init__(self, first: Sequence[int]) -> None:
        super().__init__((old, new) for new, old in enumerate(first))

    def __missing__(self, old: int) -> int:
        self[old] = len(self)
        return self[old]


def _renumbered(operation: Any, tensors: _Numbers, codes: _Numbers) -> Any:
    twin = copy.copy(operation)
    twin.opcodeIndex = codes[operation.opcodeIndex]
    twin.inputs = [tensors[int(each)] if each >= 0 else -1 for each in operation.inputs]  # -1: left out
    twin.outputs = [tensors[int(each)] for each in operation.outputs]
    return twin


def _with_buffer(tensor: Any, buffers: _Numbers) -> Any:
    twin = copy.copy(tensor)
    twin.buffer = buffers[tensor.buffer]
    return twin


def _named(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry


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
