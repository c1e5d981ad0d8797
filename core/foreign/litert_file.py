"""A LiteRT file, read as the table that it is before anything runs it; only in a process of its own."""

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from flatbuffers.number_types import Float32Flags, SOffsetTFlags, UOffsetTFlags

from core.errors import ForeignModelError
from core.foreign.allowed import OPERATORS
from core.foreign.labels import MAX_BYTES
from core.foreign.refusals import refusal

_MAX_ITEMS = 100_000  # operators, tensors; the largest network of the catalogue has 3,000

_NAMES: dict[int, str] = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
}
_CUSTOM = schema.BuiltinOperator.CUSTOM
# Between what makes probabilities and the output of the network.
_PASSED_ON = frozenset({"RESHAPE", "SQUEEZE", "QUANTIZE", "DEQUANTIZE", "CAST"})
_PROBLEMS = (struct.error, IndexError, ValueError, TypeError, AttributeError, KeyError, OverflowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteRTFacts:
    """What a file tells without being run."""

    last_operators: tuple[str, ...]  # name of the operator that makes each output
    labels: tuple[str, bytes] | None  # name and content of a list of class names in the file itself
    normalised_range: tuple[float, float] | None  # of the pixels, where the file says it itself
    has_metadata: bool  # whether a tool has described itself in it


def check_litert(content: bytes, name: str) -> LiteRTFacts:
    """Refuse a file with other operators than networks for pictures need, or with parts outside of itself.

    Args:
        content: the whole file.
        name: for messages.

    Raises:
        ForeignModelError: what is wrong with it.
    """
    try:
        model = schema.Model.GetRootAs(content, 0)
        return _check(model, content, name)
    except ForeignModelError:
        raise
    except _PROBLEMS as exc:
        raise refusal(name, "It is damaged: it cannot be read as a LiteRT file. Copy or download it again.") from exc


def _check(model: Any, content: bytes, name: str) -> LiteRTFacts:
    codes = [model.OperatorCodes(number) for number in range(_bounded(model.OperatorCodesLength(), name))]
    if model.SubgraphsLength() < 1 or not codes:
        raise refusal(name, "It is damaged: there is no network in it. Copy or download it again.")
    if model.ExternalBufferGroupsLength() or model.ExternalBuffersLength():
        raise refusal(name, "Its weights are in other files of this computer. Export it as one file.")
    operators = [_operator_name(code, name) for code in codes]
    graph = model.Subgraphs(0)
    _bounded(graph.TensorsLength(), name)
    producers: dict[int, tuple[str, list[int]]] = {}
    for number in range(_bounded(graph.OperatorsLength(), name)):
        step = graph.Operators(number)
        inputs = [int(step.Inputs(each)) for each in range(_bounded(step.InputsLength(), name))]
        for each in range(_bounded(step.OutputsLength(), name)):
            producers[int(step.Outputs(each))] = operators[step.OpcodeIndex()], inputs
    _check_ends(graph, name)
    outputs = [int(graph.Outputs(each)) for each in range(graph.OutputsLength())]
    return LiteRTFacts(
        last_operators=tuple(_last_operator(output, producers) for output in outputs),
        labels=_packed_labels(content, name),
        normalised_range=_normalised_range(model),
        has_metadata=_metadata_of(model) is not None,
    )


def _bounded(length: int, name: str) -> int:
    if length > _MAX_ITEMS:
        raise refusal(name, f"It claims {length:,} parts, which no network has: it is damaged, or made to do harm.")
    return int(length)


def _operator_name(code: Any, name: str) -> str:
    # Numbers up to 126 are kept in the older field, which is a byte.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == _CUSTOM or code.CustomCode():
        custom = (code.CustomCode() or b"").decode("utf-8", errors="replace")[:60]
        raise refusal(name, f"It needs the operator “{custom}”, which LiteRT does not bring. {_remedy(custom)}")
    operator = _NAMES.get(int(number), f"number {number}")
    if operator not in OPERATORS:
        raise refusal(
            name,
            f"It needs LiteRT's operator {operator}, which networks for photos do not need and which is not run here.",
        )
    return operator


def _remedy(custom: str) -> str:
    if custom.startswith("edgetpu"):
        return "It was made for a Coral Edge TPU: choose the quantised model without Edge "
        "TPU (in Teachable Machine: Quantized)."
    if custom.startswith("Flex"):
        return "It needs all of TensorFlow (Flex). Convert it with LiteRT's built-in operators only (TFLITE_BUILTINS)."
    if custom == "TFLite_Detection_PostProcess":
        return "It finds objects with boxes around them; models that name one class for the whole photo are read here."
    return "Such operators are programs of their own. Convert the model with LiteRT's built-in operators only."


def _check_ends(graph: Any, name: str) -> None:
    if graph.InputsLength() != 1:
        raise refusal(name, _ends_text("inputs", graph.InputsLength(), "one photo"))
    if graph.OutputsLength() < 1:
        raise refusal(name, _ends_text("outputs", 0, "one list of probabilities"))


def _ends_text(what: str, number: int, wanted: str) -> str:
    return f"It has {number} {what}; a network that names what is in a photo has {wanted}."


def _last_operator(tensor: int, producers: dict[int, tuple[str, list[int]]]) -> str:
    operator: str = ""
    for _ in range(10):
        operator, inputs = producers.get(tensor, ("", []))
        if operator not in _PASSED_ON or not inputs:
            break
        tensor = inputs[0]
    return operator


def _packed_labels(content: bytes, name: str) -> tuple[str, bytes] | None:
    """A list of class names in the zip that MediaPipe's tools put behind the network."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = [info for info in archive.infolist() if info.filename.lower().endswith(".txt")]
            texts.sort(key=lambda info: "label" not in info.filename.lower())
            if not texts or texts[0].file_size > MAX_BYTES:
                return None
            with archive.open(texts[0]) as file:
                return texts[0].filename, file.read(MAX_BYTES)
    except zipfile.BadZipFile:
        return None
    except (RuntimeError, NotImplementedError, OSError, EOFError) as exc:
        raise refusal(name, "The list of class names inside it is damaged. Bring labels.txt beside it.") from exc


# --- what a tool has said about the pixels ------------------------------------------------------------------
# Source: metadata_schema.fbs of TensorFlow Lite Support; the numbers are places of fields in its tables.

_METADATA = b"TFLITE_METADATA"
_SUBGRAPHS, _INPUTS, _PROCESS_UNITS, _OPTIONS, _MEAN, _DEVIATION = 3, 2, 4, 1, 0, 1


def _metadata_of(model: Any) -> bytes | None:
    for number in range(min(model.MetadataLength(), _MAX_ITEMS)):
        entry = model.Metadata(number)
        if entry.Name() == _METADATA:
            data = model.Buffers(entry.Buffer()).DataAsNumpy()
            return None if isinstance(data, int) else data.tobytes()
    return None


def _normalised_range(model: Any) -> tuple[float, float] | None:
    data = _metadata_of(model)
    if data is None:
        return None
    root = flatbuffers.table.Table(data, flatbuffers.encode.Get(UOffsetTFlags.packer_type, data, 0))
    table: Any = root
    for place in (_SUBGRAPHS, _INPUTS, _PROCESS_UNITS):
        table = _first_of(table, place)
        if table is None:
            return None
    at = table.Offset(4 + 2 * _OPTIONS)
    if not at:
        return None
    options = flatbuffers.table.Table(table.Bytes, table.Indirect(at + table.Pos))
    mean, deviation = (_first_float(options, place) for place in (_MEAN, _DEVIATION))
    if mean is None or not deviation:
        return None
    return -mean / deviation, (255 - mean) / deviation


def _first_of(table: Any, place: int) -> Any:
    at = table.Offset(SOffsetTFlags.bytewidth + 2 * place)
    if not at or not table.VectorLen(at):
        return None
    return flatbuffers.table.Table(table.Bytes, table.Indirect(table.Vector(at)))


def _first_float(table: Any, place: int) -> float | None:
    at = table.Offset(SOffsetTFlags.bytewidth + 2 * place)
    if not at or not table.VectorLen(at):
        return None
    return float(table.Get(Float32Flags, table.Vector(at)))
