"""Training on a pretrained backbone: the head on its features, then perhaps its upper part."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import numpy.typing as npt

from core.backbones.artefacts import Artefact
from core.config import FineTuneConfig
from core.errors import ConfigError
from core.features.cache import FeatureCache
from core.features.key import MIRRORED_VIEW, feature_key
from core.networks.network import BackboneNetwork, split_at
from core.photos.fit import TRAINED_CROP_FRACTION
from core.runs.story import PhaseName, PhaseStory
from core.training.activations import lower_encoder
from core.training.assembly import head_of, trained_layers, write_trained
from core.training.attempt import Attempt, StoppedEarly
from core.training.checkpoint import Checkpoint
from core.training.device import using_precision
from core.training.encoders import FeatureEncoder, KerasEncoder
from core.training.features import FeaturePart, FeatureSource
from core.training.heads import build_head, build_trainable
from core.training.inputs import CachedInputs, FeatureInputs, Inputs
from core.training.phase import PhaseEnd
from core.training.phase_plan import PhasePlan, activation_inputs, run_planned
from core.training.photos import LabelledPhotos
from core.training.trained import Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunFeatures:
    """What the frozen backbone makes of a run's photos."""

    train: Inputs
    validation: npt.NDArray[np.float32]  # (photos, channels)
    test: npt.NDArray[np.float32]
    samples: npt.NDArray[np.float32]
    num_features: int

    @property
    def kept_back(self) -> dict[str, npt.NDArray[np.float32]]:
        """Of the photos that are not learned from, by split."""
        return {"validation": self.validation, "test": self.test}


def train_on_backbone(attempt: Attempt, checkpoint: Checkpoint | None) -> Trained:
    """Train the head, and then perhaps the upper part of the backbone.

    Args:
        attempt: at a run whose network has a backbone.
        checkpoint: the last finished epoch, when it goes on.

    Raises:
        ConfigError: the cut is above the top of the backbone.
        DatasetError: a photo's file is missing or was changed.
        TaskCancelledError: the run is to be discarded.
    """
    fine_tune = attempt.config.fine_tune
    network = None
    if fine_tune is not None or attempt.device.is_gpu:
        with using_precision(attempt.device), attempt.device.scope():
            network = attempt.source.build(attempt.settings)
    if fine_tune is not None and network is not None and fine_tune.first_layer >= len(network.layers):
        raise ConfigError(
            f"Fine-tuning is to begin at layer {fine_tune.first_layer}, and {attempt.config.backbone} has "
            f"{len(network.layers)} layers. Choose a lower one."
        )
    features = _compute_features(attempt, _feature_source(attempt, network))
    with using_precision(attempt.device), attempt.device.scope():
        head_model = build_head(
            attempt.config.head, features.num_features, attempt.num_classes, seed=attempt.config.seed
        )
    if fine_tune is None or network is None:
        return _trained_head(attempt, head_model, _train_head(attempt, head_model, features, checkpoint), features)
    if checkpoint is not None and checkpoint.phase == PhaseName.FINE_TUNE:
        trained = _fine_tune(attempt, network, head_model, fine_tune, resumed=checkpoint)
    else:
        end = _train_head(attempt, head_model, features, checkpoint)
        if end.is_stopped:
            return _trained_head(attempt, head_model, end, features)
        try:
            trained = _fine_tune(attempt, network, head_model, fine_tune, after=end)
        except StoppedEarly:
            return _trained_head(attempt, head_model, replace(end, is_stopped=True), features)
    return replace(trained, features=features.kept_back) if trained.is_frozen else trained


def _feature_source(attempt: Attempt, network: BackboneNetwork | None) -> FeatureSource:
    artefact = attempt.source.artefact
    if artefact is None:
        raise ConfigError("A network from scratch has no features that were learned before.")
    num_threads = attempt.settings.num_inference_threads
    parts: tuple[FeaturePart, ...]
    if attempt.device.is_gpu and network is not None:
        model = keras.Model(network.model.inputs, network.model.outputs[0])
        encoder = KerasEncoder(model, num_threads=num_threads)
        parts = (FeaturePart(encoder=encoder, fingerprint=artefact.record.fingerprint),)
    else:
        parts = tuple(_part(member, num_threads) for member in attempt.source.members)
    key = feature_key(artefact.record.fingerprint, attempt.config.fit_mode, TRAINED_CROP_FRACTION)
    return FeatureSource(
        parts=parts, loader=attempt.loader, cache=FeatureCache(attempt.settings), fit_mode=key.fit_mode
    )


def _part(artefact: Artefact, num_threads: int) -> FeaturePart:
    record = artefact.record
    encoder = FeatureEncoder(artefact.model_path, record.feature_map_shape[-1], num_threads=num_threads)
    return FeaturePart(encoder=encoder, fingerprint=record.fingerprint)


