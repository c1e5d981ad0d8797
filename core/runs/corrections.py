"""What earlier runs on this machine really took, as factors on the estimates of later ones."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType

from core.config import SCRATCH, TrainConfig
from core.errors import ConfigError, RecordError
from core.runs.estimate import ANY_BACKBONE, Corrections, estimate_run
from core.runs.estimated_work import NetworkCost, PhotoCounts
from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome, PhaseName
from core.settings import Settings

_MAX_RUNS = 20  # the newest: machines and settings change
_MAX_CORRECTION = 10.0  # beyond, something else was going on
_MIN_SECONDS = 0.05  # below, a ratio says nothing


def learn_corrections(
    runs: Iterable[RunView], find_network: Callable[[TrainConfig], NetworkCost | None], *, settings: Settings
) -> Corrections:
    """Compare what runs took with what would have been estimated: the median of the newest of each backbone and phase.

    Args:
        runs: of any status; those that are not done, or that another version wrote, tell nothing.
        find_network: the cost of a run's backbone; None where it is not prepared any more.
        settings: threads and limits.
    """
    # One without a task came with a project: it says how fast another machine is.
    own = [run for run in runs if run.task_id is not None]
    done = [run for run in own if run.status is RunStatus.DONE and run.outcome is not None]
    newest = sorted(done, key=lambda run: run.finished_at or 0.0, reverse=True)[:_MAX_RUNS]
    ratios: dict[tuple[str, PhaseName], list[float]] = defaultdict(list)
    for run in newest:
        try:
            compared = _compare(run.config, Outcome.from_json(run.outcome or {}), find_network, settings)
        except (ConfigError, RecordError):  # of another version
            continue
        for phase, ratio in compared.items():
            ratios[run.config.backbone, phase].append(ratio)
            ratios[ANY_BACKBONE, phase].append(ratio)
    limited = {
        key: min(max(statistics.median(values), 1 / _MAX_CORRECTION), _MAX_CORRECTION) for key, values in ratios.items()
    }
    return Corrections(factors=MappingProxyType(limited))


def _compare(
    config: TrainConfig,
    outcome: Outcome,
    find_network: Callable[[TrainConfig], NetworkCost | None],
    settings: Settings,
) -> dict[PhaseName, float]:
    """What a run took, divided by the estimate for the epochs it really had, for each phase that tells something."""
    network = find_network(config)
    if network is None and config.backbone != SCRATCH:
        return {}
    trained = _with_epochs(config, outcome)
    photos = PhotoCounts(
        train=outcome.num_train_photos,
        validation=outcome.validation_score.num_photos if outcome.validation_score else 0,
        test=outcome.test_score.num_photos if outcome.test_score else 0,
        num_classes=outcome.num_classes,
        num_to_compute=outcome.num_computed,
    )
    estimate = estimate_run(trained, photos, network=network, settings=settings)
    measured = {phase: outcome.seconds.get(phase, 0.0) for phase in estimate.seconds}
    expected = dict(estimate.seconds)
    if PhaseName.FINE_TUNE in expected:
        # A run that was taken up again counts the seconds of its last attempt only; its mean epoch is right.
        measured[PhaseName.FINE_TUNE] = outcome.finetune_epoch_seconds or 0.0
        expected[PhaseName.FINE_TUNE] = estimate.finetune_epoch_seconds or 0.0
    return {
        phase: measured[phase] / expected[phase]
        for phase in expected
        if min(measured[phase], expected[phase]) > _MIN_SECONDS
    }


def _with_epochs(config: TrainConfig, outcome: Outcome) -> TrainConfig:
    """The config with the epochs that were really trained."""
    num_head = outcome.num_epochs if outcome.fine_tuning_from is None else outcome.fine_tuning_from
    changed = replace(config, head_phase=replace(config.head_phase, num_epochs=max(1, num_head)))
    if config.fine_tune is None or outcome.fine_tuning_from is None:
        return replace(changed, fine_tune=None)
    phase = replace(config.fine_tune.phase, num_epochs=max(1, outcome.num_epochs - num_head))
    return replace(changed, fine_tune=replace(config.fine_tune, phase=phase))
