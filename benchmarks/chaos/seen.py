"""What a workspace holds at one moment, read past the app: with SQLite's own module, in one transaction."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of a dataset, which its name tells from all others there."""

    hash: str
    class_name: str
    split: str | None
    review: str | None = None
    is_trashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDataset:
    """A dataset as its rows tell."""

    space_id: int
    name: str
    is_trashed: bool
    photos: dict[str, Photo]  # by name
    repeated: tuple[str, ...]  # names that several rows have
    steps: dict[int, bool]  # number of each change that can be undone, and whether it was


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenImport:
    """An import as its row tells."""

    dataset_id: int
    state: str
    title: str
    work_id: str | None
    num_accepted: int
    num_refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRun:
    """A run as its rows tell."""

    space_id: int
    name: str
    dataset_id: int | None
    epochs: tuple[tuple[int, dict[str, Any]], ...]  # (number, payload) of each that was told, in order
    has_outcome: bool
    is_trashed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTask:
    """A task as its row tells."""

    kind: str
    status: str
    worker_id: str | None
    worker_pid: int | None
    space_id: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A workspace at one moment."""

    datasets: dict[int, SeenDataset]
    imports: dict[int, SeenImport]
    runs: dict[int, SeenRun]
    tasks: dict[int, SeenTask]
    photos: dict[str, tuple[str, int]]  # suffix and bytes of every photo that is known, by hash
    needed: frozenset[str]  # hashes of photos that a dataset has or a run learned from

    @property
    def active(self) -> list[int]:
        """The tasks that wait or run."""
        return [number for number, task in self.tasks.items() if task.status in ("queued", "running")]


def look(path: Path) -> Seen:
    """Read the database at a path."""
    with _reading(path) as database:
        return Seen(
            datasets=_datasets(database),
            imports={
                row["id"]: SeenImport(
                    dataset_id=row["dataset_id"],
                    state=row["state"],
                    title=json.loads(row["request"]).get("title", ""),
                    work_id=json.loads(row["request"]).get("work_id"),
                    num_accepted=row["num_accepted"],
                    num_refused=row["num_refused"],
                )
                for row in database.execute("SELECT * FROM photo_imports")
            },
            runs=_runs(database),
            tasks={
                row["id"]: SeenTask(
                    kind=row["kind"],
                    status=row["status"],
                    worker_id=row["worker_id"],
                    worker_pid=row["pid"],
                    space_id=row["space_id"],
                    error=row["error"],
                )
                for row in database.execute("SELECT t.*, w.pid FROM tasks t LEFT JOIN workers w ON w.id = t.worker_id")
            },
            photos={row["hash"]: (row["suffix"], row["num_bytes"]) for row in database.execute("SELECT * FROM photos")},
            needed=frozenset(
                row[0]
                for row in database.execute(
                    "SELECT photo_hash FROM dataset_images UNION SELECT photo_hash FROM snapshot_images"
                )
            ),
        )


def running_tasks(path: Path) -> list[tuple[str, int, str]]:
    """What workers have in hand, by kind of task, number and worker."""
    with _reading(path) as database:
        rows = database.execute("SELECT kind, id, worker_id FROM tasks WHERE status = 'running' ORDER BY id")
        return [(row["kind"], row["id"], row["worker_id"]) for row in rows]


def faults_of(path: Path) -> list[str]:
    """What SQLite's own checks of the file and of its references find; empty where all is well."""
    with _reading(path) as database:
        told = [row[0] for row in database.execute("PRAGMA integrity_check")]
        found = [] if told == ["ok"] else [f"the database is damaged: {each}" for each in told]
        return found + [
            f"a row refers to nothing: {tuple(row)}" for row in database.execute("PRAGMA foreign_key_check")
        ]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as database:
        database.row_factory = sqlite3.Row
        database.execute("BEGIN")  # one moment for all that is asked
        yield database


def _datasets(database: sqlite3.Connection) -> dict[int, SeenDataset]:
    photos: dict[int, dict[str, Photo]] = {}
    repeated: dict[int, list[str]] = {}
    images = "SELECT i.*, c.name AS class_name FROM dataset_images i JOIN dataset_classes c ON c.id = i.class_id"
    for row in database.execute(images):
        of_dataset = photos.setdefault(row["dataset_id"], {})
        if row["name"] in of_dataset:
            repeated.setdefault(row["dataset_id"], []).append(row["name"])
        of_dataset[row["name"]] = Photo(
            row["photo_hash"], row["class_name"], row["split"], row["review"], row["trashed_at"] is not None
        )
    steps: dict[int, dict[int, bool]] = {}
    for row in database.execute("SELECT id, dataset_id, undone_at FROM dataset_operations ORDER BY id"):
        steps.setdefault(row["dataset_id"], {})[row["id"]] = row["undone_at"] is not None
    return {
        row["id"]: SeenDataset(
            space_id=row["space_id"],
            name=row["name"],
            is_trashed=row["trashed_at"] is not None,
            photos=photos.get(row["id"], {}),
            repeated=tuple(repeated.get(row["id"], ())),
            steps=steps.get(row["id"], {}),
        )
        for row in database.execute("SELECT * FROM datasets")
    }


def _runs(database: sqlite3.Connection) -> dict[int, SeenRun]:
    epochs: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    told = "SELECT run_id, payload FROM run_events WHERE kind = 'epoch' ORDER BY run_id, sequence"
    for row in database.execute(told):
        payload = json.loads(row["payload"])
        epochs.setdefault(row["run_id"], []).append((payload["epoch"], payload))
    return {
        row["id"]: SeenRun(
            space_id=row["space_id"],
            name=row["name"],
            dataset_id=row["dataset_id"],
            epochs=tuple(epochs.get(row["id"], ())),
            has_outcome=row["outcome"] is not None,
            is_trashed=row["trashed_at"] is not None,
        )
        for row in database.execute("SELECT * FROM runs")
    }
