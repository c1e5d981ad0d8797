"""The formats in which people take a model away: one row for each, read by converters, zips, certificates and pages.

Every export is the whole model: pixels 0-255 in, calibrated probabilities out. A new format is a row here and its
converter, a function in a module of `core.packaging.converters`:

    write(model: CalibratedModel, target: Path) -> None

One that `is_written_directly` needs its converter only where the model is more than a head on a frozen network.
`core.export.sample_program` knows the runtimes that the sample programs use; a page of one's own is asked in a browser.
"""

import importlib.util
from dataclasses import dataclass
from enum import StrEnum

# Of the probabilities of the preview and of an export in floating point: rounding through a hundred layers makes 1e-5,
# seldom more. Beyond, the model answers otherwise, and nobody gets it.
MAX_FLOAT_DIFFERENCE = 1e-3
# Of a head written behind the very network that answers here.
MAX_DIRECT_DIFFERENCE = 1e-5
# Of a page in a browser, which decodes photos a little differently from Pillow.
MAX_PAGE_DIFFERENCE = 2e-2


class Runtime(StrEnum):
    """What runs an exported model, and so its sample program."""

    KERAS = "keras"
    TENSORFLOW = "tensorflow"
    LITERT = "litert"
    ONNX = "onnx"
    BROWSER = "browser"  # which is asked itself: there is no sample program


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """One format: its file, who makes it, what it promises, and what is told about it."""

    name: str  # in addresses and in the names of the run's files
    title: str  # for people
    artefact: str  # name in the zip, of a file or a folder
    # Module with `write`; imported in the worker only: it needs TensorFlow. Of a page: what makes the file within it.
    converter: str
    runtime: Runtime
    explanation: str  # what it is good for
    # Largest difference of a probability, 0-1, with which it is handed out, with the same class on every photo. None:
    # its numbers are coarser than the model's (quantised); its loss is told, and nobody is refused it.
    max_difference: float | None
    packages: tuple[str, ...]  # what `requirements.txt` asks for
    opens_in: str  # which versions open it, for people
    # Modules that making it needs besides what Bluetit itself does, and the extra of pyproject.toml that brings them.
    modules: tuple[str, ...] = ()
    extra: str | None = None
    # Whether a head on a frozen network is written without TensorFlow, at the moment when somebody asks for it.
    is_written_directly: bool = False
    takes_programs: bool = True  # whether a module of TensorFlow Hub, a program of its own, can be in it

    @property
    def missing_packages(self) -> str | None:
        """For people: what to install before it can be made; None: it can be made."""
        if all(importlib.util.find_spec(module) is not None for module in self.modules):
            return None
        return f'Needs packages that are not installed: pip install -c constraints.txt -e ".[{self.extra}]"'


_PHOTOS = ("numpy", "pillow")
# Tests open the files in the first two, `benchmarks` and proofs in the last.
KERAS_VERSIONS = "Keras 3.3 and later (3.3.3, 3.8.0 and 3.15.1 were tried)"
_LITERT_VERSIONS = "LiteRT 1 and later, TensorFlow Lite 2.16 and later (LiteRT 2.3.0 was tried)"

FORMATS = (
    ExportFormat(
        name="web",
        title="Web page",
        artefact="page.html",
        converter="core.packaging.converters.litert_float16",
        runtime=Runtime.BROWSER,
        explanation="One file that opens anywhere, without internet.",
        max_difference=MAX_PAGE_DIFFERENCE,
        packages=(),
        opens_in="Chrome and Edge 97, Firefox 113, Safari 16.4 and later (Chromium 156 was tried)",
    ),
    ExportFormat(
        name="keras",
        title="Keras",
        artefact="model.keras",
        converter="core.packaging.converters.keras_archive",
        runtime=Runtime.KERAS,
        explanation="To go on with in Python.",
        max_difference=MAX_FLOAT_DIFFERENCE,
        packages=("keras>=3.3", "tensorflow", *_PHOTOS),
        opens_in=KERAS_VERSIONS,
        takes_programs=False,
    ),
    ExportFormat(
        name="savedmodel",
        title="SavedModel",
        artefact="saved_model",
        converter="core.packaging.converters.saved_model",
        runtime=Runtime.TENSORFLOW,
        explanation="For servers with TensorFlow, without Keras.",
        max_difference=MAX_FLOAT_DIFFERENCE,
        packages=("tensorflow", *_PHOTOS),
        opens_in="TensorFlow 2.16 and later, and TensorFlow Serving (2.21.0 was tried)",
    ),
    ExportFormat(
        name="h5",
        title="HDF5 (legacy)",
        artefact="model.h5",
        converter="core.packaging.converters.hdf5",
        runtime=Runtime.KERAS,
        explanation="The older file of Keras, for programs that ask for it.",
        max_difference=MAX_FLOAT_DIFFERENCE,
        packages=("keras>=3.3", "tensorflow", "h5py", *_PHOTOS),
        opens_in=KERAS_VERSIONS,
        takes_programs=False,
    ),
    ExportFormat(
        name="litert",
        title="LiteRT",
        artefact="model.tflite",
        converter="core.packaging.converters.litert",
        runtime=Runtime.LITERT,
        explanation="For phones, small computers and browsers.",
        max_difference=MAX_FLOAT_DIFFERENCE,
        packages=("ai-edge-litert", *_PHOTOS),
        opens_in=_LITERT_VERSIONS,
        is_written_directly=True,
    ),
    ExportFormat(
        name="litert_float16",
        title="LiteRT float16",
        artefact="model_float16.tflite",
        converter="core.packaging.converters.litert_float16",
        runtime=Runtime.LITERT,
        explanation="Half the size, nearly the same answers.",
        max_difference=None,
        packages=("ai-edge-litert", *_PHOTOS),
        opens_in=_LITERT_VERSIONS,
    ),
    ExportFormat(
        name="litert_dynamic",
        title="LiteRT dynamic range",
        artefact="model_dynamic.tflite",
        converter="core.packaging.converters.litert_dynamic",
        runtime=Runtime.LITERT,
        explanation="A quarter of the size; made without photos.",
        max_difference=None,
        packages=("ai-edge-litert", *_PHOTOS),
        opens_in=_LITERT_VERSIONS,
    ),
    ExportFormat(
        name="litert_int8",
        title="LiteRT int8",
        artefact="model_int8.tflite",
        converter="core.packaging.converters.litert_int8",
        runtime=Runtime.LITERT,
        explanation="A quarter of the size, for small chips.",
        max_difference=None,
        packages=("ai-edge-litert", *_PHOTOS),
        opens_in=_LITERT_VERSIONS,
    ),
    ExportFormat(
        name="onnx",
        title="ONNX",
        artefact="model.onnx",
        converter="core.packaging.converters.onnx_file",
        runtime=Runtime.ONNX,
        explanation="For other languages and runtimes.",
        max_difference=MAX_FLOAT_DIFFERENCE,
        packages=("onnxruntime", *_PHOTOS),
        opens_in="Runtimes that know ONNX operator set 18 (ONNX Runtime 1.32.0 was tried)",
        modules=("tf2onnx", "onnx", "onnxruntime"),
        extra="onnx",
    ),
)


def find_format(name: str) -> ExportFormat:
    """The row with this name.

    Raises:
        KeyError: there is none.
    """
    return {row.name: row for row in FORMATS}[name]
