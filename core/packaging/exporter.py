"""Makes exports of one run's model in the worker, by Keras where nothing else can write them."""

import importlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from core.datasets.library import Library
from core.export import program_kit
from core.export.at_once import find_direct_file
from core.export.exports import ExportRecord
from core.export.formats import ExportFormat, Runtime
from core.export.maker import ExportMaker, Kit, Order, Report
from core.export.material import ModelFile
from core.export.proof_photos import evenly
from core.inference.classifier_cache import ClassifierCache
from core.packaging import page_kit
from core.packaging.calibrated import CalibratedModel, calibrate
from core.photos.squares import SquareMaker
from core.settings import Settings
from core.storage.db import Database
from core.training.assembly import rebuild
from core.training.photos import ViewLoader, gather_photos
from core.training.source import find_source

# Photos that an export is proven on: all of the test where there are no more. With so many, Keras needs 15 seconds.
MAX_PROVEN_PHOTOS = 500
# Training photos on which the ranges of whole numbers are found. Source: 100 to 500 are advised in
# https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_quantization
MAX_CALIBRATION_PHOTOS = 100


class Exporter(ExportMaker):
    """Makes exports of one run's model; the model is put together once, when it is first needed."""

    def __init__(
        self, run_id: int, *, settings: Settings, database: Database, check_cancelled: Callable[[], None]
    ) -> None:
        """Read what is known of the model; arguments and errors as of `ExportMaker`."""
        super().__init__(
            run_id,
            settings=settings,
            database=database,
            classifiers=ClassifierCache(settings),
            max_photos=MAX_PROVEN_PHOTOS,
            check_cancelled=check_cancelled,
        )

    def make(self, row: ExportFormat, *, report: Report) -> ExportRecord:
        """Make the export of one format, as `ExportMaker.put_together` does.

        Args:
            row: of the format.
            report: called with the fraction done, 0-1, and a sentence.

        Raises:
            BackboneError: the backbone cannot be built any more.
            WebRuntimeError: what runs models in browsers is not here and cannot be fetched.
            BluetitError: otherwise as of `ExportMaker.put_together`.
        """
        kit: Kit = page_kit if row.runtime is Runtime.BROWSER else program_kit
        order = Order(row=row, kit=kit, find_model=lambda: self._model_file(row))
        return self.put_together(order, report)

    def _model_file(self, row: ExportFormat) -> ModelFile:
        temperature = self.facts.rule.decision.temperature
        direct = find_direct_file(row, self._folder, self._settings, temperature=temperature)
        if direct is not None:
            return direct
        model = self.model

        def write(target: Path) -> None:
            importlib.import_module(row.converter).write(model, target)

        return ModelFile(write=write, features_layer=model.features_layer)

    @cached_property
    def model(self) -> CalibratedModel:
        """The whole model with its calibration inside, built from the run's files."""
        facts, record = self.facts, self.facts.record
        source = find_source(
            facts.config, self._settings, report=lambda _, message: None, check_cancelled=self._check_cancelled
        )
        whole = rebuild(
            facts.config,
            source,
            self._folder,
            self._settings,
            num_classes=len(record.class_names),
            is_frozen=record.artefact is not None,
        )
        squares = SquareMaker.of(record.image_size, record.fit_mode, self._settings, crop_fraction=record.crop_fraction)
        loader = ViewLoader(self._store, squares, None)
        images = facts.snapshot.images
        records = Library(self._database).photos.get({image.photo_hash for image in images})
        train = gather_photos(facts.snapshot, records).train
        photos = [train.photos[row] for row in evenly(len(train), MAX_CALIBRATION_PHOTOS)]
        return calibrate(
            whole, facts.rule.decision.temperature, squares=np.stack([loader.load(photo, 0) for photo in photos])
        )
