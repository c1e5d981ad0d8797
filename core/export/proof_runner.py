"""Runs the sample program of an export on photos, in a process of its own that knows nothing of Bluetit.

    python -I -B proof_runner.py < job

The job is JSON: `program` (path of classify.py), `photos` (paths), `result` (path of the .npz file to write) and
`packages` (names whose versions are told). After each photo a line is printed. The result holds probabilities float32
(photos, classes), milliseconds float64 (photos,), answers and packages, the last two as JSON.
"""

import importlib.metadata
import importlib.util
import json
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

# Bluetit is installed beside the packages that the program names: it must do without.
_REFUSED = ("core", "pages", "benchmarks")


class _Refusing:
    """Finds no module of Bluetit."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Called by Python for each import."""
        if name.partition(".")[0] in _REFUSED:
            raise ImportError(f"The sample program imports {name}, which is not among the packages that it names.")


def main() -> None:
    """Read the job, do it, write the result."""
    job = json.load(sys.stdin)
    sys.meta_path.insert(0, _Refusing())
    program = _load(job["program"])
    probabilities, milliseconds, answers = [], [], []
    for number, photo in enumerate(job["photos"], start=1):
        pixels = program.pixels_of(photo)
        if number == 1:
            program.ask(pixels)  # the first answer lays memory out and compiles, which the time of none should hold
        began = time.perf_counter()
        asked = program.ask(pixels)
        milliseconds.append((time.perf_counter() - began) * 1000)
        probabilities.append(np.asarray(asked[0], np.float32))
        answers.append(program.decide(*asked)[0])
        print(number, flush=True)
    _check_files(program, job["photos"][:1], probabilities, answers)
    np.savez(
        job["result"],
        probabilities=np.stack(probabilities),
        milliseconds=np.array(milliseconds),
        answers=np.array(json.dumps(answers)),
        packages=np.array(json.dumps({name: importlib.metadata.version(name) for name in job["packages"]})),
    )


def _load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("classify", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python program.")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def _check_files(
    program: ModuleType, photos: Sequence[str], probabilities: Sequence[Any], answers: Sequence[str]
) -> None:
    """What people call answers as what was timed step by step."""
    for photo, expected, answer in zip(photos, probabilities, answers, strict=False):
        is_same = np.allclose(program.probabilities_of(photo), expected, atol=1e-6)
        if not is_same or program.answer_of(photo)[0] != answer:
            raise SystemExit(f"The program answers otherwise for {photo} when asked again.")


if __name__ == "__main__":
    main()
