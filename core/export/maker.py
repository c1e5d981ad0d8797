"""Puts together what people take away of one run's model: the file, the proof, and all that belongs to it.

Nothing is half-made: everything is put together in a folder of its own beside the exports; the zip and its record
appear whole or not at all. Who writes the model's file is handed in: the worker by Keras, or `core.export.at_once`.
"""

import shutil
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from core.errors import UnknownRunError
from core.export.certificate import Proven, artefact_sha256
from core.export.description import json_text
from core.export.exports import ExportRecord, export_key, record_path, remove_export, zip_path
from core.export.facts import read_facts
from core.export.formats import ExportFormat, Runtime
from core.export.material import Material, ModelFile
from core.export.model_card import CARD_NAME, model_card
from core.export.parity import Preview, ProofPhotos, ask_preview
from core.export.proof_photos import choose_proof_photos
from core.inference.classifier_cache import ClassifierCache
from core.photos.store import PhotoStore
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import TEMPORARY_PREFIX, ensure_free_space, translating_disk_errors, write_atomically

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made, and how."""

    row: ExportFormat
    kit: Kit
    find_model: Callable[[], ModelFile]  # called once there is room for it
    is_at_once: bool = False  # whether somebody waits, so that few photos have to do


class ExportMaker:
    """Makes exports of one run's model; what all formats share is made once, when it is first needed."""

    def __init__(
        self,
        run_id: int,
        *,
        settings: Settings,
        database: Database,
        classifiers: ClassifierCache,
        max_photos: int,
        check_cancelled: Callable[[], None],
    ) -> None:
        """Read what is known of the model.

        Args:
            run_id: of a finished run.
            settings: folders and limits.
            database: of the workspace.
            classifiers: where the model answers as the Classify page has it answer.
            max_photos: that exports are proven on.
            check_cancelled: called often; raises to stop.

        Raises:
            UnknownRunError: no such run.
            RunFileError: a file of the run is missing or damaged.
            StorageError: a file cannot be read.
        """
        self._run_id = run_id
        self._settings = settings
        self._database = database
        self._runs = RunLibrary(database)
        self._classifiers = classifiers
        self._max_photos = max_photos
        self._check_cancelled = check_cancelled
        self._folder = RunFolder(settings, run_id)
        self._store = PhotoStore.of(settings)
        # Before the rest is read: what is chosen meanwhile makes the export outdated, not wrong.
        view = self._runs.get_run(run_id)
        self._keys = {runtime: export_key(self._folder, runtime, view.name) for runtime in Runtime}
        self.facts = read_facts(view, self._folder, database)

    def put_together(self, order: Order, report: Report) -> ExportRecord:
        """Make an export, in place of an older one.

        One that answers otherwise than its format promises is thrown away: its record says so, and there is no zip.

        Args:
            order: what is to be made.
            report: called with the fraction done, 0-1, and a sentence.

        Raises:
            ParityError: the sample program failed.
            UnknownRunError: the run was deleted meanwhile.
            TrainingDataError: photos of the run are not known any more.
            NoSpaceError: the disk is full.
            StorageError: a file cannot be read or written.
        """
        started = time.monotonic()
        self._check()
        row, kit = order.row, order.kit
        with self._leaving_nothing_of_a_deleted_run(), self._draft() as draft:
            report(0.02, "Putting the model together")
            material = self._material(order, report)
            report(_PREVIEWED, f"Writing it for {row.title}")
            self._check()
            kit.write(material, row, draft)
            proven = kit.prove(material, row, draft, watch=self._watch(report))
            record = ExportRecord(
                proven=proven,
                made_from=self._keys[row.runtime],
                artefact_bytes=_num_bytes(draft / row.artefact),
                zip_bytes=0,
                zip_sha256="",
                seconds=time.monotonic() - started,
                is_made_at_once=order.is_at_once,
            )
            if record.refusal(row) is not None:
                remove_export(self._folder, row)
                self._folder.write_json(record_path(self._folder, row), record.to_json())
            else:
                figures = proven.figures(record.promise_of(row))
                (draft / "certificate.json").write_text(json_text(figures), "utf-8")
                (draft / CARD_NAME).write_text(model_card(row, self.facts, proven), "utf-8")
                kit.add_samples(material, draft)
                record = self._publish(row, draft, record)
            self._folder.keep()
        report(1.0, "Done")
        return record

    def _material(self, order: Order, report: Report) -> Material:
        model = order.find_model()
        report(_ASSEMBLED, "Asking the model as the Classify page does")
        return Material(
            facts=self.facts,
            folder=self._folder,
            settings=self._settings,
            model=model,
            photos=self.proof_photos,
            preview=self.preview,
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
    def proof_photos(self) -> ProofPhotos:
        """The photos that every format is proven on."""
        return choose_proof_photos(self.facts.snapshot, self._database, self._store, most=self._max_photos)

    @cached_property
    def preview(self) -> Preview:
        """What the Classify page says to them."""
        classifier = self._classifiers.get_trained(self._run_id)
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


def _num_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(each.stat().st_size for each in files if each.is_file())
