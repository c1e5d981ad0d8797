"""How long a run will probably take on this machine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import find_backbone
from core.config import SCRATCH, TrainConfig
from core.datasets.records import DatasetView, Review, Split
from core.features.cache import FeatureCache
from core.features.needs import count_to_compute
from core.runs.begin import Prospect
from core.runs.estimate import Corrections, RunEstimate, estimate_run
from core.runs.estimated_work import PhotoCounts
from core.runs.expectation import artefact_of, corrections_of, network_cost
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.widgets.remembered import remembered
from pages.words.standing import PHASE_WORDS
from pages.words.wording import time_text

_CORRECTIONS, _MISSING = "train.expected.corrections", "train.expected.missing"


def estimate(config: TrainConfig, prospect: Prospect, dataset: DatasetView, services: Services) -> RunEstimate | None:
    """How long a run would take; None when its network has not been measured yet."""
    artefact = artefact_of(config.backbone, services.settings)
    network = network_cost(config.backbone, services.settings)
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
    key = [(view.id, view.finished_at) for view in done]
    return remembered(_CORRECTIONS, key, lambda: corrections_of(done, services.settings))
