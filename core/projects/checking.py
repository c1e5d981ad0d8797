"""What a project file says, checked from its first table to its last before anything of it is kept."""

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.actions.records import Actions
from core.backbones.catalog import find_backbone
from core.config import HUB_PREFIX, SCRATCH, TrainConfig
from core.datasets.records import Split
from core.datasets.shelves.whole_dataset import WholeDataset, WholeImage
from core.datasets.snapshots import hash_snapshot, snapshot_order
from core.errors import BluetitError, ConfigError, ProjectError, RecordError, UnknownBackboneError
from core.names import clean_names
from core.photos.measurements import MEASURES
from core.photos.rendering import Rendering
from core.photos.store import MAX_SIDE_PX
from core.projects.layout import (
    ACTIONS,
    CHECKSUMS,
    DATASET,
    IMAGES,
    NETWORK_MODEL,
    NETWORK_RECORD,
    PHOTOS,
    RUN_FILES,
    SUMMARY,
    PhotoRow,
    ProjectRun,
    SnapshotContent,
    is_hash,
    network_path,
    run_path,
    snapshot_path,
)
from core.projects.project_file import ProjectFile
from core.recipes import RECIPES
from core.runs.whole_run import WholeEvent
from core.settings import Settings
from core.storage.column_values import LARGEST_NUMBER, is_moment

_PERCEPTUAL_HASH = re.compile("[0-9a-f]{16}")
_SUFFIXES = (".jpg", ".png")
_MAX_IMAGES_PER_PHOTO = 10  # a photo may be in several classes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProject:
    """A project whose tables fit together; its long tables are read again when they are needed."""

    file: ProjectFile
    dataset: WholeDataset
    num_images: int
    num_photos: int
    runs: tuple[ProjectRun, ...]  # number 1 first; what a run goes on from comes before it
    notes: tuple[str, ...]  # sentences for people: what is not as it was

    @property
    def snapshots(self) -> list[str]:
        """The hashes of what its runs learned from."""
        return sorted({each.run.snapshot_hash for each in self.runs})

    @property
    def networks(self) -> list[str]:
        """The prepared networks that it brings."""
        return sorted({each.network for each in self.runs if each.network is not None})

    def photos(self) -> Iterator[PhotoRow]:
        """The photos, with as much of what was measured on them as can be believed."""
        return self.file.read_lines(PHOTOS, PhotoRow)

    def images(self) -> Iterator[WholeImage]:
        """The images of the dataset."""
        return self.file.read_lines(IMAGES, WholeImage)

    def events(self, number: int) -> Iterator[WholeEvent]:
        """What a run has told."""
        return self.file.read_lines(run_path(number, "events.jsonl"), WholeEvent)

    def read_snapshot(self, snapshot_hash: str) -> tuple[SnapshotContent, list[tuple[str, str | None, str]]]:
        """A snapshot, and its rows (class name, split, photo hash)."""
        content = self.file.read_record(snapshot_path(snapshot_hash), SnapshotContent)
        rows = [(content.class_names[row.class_index], row.split, row.photo_hash) for row in content.images]
        return content, rows


def check_project(file: ProjectFile, settings: Settings) -> CheckedProject:
    """Read all tables of a project and make sure that they belong together and that nothing is missing.

    Args:
        file: the open project.
        settings: limits.

    Raises:
        ProjectError: what is wrong or missing; nothing was kept.
    """
    summary = file.read_summary()
    with _telling(file):
        dataset = file.read_record(DATASET, WholeDataset)
        dataset.check()
        expected, hashes = _check_photos(file, settings)
        num_images = _check_images(file, dataset, hashes, settings)
        runs = tuple(_check_run(file, number) for number in range(1, len(summary.runs) + 1))
        for snapshot_hash in {each.run.snapshot_hash for each in runs}:
            _check_snapshot(file, snapshot_hash, hashes)
            expected.append(snapshot_path(snapshot_hash))
    expected += _expected_of_runs(runs)
    _check_entries(file, expected, len(runs))
    checked = CheckedProject(
        file=file,
        dataset=dataset,
        num_images=num_images,
        num_photos=len(hashes),
        runs=runs,
        notes=tuple(note for each in runs for note in _notes_on(each)),
    )
    for number in range(1, len(runs) + 1):
        with _telling(file):
            _check_events(checked, number)
    return checked


