"""Kills at random moments, and after each a look whether all that was promised is there."""

import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.comparing import PhotoFiles, compare, photos_in, unneeded_photos, unowned_files
from benchmarks.chaos.house import House
from benchmarks.chaos.journal import JournalReader
from benchmarks.chaos.promises import Promises
from benchmarks.chaos.seen import Seen, faults_of, look, running_tasks
from benchmarks.chaos.upgrades import Upgrades
from benchmarks.chaos.visitor import looked_mark
from benchmarks.train import tell
from core.datasets.library import Library
from core.jobs.kinds import Lane
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS

# How long a task may be with a worker that is dead: the supervisor looks once a second, when it is not being started.
_STUCK_SECONDS = 20.0
_REST_SECONDS = 400.0  # for everything that was begun to come to its end, after the last kill
_POLL_SECONDS = 2.0
_DAY_SECONDS = 24 * 3600.0
_AGED_DAYS = 8  # more than anything is kept that nobody needs, less than the trash keeps datasets

_NETWORKS = "worker of networks"
_MOMENTS = {  # victims, and how often
    "worker of photos": 20,
    _NETWORKS: 12,
    "server": 3,
    "server while it starts": 1,
    "server while it upgrades": 1,  # an older database, in a workspace beside
    "all": 2,
}
_PHOTOS_SECONDS = 0.3  # within which most of the work of the worker for photos is done
_NETWORKS_SECONDS = 2.5
_LATE_SECONDS = 3.0
_IDLE_SECONDS = 0.6  # longest wait before a kill of the server
_BUSY_SHARE = 0.7  # of these, when a worker has something to do
_WORK_SECONDS = 3.0  # longest wait until a worker has something to do
_START_SECONDS = 3.0


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of it."""

    kills: int = 0
    by_victim: Counter[str] = field(default_factory=Counter)
    by_work: Counter[str] = field(default_factory=Counter)  # kinds of task that workers had in hand
    photos: int = 0
    edits: int = 0
    undone: int = 0
    epochs: int = 0
    imports: int = 0
    runs: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Count what came of another, at the same time, with this."""
        for name in ("kills", "photos", "edits", "undone", "epochs", "imports", "runs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.by_victim += other.by_victim
        self.by_work += other.by_work
        self.seconds = max(self.seconds, other.seconds)
        self.broken += other.broken

    def to_json(self) -> dict[str, Any]:
        """As it is printed."""
        return {
            "kills": self.kills,
            "photos": self.photos,
            "edits": self.edits,
            "undone": self.undone,
            "epochs": self.epochs,
            "imports": self.imports,
            "runs": self.runs,
            "promises_broken": len(self.broken),
            "broken": self.broken,
            "kills_by_victim": dict(self.by_victim.most_common()),
            "kills_by_work": dict(self.by_work.most_common()),
            "seconds": round(self.seconds, 1),
            "kills_per_minute": round(60 * self.kills / self.seconds, 1) if self.seconds else 0.0,
        }


class Campaign:
    """One house, and what was promised in it."""

    def __init__(self, house: House, upgrades: Upgrades, seed: int) -> None:
        self._house = house
        self._upgrades = upgrades
        self._name = house.notes_dir.parent.name
        self._seed = seed
        self._chance = random.Random(seed)
        self._promises = Promises()
        self._readers = [
            JournalReader(house.notes_dir / f"journal-{space_id}.jsonl", space_id) for space_id in house.space_ids
        ]
        self._photo_files = PhotoFiles(house.settings.photos_path)
        self._dead_since: dict[tuple[int, str], float] = {}
        self.report = Report()

    # --- kills ------------------------------------------------------------------------------------------------

    def run(self, num_kills: int, seconds: float) -> Report:
        """Kill so often, or for so long, then let everything come to its end and look once more at all of it."""
        begun = time.monotonic()
        self._house.begin_server()
        self._house.wait_for_server()
        self._house.begin_visits(self._seed)
        while self.report.kills < num_kills and time.monotonic() - begun < seconds and not self.report.broken:
            killed = self._kill()
            if killed is not None:
                self._count(*killed)
                self.check()
                self._house.wait_for_server()  # which may have begun before the check
            self._house.begin_visits(self._seed)
        self.report.seconds = time.monotonic() - begun
        self._finish()
        promises = self._promises
        self.report.photos, self.report.epochs = promises.num_photos, promises.num_epochs
        self.report.edits, self.report.undone = promises.num_edits, promises.num_undone
        self.report.imports, self.report.runs = len(promises.imports), len(promises.runs)
        return self.report

    def _count(self, victim: str, work: list[str]) -> None:
        self.report.kills += 1
        self.report.by_victim[victim] += 1
        self.report.by_work.update(work)
        tell(f"{self._name}: {self.report.kills} {victim}, in the middle of {', '.join(work) or 'nothing'}")

    def _kill(self) -> tuple[str, list[str]] | None:
        """Kill somebody; who it was and what workers had in hand, None when nobody had anything to do."""
        victims = [each for each in _MOMENTS if self._house.is_training or each != _NETWORKS]
        (victim,) = self._chance.choices(victims, [_MOMENTS[each] for each in victims])
        if victim.startswith("worker"):
            return self._kill_worker(victim)
        if victim == "server while it upgrades":
            self._note(self._upgrades.kill(self._chance))
            return victim, ["upgrade"]
        if self._chance.random() < _BUSY_SHARE:
            self._house.wait_for_task(lambda _: True, _WORK_SECONDS)
        time.sleep(self._chance.uniform(0, _IDLE_SECONDS))
        work = [kind for kind, _, _ in running_tasks(self._house.settings.database_path)]
        self._house.kill_server()
        if victim == "all":
            self._house.kill_workers()
        self._house.begin_server()
        if victim == "server while it starts":
            self._count("server", work)
            work = ["start"]
            time.sleep(self._chance.uniform(0, _START_SECONDS))
            self._house.kill_server()
            self._house.begin_server()
        self._dead_since.clear()  # nobody looks after workers before it is there
        return victim, work

    def _kill_worker(self, victim: str) -> tuple[str, list[str]] | None:
        """Kill a worker that has something to do."""
        lane, seconds = (Lane.NETWORKS, _NETWORKS_SECONDS) if victim == _NETWORKS else (Lane.PHOTOS, _PHOTOS_SECONDS)
        kinds = [kind.name for kind in TASK_KINDS.values() if kind.lane is lane]
        found = self._house.wait_for_task(lambda kind: kind in kinds, _WORK_SECONDS)
        if found is None:
            return None
        kind, worker_id = found
        # Now and then so late that something comes to its end.
        time.sleep(self._chance.uniform(0, self._chance.choice((seconds, _LATE_SECONDS))))
        return (victim, [kind]) if self._house.kill_worker(worker_id) else None

    # --- looks ------------------------------------------------------------------------------------------------

    def check(self, *, is_thorough: bool = False) -> Seen:
        """Compare what was promised with what is there."""
        with self._house.quiet():
            actions = [action for reader in self._readers for action in reader.read_on()]
            seen = look(self._house.settings.database_path)
            looked_mark(self._house.notes_dir).touch()
        for reader in self._readers:
            self._note(reader.faults)
            reader.faults.clear()
        self._note(self._promises.play(actions, seen))
        self._note(compare(self._promises, seen))
        self._note(self._photo_files.compare(seen, is_thorough=is_thorough))
        self._note(faults_of(self._house.settings.database_path))
        self._note(self._stuck(seen))
        return seen

    def _note(self, found: Iterable[str]) -> None:
        for text in found:
            if text not in self.report.broken:
                tell(f"{self._name}: BROKEN after {self.report.kills} kills: {text}")
                self.report.broken.append(text)

    def _stuck(self, seen: Seen) -> Iterator[str]:
        """Tasks that have been with a dead worker for too long."""
        alive = {process.pid for process in self._house.workers()}
        running = {
            (number, task.worker_id or ""): task
            for number, task in seen.tasks.items()
            if task.status == "running" and task.worker_pid and task.worker_pid not in alive
        }
        now = time.monotonic()
        self._dead_since = {each: self._dead_since.get(each, now) for each in running}
        for each, since in self._dead_since.items():
            if now - since > _STUCK_SECONDS:
                yield f"task {each[0]} ({running[each].kind}) has been with a dead worker for {now - since:.0f} s"

    # --- the end ----------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Let everything come to its end, sweep, and look at all of it."""
        tell(f"{self._name}: no more kills, everything comes to its end")
        (self._house.notes_dir / "finish").touch()
        self._house.begin_visits(self._seed)
        seen = self._wait_for_rest()
        self._house.kill_visitors()
        self._house.finish_server()
        self._note(f"task {number} ({seen.tasks[number].kind}) never ends" for number in seen.active)
        for number, known in self._promises.imports.items():
            if known.dataset_id in self._promises.datasets and not known.is_in:
                self._note([f"import {number} never came in: {seen.imports[number].state}"])
        for number, run in self._promises.runs.items():
            if not run.is_given_up and number in seen.runs and not seen.runs[number].has_outcome:
                self._note([f"run {number} never came to its end"])
        tell(f"{self._name}: the sweep")
        age(self._house.settings, _AGED_DAYS)
        self._house.begin_server()
        self._house.wait_for_server()
        self._house.finish_server()
        seen = self.check(is_thorough=True)
        self._note(f"{path} belongs to nothing" for path in unowned_files(self._house.settings.workspace_dir, seen))
        self._note(unneeded_photos(seen))
        self._note(f"{path} holds photos outside of the workspace" for path in photos_in(self._house.temporary_dir))
        self._note(self._foreign(seen))

    def _wait_for_rest(self) -> Seen:
        give_up_at = time.monotonic() + _REST_SECONDS
        while True:
            seen = self.check()
            waiting = [each for each in seen.imports.values() if each.state not in ("done", "cancelled")]
            waiting = [each for each in waiting if each.dataset_id in self._promises.datasets]
            unfinished = [
                number
                for number, run in self._promises.runs.items()
                if not run.is_given_up and number in seen.runs and not seen.runs[number].has_outcome
            ]
            if not (seen.active or waiting or unfinished) or time.monotonic() > give_up_at:
                return seen
            at_work = Counter(seen.tasks[number].kind for number in seen.active)
            tell(f"{len(waiting)} imports, {len(unfinished)} runs, tasks: {dict(at_work)}")
            time.sleep(_POLL_SECONDS)
            self._house.begin_visits(self._seed)

    def _foreign(self, seen: Seen) -> Iterator[str]:
        """What the libraries of a space show that is another's."""
        database = open_database(self._house.settings)
        try:
            for space_id in self._house.space_ids:
                bound = database.of_space(space_id)
                library, runs = Library(bound), RunLibrary(bound)
                shown = {view.id for view in [*library.datasets.all(), *library.datasets.in_trash()]}
                for number in sorted(shown ^ {key for key, each in seen.datasets.items() if each.space_id == space_id}):
                    yield f"space {space_id} is shown dataset {number} wrongly"
                shown = {view.id for view in [*runs.list_runs(), *runs.list_trashed()]}
                for number in sorted(shown ^ {key for key, each in seen.runs.items() if each.space_id == space_id}):
                    yield f"space {space_id} is shown run {number} wrongly"
        finally:
            database.close()


def age(settings: Settings, days: float) -> None:
    """Make everything in a workspace look older that a sweep asks the age of."""
    seconds = days * _DAY_SECONDS
    with closing(sqlite3.connect(settings.database_path)) as database, database:
        for table, column in (("photos", "created_at"), ("snapshots", "created_at"), ("runs", "finished_at")):
            database.execute(f"UPDATE {table} SET {column} = {column} - ?", (seconds,))
    for path in settings.workspace_dir.rglob("*"):
        if "sqlite3" not in path.name:
            moment = path.stat().st_mtime - seconds
            os.utime(path, (moment, moment))
