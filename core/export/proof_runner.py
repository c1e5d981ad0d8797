"""Runs the sample program of an export on photos, in a process of its own that has what the program names, no more.

    python -I -B proof_runner.py < job

The job is JSON: `program` (path of classify.py), `photos` (paths), `result` (path of the .npz file to write) and
`packages` (names whose versions are told). After each photo a line is printed. The result holds probabilities float32
(photos, classes), milliseconds float64 (photos,), answers and packages, the last two as JSON.
"""

import importlib.metadata
import importlib.util
import json
import re
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

# Of Bluetit itself, which is installed by a way that the list of packages does not tell.
_OWN = frozenset({"core", "pages", "benchmarks"})


class _Refusing:
    """Finds no module but Python's own, and those of some packages and of what these need."""

    def __init__(self, packages: Sequence[str]) -> None:
        needed = _with_what_they_need(packages)
        owners = importlib.metadata.packages_distributions()
        others = {name for name, found in owners.items() if needed.isdisjoint(map(_canonical, found))}
        self._refused = others | _OWN

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Called by Python for each import."""
        if name.partition(".")[0] in self._refused:
            raise ModuleNotFoundError(f"{name} is not among the packages that the sample program names.", name=name)


def _with_what_they_need(packages: Sequence[str]) -> set[str]:
    """Names of packages and of all that are installed with them; extras that nobody asks for are left out."""
    needed: set[str] = set()
    waiting = list(packages)
    while waiting:
        name = _canonical(waiting.pop())
        if name in needed:
            continue
        needed.add(name)
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another system, or another version of Python
            continue
        waiting += [re.split(r"[^\w.-]", each)[0] for each in requirements if "extra ==" not in each]
    return needed


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Read the job, do it, write the result."""
    job = json.load(sys.stdin)
    sys.meta_path.insert(0, _Refusing(job["packages"]))
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
