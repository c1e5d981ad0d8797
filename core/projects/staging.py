"""The files of a project on their way: written beside the places where they will be, and looked at until all are right.

Every draft has a temporary name with the key of its project, so that an attempt which was killed is cleared up by the
next one, or by the sweeps that delete drafts of any kind.
"""

import contextlib
import hashlib
import io
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from core.actions.files import check_file, read_actions
from core.backbones.artefacts import (
    MODEL_FILE,
    Artefact,
    ArtefactRecord,
    artefact_place,
    keep_artefact,
    open_artefact,
    write_record,
)
from core.config import HUB_PREFIX
from core.errors import ActionError, ArtefactDamagedError, ArtefactMissingError, BluetitError, ImageError, ProjectError
from core.inference.head import read_head
from core.inference.trained_model import read_model_record
from core.photos.decode import decode_image
from core.photos.record import PhotoRecord
from core.photos.rendering import Rendering
from core.photos.store import PhotoStore
from core.projects.checking import CheckedProject
from core.projects.json_text import parse_json
from core.projects.layout import CHECKPOINT, NETWORK_MODEL, NETWORK_RECORD, RUN_FILES, PhotoRow, network_path, run_path
from core.projects.model_files import NetworkShape, check_arrays, try_network
from core.runs.folder import RunFolder, runs_path
from core.runs.model_record import ModelRecord
from core.settings import Settings
from core.storage.files import TEMPORARY_PREFIX, publish_directory, translating_disk_errors
from core.storage.store import NO_STORE

_ARTEFACT_NAME = re.compile(r"[A-Za-z0-9_-]{1,120}")
_FINGERPRINT_DIGITS = 16  # as a training writes it
_NETWORK_DIGITS = 32
_UNKNOWN_NETWORK = "unknown"  # no network is called so
_SMALLEST_SIDE_PX = 32  # a JPEG is decoded no larger than is needed to see that it can be
_SIGNATURES = {".jpg": b"\xff\xd8", ".png": b"\x89PNG\r\n\x1a\n"}


