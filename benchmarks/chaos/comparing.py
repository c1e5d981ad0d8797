"""What of the promises a workspace does not keep: its rows against the model, its files against its rows."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.chaos.promises import KnownDataset, Promises
from benchmarks.chaos.seen import Seen, SeenDataset

_NUM_STEPS = 200  # that can be undone, of each dataset: older ones are forgotten
_NUM_NAMED = 3


def compare(promises: Promises, seen: Seen) -> list[str]:
    """A sentence for each promise that the rows of a workspace do not keep.

    What was told meanwhile, epochs that are finished, is a promise from then on.
    """
    return [*_compare_datasets(promises, seen), *_compare_imports(promises, seen), *_compare_runs(promises, seen)] + [
        f"task {number} is gone" for number in sorted(promises.tasks - seen.tasks.keys())
    ]


def _compare_datasets(promises: Promises, seen: Seen) -> Iterator[str]:
    for number, known in promises.datasets.items():
        found = seen.datasets.get(number)
        if found is None:
            yield f"dataset {number} is gone"
        else:
            yield from _compare_dataset(f"dataset {number}", known, found)
    for number in sorted(seen.datasets.keys() - promises.datasets.keys()):
        yield f"dataset {number} “{seen.datasets[number].name}” is there, which nobody has asked for"


def _compare_dataset(what: str, known: KnownDataset, found: SeenDataset) -> Iterator[str]:
    if found.space_id != known.space_id:
        yield f"{what} is in space {found.space_id}, not in {known.space_id}"
    if found.is_trashed != known.is_trashed:
        yield f"{what} {'is' if found.is_trashed else 'is not'} in the trash"
    for names, text in (
        (found.repeated, "are there twice"),
        (known.photos.keys() - found.photos.keys(), "are gone"),
        (found.photos.keys() - known.photos.keys(), "are there, which never came whole"),
    ):
        if names:
            yield f"{len(names)} photos of {what} {text}: {_some(names)}"
    for name in known.photos.keys() & found.photos.keys():
        if known.photos[name] != found.photos[name]:
            yield f"photo {name} of {what} is {found.photos[name]}, not {known.photos[name]}"
    for operation in sorted(known.steps)[-_NUM_STEPS:]:
        if operation not in found.steps:
            yield f"step {operation} of {what} can be undone no more"
        elif found.steps[operation] != known.steps[operation].is_undone:
            yield f"step {operation} of {what} {'is' if found.steps[operation] else 'is not'} undone"
    unknown = found.steps.keys() - known.steps.keys()
    if unknown:
        yield f"steps of {what} are there that nobody made: {sorted(unknown)}"


def _compare_imports(promises: Promises, seen: Seen) -> Iterator[str]:
    for number, known in promises.imports.items():
        if known.dataset_id not in promises.datasets:
            continue
        found = seen.imports.get(number)
        if found is None:
            yield f"import {number} is gone"
        elif found.state == "done" and (found.num_accepted, found.num_refused) != (len(known.photos), 0):
            yield f"import {number} took {found.num_accepted} photos of {len(known.photos)}"
        elif found.state == "question" or (known.is_in and found.state != "done"):
            yield f"import {number} is {found.state}"


def _compare_runs(promises: Promises, seen: Seen) -> Iterator[str]:
    for number, known in promises.runs.items():
        found = seen.runs.get(number)
        if found is None:
            yield f"run {number} is gone"
            continue
        if found.space_id != known.space_id:
            yield f"run {number} is in space {found.space_id}, not in {known.space_id}"
        if known.is_given_up:
            continue
        told = [epoch for epoch, _ in found.epochs]
        if told != list(range(1, len(told) + 1)):
            yield f"run {number} tells of the epochs {told}"
        now = dict(found.epochs)
        for epoch, payload in known.epochs.items():
            if now.get(epoch) != payload:
                yield f"epoch {epoch} of run {number} was finished and is {'another' if epoch in now else 'gone'}"
        promises.num_epochs += len(now.keys() - known.epochs.keys())
        known.epochs = now
    for number in sorted(seen.runs.keys() - promises.runs.keys()):
        yield f"run {number} “{seen.runs[number].name}” is there, which nobody has asked for"


class PhotoFiles:
    """Looks whether the photos that rows need are on the disk: at each once thoroughly, then at its size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looked_at: set[str] = set()

    def compare(self, seen: Seen, *, is_thorough: bool = False) -> Iterator[str]:
        """A sentence for each photo that is missing, cut off or another.

        Args:
            seen: the rows.
            is_thorough: whether every photo is read once more.
        """
        for photo_hash in sorted(seen.needed):
            suffix, num_bytes = seen.photos[photo_hash]
            path = self._folder / photo_hash[:2] / f"{photo_hash}{suffix}"
            if not path.is_file():
                yield f"the file of photo {photo_hash[:12]} is gone"
            elif path.stat().st_size != num_bytes:
                yield f"the file of photo {photo_hash[:12]} is cut off"
            elif is_thorough or photo_hash not in self._looked_at:
                self._looked_at.add(photo_hash)
                if hashlib.sha256(path.read_bytes()).hexdigest() != photo_hash:
                    yield f"the file of photo {photo_hash[:12]} is another"


def unneeded_photos(seen: Seen) -> Iterator[str]:
    """A sentence for each photo that is known after the sweep though no dataset has it and no run learned from it."""
    for photo_hash in sorted(seen.photos.keys() - seen.needed):
        yield f"photo {photo_hash[:12]} is kept, and nothing needs it"


def photos_in(folder: Path) -> list[str]:
    """The photos below a folder that is none of the workspace: paths relative to it."""
    return [path for path in _files_below(folder) if Path(path).suffix.lower() in (".jpg", ".jpeg", ".png")]


def unowned_files(workspace: Path, seen: Seen) -> list[str]:
    """What lies in a workspace after the sweep without a row that it belongs to: paths relative to it."""
    photos = set(seen.photos)
    runs = {str(number) for number in seen.runs}
    datasets = {str(number) for number in seen.datasets}
    networks = r"cache/(?:backbones|features|lower)/.+"
    owners = (
        (re.compile(r"bluetit\.sqlite3(-wal|-shm)?|trash_is_counted_since|logs/.+"), None),
        (re.compile(networks), None),
        (re.compile(r"photos/../([0-9a-f]{64})\.(?:jpg|png)"), photos),
        (re.compile(r"cache/thumbnails/\d+/../([0-9a-f]{64})\.jpg"), photos),
        (re.compile(r"runs/(\d+)/(?!.*\.tmp-).+"), runs),
        (re.compile(r"cache/exports/(\d+)-[^/]+"), datasets),
    )
    return [path for path in _files_below(workspace) if not any(_is_owned(path, *owner) for owner in owners)]


def _is_owned(path: str, pattern: re.Pattern[str], owners: set[str] | None) -> bool:
    found = pattern.fullmatch(path)
    return found is not None and (owners is None or found[1] in owners)


def _files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:_NUM_NAMED]) + (", …" if len(listed) > _NUM_NAMED else "")