def _compute_features(attempt: Attempt, source: FeatureSource) -> _RunFeatures:
    is_free = attempt.config.is_augmented_freely
    splits = [attempt.photos.validation, attempt.photos.test, attempt.samples]
    train_views = range(attempt.config.num_views)
    # Answers are means over these, so what is kept back is judged by such means.
    answer_views = (0, MIRRORED_VIEW) if attempt.config.averages_flips else (0,)
    num_items = len(attempt.photos.train) * (0 if is_free else len(train_views))
    num_items += sum(map(len, splits)) * len(answer_views)
    with attempt.phase(PhaseStory(phase=PhaseName.FEATURES, num_photos=num_items)):
        watch = attempt.counter(num_items)
        train: Inputs
        if is_free:
            train = FeatureInputs(source=source, photos=attempt.photos.train.photos)
        else:
            values = _compute(attempt, source, attempt.photos.train, train_views, watch)
            train = CachedInputs(values=values, seed=attempt.config.seed)
        validation, test, samples = (
            _compute(attempt, source, split, answer_views, watch).mean(axis=1) for split in splits
        )
    return _RunFeatures(
        train=train, validation=validation, test=test, samples=samples, num_features=source.num_features
    )


def _compute(
    attempt: Attempt, source: FeatureSource, photos: LabelledPhotos, views: Sequence[int], watch: Callable[[int], None]
) -> npt.NDArray[np.float32]:
    values, num_computed = source.compute(photos.photos, views, watch=watch)
    attempt.num_computed += num_computed
    return values


def _train_head(
    attempt: Attempt, head_model: keras.Model, features: _RunFeatures, checkpoint: Checkpoint | None
) -> PhaseEnd:
    plan = PhasePlan(
        name=PhaseName.HEAD,
        config=attempt.config.head_phase,
        num_epochs_before=0,
        earlier=None,
        train=features.train,
        validation=CachedInputs(values=features.validation[:, None], seed=0) if len(features.validation) else None,
        samples=features.samples,
        num_outputs=head_model.output_shape[-1],
    )
    return run_planned(attempt, head_model, plan, checkpoint)


def _fine_tune(
    attempt: Attempt,
    network: BackboneNetwork,
    head_model: keras.Model,
    config: FineTuneConfig,
    *,
    after: PhaseEnd | None = None,
    resumed: Checkpoint | None = None,
) -> Trained:
    """Train the upper part of the backbone together with the head.

    Args:
        network: the backbone.
        head_model: trained by the head phase, unless `resumed` has it.
        config: the cut, and how to train above it.
        after: the end of the head phase.
        resumed: an epoch of this fine-tuning.

    Raises:
        StoppedEarly: somebody asked for an end before the first epoch; the head is trained.
    """
    num_epochs_before = after.last_epoch if after is not None else (resumed and resumed.fine_tuning_from) or 0
    with using_precision(attempt.device), attempt.device.scope():
        split = split_at(network, config.first_layer)
        model = build_trainable(split, head_model)
    encoder = lower_encoder(split, attempt.source, attempt.settings, is_gpu=attempt.device.is_gpu)
    train, validation, samples = activation_inputs(attempt, encoder, may_stop=after is not None)
    plan = PhasePlan(
        name=PhaseName.FINE_TUNE,
        config=config.phase,
        num_epochs_before=num_epochs_before,
        earlier=None if after is None else after.stopping,
        train=train,
        validation=validation,
        samples=samples,
        num_outputs=head_model.output_shape[-1],
    )
    end = run_planned(attempt, model, plan, resumed)
    epoch_seconds = attempt.recorder.epoch_seconds
    is_frozen = end.stopping.best_epoch is not None and end.stopping.best_epoch <= num_epochs_before
    if is_frozen:
        attempt.recorder.note(
            f"Fine-tuning made nothing better, so the model is that of epoch {end.stopping.best_epoch}, with the "
            "backbone as it came."
        )
    else:
        write_trained(trained_layers(network, config.first_layer), attempt.folder.trained_path)
    return Trained(
        end=end,
        is_frozen=is_frozen,
        head=head_of(head_model),
        num_parameters=network.model.count_params() + head_model.count_params(),
        num_trained_parameters=sum(math.prod(variable.shape) for variable in model.trainable_variables),
        fine_tuning_from=num_epochs_before,
        finetune_epoch_seconds=float(np.mean(epoch_seconds)) if epoch_seconds else None,
    )


def _trained_head(attempt: Attempt, head_model: keras.Model, end: PhaseEnd, features: _RunFeatures) -> Trained:
    artefact = attempt.source.artefact
    num_backbone = 0 if artefact is None else sum(row.num_parameters for row in artefact.read_layers())
    return Trained(
        end=end,
        is_frozen=True,
        head=head_of(head_model),
        num_parameters=num_backbone + head_model.count_params(),
        num_trained_parameters=head_model.count_params(),
        features=features.kept_back,
    )