@contextmanager
def _telling(file: ProjectFile) -> Iterator[None]:
    """Say of what is no record of Bluetit which file it is in."""
    try:
        yield
    except ProjectError:
        raise
    except BluetitError as exc:
        raise file.damaged(str(exc).rstrip(".")) from exc


def _check_photos(file: ProjectFile, settings: Settings) -> tuple[list[str], set[str]]:
    """The entries of the photos, and their hashes."""
    paths, hashes = [], set[str]()
    for row in file.read_lines(PHOTOS, PhotoRow):
        sides = (row.width, row.height, row.original_width, row.original_height)
        is_possible = is_hash(row.hash) and row.suffix in _SUFFIXES and min(sides) > 0 and row.num_bytes > 0
        if not is_possible or max(sides) > LARGEST_NUMBER or max(sides[:2]) > MAX_SIDE_PX or row.hash in hashes:
            raise file.damaged(f"{PHOTOS} lists a photo that cannot be, or one twice")
        hashes.add(row.hash)
        paths.append(row.path)
        if len(hashes) > settings.max_import_photos:
            raise ProjectError(
                f"“{file.name}” has more than {settings.max_import_photos:,} photos, the most that are brought in at "
                "once. An administrator can raise BLUETIT_MAX_IMPORT_PHOTOS."
            )
    return paths, hashes


def _check_images(file: ProjectFile, dataset: WholeDataset, hashes: set[str], settings: Settings) -> int:
    number = 0
    for image in file.read_lines(IMAGES, WholeImage):
        image.check(dataset)
        if image.photo_hash not in hashes:
            raise file.damaged(f"{IMAGES} names a photo that is not in {PHOTOS}")
        number += 1
        if number > _MAX_IMAGES_PER_PHOTO * settings.max_import_photos:
            raise file.damaged("it has more images than any dataset")
    return number


def _check_run(file: ProjectFile, number: int) -> ProjectRun:
    project_run = file.read_record(run_path(number, "run.json"), ProjectRun)
    project_run.run.check()
    parent, network = project_run.parent, project_run.network
    if not (is_hash(project_run.run.snapshot_hash) and (parent is None or 1 <= parent < number)):
        raise file.damaged(
            f"the run “{project_run.run.name}” has no snapshot, or goes on from one that is not before it"
        )
    if network is not None and not is_hash(network):
        raise file.damaged(f"the network of the run “{project_run.run.name}” has no name")
    return project_run


def _check_snapshot(file: ProjectFile, snapshot_hash: str, hashes: set[str]) -> None:
    """A snapshot must be what its name says, and what `take_snapshot` could have taken."""
    content = file.read_record(snapshot_path(snapshot_hash), SnapshotContent)
    names, rows = content.class_names, []
    for row in content.images:
        is_known = 0 <= row.class_index < len(names) and row.split in (*Split, None) and row.photo_hash in hashes
        if not is_known:
            raise file.damaged(f"the snapshot {snapshot_hash[:12]} has a photo, class or split that is not there")
        rows.append((names[row.class_index], row.split, row.photo_hash))
    is_ordered = list(names) == sorted({name for name, _, _ in rows}) and rows == sorted(rows, key=snapshot_order)
    if not is_ordered or hash_snapshot(names, rows) != snapshot_hash:
        raise file.damaged(f"the snapshot {snapshot_hash[:12]} is not the one that its runs learned from")
    if clean_names(names, "class") != list(names):
        raise file.damaged(f"the snapshot {snapshot_hash[:12]} has classes with names that no class has")


