"""When a model says "I don't know": the rule in a run's folder, applied to one photo after the other."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import RunFileError
from core.inference.class_table import Prediction
from core.inference.reference import Reference, read_reference
from core.inference.temperature import calibrated
from core.runs.decision import Decision, is_refused, read_decision
from core.runs.folder import RunFolder
from core.storage.files import translating_disk_errors

# Percentages are told with so many decimals at most: what is refused must read as less than what is answered.
_MAX_DECIMALS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a run's folder says at one moment; quickly read, and different when a model answers otherwise."""

    decision: Decision
    # For people: why the model does not answer by the decision that somebody chose; None: it does.
    problem: str | None = None
    # Time and size, in bytes, of the file that distances are measured to; None: no distance counts.
    reference_stamp: tuple[int, int] | None = None


def read_rule(folder: RunFolder) -> Rule:
    """The rule of a run's model.

    A model whose decision is damaged answers every photo, as one for which nobody has chosen, and says so: its answers
    are worth having, and nobody should take them for those of a model that knows its limits.

    Raises:
        StorageError: a file cannot be read.
    """
    try:
        decision = read_decision(folder)
    except RunFileError:
        return Rule(decision=Decision(), problem=_damaged(folder.decision_path.name))
    if decision.max_distance is None:
        return Rule(decision=decision)
    with translating_disk_errors(folder.reference_path):
        try:
            status = os.stat(folder.reference_path)
        except FileNotFoundError:
            return Rule(decision=decision)
    return Rule(decision=decision, reference_stamp=(status.st_mtime_ns, status.st_size))


class Judge:
    """A rule with what it needs in memory; safe to use from any number of threads."""

    def __init__(self, rule: Rule, reference: Reference | None = None) -> None:
        """Join a rule and what distances are measured to.

        Args:
            rule: of a run.
            reference: None: no distance counts.
        """
        self.rule = rule
        self._reference = reference

    @classmethod
    def of(cls, folder: RunFolder, rule: Rule, *, num_features: int | None = None) -> "Judge":
        """With the features that distances are measured to, where a distance counts.

        Args:
            folder: of the run.
            rule: of the run.
            num_features: width of the features of its network, where that is known.

        Raises:
            StorageError: a file cannot be read.
        """
        if rule.decision.max_distance is None:
            return cls(rule)
        try:
            reference = read_reference(folder)
        except RunFileError:
            reference = None
        if reference is None or num_features not in (None, reference.num_features):
            problem = _no_distance(folder.reference_path.name)
            return cls(Rule(decision=rule.decision, problem=problem, reference_stamp=rule.reference_stamp))
        return cls(rule, reference)

    @property
    def num_bytes(self) -> int:
        """What it has as a file."""
        return 0 if self._reference is None or self.rule.reference_stamp is None else self.rule.reference_stamp[1]

    def calibrate(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.floating[Any]]:
        """Probabilities as sure as they should be: float (classes,), 0-1; the same where nobody has chosen."""
        decision = self.rule.decision
        if decision.temperature == 1 and not decision.refuses:
            return probabilities
        return calibrated(probabilities, decision.temperature)

    def refusal(self, best: Prediction, features: npt.NDArray[np.float32]) -> str | None:
        """Why a photo is not answered, as the end of a sentence for people; None: it is answered.

        Args:
            best: the likeliest class, calibrated.
            features: float32 (channels,), of the photo.
        """
        decision = self.rule.decision
        if not decision.refuses:
            return None
        distance = None if self._reference is None else self._reference.distance(features)
        if not is_refused(best.probability, distance, decision):
            return None
        reasons = []
        if is_refused(1.0, distance, decision):
            reasons.append("it looks like none of the photos that the model learned from")
        if best.probability < decision.min_probability:
            guess, limit = _shares(best.probability, decision.min_probability)
            reasons.append(f"its best guess, {best.label}, has only {guess}; this model answers from {limit} on")
        return ", and ".join(reasons)

    def refused(
        self, probabilities: npt.NDArray[np.floating[Any]], features: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.bool_]:
        """Which of many photos are not answered.

        Args:
            probabilities: (photos,), of the likeliest class of each, calibrated.
            features: float32 (photos, channels).
        """
        decision = self.rule.decision
        if not decision.refuses or not len(features):
            return np.zeros(len(features), np.bool_)
        distances = [None] * len(features) if self._reference is None else self._reference.nearest_rows(features, 1)[1]
        return np.array(
            [
                is_refused(float(probability), None if distance is None else float(distance[0]), decision)
                for probability, distance in zip(probabilities, distances, strict=True)
            ],
            np.bool_,
        )


def describe_decision(decision: Decision) -> str:
    """When a model says "I don't know", in one sentence for people; empty where it always answers."""
    parts = []
    if decision.min_probability > 0:
        parts.append(f"its best guess has less than {_shares(0, decision.min_probability)[1]}")
    if decision.max_distance is not None:
        parts.append("a photo looks like none of those that it learned from")
    return f"It says that it does not know where {', or where '.join(parts)}." if parts else ""


def _damaged(file_name: str) -> str:
    return (
        f"The file {file_name}, which says when this model does not know, is damaged. Until somebody chooses again on "
        "the results page, the model answers every photo, and its probabilities are not calibrated."
    )


def _no_distance(file_name: str) -> str:
    return (
        f"The file {file_name}, which holds what this model learned from, is missing, damaged or of another network. "
        "Until the model is examined again on the results page, a photo that looks like none of those photos is "
        "answered like any other."
    )


def _shares(guess: float, limit: float) -> tuple[str, str]:
    """Two probabilities, 0-1, the first one lower, as percentages that differ wherever four decimals can tell."""
    texts = ("", "")
    for decimals in range(_MAX_DECIMALS + 1):
        texts = f"{100 * guess:.{decimals}f} %", f"{100 * limit:.{decimals}f} %"
        if texts[0] != texts[1]:
            break
    return texts
