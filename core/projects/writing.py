"""A project is written: tables as one transaction sees them, then photos and models, one piece in memory at a time."""

import hashlib
import json
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actions.files import read_actions
from core.backbones.artefacts import MODEL_FILE, Artefact, artefact_place, open_artefact
from core.datasets.shelves.rows import chunked, unknown_dataset
from core.datasets.shelves.whole_dataset import read_whole_dataset, read_whole_images
from core.datasets.snapshots import load_snapshot_in
from core.errors import (
    ArtefactDamagedError,
    ArtefactMissingError,
    DatasetError,
    ProjectError,
    RunFileError,
    UnknownDatasetError,
)
from core.inference.trained_model import read_model_record
from core.photos.store import PhotoStore
from core.projects.layout import (
    CHECKPOINT,
    CHECKSUMS,
    DATASET,
    FORMAT_VERSION,
    FORMAT_WITHOUT_REACTIONS,
    IMAGES,
    MAX_JSON_BYTES,
    MAX_RUNS,
    NETWORK_MODEL,
    NETWORK_RECORD,
    PHOTOS,
    RUN_FILES,
    SUMMARY,
    PhotoRow,
    ProjectRun,
    ProjectSummary,
    RunSummary,
    SnapshotContent,
    SnapshotRow,
    app_version,
    network_path,
    run_path,
    snapshot_path,
    to_line,
)
from core.records import Record
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.runs.rows import run_view
from core.runs.story import Outcome
from core.runs.whole_run import WholeRun, read_events
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import ensure_free_space, translating_disk_errors, write_atomically
from core.storage.schema import Dataset, Photo

Report = Callable[[float | None, str], None]

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold
_PIECE_BYTES = 256 * 1024
_ZIP_OVERHEAD = 1.02
_PACKED = (".json", ".jsonl")  # photos and numbers would not become smaller
_ROOM_BYTES = 1_000_000


@dataclass(slots=True, kw_only=True)
class _Tables:
    """What the database says of a project, at one moment; the long tables are files of a temporary folder."""

    summary: ProjectSummary
    photos: list[tuple[str, str, int]]  # hash, ending, bytes
    files: dict[str, Path] = field(default_factory=dict)  # entry to the file that it is made from
    networks: dict[str, Artefact] = field(default_factory=dict)  # by the SHA-256 of their model


def can_travel(view: RunView) -> bool:
    """Whether a run can be taken along: one that is done, or that can go on."""
    return view.trashed_at is None and (_is_done(view) or view.can_go_on)


def write_project(
    database: Database,
    settings: Settings,
    dataset_id: int,
    run_ids: Sequence[int],
    target: Path,
    *,
    report: Report = lambda *_: None,
) -> None:
    """Write a dataset and some of its runs as a project file.

    Args:
        database: has the dataset and the runs.
        settings: where photos, runs and networks are.
        dataset_id: of a dataset out of the trash, whose own trash stays behind.
        run_ids: of runs that can travel.
        target: the file; it appears whole or not at all.
        report: told the fraction done, 0-1, and a sentence before each photo; what it raises ends the writing.

    Raises:
        UnknownDatasetError: no such dataset.
        UnknownRunError: no such run.
        ProjectError: a run waits or runs, or was deleted meanwhile.
        DatasetError: a photo is damaged.
        NoSpaceError: the disk is full, or would be.
    """
    if len(run_ids) > MAX_RUNS:
        raise ProjectError(f"{len(run_ids):,} runs were chosen; a project takes {MAX_RUNS:,}.")
    with translating_disk_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-", ignore_cleanup_errors=True) as folder:
            with database.read_session() as session:
                tables = _read_tables(session, settings, dataset_id, run_ids, Path(folder))
            num_bytes = sum(path.stat().st_size for path in tables.files.values()) + tables.summary.num_bytes
            ensure_free_space(target.parent, round(num_bytes * _ZIP_OVERHEAD) + _ROOM_BYTES)
            with write_atomically(target) as draft, zipfile.ZipFile(draft, "w") as archive:
                _pack(archive, tables, PhotoStore.of(settings), report)
    report(1.0, "The project is packed")


# --- what the database says -------------------------------------------------------------------------------


