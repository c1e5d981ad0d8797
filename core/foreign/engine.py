"""A model from elsewhere that answers, as the server sees it: a process at the other end of a pipe.

What crosses the pipe are bytes of a known number: pixels there, probabilities back. A process that takes too long or
too much memory, or that dies, is begun once more; one that fails twice in a row rests for a while, so that it cannot
hold up the threads that answer for everybody.
"""

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from core.errors import ForeignModelError
from core.foreign.answering import JOB_FILE, READY, SCALINGS, AnsweringJob
from core.foreign.places import model_path
from core.foreign.records import ForeignModelView
from core.foreign.scaling import Scaling
from core.foreign.watched import ApartLimits, end, start_apart, uses_more_than
from core.litert.engine import Outputs
from core.settings import Settings

_ANSWERING = "core.foreign.answering"
_START_SECONDS = 60.0  # a busy computer needs seconds to start Python
_WATCH_SECONDS = 0.25
_REST_SECONDS = 30.0


class _Process:
    """One process that answers; ended with its owner."""

    def __init__(self, job: AnsweringJob, num_answer_bytes: int, limits: ApartLimits) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bluetit-model-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        (folder / JOB_FILE).write_text(json.dumps(job.to_json()), encoding="utf-8")
        self.limits = limits
        self.process = start_apart(
            _ANSWERING, folder, limits=limits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        if self.process.stdin is None or self.process.stdout is None:
            raise ValueError("The process has no pipes.")
        self._photos: IO[bytes] = self.process.stdin
        reader = threading.Thread(
            target=_pass_on,
            args=(self.process.stdout, (len(READY), num_answer_bytes), self._answers),
            name="foreign-answers",
            daemon=True,
        )
        reader.start()

    def send(self, message: bytes) -> None:
        """Hand a photo over; one that has died takes nothing, which `receive` notices."""
        with contextlib.suppress(OSError):
            self._photos.write(message)
            self._photos.flush()

    def receive(self, seconds: float) -> bytes | None:
        """What comes next; None: it died, or was ended because it took too long or too much."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=_WATCH_SECONDS)
            if uses_more_than(self.process, self.limits.memory_bytes):
                break
        return None

    def end(self) -> None:
        """End it, whatever it does."""
        end(self.process)
        with contextlib.suppress(OSError):
            self._photos.close()
        self._folder.cleanup()


def _pass_on(pipe: IO[bytes], sizes: tuple[int, int], answers: "queue.SimpleQueue[bytes | None]") -> None:
    """Read messages of known sizes until the pipe ends."""
    with pipe:
        size, next_size = sizes
        while True:
            message = pipe.read(size)
            if len(message) < size:
                answers.put(None)
                return
            answers.put(message)
            size = next_size


class _Slot:
    """Holds the process of a network, so that it can be ended when nobody has the network any more."""

    def __init__(self) -> None:
        self.process: _Process | None = None

    def clear(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.end()


class ForeignNetwork:
    """A model's process, begun when it is first asked; safe to use from any number of threads."""

    def __init__(self, model: ForeignModelView, settings: Settings) -> None:
        """Prepare to ask a model; nothing is started yet."""
        self.trial = model.record.trial
        self.num_bytes = model.record.num_bytes
        self._name = model.name
        self._num_classes = len(model.class_names)
        self._job = AnsweringJob(
            path=str(model_path(settings, model.id)),
            trial=self.trial,
            num_threads=settings.num_inference_threads,
            # The parent's watch comes first: this one is for a process whose parent was killed.
            answer_seconds=2 * settings.foreign_answer_seconds,
        )
        self._limits = ApartLimits.of(settings)
        self._answer_seconds = settings.foreign_answer_seconds
        self._lock = threading.Lock()
        self._slot = _Slot()
        self._rests_until = 0.0  # monotonic clock
        weakref.finalize(self, self._slot.clear)

    @property
    def process_id(self) -> int | None:
        """Number of the process that answers; None while there is none."""
        process = self._slot.process
        return None if process is None else process.process.pid

    def ask(self, pixels: npt.NDArray[np.uint8], scaling: Scaling) -> npt.NDArray[np.float32]:
        """What the model says to one photo.

        Args:
            pixels: uint8 (height, width, 3), 0-255, of the size that the network takes.
            scaling: what is made of them.

        Returns:
            float32 (classes,), 0-1, which add up to 1.

        Raises:
            ForeignModelError: it does not answer, or not with probabilities.
        """
        message = bytes([SCALINGS.index(scaling)]) + np.ascontiguousarray(pixels, np.uint8).tobytes()
        with self._lock:
            if time.monotonic() < self._rests_until:
                raise self._failure("stopped in the middle of an answer twice")
            answer = self._answer(message) or self._answer(message)
            if answer is None:
                self._rests_until = time.monotonic() + _REST_SECONDS
                raise self._failure("stopped in the middle of an answer twice")
        probabilities = np.frombuffer(answer, np.float32)
        if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities <= 1.001).all()):
            raise self._failure("answered with something else than probabilities")
        return probabilities

    def close(self) -> None:
        """End the process; a later question begins another one."""
        with self._lock:
            self._slot.clear()

    def _answer(self, message: bytes) -> bytes | None:
        """One try; None: the process died, or was ended."""
        process = self._slot.process
        if process is None:
            process = _Process(self._job, 4 * self._num_classes, self._limits)
            self._slot.process = process
            if process.receive(_START_SECONDS) != READY:
                self._slot.clear()
                return None
        process.send(message)
        answer = process.receive(self._answer_seconds)
        if answer is None:
            self._slot.clear()
        return answer

    def _failure(self, what: str) -> ForeignModelError:
        return ForeignModelError(
            f"The model “{self._name}” {what}, so it was stopped; nothing else was "
            "touched. Try another photo after half "
            f"a minute; it may need more than {self._answer_seconds:.0f} s or "
            f"{self._limits.memory_bytes / 1e9:.0f} GB. Where "
            "that goes on, bring the model in again from its file."
        )


class ForeignEngine:
    """A model from elsewhere with its pixels scaled in one way, as a classifier asks it."""

    def __init__(self, network: ForeignNetwork, model: ForeignModelView, settings: Settings) -> None:
        self.network = network
        self.scaling = model.record.scaling
        self.num_threads = settings.num_inference_threads
        self.num_bytes = network.num_bytes
        self.image_size = network.trial.image_size
        self.num_classes = len(model.class_names)
        self.num_features = 0  # what is inside of it is not looked at
        self.feature_map_shape = (1, 1, 0)

    def run(self, pixels: npt.NDArray[np.uint8], *, is_alone: bool = False) -> Outputs:
        """Answer for one photo.

        Args:
            pixels: uint8 (height, width, 3), 0-255, of the size that the network takes.
            is_alone: of no matter here: one process answers, with all threads.

        Raises:
            ForeignModelError: it does not answer.
        """
        probabilities = self.network.ask(pixels, self.scaling)
        return Outputs(probabilities, np.empty(0, np.float32), np.empty(self.feature_map_shape, np.float32))

    def features(self, pixels: npt.NDArray[np.uint8], *, is_alone: bool = False) -> npt.NDArray[np.float32]:
        """None: float32 (0,)."""
        return np.empty(0, np.float32)
