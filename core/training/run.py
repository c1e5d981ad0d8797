"""The handler of the task kind `train_run`: from a config and a snapshot to a model with its report.

    source → features → head ─┬────────────────────────────→ files → evaluation → report → packaging is queued
                              └→ activations → fine-tuning ─┘

A run that was killed goes on from its checkpoint: what comes before is repeated, but features are in the cache by then
and a phase that is over is not trained again.
"""

import gc
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.backbones.convert import convert_to_litert
from core.config import SCRATCH, FineTuneConfig, PhaseConfig, TrainConfig
from core.datasets.library import Library
from core.datasets.photo_store import PhotoStore
from core.datasets.snapshots import load_snapshot
from core.errors import ConfigError, TaskCancelledError
from core.images import TRAINED_CROP_FRACTION
from core.inference.feature_cache import FeatureCache
from core.inference.head import Head, probabilities_of
from core.inference.squares import SquareMaker
from core.jobs.context import TaskContext
from core.jobs.queue import TaskQueue
from core.runs.desk import queue_packaging
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.story import Outcome, PhaseName, PhaseStory, Score
from core.storage.db import Database, open_database
from core.storage.files import write_atomically
from core.training.activations import ActivationPlan, lower_encoder
from core.training.assembly import head_of, rebuild, trained_layers, write_head, write_trained
from core.training.baseline import build_baseline
from core.training.checkpoint import Checkpoint, assign_values, copy_values, read_checkpoint, remove_checkpoint
from core.training.device import (
    choose_device,
    pick_batch_size,
    training_bytes_per_photo,
    using_precision,
    with_smaller_batches,
)
from core.training.encoders import Array, Encoder, FeatureEncoder, KerasEncoder, PixelEncoder
from core.training.features import FeatureSource
from core.training.finish import (
    SplitAnswers,
    answers_of,
    describe_model,
    milliseconds_per_photo,
    write_description,
    write_report,
)
from core.training.inputs import CachedInputs, FeatureInputs, Inputs, class_weights, make_targets
from core.training.network import BackboneNetwork, build_head, build_trainable, split_at
from core.training.phases import Phase, PhaseEnd, remembered_variables, run_phase
from core.training.photos import LabelledPhotos, ViewLoader, gather_photos
from core.training.rate_finder import find_learning_rate
from core.training.recording import RunLog, RunRecorder
from core.training.source import find_source
from core.training.stopping import StoppingState, begin_phase

_NUM_SAMPLES = 6  # validation photos whose answers are shown while the network learns
# Where the progress bar of the whole run stands after a step. What takes longest differs from run to run, so these are
# no more than an order.
_ENDS = {
    False: {PhaseName.FEATURES: 0.6, PhaseName.HEAD: 0.9, PhaseName.EVALUATION: 1.0},
    True: {
        PhaseName.FEATURES: 0.2,
        PhaseName.HEAD: 0.3,
        PhaseName.ACTIVATIONS: 0.4,
        PhaseName.FINE_TUNE: 0.9,
        PhaseName.SCRATCH: 0.9,
        PhaseName.EVALUATION: 1.0,
    },
}


