"""The text beside a model that people take away: how a photo goes in, and how its answer is to be read.

Each step comes with lines of Python that do what Bluetit does itself, with nothing of Bluetit installed.
"""

import textwrap
from dataclasses import dataclass

from core.config import HUB_PREFIX, SCRATCH
from core.export.formats import KERAS_VERSIONS
from core.inference.judging import Rule, describe_decision
from core.photos.fit import LETTERBOX_GREY, REDUCING_GAP, FitMode, shortest_side_for
from core.runs.model_record import ModelRecord

DECISION_NAME, REFERENCE_NAME, README_NAME = "decision.json", "reference.npz", "README.txt"

_WIDTH = 100  # characters of a line of prose
_PRINT = 'print(answer, f"{share:.1%}")'


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenFiles:
    """Names of the files that lie together; None: it is not among them."""

    keras: str | None
    litert: str | None
    labels: str
    has_decision: bool
    has_reference: bool


def describe_files(title: str, record: ModelRecord, rule: Rule, files: TakenFiles) -> str:
    """The whole text, in Markdown that reads well without.

    Args:
        title: the model's name.
        record: how it is asked.
        rule: when it does not know.
        files: what lies beside the text.
    """
    height, width = record.image_size
    parts = [
        f"{title}\n{'=' * len(title)}",
        _wrapped(
            f"A model that tells {len(record.class_names)} classes apart in photos. Their names are in {files.labels}, "
            "one a line, in the order of its answers."
        ),
        _heading("1. A photo becomes the input"),
        _wrapped(
            f"float32, shape (1, {height}, {width}, 3), red, green and blue from 0 to 255: the model itself brings "
            f"them to the range that it was trained with. {_FITTED[FitMode(record.fit_mode)]} Photos are turned "
            "upright first and have sRGB colours; transparent parts, which the lines below leave out, are white."
        ),
        _indented(photo_code(record)),
        _heading("2. The model answers"),
        _wrapped("Probabilities of the classes, and the features of the photo."),
    ]
    if files.litert is not None:
        parts += ["With LiteRT (pip install ai-edge-litert):", _indented(litert_code(files.litert))]
    if files.keras is not None:
        parts += [_wrapped(_introduce_keras(record)), _indented(keras_code(files.keras, record))]
    parts += [
        _heading('3. The answer, or "I don\'t know"'),
        _wrapped(_describe_rule(rule, files)),
        _indented(decision_code(rule, files)),
    ]
    return "\n\n".join(parts) + "\n"


_FITTED = {
    FitMode.CROP: "The largest part from the middle of the photo that has this shape is scaled to this size.",
    FitMode.LETTERBOX: "The whole photo is scaled to fit, with grey bars at the sides.",
    FitMode.SQUASH: "The whole photo is scaled to this size, whatever its shape.",
}


def photo_code(record: ModelRecord) -> str:
    """Lines that make `pixels` of the file photo.jpg, as `core.photos` does."""
    return (
        "import io\n"
        "import numpy as np\n"
        "from PIL import Image, ImageCms, ImageOps\n"
        f'photo = Image.open("photo.jpg")\n{square_code(record)}'
        "pixels = np.asarray(square, np.float32)[np.newaxis]"
    )


def square_code(record: ModelRecord) -> str:
    """Lines that make `square` of `photo`, a file that Pillow has opened."""
    height, width = record.image_size
    side = shortest_side_for(record.image_size, FitMode(record.fit_mode), crop_fraction=record.crop_fraction)
    resized = f"Image.Resampling.BICUBIC, reducing_gap={REDUCING_GAP}"
    fitting = {
        FitMode.CROP: (
            f"scale = min(photo.width / {width}, photo.height / {height}) * {record.crop_fraction}\n"
            # Rounding must not lead out of the photo, as in `core.photos.fit.fit_box`.
            f"left, top = max(0, (photo.width - {width} * scale) / 2), max(0, (photo.height - {height} * scale) / 2)\n"
            "box = (left, top, photo.width - left, photo.height - top)\n"
            f"square = photo.resize(({width}, {height}), {resized}, box=box)\n"
        ),
        FitMode.LETTERBOX: (
            f"scale = min({width} / photo.width, {height} / photo.height)\n"
            "inner = photo.resize((max(1, round(photo.width * scale)), max(1, round(photo.height * scale))),\n"
            f"                     {resized})\n"
            f'square = Image.new("RGB", ({width}, {height}), {LETTERBOX_GREY})\n'
            f"square.paste(inner, (({width} - inner.width) // 2, ({height} - inner.height) // 2))\n"
        ),
        FitMode.SQUASH: f"square = photo.resize(({width}, {height}), {resized})\n",
    }
    return (
        f"photo.draft(None, ({side}, {side}))  # large JPEG files are read smaller, which is faster\n"
        'profile = photo.info.get("icc_profile", b"")\n'
        'photo = ImageOps.exif_transpose(photo).convert("RGB")\n'
        'if profile[16:20] == b"RGB ":  # a phone, for example, has colours of its own\n'
        '    photo = ImageCms.profileToProfile(photo, io.BytesIO(profile), ImageCms.createProfile("sRGB"))\n'
        f"{fitting[FitMode(record.fit_mode)]}"
    )