class Staging:
    """The drafts of one project."""

    def __init__(self, settings: Settings, key: str) -> None:
        """Make a place for drafts.

        Args:
            settings: where everything is.
            key: of the project, hexadecimal; another one for each that is brought in.
        """
        self._settings = settings
        self._prefix = f"{TEMPORARY_PREFIX}{key}-"
        self._store = PhotoStore.of(settings)
        self._networks_path = settings.cache_path / "backbones"
        self._shapes: dict[str, NetworkShape] = {}  # by network, as the next
        self._names: dict[str, str] = {}  # of the folders in which prepared networks are

    def clear(self) -> None:
        """Delete all drafts; what is in use, on Windows, is left to the sweeps."""
        for folder, pattern in (
            (self._settings.photos_path, f"??/{self._prefix}*"),
            (runs_path(self._settings), f"{self._prefix}*"),
            (self._networks_path, f"{self._prefix}*"),
        ):
            for draft in folder.glob(pattern):
                with contextlib.suppress(OSError):
                    shutil.rmtree(draft) if draft.is_dir() else draft.unlink(missing_ok=True)

    # --- photos -------------------------------------------------------------------------------------------

    def stage_photo(self, project: CheckedProject, row: PhotoRow) -> None:
        """Write a photo that is not in the store yet, once it is one.

        Raises:
            ProjectError: its bytes do not fit its name, or are no photo as Bluetit stores them.
            StorageError: the disk failed, or is full.
        """
        data = project.file.read(row.path)  # compared with its hash
        _check_photo(data, row, project)
        final = self._store.path(row.hash, row.suffix)
        if not _has_size(final, len(data)):
            draft = self._draft_of(final)
            with translating_disk_errors(draft.parent):
                draft.parent.mkdir(parents=True, exist_ok=True)
                draft.write_bytes(data)

    def publish_photo(self, row: PhotoRow) -> None:
        """Move a photo to its place; one that is in the store already counts as new.

        Raises:
            StorageError: the disk failed.
        """
        final = self._store.path(row.hash, row.suffix)
        draft = self._draft_of(final)
        with translating_disk_errors(final.parent):
            if draft.is_file():
                draft.replace(final)
            elif self._store.has(row.hash, row.suffix):  # which brings it, where it went for room meanwhile
                final.touch()

    def keep_photos(self, photos: Iterable[PhotoRecord]) -> None:
        """Send published photos to the object store, if there is one.

        Raises:
            StorageError: they cannot be sent.
        """
        self._store.keep(photos)

    def _draft_of(self, final: Path) -> Path:
        return final.with_name(f"{self._prefix}{final.name}")

    # --- networks -----------------------------------------------------------------------------------------

    def stage_network(self, project: CheckedProject, network: str) -> None:
        """Write the prepared network below some heads, unless it is here already, and try it out.

        Raises:
            ProjectError: it is no network that can be loaded.
            StorageError: the disk failed, or is full.
        """
        record = project.file.read_record(network_path(network, NETWORK_RECORD), ArtefactRecord)
        what = f"A network of “{project.file.name}”"
        stem = "hub" if record.backbone.startswith(HUB_PREFIX) else record.backbone
        for name in (f"{stem}-{record.fingerprint}", _network_name(network)):
            known = self._find_network(name, network)
            if known is not None:
                self._shapes[network], self._names[network] = try_network(known.model_path, what), name
                return
        self._names[network] = _network_name(network)
        folder = self._networks_path / f"{self._prefix}{_network_name(network)}"
        with translating_disk_errors(folder):
            folder.mkdir(parents=True)
            _write(folder / MODEL_FILE, project.file.chunks(network_path(network, NETWORK_MODEL)))
        if project.file.checksum(network_path(network, NETWORK_MODEL)) != network:
            raise project.file.damaged(f"the network {network[:12]} is not what its name says")
        shape = self._shapes[network] = try_network(folder / MODEL_FILE, what)
        # What else was prepared beside it over there is for ImageNet's classes, and stays there.
        kept = replace(
            record,
            fingerprint=network[:_NETWORK_DIGITS],
            image_size=shape.image_size,
            has_linear_head=False,
            file_sha256={MODEL_FILE: network},
        )
        with translating_disk_errors(folder):
            write_record(kept, folder)

    def publish_network(self, network: str) -> None:
        """Move a network to its place.

        Raises:
            StorageError: the disk failed.
        """
        folder = self._networks_path / f"{self._prefix}{_network_name(network)}"
        if folder.is_dir():
            final = self._networks_path / _network_name(network)
            shutil.rmtree(final, ignore_errors=True)  # a damaged one, or it would have been taken
            publish_directory(folder, final)
            keep_artefact(final, self._settings)

    def _find_network(self, name: str, network: str) -> Artefact | None:
        """The prepared network of this name, where it is the same file."""
        if not _ARTEFACT_NAME.fullmatch(name):
            return None
        try:
            artefact = open_artefact(artefact_place(name, self._settings))
        except (ArtefactMissingError, ArtefactDamagedError):
            return None
        return artefact if artefact.record.file_sha256.get(MODEL_FILE) == network else None

    # --- runs ---------------------------------------------------------------------------------------------

    def stage_run(self, project: CheckedProject, number: int) -> list[str]:
        """Write the files of a run, and look at each.

        Args:
            project: with its networks staged.
            number: of the run in it, from 1.

        Returns:
            Sentences for people on what is not there.

        Raises:
            ProjectError: a file is not what Bluetit writes.
            StorageError: the disk failed, or is full.
        """
        folder, run = self.run_draft(number), project.runs[number - 1].run
        checkpoints = folder / "checkpoints"
        with translating_disk_errors(folder):
            checkpoints.mkdir(parents=True)
        for name in RUN_FILES:
            entry = run_path(number, f"files/{name}")
            if not project.file.has(entry):
                continue
            path = checkpoints / "last.npz" if name == CHECKPOINT else folder / name
            with translating_disk_errors(path):
                _write(path, project.file.chunks(entry))
            what = f"{name} of the run “{run.name}” in “{project.file.name}”"
            if name.endswith(".npz"):
                check_arrays(path, what)
            elif name.endswith(".json"):
                _check_json(path, what)
        self._stage_reactions(project, number)
        return [] if run.outcome is None else self._check_model(project, number)

    def _stage_reactions(self, project: CheckedProject, number: int) -> None:
        """Write what is shown and heard when the model of a run sees a class, and look at each."""
        folder = _DraftFolder(self._settings, self.run_draft(number))
        try:
            for name in read_actions(folder).files:
                path, entry = folder.path / name, run_path(number, f"files/{name}")
                with translating_disk_errors(path):
                    _write(path, project.file.chunks(entry))
                check_file(path)
        except ActionError as exc:
            raise ProjectError(
                f"The reactions of the run “{project.runs[number - 1].run.name}” in “{project.file.name}” cannot be "
                f"used, so nothing was brought in. {exc}"
            ) from exc

    def run_draft(self, number: int) -> Path:
        """The folder of a run until it has a number of this workspace."""
        return runs_path(self._settings) / f"{self._prefix}{number}"

    def _check_model(self, project: CheckedProject, number: int) -> list[str]:
        each, folder = project.runs[number - 1], _DraftFolder(self._settings, self.run_draft(number))
        lost = [
            f"The model of the run “{each.run.name}” did not come along; its results did. Train it again to use it."
        ]
        if not folder.model_record_path.is_file():
            return lost
        try:
            record = read_model_record(folder)
            if record.rendering is not None:
                Rendering.from_json(record.rendering)
            content, _ = project.read_snapshot(each.run.snapshot_hash)
            if record.class_names != content.class_names:
                raise ProjectError("Its model has other classes than its photos.")
            if record.artefact is None:
                is_whole = self._check_own(folder, record)
            else:
                is_whole = self._check_head(folder, record, each.network)
        except BluetitError as exc:
            raise ProjectError(
                f"The model of the run “{each.run.name}” in “{project.file.name}” cannot be used, so nothing was "
                f"brought in. {exc}"
            ) from exc
        if not is_whole:
            return lost
        self._settle(folder, record, each.network)
        return []

    def _check_own(self, folder: RunFolder, record: ModelRecord) -> bool:
        """Whether a model that is one LiteRT file is there; one that does not fit its description is refused."""
        if not folder.litert_path.is_file():
            return False
        shape = try_network(folder.litert_path, "Its model")
        if shape.image_size != record.image_size or shape.num_classes != len(record.class_names):
            raise ProjectError("Its LiteRT file takes other photos, or has other classes, than its description says.")
        return True

    def _check_head(self, folder: RunFolder, record: ModelRecord, network: str | None) -> bool:
        """The same of a head and the network below it."""
        if not folder.head_path.is_file():
            return False
        head = read_head(folder.head_path)
        if network is None:
            # What answers then is a network that is prepared here, or the whole model in one file.
            return self._check_own(folder, record) if folder.litert_path.is_file() else True
        shape = self._shapes[network]
        is_fitting = shape.image_size == record.image_size and shape.num_features == head.num_features
        if not is_fitting or head.num_classes != len(record.class_names):
            raise ProjectError("Its head does not fit the network that it came with.")
        return True

    def _settle(self, folder: RunFolder, record: ModelRecord, network: str | None) -> None:
        """Name what a model is made of by what it is, and never by what a stranger calls it.

        Features and answers are kept under these names: one that is another network's would put wrong ones in the
        place of its own.
        """
        path = folder.litert_path if record.artefact is None else folder.head_path
        settled = replace(record, fingerprint=_sha256(path)[:_FINGERPRINT_DIGITS])
        if record.artefact is not None:
            named = record.artefact if _ARTEFACT_NAME.fullmatch(record.artefact) else _UNKNOWN_NETWORK
            settled = replace(settled, artefact=named if network is None else self._names[network])
        folder.write_json(folder.model_record_path, settled.to_json())


