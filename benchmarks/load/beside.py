"""What a benchmark looks up and asks for beside a server that is running, in the same workspace.

Libraries alone: workers, and what else is opened once, are the server's.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.load.server import STOP_SECONDS, Guest, default_config
from core.datasets.library import Library
from core.errors import RunStateError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.phones.links import PhoneLinks
from core.runs.begin import RunRequest, begin_runs
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.classroom import ClassroomDesk, ClassroomView
from core.spaces.handing_out import HandOutDesk
from core.spaces.offers import OfferDesk
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database
from core.storage.own_use import bind_space
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH

_POLL_SECONDS = 0.2
_LONG_EPOCHS = 1_000  # of a training that lasts as long as somebody watches


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Libraries of everybody, or of one space."""

    settings: Settings
    database: Database

    def of_space(self, space_id: int | None) -> "Beside":
        """The same of a space, with its limits; None: of everybody."""
        bound = bind_space(self.database, self.settings, space_id)
        return Beside(settings=bound.settings, database=bound.database)

    @property
    def library(self) -> Library:
        """Datasets."""
        return Library(self.database)

    @property
    def runs(self) -> RunLibrary:
        """Runs."""
        return RunLibrary(self.database)

    @property
    def run_desk(self) -> RunDesk:
        """Begins trainings and ends them."""
        queue, supervisor = self._work()
        return RunDesk(self.runs, queue, supervisor, self.settings)

    @property
    def phone_links(self) -> PhoneLinks:
        """Links by which phones send photos."""
        return PhoneLinks(self.settings, self.database)

    @property
    def offers(self) -> OfferDesk:
        """Models that others may try."""
        return OfferDesk(self.database, self.runs)

    @property
    def spaces(self) -> SpaceRegistry:
        """Whose secret opens which space."""
        return SpaceRegistry(self.database)

    @property
    def hand_outs(self) -> HandOutDesk:
        """What the teacher hands out."""
        return HandOutDesk(self.database, *self._work())

    def classroom(self) -> ClassroomView:
        """The class that is held."""
        found = ClassroomDesk(self.database).current()
        if found is None:
            raise SystemExit("No class is held in this workspace.")
        return found

    def _work(self) -> tuple[TaskQueue, Supervisor]:
        queue = TaskQueue(self.database, TASK_KINDS)
        return queue, Supervisor(self.settings, queue, kinds=TASK_KINDS_PATH)  # not started: the server has its own


@contextmanager
def beside(settings: Settings) -> Iterator[Beside]:
    """Libraries of everybody beside a server with these settings."""
    database = open_database(settings)
    try:
        yield Beside(settings=settings, database=database)
    finally:
        database.close()


@contextmanager
def long_trainings(settings: Settings, guests: Sequence[Guest]) -> Iterator[list[int]]:
    """A training in the space of each that goes on, or waits for its turn, within a context; the runs' numbers.

    The head, then fine-tuning without end: with one worker, the first is trained while the others wait.
    """
    config = default_config(settings, "careful")
    if config.fine_tune is None:
        raise SystemExit("The recipe does not fine-tune.")
    phase = replace(config.fine_tune.phase, num_epochs=_LONG_EPOCHS)
    config = replace(
        config,
        fine_tune=replace(config.fine_tune, phase=phase),
        stopping=replace(config.stopping, patience=None, plateau_patience=None),
    )
    with beside(settings) as whole:
        run_ids = []
        try:
            for guest in guests:
                own = whole.of_space(guest.space_id)
                request = RunRequest(dataset_id=guest.contents.dataset_id, config=config)
                run_ids += [view.id for view in begin_runs(own.database, own.run_desk, [request])]
            view = whole.runs.get_run(run_ids[0])
            while not view.last_sequence:
                time.sleep(_POLL_SECONDS)
                view = whole.runs.get_run(view.id)
                if not view.is_active:
                    raise SystemExit(f"The training ended as {view.status}: {view.error}")
            yield run_ids
        finally:
            _cancel_active(whole)


def cancel_trainings(settings: Settings) -> None:
    """Have nothing trained any more, and wait until that is so."""
    with beside(settings) as whole:
        _cancel_active(whole)


def _cancel_active(whole: Beside) -> None:
    runs, desk = whole.runs, whole.run_desk
    give_up_at = time.monotonic() + STOP_SECONDS
    while time.monotonic() < give_up_at and (active := [view for view in runs.list_runs() if view.is_active]):
        for view in reversed(active):  # those that wait first, or each would be begun once the one before is ended
            with contextlib.suppress(RunStateError):  # it has ended meanwhile
                desk.cancel(view.id)
        time.sleep(_POLL_SECONDS)
