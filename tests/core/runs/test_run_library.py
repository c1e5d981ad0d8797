"""The library of runs keeps what it is told, also when two sessions tell it different things at once."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import IntegrityError

from core.config import TrainConfig
from core.datasets.library import Library
from core.errors import NameRefusedError, RunStateError, UnknownDatasetError, UnknownRunError
from core.jobs.queue import TaskQueue
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.storage.db import Database
from core.storage.schema import Dataset, RunEvent, Snapshot
from tests.core.datasets.library_samples import in_threads
from tests.core.runs.run_samples import HandWorker, batches, bring_to, config, sequences, take
from tests.statements import noted_statements

pytestmark = pytest.mark.both_databases

Change = Callable[[RunLibrary, int], object]

CHANGES: dict[str, Change] = {
    "get_run": lambda runs, run_id: runs.get_run(run_id),
    "rename": lambda runs, run_id: runs.rename(run_id, "new"),
    "set_note": lambda runs, run_id: runs.set_note(run_id, "new"),
    "trash": lambda runs, run_id: runs.trash(run_id),
    "restore": lambda runs, run_id: runs.restore(run_id),
    "purge": lambda runs, run_id: runs.purge(run_id),
    "set_task": lambda runs, run_id: runs.set_task(run_id, 1),
    "set_package_task": lambda runs, run_id: runs.set_package_task(run_id, 1),
    "request_stop": lambda runs, run_id: runs.request_stop(run_id),
    "is_stop_requested": lambda runs, run_id: runs.is_stop_requested(run_id),
    "clear_stop": lambda runs, run_id: runs.clear_stop(run_id),
    "reopen": lambda runs, run_id: runs.reopen(run_id),
    "set_started": lambda runs, run_id: runs.set_started(run_id),
    "set_finished": lambda runs, run_id: runs.set_finished(run_id),
    "append_events": lambda runs, run_id: runs.append_events(run_id, [("note", {})]),
    "append no events": lambda runs, run_id: runs.append_events(run_id, []),
    "drop_events_after": lambda runs, run_id: runs.drop_events_after(run_id, 0),
}


@pytest.fixture
def ended(runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig) -> int:
    """A run that is done."""
    run_id = desk.submit(plan, name="ended").id
    worker.end()
    return run_id


def test_new_run(runs: RunLibrary, plan: TrainConfig, dataset_id: int) -> None:
    """A new run holds what it was made from and nothing else yet."""
    parent = runs.create_run(plan)
    view = runs.create_run(plan, name="  my\trun ", recipe="quick", dataset_id=dataset_id, parent_id=parent.id)
    assert (view.name, view.note, view.recipe) == ("my run", "", "quick")
    assert (view.config, view.snapshot_hash) == (plan, plan.snapshot)
    assert (view.dataset_id, view.parent_id) == (dataset_id, parent.id)
    assert (view.task_id, view.package_task_id, view.package_status) == (None, None, None)
    assert (view.started_at, view.finished_at, view.trashed_at, view.outcome) == (None, None, None, None)
    assert (view.status, view.is_active, view.last_sequence) == (RunStatus.QUEUED, True, 0)
    assert runs.get_run(view.id) == view


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_unknown_run(runs: RunLibrary, change: Change) -> None:
    """A number that no run has is refused by everything, and without leaving events behind."""
    with pytest.raises(UnknownRunError, match="No run has the number 7"):
        change(runs, 7)
    assert runs.events_after(7, 0) == []


def test_what_a_run_is_made_from_must_exist(runs: RunLibrary, plan: TrainConfig) -> None:
    """An unknown snapshot, dataset or parent is named, and no run is left behind."""
    with pytest.raises(UnknownDatasetError, match=r"No snapshot has the hash 000000000000….*again"):
        runs.create_run(config("0" * 64))
    with pytest.raises(UnknownDatasetError, match="No dataset has the number 99"):
        runs.create_run(plan, dataset_id=99)
    with pytest.raises(UnknownRunError, match="No run has the number 99"):
        runs.create_run(plan, parent_id=99)
    assert runs.list_runs() == []


def test_default_names_are_numbered(runs: RunLibrary, ended: int, plan: TrainConfig) -> None:
    """Runs without a name are called after their network, with the first free number."""
    assert [runs.create_run(plan).name for _ in range(3)] == ["MobileNetV2", "MobileNetV2 2", "MobileNetV2 3"]
    assert runs.create_run(config(plan.snapshot, "MobileNet")).name == "MobileNet"
    runs.rename(ended, "mobilenet  2")
    assert runs.create_run(config(plan.snapshot, "MobileNet")).name == "MobileNet 3"
    assert runs.free_name("ENDED") == "ENDED"


def test_default_names_say_what_a_run_is(
    runs: RunLibrary, plan: TrainConfig, dataset_id: int, database: Database
) -> None:
    """Dataset, recipe and network; a dataset that gets another name changes no name that a run has."""
    dataset = Library(database).datasets.get(dataset_id)
    view = runs.create_run(plan, recipe="quick", dataset_id=dataset_id)
    assert view.name == f"{dataset.name} · Quick · MobileNetV2"
    Library(database).datasets.rename(dataset_id, "renamed")
    assert runs.get_run(view.id).name == view.name
    assert runs.create_run(plan, recipe="quick", dataset_id=dataset_id).name == "renamed · Quick · MobileNetV2"


def test_names_are_refused_like_those_of_datasets(runs: RunLibrary, ended: int, plan: TrainConfig) -> None:
    """A name without letters, a long one and one that another run has are refused; nothing is changed."""
    for name, words in [
        ("\u200b ", "The run has no name"),
        ("x" * 101, "at most 100"),
        ("Ended", "a run named “Ended”"),
    ]:
        with pytest.raises(NameRefusedError, match=words):
            runs.create_run(plan, name=name)
    other = runs.create_run(plan, name="other").id
    with pytest.raises(NameRefusedError, match="a run named “ended” already"):
        runs.rename(other, "ended")
    runs.rename(other, "Other")  # its own name, written differently
    assert [view.name for view in runs.list_runs()] == ["Other", "ended"]


def test_default_names_from_two_sessions(runs: RunLibrary, other_runs: RunLibrary, plan: TrainConfig) -> None:
    """Runs that two sessions begin at the same moment get different names, and none is refused."""
    errors = in_threads(*(lambda own=own: own.create_run(plan) for own in (runs, other_runs) * 4))
    assert errors == []
    names = [view.name for view in runs.list_runs()]
    assert sorted(names) == sorted(["MobileNetV2", *(f"MobileNetV2 {number}" for number in range(2, 9))])


def test_lists(runs: RunLibrary, plan: TrainConfig, database: Database, dataset_id: int, ended: int) -> None:
    """The newest run is first; those of another dataset and those in the trash are left out."""
    other_id, other_hash = take(database, "Cars", range(10, 12))
    first = runs.create_run(plan, dataset_id=dataset_id).id
    second = runs.create_run(config(other_hash), dataset_id=other_id).id
    third = runs.create_run(plan, dataset_id=dataset_id).id
    runs.trash(ended)
    assert [view.id for view in runs.list_runs()] == [third, second, first]
    assert [view.id for view in runs.list_runs(dataset_id)] == [third, first]
    assert runs.list_runs(99) == []
    assert [view.id for view in runs.list_trashed()] == [ended]


def listed(runs: RunLibrary) -> tuple[list[RunView], list[bool]]:
    """The list of runs, and of each statement that it took, whether configs and outcomes were read."""
    with noted_statements(runs._database) as statements:
        views = runs.list_runs()
    return views, ["runs.config" in sql for sql in statements if sql.startswith("SELECT")]


def test_list_is_two_statements(runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig) -> None:
    """However many runs there are: one for the states of all with their tasks, one for those that have changed since
    the list was read last, and for nothing else is JSON read."""
    for _ in range(5):
        desk.submit(plan)
    worker.end()
    worker.begin()
    views, statements = listed(runs)
    assert [view.status for view in views] == [*[RunStatus.QUEUED] * 3, RunStatus.RUNNING, RunStatus.DONE]
    assert statements == [False, True]
    assert listed(runs) == (views, [False])


@pytest.mark.parametrize("change", ["rename", "set_note", "set_finished", "append_events", "set_package_task", "trash"])
def test_the_list_knows_every_change(
    runs: RunLibrary, other_runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig, change: str
) -> None:
    """Whoever makes it, in whichever process: what is listed is what reading each run anew gives."""
    ids = [desk.submit(plan).id for _ in range(3)]
    for _ in ids:
        worker.end()
    runs.list_runs()
    CHANGES[change](other_runs, ids[1])
    views, statements = listed(runs)
    assert views == [runs.get_run(run_id) for run_id in reversed(ids) if runs.get_run(run_id).trashed_at is None]
    assert statements == ([False] if change == "trash" else [False, True])


def test_the_list_knows_what_came_of_a_run(
    runs: RunLibrary, other_runs: RunLibrary, desk: RunDesk, worker: HandWorker, plan: TrainConfig
) -> None:
    """Its outcome is there as soon as it has finished, and again when it has finished once more."""
    run_id = desk.submit(plan).id
    worker.begin()
    outcomes = []
    for outcome in ({"first": 1}, {"second": 2}):
        runs.list_runs()
        other_runs.set_finished(run_id, outcome)
        outcomes.append(runs.list_runs()[0].outcome)
    assert outcomes == [{"first": 1}, {"second": 2}]


@pytest.mark.sqlite_only
def test_indexes_are_used(runs: RunLibrary, plan: TrainConfig) -> None:
    """Neither the list nor the events of a run are looked for in the whole table."""
    plans = {
        "SELECT * FROM runs WHERE trashed_at IS NULL ORDER BY id DESC": "ix_runs_trashed",
        "SELECT * FROM runs WHERE dataset_id = 1 AND trashed_at IS NULL ORDER BY id DESC": "ix_runs_dataset",
        "SELECT * FROM run_events WHERE run_id = 1 AND sequence > 5 ORDER BY sequence": "autoindex_run_events",
        "SELECT * FROM run_events WHERE run_id = 1 AND kind = 'epoch' AND sequence > 5 ORDER BY sequence": (
            "ix_run_events_kind"
        ),
    }
    with runs._database.read_session() as session:
        for sql, index in plans.items():
            found = " ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {sql}")))
            assert index in found
            assert "TEMP B-TREE" not in found


def test_note(runs: RunLibrary, ended: int) -> None:
    """A note keeps its lines and loses what cannot be shown."""
    runs.set_note(ended, " first\r\nsecond\x00\u202e\n\n")
    assert runs.get_run(ended).note == "first\nsecond"


def test_trash_and_back(runs: RunLibrary, ended: int, plan: TrainConfig) -> None:
    """The trash can be undone; a run comes back under another name when its own was taken meanwhile."""
    runs.append_events(ended, batches(1, 3))
    runs.trash(ended)
    trashed = runs.get_run(ended)
    assert trashed.trashed_at is not None
    runs.trash(ended)  # twice at once is no failure, and the time stays
    assert runs.get_run(ended) == trashed
    runs.create_run(plan, name="ENDED")
    restored = runs.restore(ended)
    assert (restored.name, restored.trashed_at) == ("ended 2", None)
    assert runs.restore(ended) == restored
    assert sequences(runs, ended) == [1, 2, 3]


@pytest.mark.parametrize("change", ["rename", "set_note", "reopen"])
def test_run_in_the_trash_is_left_alone(runs: RunLibrary, ended: int, change: str) -> None:
    """A run in the trash can only be restored or deleted for good."""
    runs.trash(ended)
    with pytest.raises(RunStateError, match=r"The run “ended” was deleted\. Restore it first\."):
        CHANGES[change](runs, ended)


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.STOPPING])
def test_active_run_is_not_deleted(
    runs: RunLibrary, desk: RunDesk, queue: TaskQueue, worker: HandWorker, plan: TrainConfig, status: RunStatus
) -> None:
    """A run that waits or runs goes neither into the trash nor away."""
    view = desk.submit(plan, name="busy")
    bring_to(status, view, worker, queue, runs)
    with pytest.raises(RunStateError, match=r"“busy” (waits|is running|is being stopped).*; stop or cancel it before"):
        runs.trash(view.id)
    assert runs.get_run(view.id).trashed_at is None


def test_purge(runs: RunLibrary, ended: int, plan: TrainConfig, database: Database) -> None:
    """A run goes for good only from the trash; its events go with it, its children stay, its number is not reused."""
    child = runs.create_run(plan, parent_id=ended).id
    runs.append_events(ended, batches(1, 3))
    with pytest.raises(RunStateError, match=r"not in the trash\. Put it there first"):
        runs.purge(ended)
    runs.trash(ended)
    runs.purge(ended)
    with pytest.raises(UnknownRunError):
        runs.get_run(ended)
    with database.read_session() as session:
        assert session.query(RunEvent).count() == 0
    assert runs.get_run(child).parent_id is None
    assert runs.create_run(plan).id == child + 1


def test_newest_number_is_not_reused(runs: RunLibrary, ended: int, plan: TrainConfig) -> None:
    """Not even the number of the newest run, which names its folder, is given again."""
    runs.trash(ended)
    runs.purge(ended)
    assert runs.create_run(plan).id == ended + 1


def test_run_outlives_its_dataset(runs: RunLibrary, plan: TrainConfig, dataset_id: int, database: Database) -> None:
    """A run whose dataset is deleted for good stays, with its snapshot."""
    run_id = runs.create_run(plan, dataset_id=dataset_id).id
    with database.session() as session:
        session.execute(delete(Dataset))
    view = runs.get_run(run_id)
    assert (view.dataset_id, view.snapshot_hash) == (None, plan.snapshot)


def test_snapshot_of_a_run_cannot_be_deleted(runs: RunLibrary, plan: TrainConfig, database: Database) -> None:
    """The database itself keeps the snapshot of a run."""
    runs.create_run(plan)
    with pytest.raises(IntegrityError), database.session() as session:
        session.execute(delete(Snapshot))


def test_views_are_plain_json(runs: RunLibrary, ended: int) -> None:
    """What the library hands out holds nothing that belongs to the database."""
    view: RunView = runs.get_run(ended)
    assert json.loads(json.dumps(view.config_values)) == view.config_values