class _DraftFolder(RunFolder):
    """The folder of a run that has no number yet."""

    def __init__(self, settings: Settings, path: Path) -> None:
        super().__init__(settings, 0)
        self.path = path
        self._store = NO_STORE  # nobody else knows of it


def _network_name(network: str) -> str:
    """The folder of a network from elsewhere: no network that is prepared here is called so."""
    return f"imported-{network[:_NETWORK_DIGITS]}"


def _check_photo(data: bytes, row: PhotoRow, project: CheckedProject) -> None:
    is_right = len(data) == row.num_bytes and data.startswith(_SIGNATURES[row.suffix])
    try:
        if is_right:
            image = decode_image(data, row.path, shortest_side_px=_SMALLEST_SIDE_PX)
            with Image.open(io.BytesIO(data)) as opened:
                is_right = opened.size == (row.width, row.height) and image.width > 0
    except (ImageError, OSError) as exc:
        raise project.file.damaged(f"{row.path} is no photo that can be shown") from exc
    if not is_right:
        raise project.file.damaged(f"{row.path} is not the photo that its table describes")


def _check_json(path: Path, what: str) -> None:
    try:
        parse_json(path.read_bytes())
    except ValueError as exc:
        raise ProjectError(f"{what} is no JSON that Bluetit writes. Nothing was brought in.") from exc


def _has_size(path: Path, num_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == num_bytes


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
