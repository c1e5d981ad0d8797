"""A network whose training is over."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.inference.head import Head
from core.training.phase import PhaseEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A network whose training is over."""

    end: PhaseEnd
    is_frozen: bool  # whether the backbone is as it came
    head: Head | None  # None: from scratch
    num_parameters: int  # of the whole model
    num_trained_parameters: int
    fine_tuning_from: int | None = None  # epochs before fine-tuning began; None: there was none
    finetune_epoch_seconds: float | None = None  # mean
    # Of validation and test photos, float32 (photos, channels), by split; none where the backbone was changed.
    features: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
