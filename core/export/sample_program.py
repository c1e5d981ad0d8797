"""`classify.py` of an exported model: answers for photos with nothing but the packages that it names.

It does what the preview does, from the bytes of a photo's file to the class or "I don't know", and is what the proof of
an export runs. Importing it loads the model; `probabilities_of` and `answer_of` then answer for files.
"""

import textwrap

from core.export.formats import ExportFormat, Runtime
from core.export.model_readme import square_code
from core.runs.model_record import ModelRecord

PROGRAM_NAME = "classify.py"
DESCRIPTION_NAME, LABELS_NAME, REFERENCE_NAME = "model.json", "labels.txt", "reference.npz"
# What the program says where it does not know.
UNKNOWN = "I don't know"

# Of each runtime: what is imported, lines that load the model, and lines that make `probabilities` and `features` of
# `pixels`.
_IMPORTS = {
    Runtime.KERAS: "import keras\nimport numpy as np\n",
    Runtime.TENSORFLOW: "import numpy as np\nimport tensorflow as tf\n",
    Runtime.LITERT: "import numpy as np\nfrom ai_edge_litert.interpreter import Interpreter\n",
    Runtime.ONNX: "import numpy as np\nimport onnxruntime\n",
}
_LOADING = {
    Runtime.KERAS: (
        'model = keras.saving.load_model(str(HERE / "{artefact}"), compile=False)\n'
        'features = model.get_layer(MODEL["features_layer"]).output\n'
        "model = keras.Model(model.inputs[0], [model.outputs[0], features])\n"
    ),
    Runtime.TENSORFLOW: 'model = tf.saved_model.load(str(HERE / "{artefact}"))\n',
    Runtime.LITERT: (
        'model = Interpreter(str(HERE / "{artefact}")).get_signature_runner()\n'
        "(pixels_name,) = model.get_input_details()\n"
    ),
    Runtime.ONNX: (
        'model = onnxruntime.InferenceSession(str(HERE / "{artefact}"), providers=["CPUExecutionProvider"])\n'
        "pixels_name = model.get_inputs()[0].name\n"
    ),
}
_ASKING = {
    Runtime.KERAS: "probabilities, features = (np.asarray(each)[0] for each in model.predict_on_batch(pixels))\n",
    Runtime.TENSORFLOW: (
        "outputs = model.serve(pixels)\n"
        'probabilities, features = outputs["probabilities"].numpy()[0], outputs["features"].numpy()[0]\n'
    ),
    Runtime.LITERT: (
        "outputs = model(**{pixels_name: pixels})\n"
        'probabilities, features = outputs["output_0"][0], outputs["output_1"][0]\n'
    ),
    Runtime.ONNX: "probabilities, features = (each[0] for each in model.run(None, {pixels_name: pixels}))\n",
}

_PROGRAM = '''\
"""Says what is in photos: python classify.py photo.jpg ...

What it needs: pip install -r requirements.txt
Try it with the photos in the folder samples, whose answers are in expected.json.
"""

import io
import json
import sys
from pathlib import Path

{imports}from PIL import Image, ImageCms, ImageOps

HERE = Path(__file__).parent
MODEL = json.loads((HERE / "model.json").read_text("utf-8"))
LABELS = (HERE / "labels.txt").read_text("utf-8").splitlines()
EDGE = 1e-5  # runtimes round differently: a photo exactly at a limit is answered
{loading}

def pixels_of(path):
    """The photo as the model takes it: float32 (1, height, width, 3), red, green and blue from 0 to 255."""
    photo = Image.open(path)
{square}    return np.asarray(square, np.float32)[np.newaxis]


def ask(pixels):
    """Probabilities of the classes, 0-1 and calibrated, and the features that distances are measured by."""
{asking}    return probabilities, features


def probabilities_of(path):
    """float32 (classes,), in the order of labels.txt."""
    return ask(pixels_of(path))[0]


def decide(probabilities, features):
    """The likeliest class, or "I don't know" by the limits in model.json; and how likely that class is, 0-1."""
    best = int(probabilities.argmax())
    share = float(probabilities[best])
    is_known = share + EDGE >= MODEL["min_probability"]
{distance}    return LABELS[best] if is_known else {unknown!r}, share


def answer_of(path):
    """What `decide` says of a photo."""
    return decide(*ask(pixels_of(path)))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    for path in sys.argv[1:]:
        answer, share = answer_of(path)
        print(f"{{path}}: {{answer}} ({{share:.1%}})")
'''

_REFERENCE_LOADING = (
    'known = np.load(HERE / "reference.npz")["features"].astype(np.float32)\n'
    "known /= np.linalg.norm(known, axis=1, keepdims=True)\n"
)
_DISTANCE = (
    "distance = 1 - float((known @ (features / np.linalg.norm(features))).max())\n"
    'is_known = is_known and distance <= MODEL["max_distance"] + EDGE\n'
)


def sample_program(row: ExportFormat, record: ModelRecord, *, has_reference: bool) -> str:
    """The text of `classify.py`.

    Args:
        row: of the export.
        record: how the model is asked.
        has_reference: whether the distance to the photos it learned from, in `reference.npz`, has a say.
    """
    loading = _LOADING[row.runtime].format(artefact=row.artefact)
    return _PROGRAM.format(
        imports=_IMPORTS[row.runtime],
        loading=loading + (_REFERENCE_LOADING if has_reference else ""),
        square=_indented(square_code(record)),
        asking=_indented(_ASKING[row.runtime]),
        distance=_indented(_DISTANCE) if has_reference else "",
        unknown=UNKNOWN,
    )


def requirements(row: ExportFormat) -> str:
    """The text of `requirements.txt`."""
    return "".join(f"{package}\n" for package in row.packages)


def _indented(code: str) -> str:
    return textwrap.indent(code, "    ")