def run_train_task(context: TaskContext) -> None:
    """Train a run; the payload is `{"run_id": number}`.

    Raises:
        BluetitError: it cannot be trained; the message says why and what to do.
        TaskCancelledError: it was cancelled; nothing of it is left.
    """
    run_id = int(context.payload["run_id"])
    folder = RunFolder(context.settings, run_id)
    folder.create()
    with closing(open_database(context.settings)) as database:
        try:
            with RunLog(folder.log_path) as log:
                _Training(context, database, folder, log).run()
        except TaskCancelledError:
            folder.delete()
            raise
        finally:
            # The worker lives on: without this every run would leave its networks behind.
            keras.backend.clear_session()
            gc.collect()
        if context.settings.package_after_training:
            queue_packaging(RunLibrary(database), TaskQueue(database), run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PhasePlan:
    """What distinguishes one phase of a run from another."""

    name: PhaseName
    config: PhaseConfig
    num_epochs_before: int
    earlier: StoppingState | None  # the end of the phase before
    train: Inputs
    validation: Inputs | None
    samples: Array  # inputs of the sample photos
    num_outputs: int  # of the network: one per class, or one for two classes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trained:
    """A network whose training is over."""

    end: PhaseEnd
    is_frozen: bool  # whether the backbone is as it came
    head: Head | None  # None: from scratch
    num_parameters: int
    num_trained_parameters: int
    fine_tuning_from: int | None
    finetune_epoch_seconds: float | None


class _Training:
    """One attempt at one run."""

    def __init__(self, context: TaskContext, database: Database, folder: RunFolder, log: RunLog) -> None:
        settings = context.settings
        self._run_id = int(context.payload["run_id"])
        self._runs = RunLibrary(database)
        self._config: TrainConfig = self._runs.get_run(self._run_id).config
        self._context = context
        self._settings = settings
        self._folder = folder
        self._log = log
        self._recorder = RunRecorder(
            context, self._runs, run_id=self._run_id, log=log, checkpoints=folder.checkpoints_path
        )
        self._started = time.monotonic()
        self._seconds: dict[str, float] = {}
        self._num_computed = 0
        self._features: dict[str, npt.NDArray[np.float32]] = {}  # by split, of the photos that are kept back
        self._snapshot = load_snapshot(database, self._config.snapshot)
        records = Library(database).get_photos({image.photo_hash for image in self._snapshot.images})
        self._photos = gather_photos(self._snapshot, records)
        self._num_classes = len(self._photos.class_names)
        self._samples = _sample(self._photos.validation)
        self._store = PhotoStore(settings.photos_path, settings.cache_path)
        self._device = choose_device(precision=self._config.precision, uses_all_gpus=self._config.uses_all_gpus)

    def run(self) -> None:
        """All steps."""
        self._runs.set_started(self._run_id, task_id=self._context.task_id)
        checkpoint = read_checkpoint(self._folder.checkpoints_path)
        self._runs.drop_events_after(self._run_id, checkpoint.last_sequence if checkpoint else 0)
        self._log.write(f"Goes on after epoch {checkpoint.epoch}" if checkpoint else "Begins")
        self._remove_activations()
        write_description(self._folder, self._config, self._snapshot, self._device)
        self._source = find_source(
            self._config,
            self._settings,
            report=lambda _, message: self._context.report(None, message),
            check_cancelled=self._context.check_cancelled,
        )
        squares = SquareMaker.of(
            self._source.image_size, self._config.fit_mode, self._settings, crop_fraction=TRAINED_CROP_FRACTION
        )
        self._loader = ViewLoader(self._store, squares, self._config.augment)
        self._recorder.note(f"Device: {self._device.title}. {self._device.reason}")
        keras.utils.set_random_seed(self._config.seed)
        is_scratch = self._config.backbone == SCRATCH
        trained = self._train_from_scratch(checkpoint) if is_scratch else self._train_on_backbone(checkpoint)
        self._finish(trained)

    # --- training ------------------------------------------------------------------------------------

    def _train_on_backbone(self, checkpoint: Checkpoint | None) -> _Trained:
        """The head, and then perhaps the upper part of the backbone."""
        with using_precision(self._device), self._device.scope():
            network = self._source.build(self._settings) if self._needs_network else None
        features = self._feature_source(network)
        head_model, plan = self._plan_head(features)
        fine_tune = self._config.fine_tune
        is_fine_tuning = checkpoint is not None and checkpoint.phase == PhaseName.FINE_TUNE
        if is_fine_tuning and checkpoint is not None and fine_tune is not None and network is not None:
            return self._fine_tune(network, head_model, fine_tune, resumed=checkpoint)
        end = self._run_phase(head_model, plan, checkpoint)
        if fine_tune is not None and network is not None and not end.is_stopped:
            return self._fine_tune(network, head_model, fine_tune, after=end)
        return self._trained_head(head_model, end)

    @property
    def _needs_network(self) -> bool:
        """Whether the backbone is wanted as a Keras network, and not only as its artefact."""
        return self._config.fine_tune is not None or self._device.is_gpu

    def _feature_source(self, network: BackboneNetwork | None) -> FeatureSource:
        artefact = self._source.artefact
        if artefact is None:
            raise ConfigError("A network from scratch has no features that were learned before.")
        num_threads = self._settings.num_inference_threads
        encoder: Encoder
        if self._device.is_gpu and network is not None:
            encoder = KerasEncoder(keras.Model(network.model.inputs, network.model.outputs[0]), num_threads=num_threads)
        else:
            encoder = FeatureEncoder(
                artefact.model_path, artefact.record.feature_map_shape[-1], num_threads=num_threads
            )
        return FeatureSource(
            encoder=encoder,
            loader=self._loader,
            cache=FeatureCache(self._settings),
            fingerprint=artefact.record.fingerprint,
            # Features for checks and maps are those of a narrower crop.
            fit_mode=f"{self._config.fit_mode} {TRAINED_CROP_FRACTION:g}",
        )

    def _plan_head(self, features: FeatureSource) -> tuple[keras.Model, _PhasePlan]:
        """Compute features, and build the head that learns from them."""
        is_free = self._config.is_augmented_freely
        splits = [self._photos.validation, self._photos.test, self._samples]
        num_views = 1 if is_free else self._config.num_views
        num_items = len(self._photos.train) * (0 if is_free else num_views) + sum(map(len, splits))
        with self._phase(PhaseStory(phase=PhaseName.FEATURES, num_photos=num_items)):
            watch = self._counter(num_items)
            train: Inputs
            if is_free:
                train = FeatureInputs(source=features, photos=self._photos.train.photos)
            else:
                values = self._compute(features, self._photos.train, num_views, watch)
                train = CachedInputs(values=values, seed=self._config.seed)
            validation, test, samples = (self._compute(features, split, 1, watch) for split in splits)
            self._features = {"validation": validation[:, 0], "test": test[:, 0]}
        with using_precision(self._device), self._device.scope():
            head_model = build_head(
                self._config.head, features.encoder.shape[0], self._num_classes, seed=self._config.seed
            )
        plan = _PhasePlan(
            name=PhaseName.HEAD,
            config=self._config.head_phase,
            num_epochs_before=0,
            earlier=None,
            train=train,
            validation=CachedInputs(values=validation, seed=0) if len(validation) else None,
            samples=samples[:, 0],
            num_outputs=head_model.output_shape[-1],
        )
        return head_model, plan

    def _compute(
        self, features: FeatureSource, photos: LabelledPhotos, num_views: int, watch: Callable[[int], None]
    ) -> npt.NDArray[np.float32]:
        values, num_computed = features.compute(photos.photos, range(num_views), watch=watch)
        self._num_computed += num_computed
        return values

    def _fine_tune(
        self,
        network: BackboneNetwork,
        head_model: keras.Model,
        config: FineTuneConfig,
        *,
        after: PhaseEnd | None = None,
        resumed: Checkpoint | None = None,
    ) -> _Trained:
        """Train the upper part of the backbone together with the head.

        Args:
            network: the backbone.
            head_model: trained by the head phase, unless `resumed` has it.
            config: the cut, and how to train above it.
            after: the end of the head phase.
            resumed: an epoch of this fine-tuning.
        """
        if config.first_layer >= len(network.layers):
            raise ConfigError(
                f"Fine-tuning is to begin at layer {config.first_layer}, and {self._config.backbone} has "
                f"{len(network.layers)} layers. Choose a lower one."
            )
        num_epochs_before = after.last_epoch if after is not None else (resumed and resumed.fine_tuning_from) or 0
        with using_precision(self._device), self._device.scope():
            split = split_at(network, config.first_layer)
            model = build_trainable(split, head_model)
        encoder = lower_encoder(split, self._source, self._settings, is_gpu=self._device.is_gpu)
        train, validation, samples = self._activation_inputs(encoder)
        plan = _PhasePlan(
            name=PhaseName.FINE_TUNE,
            config=config.phase,
            num_epochs_before=num_epochs_before,
            earlier=None if after is None else after.stopping,
            train=train,
            validation=validation,
            samples=samples,
            num_outputs=head_model.output_shape[-1],
        )
        end = self._run_phase(model, plan, resumed)
        epoch_seconds = self._recorder.epoch_seconds
        is_frozen = end.stopping.best_epoch is not None and end.stopping.best_epoch <= num_epochs_before
        if is_frozen:
            self._recorder.note(
                f"Fine-tuning made nothing better, so the model is that of epoch {end.stopping.best_epoch}, with the "
                "backbone as it came."
            )
        else:
            write_trained(trained_layers(network, config.first_layer), self._folder.trained_path)
        return _Trained(
            end=end,
            is_frozen=is_frozen,
            head=head_of(head_model),
            num_parameters=network.model.count_params() + head_model.count_params(),
            num_trained_parameters=_count(model.trainable_variables),
            fine_tuning_from=num_epochs_before,
            finetune_epoch_seconds=float(np.mean(epoch_seconds)) if epoch_seconds else None,
        )

    def _train_from_scratch(self, checkpoint: Checkpoint | None) -> _Trained:
        """The small network that starts from nothing."""
        with using_precision(self._device), self._device.scope():
            model = build_baseline(
                self._source.image_size, self._num_classes, dropout=self._config.head.dropout, seed=self._config.seed
            )
        encoder = PixelEncoder(self._source.image_size, num_threads=self._settings.num_inference_threads)
        train, validation, samples = self._activation_inputs(encoder)
        plan = _PhasePlan(
            name=PhaseName.SCRATCH,
            config=self._config.head_phase,
            num_epochs_before=0,
            earlier=None,
            train=train,
            validation=validation,
            samples=samples,
            num_outputs=model.output_shape[-1],
        )
        end = self._run_phase(model, plan, checkpoint)
        write_trained(model.layers, self._folder.trained_path)
        return _Trained(
            end=end,
            is_frozen=False,
            head=None,
            num_parameters=model.count_params(),
            num_trained_parameters=model.count_params(),
            fine_tuning_from=None,
            finetune_epoch_seconds=None,
        )

    def _trained_head(self, head_model: keras.Model, end: PhaseEnd) -> _Trained:
        artefact = self._source.artefact
        num_backbone = 0 if artefact is None else sum(row.num_parameters for row in artefact.read_layers())
        return _Trained(
            end=end,
            is_frozen=True,
            head=head_of(head_model),
            num_parameters=num_backbone + head_model.count_params(),
            num_trained_parameters=head_model.count_params(),
            fine_tuning_from=None,
            finetune_epoch_seconds=None,
        )

    def _activation_inputs(self, encoder: Encoder) -> tuple[Inputs, Inputs | None, Array]:
        """Inputs of training, validation and sample photos where a part of the backbone trains."""
        num_views = None if self._config.is_augmented_freely else self._config.num_views
        num_items = len(self._photos.train) * (num_views or 0) + len(self._photos.validation) + len(self._samples)
        with self._phase(PhaseStory(phase=PhaseName.ACTIVATIONS, num_photos=num_items)):
            plan = ActivationPlan(
                loader=self._loader,
                encoder=encoder,
                settings=self._settings,
                folder=self._activations_path,
                seed=self._config.seed,
                watch=self._counter(num_items),
                note=self._recorder.note,
            )
            train = plan.inputs(self._photos.train.photos, num_views, name="training")
            validation = None
            if len(self._photos.validation):
                validation = plan.inputs(self._photos.validation.photos, 1, name="validation")
            samples = np.empty((len(self._samples), 1, *encoder.shape), encoder.dtype)
            plan.fill(samples, self._samples.photos)
        return train, validation, samples[:, 0].astype(np.float32)

    def _run_phase(self, model: keras.Model, plan: _PhasePlan, checkpoint: Checkpoint | None) -> PhaseEnd:
        """Train, with smaller batches where the memory does not suffice."""
        resumed = checkpoint if checkpoint is not None and checkpoint.phase == plan.name else None
        initial = copy_values(remembered_variables(model))
        if resumed is None:
            bytes_per_photo = training_bytes_per_photo(model)
            first_batch_size = pick_batch_size(
                plan.config.batch_size, self._device, bytes_per_photo=bytes_per_photo, log=self._warn
            )
        else:
            first_batch_size = resumed.batch_size

        def train_with(batch_size: int) -> PhaseEnd:
            # After a failure the last epoch that was kept is where to go on.
            kept = resumed if batch_size == first_batch_size else read_checkpoint(self._folder.checkpoints_path)
            kept = kept if kept is not None and kept.phase == plan.name else None
            if kept is None:
                assign_values(remembered_variables(model), initial)
            phase = self._make_phase(plan, batch_size)
            with self._device.scope():
                rate = plan.config.learning_rate if kept is not None else self._choose_rate(model, phase)
                begin = begin_phase(rate, plan.earlier)
                return run_phase(model, phase, begin=begin, recorder=self._recorder, resumed=kept)

        num_train = len(self._photos.train)
        story = PhaseStory(
            phase=plan.name,
            first_epoch=plan.num_epochs_before + 1,
            num_epochs=plan.config.num_epochs,
            num_steps=-(-num_train // first_batch_size),
            num_photos=num_train,
            learning_rate=plan.config.learning_rate,
        )
        with self._phase(story):
            if len(self._samples):
                self._recorder.show_samples(self._samples, lambda: _probabilities(model, plan.samples))
            return with_smaller_batches(train_with, first_batch_size, log=self._warn)

    def _make_phase(self, plan: _PhasePlan, batch_size: int) -> Phase:
        train, validation = self._photos.train, self._photos.validation
        has_one_unit = plan.num_outputs == 1
        weights = class_weights(train.class_indices, self._num_classes) if self._config.has_class_weights else None
        return Phase(
            name=plan.name,
            config=plan.config,
            stopping=self._config.stopping,
            label_smoothing=self._config.label_smoothing,
            num_epochs_before=plan.num_epochs_before,
            batch_size=batch_size,
            jit_compile=self._device.jit_compile,
            seed=self._config.seed,
            train=plan.train,
            train_targets=make_targets(train.class_indices, self._num_classes, has_one_unit=has_one_unit),
            sample_weights=weights,
            validation=plan.validation,
            validation_targets=make_targets(validation.class_indices, self._num_classes, has_one_unit=has_one_unit),
        )

    def _choose_rate(self, model: keras.Model, phase: Phase) -> float:
        """The learning rate of a phase, found by a trial where the config asks for it."""
        if not self._config.finds_learning_rate or phase.name is PhaseName.FINE_TUNE:
            return phase.config.learning_rate
        found = find_learning_rate(model, phase)
        self._recorder.note(
            f"The learning rate was searched in {len(found.rates)} steps: {found.suggestion:g} is taken in place of "
            f"{phase.config.learning_rate:g}."
        )
        return found.suggestion

    def _warn(self, text: str) -> None:
        self._recorder.note(text, is_warning=True)

    # --- the end -------------------------------------------------------------------------------------

    def _finish(self, trained: _Trained) -> None:
        """Write the model, ask it about the photos that were kept back, and say how it went."""
        num_asked = len(self._photos.validation) + len(self._photos.test)
        with self._phase(PhaseStory(phase=PhaseName.EVALUATION, num_photos=num_asked)):
            if trained.head is not None:
                write_head(trained.head, self._folder.head_path)
            if not trained.is_frozen:
                self._convert()
            class_names = self._photos.class_names
            describe_model(
                self._folder, self._config, self._source, class_names=class_names, is_frozen=trained.is_frozen
            )
            watch = self._counter(num_asked)
            splits = {
                "validation": self._ask(self._photos.validation, "validation", trained, watch),
                "test": self._ask(self._photos.test, "test", trained, watch),
            }
            model_bytes, milliseconds = self._measure(trained)
        scores = {name: answers.score() for name, answers in splits.items()}
        outcome = Outcome(
            num_epochs=trained.end.last_epoch,
            best_epoch=trained.end.stopping.best_epoch,
            fine_tuning_from=trained.fine_tuning_from,
            is_stopped=trained.end.is_stopped,
            validation=_to_json(scores["validation"]),
            test=_to_json(scores["test"]),
            num_train_photos=len(self._photos.train),
            num_computed=self._num_computed,
            num_classes=self._num_classes,
            num_parameters=trained.num_parameters,
            num_trained_parameters=trained.num_trained_parameters,
            model_bytes=model_bytes,
            milliseconds_per_photo=milliseconds,
            device=self._device.title,
            seconds={**self._seconds, "total": time.monotonic() - self._started},
            finetune_epoch_seconds=trained.finetune_epoch_seconds,
        )
        write_report(self._folder, self._photos.class_names, splits, outcome.to_json())
        self._context.check_cancelled()
        remove_checkpoint(self._folder.checkpoints_path)
        self._remove_activations()
        self._runs.set_finished(self._run_id, outcome.to_json())
        self._log.write(f"Done in {outcome.seconds['total']:.1f} s")

    def _convert(self) -> None:
        """Write the LiteRT file of a model whose own layers were trained."""
        whole = rebuild(
            self._config,
            self._source,
            self._folder,
            self._settings,
            num_classes=self._num_classes,
            is_frozen=False,
        )
        with write_atomically(self._folder.litert_path) as temporary:
            convert_to_litert(whole.with_inner_values(), temporary)

    def _ask(self, photos: LabelledPhotos, split: str, trained: _Trained, watch: Callable[[int], None]) -> SplitAnswers:
        """What the model says to the photos of a split, by the very files that answer on the classify page."""
        if trained.is_frozen and trained.head is not None:
            watch(len(photos))
            return SplitAnswers(photos=photos, probabilities=trained.head.probabilities(self._features[split]))
        probabilities = answers_of(
            self._folder.litert_path,
            photos,
            self._loader,
            num_classes=self._num_classes,
            num_threads=self._settings.num_inference_threads,
            watch=watch,
        )
        return SplitAnswers(photos=photos, probabilities=probabilities)

    def _measure(self, trained: _Trained) -> tuple[int, float]:
        """Bytes of what answers, and its milliseconds per photo on one thread."""
        artefact = self._source.artefact
        if trained.is_frozen and artefact is not None:
            num_bytes = artefact.model_path.stat().st_size + self._folder.head_path.stat().st_size
            return num_bytes, artefact.record.litert_milliseconds
        path = self._folder.litert_path
        return path.stat().st_size, milliseconds_per_photo(path, self._source.image_size)

    # --- how far it is -------------------------------------------------------------------------------

    @contextmanager
    def _phase(self, story: PhaseStory) -> Iterator[None]:
        """A step of the run, told and timed."""
        phase = PhaseName(story.phase)
        has_more = self._config.fine_tune is not None or self._config.backbone == SCRATCH
        self._recorder.begin_phase(story, until=_ENDS[has_more][phase])
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[phase] = self._seconds.get(phase, 0.0) + time.monotonic() - started

    def _counter(self, num_items: int) -> Callable[[int], None]:
        """Counts photos for the progress bar, and stops where the run was cancelled."""
        num_done = 0

        def watch(num_more: int) -> None:
            nonlocal num_done
            num_done += num_more
            self._context.check_cancelled()
            self._recorder.progress(num_done / max(num_items, 1), f"{num_done:,} of {num_items:,}")

        return watch

    @property
    def _activations_path(self) -> Path:
        return self._folder.checkpoints_path / "activations"

    def _remove_activations(self) -> None:
        # On Windows a file that is still mapped stays until the next attempt or until the run is purged.
        shutil.rmtree(self._activations_path, ignore_errors=True)


def _sample(photos: LabelledPhotos) -> LabelledPhotos:
    """A handful of photos, of as many classes as possible."""
    by_class = [np.flatnonzero(photos.class_indices == index) for index in np.unique(photos.class_indices)]
    longest = max((len(rows) for rows in by_class), default=0)
    rows = [int(rows[turn]) for turn in range(longest) for rows in by_class if turn < len(rows)][:_NUM_SAMPLES]
    return LabelledPhotos(
        photos=tuple(photos.photos[row] for row in rows), class_indices=photos.class_indices[np.array(rows, int)]
    )


def _probabilities(model: keras.Model, inputs: Array) -> npt.NDArray[np.float32]:
    """What a network that answers with logits says: float32 (photos, classes), 0-1."""
    return probabilities_of(np.asarray(model(inputs, training=False), np.float32))


def _to_json(score: Score | None) -> dict[str, Any] | None:
    return None if score is None else score.to_json()


def _count(variables: list[Any]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)
