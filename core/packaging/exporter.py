"""Makes exports of one run's model: converted, proven, and put together with all that belongs to it.

Nothing is half-made: everything is put together in a folder of its own beside the exports; the zip and its record
appear whole or not at all.
"""

import shutil
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.datasets.library import Library
from core.errors import UnknownRunError
from core.export.certificate import Proven, artefact_sha256
from core.export.description import json_text
from core.export.exports import ExportRecord, answering, record_path, remove_export, zip_path
from core.export.facts import read_facts
from core.export.formats import ExportFormat, Runtime
from core.export.model_card import CARD_NAME, model_card
from core.export.parity import Preview, ProofPhotos, ask_preview
from core.inference.classifier_cache import ClassifierCache
from core.packaging import page_kit, program_kit
from core.packaging.calibrated import CalibratedModel, calibrate
from core.packaging.material import Material
from core.photos.squares import SquareMaker
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import TEMPORARY_PREFIX, ensure_free_space, translating_disk_errors, write_atomically
from core.training.assembly import rebuild
from core.training.photos import LabelledPhotos, RunPhotos, ViewLoader, gather_photos
from core.training.source import find_source

# Photos that an export is proven on: all of the test where there are no more. With so many, Keras needs 15 seconds.
MAX_PROVEN_PHOTOS = 500
# Training photos on which the ranges of whole numbers are found. Source: 100 to 500 are advised in
# https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_quantization
MAX_CALIBRATION_PHOTOS = 100

# Of the progress bar, where each step begins.
_ASSEMBLED, _PREVIEWED, _WRITTEN = 0.25, 0.35, 0.65
# The artefact, a copy of it in the zip, and what the converter needs besides, in sizes of what answers here.
_NEEDED_SIZES = 8

Report = Callable[[float | None, str], None]


class Kit(Protocol):
    """How exports of one sort are written and proven; a module."""

    def write(self, material: Material, row: ExportFormat, draft: Path) -> None:
        """Write the artefact with what belongs to it into a folder."""

    def prove(self, material: Material, row: ExportFormat, draft: Path, *, watch: Callable[[int], None]) -> Proven:
        """Have what was written answer, and compare."""

    def add_samples(self, material: Material, draft: Path) -> None:
        """Put photos with their answers beside it."""


