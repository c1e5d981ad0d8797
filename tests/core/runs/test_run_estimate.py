"""What a run is expected to take."""

from dataclasses import replace
from typing import Any

import pytest

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.config import SCRATCH, AugmentConfig, HeadConfig, TrainConfig
from core.errors import ConfigError
from core.runs.estimate import Corrections, RunEstimate, estimate_finetune_epoch, estimate_run
from core.runs.estimated_work import NetworkCost, PhotoCounts
from core.runs.story import PhaseName
from core.settings import Settings
from tests.core.runs.cost_samples import HUB_NETWORK, NETWORK, plan, with_head_epochs

PHOTOS = PhotoCounts(train=600, validation=200)
TWO_THREADS = Settings(inference_threads=2)


def estimate(config: TrainConfig, photos: PhotoCounts = PHOTOS, **values: Any) -> RunEstimate:
    return estimate_run(config, photos, **{"network": NETWORK, "settings": TWO_THREADS, **values})


def epoch_seconds(first_layer: int, **values: Any) -> float:
    arguments = {"network": NETWORK, "settings": TWO_THREADS, **values}
    return estimate_finetune_epoch(plan(first_layer=first_layer), PHOTOS, **arguments)


def test_the_phases_are_those_that_the_run_will_have():
    """A head has three, fine-tuning five, a network from scratch three of its own; the total is all of them."""
    head, fine = estimate(plan()), estimate(plan(first_layer=1))
    assert list(head.seconds) == [PhaseName.FEATURES, PhaseName.HEAD, PhaseName.EVALUATION]
    assert list(fine.seconds) == [phase for phase in PhaseName if phase is not PhaseName.SCRATCH]
    scratch = estimate(plan(SCRATCH), network=None)
    assert list(scratch.seconds) == [PhaseName.ACTIVATIONS, PhaseName.SCRATCH, PhaseName.EVALUATION]
    for each in (head, fine, scratch):
        assert each.total_seconds == each.begin_seconds + sum(each.seconds.values())
    assert (head.finetune_epoch_seconds, scratch.finetune_epoch_seconds) == (None, None)
    assert fine.finetune_epoch_seconds == epoch_seconds(1)


def test_features_cost_what_the_cache_lacks():
    """Without the cache every photo and view of both splits is computed; with it only what is new."""
    config = plan(augment=AugmentConfig(), num_views=4)
    all_new = estimate(config).seconds[PhaseName.FEATURES]
    counted = estimate(config, replace(PHOTOS, num_to_compute=4 * 600 + 200)).seconds[PhaseName.FEATURES]
    assert all_new == pytest.approx(counted)
    assert estimate(config, replace(PHOTOS, num_to_compute=0)).seconds[PhaseName.FEATURES] == 0
    # 800 photos of 3 ms to decode and 4 ms to answer, on two threads
    assert estimate(plan()).seconds[PhaseName.FEATURES] == pytest.approx(800 * 0.007 / 2**0.75)


def test_epochs_photos_and_parameters_make_the_head_longer():
    """Every epoch takes as long as the one before; large heads and new pixels in each epoch cost more."""
    ten, twenty, thirty = (
        estimate(with_head_epochs(plan(), number)).seconds[PhaseName.HEAD] for number in (10, 20, 30)
    )
    assert thirty - twenty == pytest.approx(twenty - ten)
    tall = plan(head=HeadConfig(hidden_units=(1024, 1024, 512)))
    assert estimate(tall).seconds[PhaseName.HEAD] > 2 * ten
    free = plan(augment=AugmentConfig(), is_augmented_freely=True)
    assert estimate(free).seconds[PhaseName.HEAD] > ten + 10 * 600 * 0.009 / 2
    assert estimate(free).seconds[PhaseName.FEATURES] < estimate(plan()).seconds[PhaseName.FEATURES]


