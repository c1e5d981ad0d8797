"""Files that are no model that can be read here, each with what to export in its place."""

from pathlib import PurePosixPath

from core.errors import ForeignModelError

WANTED = "a Keras file (.keras), a LiteRT file (.tflite), or a zip with one of them and its labels"

_PICKLE_PROTOCOLS = range(2, 6)
_AS_KERAS_OR_LITERT = "Export the model as Keras (.keras) or LiteRT (.tflite) in its place."
_FROM_PYTORCH = (
    "It holds programs (pickles), which are never opened. From PyTorch, convert the model with ai-edge-torch "
    "(litert-torch) to a .tflite file in its place."
)

# Beginnings of files: what they are, and what to do.
_MAGICS = (
    (b"Rar!", "It is a RAR archive. Pack the files as a zip."),
    (b"7z\xbc\xaf", "It is a 7-Zip archive. Pack the files as a zip."),
    (b"\x1f\x8b", "It is a compressed archive (gzip). Unpack it, and bring the model file that is inside."),
    (b"\x93NUMPY", f"It is an array of NumPy, not a model. {_AS_KERAS_OR_LITERT}"),
    (b"GGUF", "It is a language model (GGUF); networks for photos are read here."),
    (b"%PDF", f"It is a document. A model was expected: {WANTED}."),
    (b"\x89PNG", f"It is a picture. A model was expected: {WANTED}."),
    (b"\xff\xd8\xff", f"It is a picture. A model was expected: {WANTED}."),
)
# Endings of names likewise.
_ENDINGS = {
    ".onnx": "It is an ONNX file, which other programs run. Export the model from "
    "where it was trained as Keras (.keras) "
    "or LiteRT (.tflite); onnx2tf makes a .tflite file of an ONNX file.",
    ".pt": _FROM_PYTORCH,
    ".pth": _FROM_PYTORCH,
    ".ckpt": _FROM_PYTORCH,
    ".mar": _FROM_PYTORCH,
    ".pkl": "It is a pickle: a program, which is never opened. " + _AS_KERAS_OR_LITERT,
    ".pickle": "It is a pickle: a program, which is never opened. " + _AS_KERAS_OR_LITERT,
    ".joblib": "It is a pickle: a program, which is never opened. " + _AS_KERAS_OR_LITERT,
    ".safetensors": "It has weights, but does not say of which network. " + _AS_KERAS_OR_LITERT,
    ".pb": "It is part of a SavedModel, which is a program. In Keras, load it and "
    "save it as .keras; or convert it with "
    "tf.lite.TFLiteConverter to a .tflite file.",
    ".mlmodel": "It is for Apple's Core ML. " + _AS_KERAS_OR_LITERT,
    ".mlpackage": "It is for Apple's Core ML. " + _AS_KERAS_OR_LITERT,
    ".engine": "It is for NVIDIA's TensorRT. " + _AS_KERAS_OR_LITERT,
    ".tm": "It is a project of Teachable Machine: photos, not a model. Its photos come in on the page Dataset. For the "
    "model press Export Model there, and choose Tensorflow → Keras, or Tensorflow Lite.",
}


NAMED_SUFFIXES = tuple(_ENDINGS)  # of files that are not read, but told what to export in their place


def unreadable(head: bytes, name: str) -> ForeignModelError:
    """The error for a file that is not even packed as models are: what it is, and what to export in its place.

    Args:
        head: its first bytes.
        name: of the file, for messages.
    """
    if len(head) > 1 and head[0] == 0x80 and head[1] in _PICKLE_PROTOCOLS:
        return refusal(name, _FROM_PYTORCH)
    for magic, sentence in _MAGICS:
        if head.startswith(magic):
            return refusal(name, sentence)
    sentence = _ENDINGS.get(PurePosixPath(name.lower()).suffix, "")
    if not head:
        sentence = "It is empty. Copy or download it again."
    return refusal(name, sentence or f"It is no model that is known here. Expected is {WANTED}.")


def empty_of_models(paths: list[str], name: str) -> ForeignModelError:
    """The error for a zip without a model that can be read: what it is, and what to export in its place.

    Args:
        paths: of the files inside.
        name: of the zip, for messages.
    """
    names = {PurePosixPath(path).name.lower() for path in paths}
    suffixes = {PurePosixPath(each).suffix for each in names}
    if names & {"data.pkl", "constants.pkl"}:
        return refusal(name, _FROM_PYTORCH)
    if {"signature.json", "saved_model.pb"} <= names:
        return refusal(
            name,
            "It is Lobe's export for TensorFlow, which is a program. In Lobe choose "
            "Export → TensorFlow Lite, and bring "
            "the folder as a zip.",
        )
    if "saved_model.pb" in names:
        return refusal(
            name,
            "It is a SavedModel, which is a program. Where it comes from, choose Keras (.keras) or LiteRT / TensorFlow "
            "Lite (.tflite).",
        )
    if "model.json" in names and suffixes & {".bin"}:
        return refusal(
            name,
            "It is a model for browsers (TensorFlow.js). In Teachable Machine choose the tab Tensorflow → Keras, or "
            "Tensorflow Lite → Floating point, and download that.",
        )
    if suffixes & {".h", ".cc", ".cpp"}:
        return refusal(
            name,
            "It is a library for microcontrollers. In Edge Impulse open Dashboard → "
            "Download block output, and take the "
            "TensorFlow Lite file of the classifier; in Teachable Machine choose Tensorflow Lite → Quantized.",
        )
    for ending, sentence in _ENDINGS.items():
        if ending in suffixes and ending != ".tm":
            return refusal(name, sentence)
    inside = ", ".join(sorted(names)[:5]) or "nothing"
    return refusal(name, f"There is no model in it, but {inside}. Expected is {WANTED}.")


def refusal(name: str, sentences: str) -> ForeignModelError:
    """The error for a file that is not read.

    Args:
        name: of the file.
        sentences: what it is, and what to do.
    """
    return ForeignModelError(f"“{name}” cannot be read as a model. {sentences}")
