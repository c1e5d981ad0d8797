"""What was promised so far: the actions of journals, played on a model of the workspace.

Visitors are killed with the server that they talk to, and what they had been told is settled before others come: so of
all actions of a space the last alone may be one without an answer. What that one did is asked of the database, which
must hold all of it or nothing; `benchmarks.chaos.comparing` finds everything between.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.chaos.journal import Action
from benchmarks.chaos.seen import Photo, Seen

Photos = dict[str, Photo]  # by name


@dataclass(slots=True, kw_only=True)
class Step:
    """A change of a dataset that can be undone."""

    before: Photos  # those that it changed, as they were
    renamed: tuple[str, str] | None = None  # old and new name of a class
    is_deletion: bool = False  # of the dataset
    is_undone: bool = False


@dataclass(slots=True, kw_only=True)
class KnownDataset:
    """A dataset as it was promised."""

    space_id: int
    photos: Photos = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    is_trashed: bool = False


@dataclass(slots=True, kw_only=True)
class KnownImport:
    """An import that was promised: all of its photos, and none of them before it is done."""

    dataset_id: int
    photos: Photos
    is_in: bool = False


@dataclass(slots=True, kw_only=True)
class KnownRun:
    """A run that was promised."""

    space_id: int
    epochs: dict[int, dict[str, Any]] = field(default_factory=dict)  # that were told as finished, by number
    is_given_up: bool = False  # somebody asked for it to be discarded


@dataclass(slots=True, kw_only=True)
class KnownProject:
    """A project file that was given to be brought in."""

    space_id: int
    photos: Photos
    is_in: bool = False


@dataclass(slots=True, kw_only=True)
class Promises:
    """Everything that was promised."""

    datasets: dict[int, KnownDataset] = field(default_factory=dict)
    imports: dict[int, KnownImport] = field(default_factory=dict)
    runs: dict[int, KnownRun] = field(default_factory=dict)
    projects: dict[str, KnownProject] = field(default_factory=dict)  # by key
    tasks: set[int] = field(default_factory=set)
    num_edits: int = 0
    num_undone: int = 0
    num_epochs: int = 0  # that were told as finished, of runs that are gone too

    @property
    def num_photos(self) -> int:
        """Photos that came in, each as often as it came."""
        return sum(len(each.photos) for each in self.imports.values() if each.is_in)

    def play(self, actions: Collection[Action], seen: Seen) -> list[str]:
        """Take in what visitors asked for and were told.

        Args:
            actions: since the last time, in order, while no visitor acts.
            seen: the workspace after them.

        Returns:
            A sentence for each answer that was not true.
        """
        broken: list[str] = []
        accepted = [action for action in actions if action.refusal is None or _has_left_import(action, seen)]
        for action in accepted:
            # Whoever changes a photo, copies a dataset or renames a class has seen that all before is in.
            self._let_in(seen)
            broken += _PLAYS[action.kind](self, action, seen) or []
        self._let_in(seen)
        return broken

    def _let_in(self, seen: Seen) -> None:
        for key, project in self.projects.items():
            number = next((found.dataset_id for found in seen.imports.values() if found.work_id == key), None)
            if number is not None and not project.is_in:
                project.is_in = True
                self.datasets[number] = KnownDataset(space_id=project.space_id, photos=dict(project.photos))
                for run_id, run in seen.runs.items():
                    if run.dataset_id == number:
                        self.runs[run_id] = KnownRun(space_id=project.space_id)
        for number, known in self.imports.items():
            found = seen.imports.get(number)
            if found and found.state == "done" and not known.is_in and known.dataset_id in self.datasets:
                self.datasets[known.dataset_id].photos |= known.photos
                known.is_in = True


def _has_left_import(action: Action, seen: Seen) -> bool:
    """Whether an import is there though it was refused: noted, and then not queued, it can be tried again."""
    return action.kind == "import" and any(found.title == action.told["title"] for found in seen.imports.values())


def _created(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    number = _number(action, seen.datasets)
    if number is not None:
        promises.datasets[number] = KnownDataset(space_id=action.space_id)
    return None


def _duplicated(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    number = _number(action, seen.datasets)
    if number is not None:
        source = promises.datasets[action.told["dataset"]].photos
        photos = {name: photo for name, photo in source.items() if not photo.is_trashed}
        promises.datasets[number] = KnownDataset(space_id=action.space_id, photos=photos)
    return None


def _edited(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    dataset = promises.datasets[action.told["dataset"]]
    unknown = [name for name in action.told["names"] if name not in dataset.photos]
    if unknown:
        return [f"dataset {action.told['dataset']} had photos that nobody brought: {', '.join(unknown)}"]
    before = {name: dataset.photos[name] for name in action.told["names"]}
    if _note_step(promises, action, seen, Step(before=before)):
        fields = action.told["fields"]
        dataset.photos |= {name: replace(photo, **fields) for name, photo in before.items()}
    return None


def _renamed(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    old, new = action.told["old"], action.told["new"]
    if _note_step(promises, action, seen, Step(before={}, renamed=(old, new))):
        _rename(promises.datasets[action.told["dataset"]], old, new)
    return None


def _deleted(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    if _note_step(promises, action, seen, Step(before={}, is_deletion=True)):
        promises.datasets[action.told["dataset"]].is_trashed = True
    return None


def _undone(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    number, operation = action.told["dataset"], action.told["operation"]
    dataset = promises.datasets[number]
    if action.answer is None:
        found = seen.datasets.get(number)
        if found is None or not found.steps.get(operation):
            return None
    elif action.answer["left_alone"]:
        return [f"undoing step {operation} of dataset {number} left {action.answer['left_alone']} rows as they were"]
    step = dataset.steps[operation]
    step.is_undone = True
    dataset.photos |= step.before
    if step.renamed is not None:
        _rename(dataset, step.renamed[1], step.renamed[0])
    if step.is_deletion:
        dataset.is_trashed = False
    promises.num_undone += 1
    return None


def _purged(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    number = action.told["dataset"]
    is_there = number in seen.datasets
    if action.answer is not None or not is_there:
        promises.datasets.pop(number, None)
    return [f"dataset {number} was deleted for good and is there"] if action.answer is not None and is_there else None


def _trained(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    number = _number(action, seen.runs)
    if number is not None:
        promises.runs[number] = KnownRun(space_id=action.space_id)
    return None


def _cancelled(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    promises.runs[action.told["run"]].is_given_up = True
    return None


def _forgotten(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    number = action.told["run"]
    is_there = number in seen.runs
    if action.answer is not None or not is_there:
        promises.runs.pop(number, None)
    return [f"run {number} was deleted for good and is there"] if action.answer is not None and is_there else None


def _asked(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    if action.answer is not None:
        promises.tasks.add(action.answer["task"])
    return None


def _brought(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    photos = {name: Photo(*values) for name, values in action.told["photos"].items()}
    promises.projects[action.told["key"]] = KnownProject(space_id=action.space_id, photos=photos)
    return _asked(promises, action, seen)


def _imported(promises: Promises, action: Action, seen: Seen) -> list[str] | None:
    numbers = [number for number, found in seen.imports.items() if found.title == action.told["title"]]
    for number in numbers:
        photos = {name: Photo(*values) for name, values in action.told["photos"].items()}
        promises.imports[number] = KnownImport(dataset_id=action.told["dataset"], photos=photos)
    if action.answer is None or numbers or action.told["dataset"] not in seen.datasets:
        return None
    return [f"import {action.answer['import']} was taken and is gone"]


_PLAYS: Mapping[str, Callable[[Promises, Action, Seen], list[str] | None]] = {
    "create": _created,
    "duplicate": _duplicated,
    "edit": _edited,
    "rename": _renamed,
    "delete": _deleted,
    "undo": _undone,
    "purge": _purged,
    "import": _imported,
    "train": _trained,
    "cancel": _cancelled,
    "forget": _forgotten,
    "ask": _asked,
    "bring": _brought,
}


def _number(action: Action, found: Mapping[int, Any]) -> int | None:
    """The number of what an action has made, of which no other has the name; None: it was not made."""
    if action.answer is not None:
        return int(action.answer["number"])
    return next((number for number, each in found.items() if each.name == action.told["name"]), None)


def _note_step(promises: Promises, action: Action, seen: Seen, step: Step) -> bool:
    """Note a change that can be undone, and say whether it has happened."""
    number = action.told["dataset"]
    dataset = promises.datasets[number]
    if action.answer is not None:
        operation = action.answer["operation"]
    else:
        found = seen.datasets.get(number)
        operation = max((each for each in (found.steps if found else ()) if each not in dataset.steps), default=None)
    if operation is None:
        return False
    dataset.steps[operation] = step
    promises.num_edits += 1
    return True


def _rename(dataset: KnownDataset, old: str, new: str) -> None:
    dataset.photos |= {
        name: replace(photo, class_name=new) for name, photo in dataset.photos.items() if photo.class_name == old
    }