def _read_tables(
    session: Session, settings: Settings, dataset_id: int, run_ids: Sequence[int], folder: Path
) -> _Tables:
    dataset = session.get(Dataset, dataset_id)
    if dataset is None:
        raise unknown_dataset(dataset_id)
    if dataset.trashed_at is not None:
        raise UnknownDatasetError(f"The dataset “{dataset.name}” was deleted. Restore it first.")
    whole, classes, captures = read_whole_dataset(session, dataset)
    counts, hashes, num_marked = Counter[int](), set[str](), 0
    images = read_whole_images(session, dataset, classes=classes, captures=captures)
    with (folder / IMAGES).open("wb") as file:
        for image in images:
            counts[image.class_index] += 1
            hashes.add(image.photo_hash)
            num_marked += image.review is not None
            file.write(to_line(image))
    # The oldest first: what a run goes on from comes before it.
    views = [_travelling(run_view(session, run_id)) for run_id in sorted(set(run_ids))]
    files = {DATASET: _write_json(folder / DATASET, whole), IMAGES: folder / IMAGES}
    for snapshot_hash in sorted({view.snapshot_hash for view in views}):
        files[snapshot_path(snapshot_hash)] = _write_snapshot(session, snapshot_hash, folder, hashes)
    photos = _write_photos(session, hashes, folder / PHOTOS)
    files[PHOTOS] = folder / PHOTOS
    summary = ProjectSummary(
        format=_format_of(settings, views),
        made_by=app_version(),
        made_at=time.time(),
        dataset_name=whole.name,
        class_counts={name: counts[index] for index, name in enumerate(whole.class_names)},
        num_marked=num_marked,
        num_photos=len(photos),
        num_bytes=sum(num_bytes for _, _, num_bytes in photos),
        runs=tuple(map(_summarise, views)),
    )
    tables = _Tables(summary=summary, photos=photos, files=files)
    for number, view in enumerate(views, 1):
        _add_run(session, tables, settings, views, number, view, folder)
    return tables


def _format_of(settings: Settings, views: Sequence[RunView]) -> int:
    has_reactions = any(RunFolder(settings, view.id).actions_path.is_file() for view in views)
    return FORMAT_VERSION if has_reactions else FORMAT_WITHOUT_REACTIONS


def _travelling(view: RunView) -> RunView:
    if not can_travel(view):
        raise ProjectError(
            f"The run “{view.name}” is {view.status} or in the trash; only one that is done, or that can go on, can be "
            "taken along. Wait until it has ended."
        )
    return view


def _is_done(view: RunView) -> bool:
    return view.status is RunStatus.DONE and view.outcome is not None


def _summarise(view: RunView) -> RunSummary:
    score = None
    if _is_done(view):
        outcome = Outcome.from_json(view.outcome)
        score = outcome.test_score or outcome.validation_score
    return RunSummary(
        name=view.name,
        backbone=str(view.config_values.get("backbone", "")),
        is_done=_is_done(view),
        num_correct=None if score is None else score.num_correct,
        num_judged=None if score is None else score.num_photos,
    )


def _write_snapshot(session: Session, snapshot_hash: str, folder: Path, hashes: set[str]) -> Path:
    snapshot = load_snapshot_in(session, snapshot_hash)
    hashes |= {image.photo_hash for image in snapshot.images}
    content = SnapshotContent(
        dataset_name=snapshot.dataset_name,
        class_names=snapshot.class_names,
        images=tuple(
            SnapshotRow(class_index=image.class_index, split=image.split, photo_hash=image.photo_hash)
            for image in snapshot.images
        ),
    )
    return _write_json(folder / f"{snapshot_hash}.json", content)


def _write_photos(session: Session, hashes: set[str], path: Path) -> list[tuple[str, str, int]]:
    photos = []
    with path.open("wb") as file:
        for chunk in chunked(sorted(hashes)):
            for photo in session.scalars(select(Photo).where(Photo.hash.in_(chunk)).order_by(Photo.hash)):
                row = PhotoRow(**{name: getattr(photo, name) for name in PhotoRow.__slots__})
                file.write(to_line(row))
                photos.append((row.hash, row.suffix, row.num_bytes))
            session.expunge_all()  # what was read is not kept until the end
    return photos


