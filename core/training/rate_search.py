"""The search for a learning rate within a training: trials here, and on every computer that has nothing else to do.

The trials that are left after the first are put into the queue a few at a time, where tasks of all other kinds come
first. The training itself goes on with them from the other end, taking each back that nobody has begun: on one computer
it does all of them, and waits for nobody. What others have begun and not finished by the time that it would have taken
here is done here as well. So a helper that is slow, dies or fails costs a little time and nothing else, and because a
trial gives the same loss wherever it runs, the answer does not depend on who helped.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from core.errors import BluetitError, StorageError
from core.jobs.status import TaskStatus
from core.runs.desk import RATES_KIND
from core.training.attempt import Attempt
from core.training.phase import Phase
from core.training.rate_finder import RATES, RateSearch, RateTrials, suggest_rate, take_batches, tells_something
from core.training.rate_helper import RATES_FILE, TrialData, write_trial_data

logger = logging.getLogger(__name__)

# A helper has to be found, to read what it needs and to build the network: less than this is done faster alone.
WORTH_HELP_SECONDS = 6.0
RATES_PER_TASK = 2
_POLL_SECONDS = 0.1
_PATIENCE = 1.5  # so many times what it would take here is waited for the last ones


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Rates that somebody else may try."""

    rates: tuple[float, ...]
    task_id: int


def search_rate(attempt: Attempt, model: keras.Model, phase: Phase) -> RateSearch:
    """Try all rates on a network, which is as it was afterwards, and tell the run how that went.

    Args:
        attempt: at the run.
        model: inputs of `phase` → logits (batch, outputs).
        phase: the first of the run, whose photos, batches and optimizer are those of the trials.

    Raises:
        TaskCancelledError: the run is to be discarded.
    """
    batches = take_batches(phase, attempt.check_cancelled)
    trials = RateTrials(model, phase.objective, batches, attempt.check_cancelled)
    search = _Search(attempt, trials)
    *rest, second, first = RATES
    search.try_here([first])  # which also has Keras trace the network
    started = time.monotonic()
    search.try_here([second])
    seconds_each = time.monotonic() - started
    if seconds_each * len(rest) < WORTH_HELP_SECONDS:
        search.try_here(rest)
    else:
        search.try_with_help(rest, TrialData(batches=batches, start=trials.start), seconds_each)
    losses = tuple(search.losses[rate] for rate in RATES)
    found = RateSearch(losses=losses, suggestion=suggest_rate(losses, phase.config))
    helped = f", {search.num_helped} of them by other workers" if search.num_helped else ""
    configured = phase.config.learning_rate
    if found.suggestion == configured:
        told = f"{configured:g} stays"
    else:
        told = f"{found.suggestion:g} is taken in place of {configured:g}"
    reason = "" if tells_something(losses) else "so few steps do not tell which is best for this network, so "
    attempt.recorder.note(f"The learning rate was searched for in {len(RATES)} short trials{helped}: {reason}{told}.")
    return found


class _Search:
    """The losses so far, and how more come."""

    def __init__(self, attempt: Attempt, trials: RateTrials) -> None:
        self.losses: dict[float, float] = {}
        self.num_helped = 0
        self._is_told = False  # that a helper takes long
        self._attempt, self._trials = attempt, trials
        self._queue = attempt.context.queue

    def try_here(self, rates: Sequence[float]) -> None:
        for rate in rates:
            self.losses[rate] = self._trials.loss_at(rate)
            num_done = f"{len(self.losses)} of {len(RATES)}"
            self._attempt.recorder.progress(0.0, f"searching for the learning rate, {num_done}")

    def try_with_help(self, rates: Sequence[float], data: TrialData, seconds_each: float) -> None:
        with self._asking(rates, data) as stretches:
            begun = []
            for stretch in reversed(stretches):  # workers begin with the first
                if self._take_back(stretch):
                    self.try_here(stretch.rates)
                else:
                    begun.append(stretch)
            deadline = time.monotonic() + _PATIENCE * seconds_each * sum(len(stretch.rates) for stretch in begun)
            for stretch in reversed(begun):
                losses = self._wait_for(stretch, deadline)
                if losses is None:
                    self.try_here(stretch.rates)
                else:
                    self.losses.update(zip(stretch.rates, losses, strict=True))
                    self.num_helped += len(losses)
        self.try_here([rate for rate in rates if rate not in self.losses])

    @contextmanager
    def _asking(self, rates: Sequence[float], data: TrialData) -> Iterator[list[_Stretch]]:
        """Put rates into the queue for whoever has time; none of them is there any more afterwards."""
        stretches: list[_Stretch] = []
        path = self._attempt.folder.checkpoints_path / RATES_FILE
        try:
            try:
                write_trial_data(data, path)
                self._attempt.folder.keep_checkpoint()
                for start in range(0, len(rates), RATES_PER_TASK):
                    chosen = tuple(rates[start : start + RATES_PER_TASK])
                    task_id = self._queue.submit(RATES_KIND, self._payload(chosen))
                    stretches.append(_Stretch(rates=chosen, task_id=task_id))
            except StorageError as exc:
                self._attempt.warn(f"No other worker could be asked to help in the search for the learning rate: {exc}")
            yield stretches
        finally:
            try:
                for stretch in stretches:
                    self._queue.request_cancel(stretch.task_id)
                self._attempt.folder.forget(path)
            except BluetitError as exc:  # a task that is left finds that nobody waits for it
                logger.warning("Helpers in the search for a learning rate could not be sent away: %s", exc)

    def _payload(self, rates: Sequence[float]) -> dict[str, Any]:
        context = self._attempt.context
        return {
            "run_id": self._attempt.run_id,
            "task_id": context.task_id,
            "attempt": context.attempt,
            "num_classes": self._attempt.num_classes,
            "rates": rates,
        }

    def _take_back(self, stretch: _Stretch) -> bool:
        """Whether it is ours: nobody has begun it, or nobody can tell."""
        try:
            return self._queue.cancel_queued(stretch.task_id)
        except StorageError:
            return True

    def _wait_for(self, stretch: _Stretch, deadline: float) -> list[float] | None:
        """The losses that somebody else has found; None: they have to be found here."""
        while True:
            self._attempt.check_cancelled()
            try:
                task = self._queue.get(stretch.task_id)
                if task.status is TaskStatus.DONE:
                    told = self._queue.result(task.id)
                    return None if told is None else [math.inf if loss is None else loss for loss in told["losses"]]
            except StorageError as exc:
                logger.warning("A helper in the search for a learning rate could not be asked: %s", exc)
                return None
            if task.status is not TaskStatus.RUNNING:
                if task.error is not None:
                    self._attempt.warn(f"A worker that helped in the search for the learning rate failed: {task.error}")
                return None
            if time.monotonic() >= deadline:
                if not self._is_told:
                    self._attempt.recorder.note(
                        "A worker that helps in the search for the learning rate takes long; what it tries is tried "
                        "here as well."
                    )
                self._is_told = True
                return None
            time.sleep(_POLL_SECONDS)