def litert_code(file_name: str) -> str:
    """Lines that make `probabilities` and `features` of `pixels`, with LiteRT."""
    return (
        "from ai_edge_litert.interpreter import Interpreter\n"
        f"interpreter = Interpreter({file_name!r})\n"
        "runner = interpreter.get_signature_runner()\n"
        "(input_name,) = runner.get_input_details()\n"
        "outputs = runner(**{input_name: pixels})\n"
        'probabilities, features = outputs["output_0"][0], outputs["output_1"][0]'
    )


def keras_code(file_name: str, record: ModelRecord) -> str:
    """The same with Keras."""
    is_hub = record.backbone.startswith(HUB_PREFIX)
    loading = f"model = keras.models.load_model({file_name!r}, compile=False{', safe_mode=False' if is_hub else ''})\n"
    if record.backbone == SCRATCH:
        layer = 'layer = model.get_layer("hidden")\n'
    else:
        layer = 'layer = model.layers[[each.name for each in model.layers].index("head") - 1]\n'
    return (
        f"import keras\n{'import core.networks.hub' + chr(10) if is_hub else ''}{loading}{layer}"
        "outputs = keras.Model(model.inputs[0], [model.outputs[0], layer.output])(pixels)\n"
        "probabilities, features = (keras.ops.convert_to_numpy(output)[0] for output in outputs)"
    )


def decision_code(rule: Rule, files: TakenFiles) -> str:
    """Lines that make `answer` and its probability `share`, by the decision where there is one."""
    labels = ["from pathlib import Path", f'labels = Path({files.labels!r}).read_text("utf-8").splitlines()']
    if not files.has_decision:
        lines = [*labels, "best = probabilities.argmax()", "answer, share = labels[best], probabilities[best]"]
        return "\n".join([*lines, _PRINT])
    lines = [
        "import json",
        *labels,
        f'decision = json.loads(Path("{DECISION_NAME}").read_text())',
        "powers = np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)",
        'powers = (powers / powers.max()) ** (1 / decision["temperature"])',
        "best = powers.argmax()",
        "share = powers[best] / powers.sum()",
        'is_known = share >= decision["min_probability"]',
    ]
    if files.has_reference and rule.decision.max_distance is not None:
        lines += [
            f'known = np.load("{REFERENCE_NAME}")["features"].astype(np.float32)',
            "known /= np.linalg.norm(known, axis=1, keepdims=True)",
            "distance = 1 - (known @ (features / np.linalg.norm(features))).max()",
            'is_known = is_known and distance <= decision["max_distance"]',
        ]
    return "\n".join([*lines, 'answer = labels[best] if is_known else "I don\'t know"', _PRINT])


def _introduce_keras(record: ModelRecord) -> str:
    if record.backbone.startswith(HUB_PREFIX):
        return (
            "With Keras, where Bluetit is installed (the network is a module of TensorFlow Hub, a program of its own, "
            "which is why Keras must be told to trust it):"
        )
    return f"With {KERAS_VERSIONS}; pip install keras tensorflow:"


def _describe_rule(rule: Rule, files: TakenFiles) -> str:
    if not files.has_decision:
        told = "The likeliest class is the answer: nobody has chosen when this model does not know."
        return told if rule.problem is None else f"The likeliest class is the answer. {rule.problem}"
    parts = [
        f"{DECISION_NAME} has what was chosen on the results page. Probabilities are calibrated first: "
        "softmax(log(probability) / temperature)."
    ]
    if rule.decision.refuses:
        parts.append(describe_decision(rule.decision))
    limit = rule.decision.max_distance
    if limit is not None and files.has_reference:
        parts.append(
            f"The latter is measured: the cosine distance from its features to the nearest ones in {REFERENCE_NAME}, "
            f"those of the photos that the model learned from, is above {limit:.3f}."
        )
    elif limit is not None:
        parts.append(f"The file {REFERENCE_NAME}, which tells the latter, is missing: only the probability counts.")
    return " ".join(parts)


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())


def _heading(text: str) -> str:
    return f"{text}\n{'-' * len(text)}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