def _add_run(
    session: Session,
    tables: _Tables,
    settings: Settings,
    views: Sequence[RunView],
    number: int,
    view: RunView,
    folder: Path,
) -> None:
    run_folder = RunFolder(settings, view.id)
    numbers = {other.id: other_number for other_number, other in enumerate(views, 1)}
    network = _find_network(run_folder, settings) if _is_done(view) else None
    for name in RUN_FILES:
        path = run_folder.file("checkpoints/last.npz" if name == CHECKPOINT else name)
        # Backbone and head in one file: made for those who take it away, and not needed beside the two.
        is_needed = not _is_done(view) if name == CHECKPOINT else name != "model.tflite" or network is None
        if is_needed and path.is_file():
            tables.files[run_path(number, f"files/{name}")] = path
    for name in read_actions(run_folder).files:
        tables.files[run_path(number, f"files/{name}")] = run_folder.file(name)
    if network is not None:
        digest = network.record.file_sha256[MODEL_FILE]
        tables.networks[digest] = network
        tables.files[network_path(digest, NETWORK_MODEL)] = network.model_path
        tables.files[network_path(digest, NETWORK_RECORD)] = network.folder / NETWORK_RECORD
    record = ProjectRun(
        run=WholeRun.of(view),
        parent=numbers.get(view.parent_id) if view.parent_id is not None else None,
        network=None if network is None else network.record.file_sha256[MODEL_FILE],
    )
    tables.files[run_path(number, "run.json")] = _write_json(folder / f"run-{number}.json", record)
    events = folder / f"events-{number}.jsonl"
    with events.open("wb") as file:
        file.writelines(map(to_line, read_events(session, view.id)))
    tables.files[run_path(number, "events.jsonl")] = events


def _find_network(folder: RunFolder, settings: Settings) -> Artefact | None:
    """The prepared network that a model's head was trained on; None where it needs none, or it is not here any more."""
    try:
        record = read_model_record(folder)
        return None if record.artefact is None else open_artefact(artefact_place(record.artefact, settings))
    except (RunFileError, ArtefactMissingError, ArtefactDamagedError):
        return None


def _write_json(path: Path, record: Record) -> Path:
    path.write_bytes(json.dumps(record.to_json(), allow_nan=False, separators=(",", ":")).encode())
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ProjectError(f"There is too much to tell of {path.stem} for one project. Choose fewer runs.")
    return path


# --- the file ---------------------------------------------------------------------------------------------


def _pack(archive: zipfile.ZipFile, tables: _Tables, store: PhotoStore, report: Report) -> None:
    checksums = {SUMMARY: _add(archive, SUMMARY, [json.dumps(tables.summary.to_json(), indent=1).encode()])}
    num_files = len(tables.files) + len(tables.photos)
    for number, (name, path) in enumerate(tables.files.items()):
        report(number / num_files, f"Packing {name.rpartition('/')[2]}")
        checksums[name] = _add_file(archive, name, path)
    for number, (photo_hash, suffix, _) in enumerate(tables.photos):
        report((len(tables.files) + number) / num_files, f"Packing photo {number + 1:,} of {len(tables.photos):,}")
        _add(archive, f"photos/{photo_hash[:2]}/{photo_hash}{suffix}", [_read_photo(store, photo_hash, suffix)])
    _add(archive, CHECKSUMS, [json.dumps(checksums, indent=1).encode()])


def _read_photo(store: PhotoStore, photo_hash: str, suffix: str) -> bytes:
    try:
        return store.read(photo_hash, suffix)
    except DatasetError as exc:
        raise DatasetError(f"The project cannot be packed. {exc} Or move the photo to the trash.") from exc


def _add_file(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _add(archive, name, _pieces(file), num_bytes=path.stat().st_size)
    except FileNotFoundError as exc:
        raise ProjectError(f"{path.name} was deleted while the project was packed. Try again.") from exc


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes], *, num_bytes: int = 0) -> str:
    """Add an entry, and give its SHA-256."""
    entry = zipfile.ZipInfo(name, _FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    entry.file_size = num_bytes  # by which it is known whether 32 bits are enough
    digest = hashlib.sha256()
    with archive.open(entry, "w") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()
