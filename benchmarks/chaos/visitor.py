"""A visitor of one space: a process that does one thing after the other, as the server's pages would, until killed.

It opens the libraries of its space on the server's database, and so stands for a session of the server, with which it
is killed. What it asks for and is told goes into its journal.
"""

import fcntl
import os
import random
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from benchmarks.chaos.actions import ACTIONS, TRAINING
from benchmarks.chaos.bound import Act, Bound, go_on
from benchmarks.chaos.journal import Journal
from core.errors import BluetitError
from core.features.table import FeatureTable
from core.inference.classifier_cache import ClassifierCache
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.photos.store import PhotoStore
from core.services import open_libraries
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH

_MOST_REST_SECONDS = 0.2  # between two actions
_GO_ON_SHARE = 0.15  # of the turns, in which what a kill has stopped is taken up again


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who acts, and where it is written down."""

    settings: Settings
    space_id: int
    seed: int
    notes_dir: Path  # journals and locks
    is_training: bool  # whether networks are trained, too

    @property
    def journal_path(self) -> Path:
        """The journal of this visitor's space."""
        return self.notes_dir / f"journal-{self.space_id}.jsonl"

    def _weights(self) -> Mapping[Act, float]:
        """How often each action is chosen; none at the end, when only what was begun goes on."""
        if (self.notes_dir / "finish").exists():
            return {}
        return ACTIONS if self.is_training else {act: weight for act, weight in ACTIONS.items() if act not in TRAINING}

    def _looked_at(self) -> float:
        mark = looked_mark(self.notes_dir)
        return mark.stat().st_mtime if mark.exists() else -float("inf")

    def run(self) -> None:
        """Act until killed."""
        os.setpgrp()  # Ctrl+C is the driver's matter
        chance = random.Random(self.seed)
        journal = Journal(self.journal_path)
        database = open_database(self.settings)
        try:
            bound = replace(bind(self.settings, database, self.space_id), looked_at=self._looked_at)
            while True:
                with holding(self.notes_dir, self.space_id):
                    _act(bound, journal, chance, self._weights())
                time.sleep(chance.uniform(0, _MOST_REST_SECONDS))
        except Exception:  # noqa: BLE001  # whatever it is, it was not told in a sentence
            journal.fault(traceback.format_exc())
        finally:
            database.close()


@contextmanager
def holding(folder: Path, space_id: int) -> Iterator[None]:
    """Keep a space from being changed and looked at at once; a visitor who is killed lets go."""
    with (folder / f"turn-{space_id}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def looked_mark(notes_dir: Path) -> Path:
    """The file that is touched whenever what was promised is compared with what is there."""
    return notes_dir / "looked"


def bind(settings: Settings, database: Database, space_id: int) -> Bound:
    """The libraries of a space, as `Services.of_space` gives them to its pages."""
    database = database.of_space(space_id)
    supervisor = Supervisor(
        settings, TaskQueue(database, TASK_KINDS), kinds=TASK_KINDS_PATH
    )  # the server starts its own
    libraries = open_libraries(settings, supervisor, ClassifierCache(settings), database, table=FeatureTable(settings))
    names = {field.name for field in fields(Bound)}
    return Bound(
        settings=settings,
        space_id=space_id,
        photo_store=PhotoStore(settings.photos_path, settings.cache_path),
        **{name: library for name, library in libraries.items() if name in names},
    )


def _act(bound: Bound, journal: Journal, chance: random.Random, weights: Mapping[Act, float]) -> None:
    """Do one thing."""
    if not weights or chance.random() < _GO_ON_SHARE:
        go_on(bound)
    if not weights:
        return
    (act,) = chance.choices(list(weights), list(weights.values()))
    asked = act(bound, chance)
    if asked is None:
        return
    name = journal.begin(asked.kind, asked.told)
    try:
        journal.end(name, asked.do())
    except BluetitError as exc:
        journal.refuse(name, f"{type(exc).__name__}: {exc}")
