"""Has the sample program of an export answer for photos in a fresh process, and takes its answers in."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ArrayFileError, ParityError
from core.export.formats import ExportFormat
from core.export.parity import Answers, ProofPhotos
from core.export.sample_program import PROGRAM_NAME
from core.storage.arrays import read_arrays
from core.storage.files import TEMPORARY_PREFIX, ensure_free_space

# Longest proof: the largest network of the catalogue answers for 500 photos in four minutes on two cores.
MAX_PROOF_SECONDS = 1_200.0

_RUNNER = Path(__file__).with_name("proof_runner.py")
_LOOK_SECONDS = 0.2  # from one look at the process to the next
_TOLD_LETTERS = 600  # of what a process that failed said last
_RESULT_BYTES = 4_000_000  # of the largest result: 500 photos and 1,000 classes, in single precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an export said in its own runtime."""

    answers: Answers
    packages: Mapping[str, str]  # versions of what it names


def run_proof(
    folder: Path,
    row: ExportFormat,
    *,
    photos: ProofPhotos,
    watch: Callable[[int], None],
    max_seconds: float = MAX_PROOF_SECONDS,
) -> Proof:
    """Ask an exported model from the bytes of photos' files, through its own sample program, in a fresh process.

    Args:
        folder: what the zip holds, unpacked.
        row: of the export.
        photos: what it is asked about.
        watch: called often with how many photos were answered; raises to stop, which ends the process.
        max_seconds: longest time.

    Raises:
        ParityError: the program failed, said something else than answers, or took too long.
        NoSpaceError: it failed, and the disk is full.
        OSError: the photos cannot be written.
    """
    # Beside the export, where drafts are cleared up: of a worker that is killed no photo stays in the system's folder.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True) as place:
        paths = []
        for number, name in enumerate(photos.names):
            path = Path(place) / f"{number}{Path(name).suffix}"
            path.write_bytes(photos.data(number))
            paths.append(str(path))
        result = Path(place) / "result.npz"
        job = {
            "program": str(folder / PROGRAM_NAME),
            "photos": paths,
            "result": str(result),
            "packages": [re.split(r"[<>=!~\[; ]", package)[0] for package in row.packages],
        }
        _run(job, folder, place=Path(place), watch=watch, row=row, max_seconds=max_seconds)
        try:
            arrays = read_arrays(result)
            said = Answers(
                probabilities=np.asarray(arrays["probabilities"], np.float64),
                answers=tuple(str(answer) for answer in json.loads(str(arrays["answers"]))),
                milliseconds=np.asarray(arrays["milliseconds"], np.float64),
            )
            return Proof(answers=said, packages=json.loads(str(arrays["packages"])))
        except ArrayFileError as exc:
            raise ParityError(f"The sample program of the export for {row.title} left no answers. {exc}") from exc


def _run(
    job: Mapping[str, object],
    folder: Path,
    *,
    place: Path,
    watch: Callable[[int], None],
    row: ExportFormat,
    max_seconds: float,
) -> None:
    """Start the process, follow it, and end it whatever happens."""
    job_path, said_path, errors_path = (place / name for name in ("job.json", "said.txt", "errors.txt"))
    job_path.write_text(json.dumps(job), "utf-8")
    environment = os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",  # the worker may hold the card's memory
    }
    deadline = time.monotonic() + max_seconds
    with job_path.open("rb") as asked, said_path.open("wb") as said, errors_path.open("wb") as errors:
        command = [sys.executable, "-I", "-B", str(_RUNNER)]  # -B: nothing of its own is left in the folder
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=asked, stdout=said, stderr=errors)
        with process:
            try:
                while process.poll() is None:
                    if time.monotonic() > deadline:
                        raise ParityError(f"The export for {row.title} was not proven in time. Try again.")
                    watch(_num_answered(said_path))
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_LOOK_SECONDS)
            finally:
                process.kill()
    if process.returncode != 0:
        ensure_free_space(place, _RESULT_BYTES)  # a full disk does not even take the words about it
        told = errors_path.read_text("utf-8", errors="replace").strip()[-_TOLD_LETTERS:]
        raise ParityError(f"The sample program of the export for {row.title} failed on this computer: {told}")


def _num_answered(path: Path) -> int:
    """How many photos the process has said to have answered; libraries print other lines."""
    numbers = [int(line) for line in path.read_bytes().splitlines() if line.isdigit()]
    return numbers[-1] if numbers else 0
