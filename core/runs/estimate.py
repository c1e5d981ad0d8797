"""How long a run will probably take, before it begins: from what its network costs on this machine.

What one answer of the network took when it was prepared tells how fast the machine is; the table of its layers, which
part of the work lies above a cut. The rest are ratios that were measured once (`core.runs.estimated_work`), and what
earlier runs really took corrects them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.errors import ConfigError
from core.runs.estimated_work import BEGIN_SECONDS, BackboneWork, NetworkCost, PhotoCounts, scratch_phases
from core.runs.story import PhaseName
from core.settings import Settings

ANY_BACKBONE = ""  # in place of a name, in `Corrections`


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """How much longer phases really took than was estimated: by backbone and phase, factors."""

    factors: Mapping[tuple[str, PhaseName], float] = field(default_factory=lambda: MappingProxyType({}))

    def factor(self, backbone: str, phase: PhaseName) -> float:
        """Of runs with this backbone, else of all runs, else 1."""
        return self.factors.get((backbone, phase), self.factors.get((ANY_BACKBONE, phase), 1.0))

    def knows(self, backbone: str) -> bool:
        """Whether a run with this backbone was measured."""
        return any(name == backbone for name, _ in self.factors)


NO_CORRECTIONS = Corrections()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEstimate:
    """How long a run will probably take, once a worker has it; all its epochs are counted."""

    seconds: Mapping[PhaseName, float]  # of the phases it will have
    begin_seconds: float  # before the first of them
    finetune_epoch_seconds: float | None  # None without fine-tuning
    is_rough: bool  # nothing is known of such a network but its size; it may take half as long or twice

    @property
    def total_seconds(self) -> float:
        """From the moment that a worker takes it until its report is written."""
        return self.begin_seconds + sum(self.seconds.values())


def estimate_run(
    config: TrainConfig,
    photos: PhotoCounts,
    *,
    network: NetworkCost | None,
    settings: Settings,
    corrections: Corrections = NO_CORRECTIONS,
) -> RunEstimate:
    """Estimate the phases of a run.

    Args:
        config: of the run.
        photos: how many it learns from.
        network: cost of its backbone, for photos of any size; None from scratch.
        settings: threads and limits.
        corrections: from earlier runs.

    Raises:
        ConfigError: the config has a backbone, and `network` is None.
    """
    if config.backbone == SCRATCH:
        begin_seconds, seconds = BEGIN_SECONDS, scratch_phases(config, photos, settings)
    else:
        work = BackboneWork(config, photos, _needed(network, config), settings)
        begin_seconds, seconds = work.begin_seconds(), work.phases()
    corrected = {phase: value * corrections.factor(config.backbone, phase) for phase, value in seconds.items()}
    epoch_seconds = None
    if config.fine_tune is not None:
        epoch_seconds = estimate_finetune_epoch(
            config, photos, network=_needed(network, config), settings=settings, corrections=corrections
        )
    is_unusual = config.backbone == SCRATCH or config.backbone.startswith(HUB_PREFIX)
    return RunEstimate(
        seconds=corrected,
        begin_seconds=begin_seconds,
        finetune_epoch_seconds=epoch_seconds,
        is_rough=is_unusual and not corrections.knows(config.backbone),
    )


def estimate_finetune_epoch(
    config: TrainConfig,
    photos: PhotoCounts,
    *,
    network: NetworkCost,
    settings: Settings,
    corrections: Corrections = NO_CORRECTIONS,
) -> float:
    """Seconds of one epoch of fine-tuning, validation included; arguments as for `estimate_run`.

    Raises:
        ConfigError: the config has no fine-tuning.
    """
    seconds = BackboneWork(config, photos, network, settings).finetune_epoch_seconds()
    return seconds * corrections.factor(config.backbone, PhaseName.FINE_TUNE)


def _needed(network: NetworkCost | None, config: TrainConfig) -> NetworkCost:
    if network is None:
        raise ConfigError(
            f"How long a training with {config.backbone} takes is not known before the network has been prepared; "
            "prepare it first (Networks)."
        )
    return network
