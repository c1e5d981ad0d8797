"""Answers for photos with a stranger's model, in a process of its own, for as long as its parent holds the pipe.

    python -m core.foreign.apart LIMITS core.foreign.answering FOLDER

`FOLDER/job.json` is an `AnsweringJob`. A byte says that the model is loaded. Then, for each photo: in comes a byte, the
position of a `Scaling`, and the pixels, uint8 (height, width, 3); out goes float32 (classes,), the probabilities.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.foreign.apart import end_after
from core.foreign.records import Trial
from core.foreign.running import RunningModel, to_probabilities
from core.foreign.scaling import Scaling, quantise, scale
from core.records import Record

JOB_FILE = "job.json"
READY = b"\x06"
SCALINGS = tuple(Scaling)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweringJob(Record):
    """What is to be asked."""

    path: str  # of the LiteRT file
    trial: Trial
    num_threads: int
    answer_seconds: float  # longest time for one photo


def main(folder: Path) -> dict[str, Any]:
    """Answer until the pipe is closed."""
    # Libraries print; what they print must not come between answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    job = AnsweringJob.from_json(json.loads((folder / JOB_FILE).read_text(encoding="utf-8")))
    serve(job, sys.stdin.buffer, answers)
    return {}


def serve(job: AnsweringJob, photos: BinaryIO, answers: BinaryIO) -> None:
    """Answer for each photo that comes, until there are no more."""
    model = RunningModel(Path(job.path).read_bytes(), num_threads=job.num_threads)
    trial = job.trial
    shape = (*trial.image_size, 3)
    num_bytes = 1 + int(np.prod(shape))
    answers.write(READY)
    answers.flush()
    end_after(0)
    while len(message := photos.read(num_bytes)) == num_bytes:
        end_after(job.answer_seconds)
        pixels = np.frombuffer(message, np.uint8, offset=1).reshape(shape)
        values = quantise(scale(pixels, SCALINGS[message[0]]), trial.dtype, trial.quantisation)
        said = to_probabilities(model.ask(values, trial.output_position), trial.answers)
        end_after(0)
        answers.write(said.tobytes())
        answers.flush()
