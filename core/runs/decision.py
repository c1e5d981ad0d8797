"""When a model says "I don't know": kept as `decision.json` in the run's folder, beside the model wherever it goes."""

import math
from dataclasses import dataclass

from core.errors import RunFileError
from core.records import Record
from core.runs.folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Record):
    """How probabilities are calibrated, and which photos are refused."""

    json_error = RunFileError
    json_remedy = "choose again on the results page"

    # Probabilities are softmax(log(probability) / temperature): above 1 the model was too sure; 1 changes nothing.
    temperature: float = 1.0
    min_probability: float = 0.0  # calibrated, 0-1: a photo whose likeliest class has less is refused
    max_distance: float | None = None  # cosine, 0-2, to the nearest training photo: one farther off is refused

    def __post_init__(self) -> None:
        is_valid = (
            math.isfinite(self.temperature)
            and self.temperature > 0
            and 0 <= self.min_probability <= 1
            and (self.max_distance is None or self.max_distance >= 0)
        )
        if not is_valid:
            raise RunFileError(
                f"Temperature {self.temperature}, probability {self.min_probability}, distance {self.max_distance}: a "
                "positive temperature, a probability from 0 to 1 and a distance from 0 are possible. Choose again on "
                "the results page."
            )

    @property
    def refuses(self) -> bool:
        """Whether any photo can be refused."""
        return self.min_probability > 0 or self.max_distance is not None


def is_refused(probability: float, distance: float | None, decision: Decision) -> bool:
    """Whether a model that decides so says "I don't know".

    Args:
        probability: of the likeliest class, calibrated, 0-1.
        distance: cosine, 0-2, to the nearest training photo; None where it is not known, which refuses nothing.
        decision: the limits.
    """
    if probability < decision.min_probability:
        return True
    return distance is not None and decision.max_distance is not None and distance > decision.max_distance


def read_decision(folder: RunFolder) -> Decision:
    """The decision of a run's model; one that answers as it is where nobody has chosen.

    Raises:
        RunFileError: the file is damaged.
        StorageError: the file cannot be read.
    """
    if not folder.decision_path.is_file():
        return Decision()
    return folder.read_record(folder.decision_path, Decision)


def write_decision(folder: RunFolder, decision: Decision) -> None:
    """Keep a decision; the model answers by it from the next photo on.

    Raises:
        StorageError: the file cannot be written.
    """
    folder.write_json(folder.decision_path, decision.to_json())