def test_a_lower_cut_makes_an_epoch_longer():
    """Each layer more that trains takes more time; layers that only pass on cost less than those that train."""
    seconds = [epoch_seconds(first_layer) for first_layer in (0, 1, 2, 3, 4)]
    assert seconds == sorted(seconds, reverse=True)
    # Between 1, where the activations are taken, and 2, where training begins, layer 1 only passes on.
    assert seconds[1] > seconds[2] > seconds[3]


def test_threads_and_pixels_count():
    """Two threads are 1.68 times as fast as one, and photos of half the side take a fourth of an answer."""
    one = estimate(plan(), settings=Settings(inference_threads=1)).seconds[PhaseName.FEATURES]
    assert one / estimate(plan()).seconds[PhaseName.FEATURES] == pytest.approx(1.68, rel=0.01)
    small = estimate(plan(image_size=(112, 112))).seconds[PhaseName.FEATURES]
    assert small == pytest.approx(800 * 0.004 / 2**0.75)


def test_activations_without_room_are_computed_in_every_epoch():
    """Where neither memory nor disk takes them, an epoch has them in it, as it does with new pixels each time."""
    no_room = replace(TWO_THREADS, activation_memory_bytes=0, activation_disk_bytes=0)
    assert epoch_seconds(3, settings=no_room) > epoch_seconds(3) + 600 * 0.003 / 2
    free = plan(first_layer=3, augment=AugmentConfig(), is_augmented_freely=True)
    assert estimate(free).finetune_epoch_seconds > epoch_seconds(3, settings=no_room)
    assert estimate(free).seconds[PhaseName.ACTIVATIONS] < estimate(plan(first_layer=3)).seconds[PhaseName.ACTIVATIONS]


def test_a_hub_module_trains_as_a_whole():
    """All work is in its one layer, and the estimate says that it is rough."""
    config = plan("hub:/module", first_layer=1)
    whole = estimate(config, network=HUB_NETWORK)
    assert whole.is_rough
    assert whole.finetune_epoch_seconds == pytest.approx(
        estimate(plan("hub:/module", first_layer=0), network=HUB_NETWORK).finetune_epoch_seconds
    )
    assert whole.finetune_epoch_seconds > 600 * 0.004
    known = Corrections(factors={("hub:/module", PhaseName.FINE_TUNE): 2.0})
    corrected = estimate(config, network=HUB_NETWORK, corrections=known)
    assert not corrected.is_rough
    assert corrected.finetune_epoch_seconds == pytest.approx(2 * whole.finetune_epoch_seconds)


def test_from_scratch_needs_no_network():
    """Its cost grows with the pixels; known is only that."""
    normal, large = (estimate(plan(SCRATCH, image_size=size), network=None) for size in (None, (300, 300)))
    assert normal.is_rough
    assert large.seconds[PhaseName.SCRATCH] > 3 * normal.seconds[PhaseName.SCRATCH]
    free = plan(SCRATCH, augment=AugmentConfig(), is_augmented_freely=True)
    assert estimate(free, network=None).seconds[PhaseName.SCRATCH] > normal.seconds[PhaseName.SCRATCH]


def test_what_cannot_be_estimated_is_refused():
    """A backbone that was never prepared has no known cost, and without fine-tuning there is no epoch of it."""
    with pytest.raises(ConfigError, match="prepare it first"):
        estimate(plan(), network=None)
    with pytest.raises(ConfigError, match="no fine-tuning"):
        estimate_finetune_epoch(plan(), PHOTOS, network=NETWORK, settings=TWO_THREADS)


def test_a_prepared_backbone_has_a_cost(prepared_settings: Settings, lite0: Backbone):
    """Its measured speed and its table of layers give an estimate; each lower cut takes longer than the one above."""
    network = NetworkCost.of(load_artefact(lite0, prepared_settings))
    assert (network.backbone, network.image_size, network.num_features) == (lite0.name, (224, 224), 1280)
    seconds = [epoch_seconds(cut, network=network) for cut in range(len(network.layers) + 1)]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] > 5 * seconds[-1]
    assert estimate(plan(lite0.name), network=network).total_seconds > 0
