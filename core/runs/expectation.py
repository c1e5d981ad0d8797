"""How long a run was to take when it began, from what is known of its network and its photos on this machine."""

from collections import Counter
from collections.abc import Sequence

from core.backbones.artefacts import Artefact, find_artefact
from core.backbones.catalog import find_backbone
from core.config import SCRATCH, TrainConfig
from core.datasets.records import SnapshotView, Split
from core.errors import ArtefactDamagedError, UnknownBackboneError
from core.runs.corrections import learn_corrections
from core.runs.estimate import Corrections, RunEstimate, estimate_run
from core.runs.estimated_work import NetworkCost, PhotoCounts
from core.runs.records import RunView
from core.settings import Settings


def estimate_begun(
    config: TrainConfig, snapshot: SnapshotView, done: Sequence[RunView], settings: Settings
) -> RunEstimate | None:
    """How long a run that has begun was to take, all its features computed; None where that is not known.

    Args:
        config: what it is trained with.
        snapshot: its photos.
        done: the runs that are done on this machine, which teach how good estimates are.
        settings: threads and limits.
    """
    network = network_cost(config.backbone, settings)
    if network is None and config.backbone != SCRATCH:
        return None
    numbers = Counter(image.split for image in snapshot.images)
    photos = PhotoCounts(
        train=numbers[Split.TRAIN],
        validation=numbers[Split.VALIDATION],
        test=numbers[Split.TEST],
        num_classes=len(snapshot.class_names),
    )
    corrections = corrections_of(done, settings)
    return estimate_run(config, photos, network=network, settings=settings, corrections=corrections)


def corrections_of(done: Sequence[RunView], settings: Settings) -> Corrections:
    """What runs that are done on this machine teach about estimates."""
    return learn_corrections(done, lambda config: network_cost(config.backbone, settings), settings=settings)


def network_cost(backbone: str, settings: Settings) -> NetworkCost | None:
    """What a network costs on this machine; None where it is not prepared, or has none to be measured."""
    artefact = artefact_of(backbone, settings)
    try:
        return None if artefact is None else NetworkCost.of(artefact)
    except ArtefactDamagedError:
        return None  # it will be prepared anew


def artefact_of(backbone: str, settings: Settings) -> Artefact | None:
    """What preparing a network has left; None for one that is not prepared, of the Hub, or trained from nothing."""
    try:
        return find_artefact(find_backbone(backbone), settings)
    except UnknownBackboneError:
        return None