class Exporter:
    """Makes exports of one run's model; what all formats share is made once, when it is first needed."""

    def __init__(
        self, run_id: int, *, settings: Settings, database: Database, check_cancelled: Callable[[], None]
    ) -> None:
        """Read what is known of the model.

        Args:
            run_id: of a finished run.
            settings: folders and limits.
            database: of the workspace.
            check_cancelled: called often; raises to stop.

        Raises:
            UnknownRunError: no such run.
            RunFileError: a file of the run is missing or damaged.
            TrainingDataError: photos of the run are not known any more.
            StorageError: a file cannot be read.
        """
        self._run_id = run_id
        self._settings = settings
        self._runs = RunLibrary(database)
        self._check_cancelled = check_cancelled
        self._folder = RunFolder(settings, run_id)
        self._store = PhotoStore(settings.photos_path, settings.cache_path)
        # Before the rest is read: what is chosen meanwhile makes the export outdated, not wrong.
        self._answers_by = {runtime: answering(self._folder, runtime) for runtime in Runtime}
        self.facts = read_facts(self._runs.get_run(run_id), self._folder, database)
        images = self.facts.snapshot.images
        records = Library(database).photos.get({image.photo_hash for image in images})
        self._photos = gather_photos(self.facts.snapshot, records)

    def make(self, row: ExportFormat, *, maker_line: str = "", report: Report) -> ExportRecord:
        """Make the export of one format, in place of an older one.

        One that answers otherwise than its format promises is thrown away: its record says so, and there is no zip.

        Args:
            row: of the format.
            maker_line: of the maker's own, for formats that show one.
            report: called with the fraction done, 0-1, and a sentence.

        Raises:
            ParityError: the sample program failed.
            UnknownRunError: the run was deleted meanwhile.
            BackboneError: the backbone cannot be built any more.
            WebRuntimeError: what runs models in browsers is not here and cannot be fetched.
            NoSpaceError: the disk is full.
            StorageError: a file cannot be read or written.
        """
        started = time.monotonic()
        self._check()
        kit: Kit = page_kit if row.runtime is Runtime.BROWSER else program_kit
        with self._leaving_nothing_of_a_deleted_run(), self._draft() as draft:
            material = self._material(maker_line, report)
            report(_PREVIEWED, f"Writing it for {row.title}")
            self._check()
            kit.write(material, row, draft)
            proven = kit.prove(material, row, draft, watch=self._watch(report))
            record = ExportRecord(
                proven=proven,
                answers_by=self._answers_by[row.runtime],
                artefact_bytes=_num_bytes(draft / row.artefact),
                zip_bytes=0,
                zip_sha256="",
                seconds=time.monotonic() - started,
            )
            if proven.refusal(row) is not None:
                remove_export(self._folder, row)
                self._folder.write_json(record_path(self._folder, row), record.to_json())
            else:
                (draft / "certificate.json").write_text(json_text(proven.figures(row)), "utf-8")
                (draft / CARD_NAME).write_text(model_card(row, self.facts, proven), "utf-8")
                kit.add_samples(material, draft)
                record = self._publish(row, draft, record)
        report(1.0, "Done")
        return record

    def _material(self, maker_line: str, report: Report) -> Material:
        report(0.02, "Putting the model together")
        model = self.model
        report(_ASSEMBLED, "Asking the model as the Classify page does")
        return Material(
            facts=self.facts,
            folder=self._folder,
            settings=self._settings,
            model=model,
            photos=self.proof_photos,
            preview=self.preview,
            maker_line=maker_line,
            check=self._check,
        )

    def _watch(self, report: Report) -> Callable[[int], None]:
        """To be called with how many photos were answered."""
        num_photos = len(self.proof_photos)

        def watch(number: int) -> None:
            self._check()
            share = _WRITTEN + (0.98 - _WRITTEN) * number / num_photos
            report(share, f"Proving it: {number:,} of {num_photos:,} photos")

        return watch

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
        photos = [self._photos.train.photos[row] for row in _evenly(len(self._photos.train), MAX_CALIBRATION_PHOTOS)]
        return calibrate(
            whole, facts.rule.decision.temperature, squares=np.stack([loader.load(photo, 0) for photo in photos])
        )

    @cached_property
    def proof_photos(self) -> ProofPhotos:
        """The photos that every format is proven on."""
        split, labelled = _proven_split(self._photos)
        rows = _evenly(len(labelled), MAX_PROVEN_PHOTOS)
        photos = [labelled.photos[row] for row in rows]
        return ProofPhotos(
            split=split,
            names=tuple(f"{photo.hash}{photo.suffix}" for photo in photos),
            data=lambda number: self._store.read(photos[number].hash, photos[number].suffix),
            class_indices=labelled.class_indices[rows],
        )

    @cached_property
    def preview(self) -> Preview:
        """What the Classify page says to them."""
        classifier = ClassifierCache(self._settings).get_trained(self._run_id)
        return ask_preview(classifier, self._folder, self.proof_photos, watch=lambda _: self._check())

    def _publish(self, row: ExportFormat, draft: Path, record: ExportRecord) -> ExportRecord:
        """Put the zip and its record into their places; the record, which knows the zip now."""
        self._check()
        target = zip_path(self._folder, row)
        with write_atomically(target) as temporary:
            with zipfile.ZipFile(temporary, "w") as archive:  # weights are noise to a compressor
                for path in sorted(each for each in draft.rglob("*") if each.is_file()):
                    archive.write(path, path.relative_to(draft).as_posix())
            whole = replace(record, zip_bytes=temporary.stat().st_size, zip_sha256=artefact_sha256(temporary))
            # Before the zip has its place: one without its record would never be handed out, nor made room of.
            self._folder.write_json(record_path(self._folder, row), whole.to_json())
        return whole

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """A folder for one export, which is gone afterwards."""
        exports = self._folder.exports_path
        ensure_free_space(exports, _NEEDED_SIZES * self._model_bytes())
        draft = exports / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}"
        with translating_disk_errors(exports):
            try:
                exports.mkdir(exist_ok=True)  # without parents: the folder of a deleted run stays away
                draft.mkdir()
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def _model_bytes(self) -> int:
        return int(self.facts.report.get("model_bytes") or 0)

    def _check(self) -> None:
        """Stop where somebody asked for it, or has deleted the run."""
        self._check_cancelled()
        self._runs.get_run(self._run_id)

    @contextmanager
    def _leaving_nothing_of_a_deleted_run(self) -> Iterator[None]:
        """However the work ends: where the run has gone, files that are missing are no fault of the disk."""
        try:
            yield
        finally:
            try:
                self._runs.get_run(self._run_id)
            except UnknownRunError:
                self._folder.delete()
                raise


def _proven_split(photos: RunPhotos) -> tuple[str, LabelledPhotos]:
    """Test photos tell most; a run without them is proven on what it has."""
    for split, labelled in (("test", photos.test), ("validation", photos.validation)):
        if len(labelled):
            return split, labelled
    return "train", photos.train


def _evenly(count: int, most: int) -> Any:
    """Rows of at most so many, of every class alike, for photos stand in the order of their classes."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _num_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(each.stat().st_size for each in files if each.is_file())
