"""How long a run will probably take on this machine."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.backbones.artefacts import Artefact, find_artefact
from core.backbones.catalog import find_backbone
from core.config import SCRATCH, TrainConfig
from core.datasets.records import DatasetView, Review, Split
from core.datasets.snapshots import load_snapshot
from core.errors import ArtefactDamagedError, UnknownBackboneError, UnknownDatasetError
from core.features.cache import FeatureCache
from core.features.needs import count_to_compute
from core.runs.begin import Prospect
from core.runs.corrections import learn_corrections
from core.runs.estimate import Corrections, RunEstimate, estimate_run
from core.runs.estimated_work import NetworkCost, PhotoCounts
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.widgets.remembered import remembered
from pages.widgets.status import PHASE_WORDS
from pages.words.wording import time_text

_CORRECTIONS, _MISSING, _OF_RUN = "train.expected.corrections", "train.expected.missing", "train.expected.of_run"


def estimate(config: TrainConfig, prospect: Prospect, dataset: DatasetView, services: Services) -> RunEstimate | None:
    """How long a run would take; None when its network has not been measured yet."""
    artefact = _artefact_of(config.backbone, services)
    network = None if artefact is None else _cost_of(artefact)
    if network is None and config.backbone != SCRATCH:
        return None
    done = _done_runs(services)
    photos = PhotoCounts(
        train=prospect.num_photos(Split.TRAIN),
        validation=prospect.num_photos(Split.VALIDATION),
        test=prospect.num_photos(Split.TEST),
        num_classes=max(2, len(prospect.class_counts)),
        num_to_compute=None if artefact is None else _num_to_compute(config, prospect, dataset, done, services),
    )
    corrections = _corrections(done, services)
    return estimate_run(config, photos, network=network, settings=services.settings, corrections=corrections)


def estimate_for_run(view: RunView, config: TrainConfig, services: Services) -> RunEstimate | None:
    """How long a run that has begun was to take, all its features computed; None where that is not known."""

    def work_out() -> RunEstimate | None:
        artefact = _artefact_of(config.backbone, services)
        network = None if artefact is None else _cost_of(artefact)
        if network is None and config.backbone != SCRATCH:
            return None
        try:
            snapshot = load_snapshot(services.database, view.snapshot_hash)
        except UnknownDatasetError:
            return None
        numbers = Counter(image.split for image in snapshot.images)
        photos = PhotoCounts(
            train=numbers[Split.TRAIN],
            validation=numbers[Split.VALIDATION],
            test=numbers[Split.TEST],
            num_classes=len(snapshot.class_names),
        )
        corrections = _corrections(_done_runs(services), services)
        return estimate_run(config, photos, network=network, settings=services.settings, corrections=corrections)

    # A network that was prepared by the run itself is measured only then.
    is_measured = _artefact_of(config.backbone, services) is not None
    return remembered(_OF_RUN, (view.id, is_measured), work_out)


def render_expected(config: TrainConfig, prospect: Prospect, dataset: DatasetView, services: Services) -> None:
    """One line, with the steps behind it."""
    expected = estimate(config, prospect, dataset, services)
    if expected is None:
        st.caption(":material/timer: How long it takes is known once the network is prepared.")
        return
    steps = "; ".join(
        f"{PHASE_WORDS[phase][0].lower()} {time_text(seconds)}" for phase, seconds in expected.seconds.items()
    )
    st.metric(
        "Takes about" if not expected.is_rough else "Takes very roughly",
        time_text(expected.total_seconds),
        help=f"On this computer, once it is its turn; less if it stops early. {steps[:1].upper()}{steps[1:]}.",
    )


def _artefact_of(backbone: str, services: Services) -> Artefact | None:
    try:
        return find_artefact(find_backbone(backbone), services.settings)
    except UnknownBackboneError:
        return None  # of the Hub, or from scratch


def _cost_of(artefact: Artefact) -> NetworkCost | None:
    try:
        return NetworkCost.of(artefact)
    except ArtefactDamagedError:
        return None  # it will be prepared anew


def _num_to_compute(
    config: TrainConfig, prospect: Prospect, dataset: DatasetView, done: Sequence[RunView], services: Services
) -> int | None:
    """Photos and views whose features the cache lacks; None when the network is not prepared for photos of that size,
    so that it has none."""
    backbone = find_backbone(config.backbone)
    artefact = find_artefact(replace(backbone, image_size=config.image_size or backbone.image_size), services.settings)
    if artefact is None:
        return None
    fingerprint = artefact.record.fingerprint

    def count() -> int:
        hashes = defaultdict[Split | None, set[str]](set)
        for image in services.library.images.of(dataset.id):
            if image.review is not Review.UNSURE:
                hashes[image.split or prospect.to_assign.get(image.id)].add(image.photo_hash)
        return count_to_compute(
            config,
            fingerprint,
            FeatureCache(services.settings),
            train=hashes[Split.TRAIN],
            kept_back=hashes[Split.VALIDATION] | hashes[Split.TEST],
        )

    seen = (config.fit_mode, config.augment, config.num_views, config.is_augmented_freely)
    return remembered(_MISSING, (dataset.id, dataset.revision, prospect, fingerprint, seen, len(done)), count)


def _done_runs(services: Services) -> list[RunView]:
    return [view for view in services.runs.list_runs() if view.status is RunStatus.DONE]


def _corrections(done: Sequence[RunView], services: Services) -> Corrections:
    """What earlier runs on this machine teach, learned anew when one more is done."""

    def find_network(config: TrainConfig) -> NetworkCost | None:
        artefact = _artefact_of(config.backbone, services)
        return None if artefact is None else _cost_of(artefact)

    key = [(view.id, view.finished_at) for view in done]
    return remembered(_CORRECTIONS, key, lambda: learn_corrections(done, find_network, settings=services.settings))
