"""Tries a LiteRT file out, in a process of its own: what it takes, what it gives, how long it needs.

    python -m core.foreign.apart LIMITS core.foreign.trying FOLDER

The file is `FOLDER/model.tflite`; `FOLDER/trial.json` is a `TrialJob`.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.foreign.litert_file import check_litert
from core.foreign.looking import LITERT_FILE
from core.foreign.records import AnswerForm, Trial
from core.foreign.refusals import refusal
from core.foreign.running import RunningModel
from core.records import Record

JOB_FILE = "trial.json"

SIDES_PX = (8, 2048)
MAX_OUTPUTS = 100_000
DTYPES = ("float32", "float16", "uint8", "int8")  # of the input
_NUM_PHOTOS = 6
_SEED = 7
# Of the sum of probabilities from 1: rounding, and one step of a quantised output for each class.
_MAX_SUM_ERROR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialJob(Record):
    """How a file is to be tried."""

    name: str  # of the file that was brought, for messages
    has_more_outputs: bool  # whether outputs after the probabilities are allowed
    num_class_names: int  # 0: not known


def main(folder: Path) -> dict[str, Any]:
    """A `Trial` as JSON.

    Raises:
        ForeignModelError: the file is refused; the sentence says why, and what to do.
    """
    job = TrialJob.from_json(json.loads((folder / JOB_FILE).read_text(encoding="utf-8")))
    return try_file((folder / LITERT_FILE).read_bytes(), job).to_json()


def try_file(content: bytes, job: TrialJob) -> Trial:
    """Load a file, and ask it about pictures of noise.

    Raises:
        ForeignModelError: it cannot be loaded, or is no network that names what is in a photo.
    """
    facts = check_litert(content, job.name)
    try:
        model = RunningModel(content, num_threads=1)
    except (ValueError, RuntimeError) as exc:
        raise refusal(
            job.name, "LiteRT cannot load it: it is damaged, or made by a newer version. Convert it again."
        ) from exc
    image_size = _image_size(model.input, job.name)
    position = _output_position(model.outputs, job)
    num_outputs = int(model.outputs[position]["shape"][-1])
    dtype, quantisation = np.dtype(model.input["dtype"]), _quantisation(model.input)
    answers, milliseconds = [], []
    generator = np.random.default_rng(_SEED)
    for number in range(_NUM_PHOTOS):
        values = _picture(generator, image_size, dtype, number)
        began = time.perf_counter()
        try:
            answers.append(model.ask(values, position))
        except (ValueError, RuntimeError) as exc:
            raise refusal(job.name, "It cannot be run: LiteRT stops in the middle of it. Convert it again.") from exc
        milliseconds.append((time.perf_counter() - began) * 1000)
    said = np.stack(answers)
    if not np.isfinite(said).all():
        raise refusal(job.name, "It answers with something else than numbers (NaN). Train or convert it again.")
    return Trial(
        image_size=image_size,
        dtype=dtype.name,
        quantisation=quantisation,
        num_outputs=num_outputs,
        output_position=position,
        answers=_answer_form(facts.last_operators[position], said, job.name),
        milliseconds=float(np.median(milliseconds[1:])),
    )


def _image_size(details: dict[str, Any], name: str) -> tuple[int, int]:
    shape = [int(side) for side in details["shape"]]
    signature = [int(side) for side in details.get("shape_signature", shape)]
    if len(shape) != 4:
        raise refusal(
            name, f"It takes numbers of the shape {_shown(shape)}; a network for photos takes (1, height, width, 3)."
        )
    if shape[3] != 3 and shape[1] == 3:
        raise refusal(
            name,
            f"It takes the colours before the places {_shown(shape)}, as PyTorch does. "
            "Convert it with the colours last (NHWC).",
        )
    if shape[3] == 1:
        raise refusal(
            name,
            f"It takes grey pictures ({shape[1]} × {shape[2]} × 1); networks for colour photos are read here. In Edge "
            "Impulse choose the colour depth RGB, in Teachable Machine the standard image model.",
        )
    if shape[3] != 3:
        raise refusal(
            name, f"It takes {shape[3]} values for each place {_shown(shape)}; a photo has 3: red, green, blue."
        )
    if -1 in signature[1:]:
        raise refusal(
            name, f"It takes photos of any size {_shown(signature)}. Export it with a fixed one, such as 224 × 224."
        )
    if not all(SIDES_PX[0] <= side <= SIDES_PX[1] for side in shape[1:3]):
        raise refusal(
            name, f"It takes photos of {shape[1]} × {shape[2]} pixels; {SIDES_PX[0]} to {SIDES_PX[1]:,} are possible."
        )
    if np.dtype(details["dtype"]).name not in DTYPES:
        raise refusal(
            name, f"It takes numbers of the kind {np.dtype(details['dtype']).name}; float32, uint8 and int8 are read."
        )
    return shape[1], shape[2]


def _output_position(outputs: list[dict[str, Any]], job: TrialJob) -> int:
    shapes = [[int(side) for side in output["shape"]] for output in outputs]
    if len(outputs) > 1 and not job.has_more_outputs:
        raise refusal(
            job.name,
            f"It has {len(outputs)} outputs ({', '.join(map(_shown, shapes))}); a "
            "network that names what is in a photo has "
            "one list of probabilities. Models that find objects, outlines or poses are not read. An export of Bluetit "
            "comes as a zip: bring the whole zip.",
        )
    # Bluetit's own: the probabilities have as many numbers as there are names, or one of two.
    fitting = [position for position, shape in enumerate(shapes) if shape[-1:] == [job.num_class_names]]
    position = fitting[0] if len(outputs) > 1 and fitting else 0
    shape = shapes[position]
    if not shape or int(np.prod(shape)) != shape[-1]:
        raise refusal(
            job.name,
            f"It answers with {_shown(shape)} numbers, such as a picture or a list of "
            "boxes; one number for each class was "
            "expected.",
        )
    if not 1 <= shape[-1] <= MAX_OUTPUTS:
        raise refusal(job.name, f"It answers with {shape[-1]:,} numbers; 1 to {MAX_OUTPUTS:,} are possible.")
    return position


def _answer_form(last_operator: str, said: npt.NDArray[np.float32], name: str) -> AnswerForm:
    num_outputs = said.shape[1]
    are_shares = bool((said >= -1e-3).all() and (said <= 1 + 1e-3).all())
    allowed = _MAX_SUM_ERROR + num_outputs / 256
    add_up = are_shares and bool((np.abs(said.sum(axis=1) - 1) <= min(allowed, 0.5)).all())
    if num_outputs == 1:
        if last_operator == "SOFTMAX":
            raise refusal(
                name, "Its only output is always 1 (a softmax of one number). Train it with a sigmoid, or two outputs."
            )
        return AnswerForm.SECOND_PROBABILITY if last_operator == "LOGISTIC" and are_shares else AnswerForm.SECOND_LOGIT
    if add_up:
        return AnswerForm.PROBABILITIES
    return AnswerForm.INDEPENDENT if last_operator == "LOGISTIC" and are_shares else AnswerForm.LOGITS


def _picture(
    generator: np.random.Generator, image_size: tuple[int, int], dtype: np.dtype[Any], number: int
) -> npt.NDArray[Any]:
    """Noise of another brightness each, within what the input can hold."""
    low, high = (-1.0, 1.0) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    middle = low + (high - low) * (number + 0.5) / _NUM_PHOTOS
    values = generator.normal(middle, (high - low) / 6, (*image_size, 3))
    return np.clip(values, low, high).astype(dtype)


def _quantisation(details: dict[str, Any]) -> tuple[float, int]:
    step, zero_point = details["quantization"]
    return float(step), int(zero_point)


def _shown(shape: list[int]) -> str:
    return f"({', '.join(str(side) if side != -1 else 'any' for side in shape)})"