def _check_events(project: CheckedProject, number: int) -> None:
    run, last = project.runs[number - 1].run, 0
    for event in project.events(number):
        event.check()
        if not last < event.sequence <= run.last_sequence or not is_moment(event.created_at):
            raise RecordError(f"The events of the run “{run.name}” are not in order.")
        last = event.sequence


def _expected_of_runs(runs: Iterable[ProjectRun]) -> list[str]:
    paths = []
    for number, each in enumerate(runs, 1):
        paths += [run_path(number, "run.json"), run_path(number, "events.jsonl")]
        if each.network is not None:
            paths += [network_path(each.network, name) for name in (NETWORK_MODEL, NETWORK_RECORD)]
    return paths


def _check_entries(file: ProjectFile, expected: list[str], num_runs: int) -> None:
    """Everything that the tables name is there, and so is nothing else."""
    paths = set(file.paths)
    names = {SUMMARY, DATASET, IMAGES, PHOTOS, CHECKSUMS, *expected}
    missing = sorted(names - paths)
    if missing:
        raise file.missing(missing)
    numbers = range(1, num_runs + 1)
    of_runs = {run_path(number, f"files/{name}") for number in numbers for name in RUN_FILES}
    of_runs |= {run_path(number, f"files/{name}") for number in numbers for name in _action_files(file, number)}
    # The list of checksums names every file of a run: one that was taken out is missed.
    listed = set(file.listed_paths)
    unknown = sorted(paths - names - of_runs)
    if unknown:
        raise file.damaged(f"it holds {unknown[0]}, of which its tables know nothing")
    lost = sorted(listed - paths)
    if lost:
        raise file.missing(lost)


def _action_files(file: ProjectFile, number: int) -> tuple[str, ...]:
    """What is shown and heard when the model of a run sees a class."""
    path = run_path(number, f"files/{ACTIONS}")
    return file.read_record(path, Actions).files if file.has(path) else ()


def believable_measurements(values: dict[str, Any]) -> dict[str, Any]:
    """What was measured on a photo, where all of it is of the right kind; nothing else: then it is measured again."""
    is_counted = isinstance(values.get("version"), int) and not isinstance(values.get("version"), bool)
    if not is_counted or not all(_is_measure(name, values.get(name)) for name in MEASURES):
        return {}
    size = values.get("original_size")
    if not (isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)):
        return {}
    kept = {"version": values["version"], "original_size": size, **{name: values[name] for name in MEASURES}}
    if "rendering" in values:
        try:
            kept["rendering"] = Rendering.from_json(values["rendering"]).to_json()
        except RecordError:
            return {}
    return kept


def _is_measure(name: str, value: Any) -> bool:
    if name.startswith("phash"):
        return isinstance(value, str) and _PERCEPTUAL_HASH.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _notes_on(project_run: ProjectRun) -> list[str]:
    """What this Bluetit does not know of a run, in sentences for people."""
    run, notes = project_run.run, []
    try:
        backbone = TrainConfig.from_json(run.config).backbone
    except ConfigError:
        return [
            f"The run “{run.name}” has settings of another version of Bluetit: its results can be seen, but it cannot "
            "be trained again here."
        ]
    if backbone.startswith(HUB_PREFIX):
        notes.append(
            f"The run “{run.name}” is built on a module of TensorFlow Hub, which does not travel: training it again "
            "needs the module here, from a publisher who is allowed."
        )
    elif backbone != SCRATCH:
        try:
            find_backbone(backbone)
        except UnknownBackboneError:
            notes.append(
                f"The run “{run.name}” is built on the network {backbone[:60]}, which this Bluetit does not know: it "
                "cannot be trained again here."
            )
    if run.recipe is not None and run.recipe not in RECIPES:
        notes.append(
            f"The run “{run.name}” was made by the recipe {run.recipe[:60]}, which this Bluetit does not know."
        )
    return notes
