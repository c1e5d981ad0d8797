"""Sweeps: one setting, several values, runs that are told apart by what their configs differ in."""

from dataclasses import replace

import pytest

from core.config import SCRATCH, FineTuneConfig
from core.datasets.library import Library
from core.errors import ConfigError
from core.recipes import RECIPES
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.desk import RunDesk
from core.runs.draft import CUT, SHARE, Draft, draft_values
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.runs.sweep import (
    SWEPT_SETTINGS,
    find_swept,
    settings_to_sweep,
    stop_all,
    sweep_configs,
    swept_value,
)
from core.storage.db import Database
from tests.core.datasets.library_samples import add
from tests.core.runs.run_samples import config

BACKBONE = "EfficientNetLite0"
NUM_LAYERS = 141
VALUES = draft_values(Draft(), BACKBONE)


def swept(name: str, *chosen: float, **changes: object) -> list[tuple[float, dict]]:
    found = sweep_configs(name, chosen, VALUES | changes, BACKBONE, NUM_LAYERS)
    return [(value, config.to_json()) for value, config in found]


@pytest.mark.parametrize("name", [name for name, row in SWEPT_SETTINGS.items() if not row.is_of_fine_tuning])
def test_what_is_suggested_can_be_swept(name: str) -> None:
    """Each setting's own suggestions make runs that differ in that setting alone, which is found from their configs."""
    row = SWEPT_SETTINGS[name]
    changes = {"augment.flip": True} if name == "num_views" else {}
    found = swept(name, *(row.read(row.write(value)) for value in row.suggested), **changes)
    assert len(found) == len(row.suggested)
    told = find_swept([config for _, config in found])
    assert told == (CUT if name == SHARE else name)
    if name != SHARE:
        assert [swept_value(config, name) for _, config in found] == [value for value, _ in found]


@pytest.mark.parametrize("name", [name for name, row in SWEPT_SETTINGS.items() if row.is_of_fine_tuning])
def test_settings_of_fine_tuning(name: str) -> None:
    """They can be swept where part of the network is trained, and are not offered elsewhere."""
    assert name not in {row.name for row in settings_to_sweep(VALUES, BACKBONE)}
    assert name in {row.name for row in settings_to_sweep(VALUES | {SHARE: 0.2}, BACKBONE)}
    assert name not in {row.name for row in settings_to_sweep(VALUES | {SHARE: 0.2}, SCRATCH)}
    found = swept(name, *SWEPT_SETTINGS[name].suggested[:2], **{SHARE: 0.2})
    assert find_swept([config for _, config in found]) == name


def test_a_rate_that_is_searched_for_is_not_swept_in_vain() -> None:
    """A sweep over the learning rate trains with each of the rates, whatever the form says of a search."""
    found = swept("head_phase.learning_rate", 0.1, 0.01, finds_learning_rate=True)
    assert [config["finds_learning_rate"] for _, config in found] == [False, False]
    assert [config["head_phase"]["learning_rate"] for _, config in found] == [0.01, 0.1]


def test_a_head_that_is_solved_has_no_steps_to_sweep() -> None:
    """Its learning rate, batch size and dropout are not offered, for they would change nothing or be refused."""
    names = {row.name for row in settings_to_sweep(VALUES | {"head_phase.optimizer": "lbfgs"}, BACKBONE)}
    assert {"head_phase.num_epochs", "seed"} < names
    assert not names & {"head_phase.learning_rate", "head_phase.batch_size", "head.dropout", "label_smoothing"}


@pytest.mark.parametrize(
    ("name", "chosen", "words"),
    [
        ("head.dropout", [0.2], "the number of different values is 1; from 2 to 50"),
        ("head.dropout", [number / 100 for number in range(51)], "values is 51"),
        ("head.dropout", [0.2, 0.95], "a number from 0 to 0.9"),
        (SHARE, [0.2, 0.2001], "come to the same training"),
    ],
)
def test_values_that_make_no_sweep(name: str, chosen: list[float], words: str) -> None:
    """Too few, too many, impossible or all the same: refused before anything is begun, with what is needed."""
    with pytest.raises(ConfigError, match=f"(?i){words}"):
        sweep_configs(name, chosen, VALUES, BACKBONE, NUM_LAYERS)


def test_layers_that_are_not_known() -> None:
    """A share of an unprepared network is no config yet, and the error says what to do."""
    with pytest.raises(ConfigError, match="Prepare it first"):
        sweep_configs(SHARE, [0.1, 0.5], VALUES, BACKBONE, None)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("head.dropout", "0,25", 0.25),
        (SHARE, "20 %", 0.2),
        (SHARE, "20", 0.2),
        ("head_phase.num_epochs", " 12 ", 12),
        ("head_phase.learning_rate", "3e-4", 0.0003),
    ],
)
def test_values_as_people_write_them(name: str, text: str, value: float) -> None:
    """A comma is as good as a point, a sign of percent may stand or not."""
    assert SWEPT_SETTINGS[name].read(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "text"), [("head.dropout", "much"), ("seed", "1.5"), ("seed", "1e999"), ("seed", "nan")]
)
def test_values_that_are_none(name: str, text: str) -> None:
    """What is no number is told as it was typed, with one that would do."""
    with pytest.raises(ConfigError, match=f"“{text}” was typed"):
        SWEPT_SETTINGS[name].read(text)


def test_a_race_is_no_sweep() -> None:
    """Runs that differ in their network, in two settings or in nothing are no sweep; their snapshot does not count."""
    quick = RECIPES["quick"].config(NO_SNAPSHOT, backbone=BACKBONE)
    other = replace(quick, seed=1)
    assert find_swept([quick.to_json(), replace(quick, backbone="MobileNetV2").to_json()]) is None
    assert find_swept([quick.to_json(), replace(other, label_smoothing=0.1).to_json()]) is None
    assert find_swept([quick.to_json(), replace(quick, snapshot="1" * 64).to_json()]) is None
    assert find_swept([quick.to_json(), other.to_json()]) == "seed"
    assert find_swept([{"seed": 1, "of another version": {}}, {"seed": 2, "of another version": {}}]) == "seed"
    assert find_swept([]) is None


def test_a_network_that_is_left_as_it_is() -> None:
    """Among first layers it has none."""
    tuned = config(NO_SNAPSHOT, fine_tune=FineTuneConfig(first_layer=100))
    assert swept_value(tuned.to_json(), CUT) == 100
    assert swept_value(replace(tuned, fine_tune=None).to_json(), CUT) is None


def test_all_are_stopped(database: Database, desk: RunDesk) -> None:
    """Those that wait are cancelled, one that trains is asked to keep its best epoch, one that has ended stays."""
    library = RunLibrary(database)
    dataset_id = library_of(database)
    requests = [
        RunRequest(dataset_id=dataset_id, config=made, race="s", detail=f"seed {value}", recipe="quick")
        for value, made in sweep_configs("seed", [1, 2, 3, 4], VALUES, BACKBONE, NUM_LAYERS)
    ]
    runs = begin_runs(database, desk, requests)
    assert [run.name.rpartition(" · ")[2] for run in runs] == ["seed 1", "seed 2", "seed 3", "seed 4"]
    desk.cancel(runs[0].id)
    queue = desk._queue
    queue.register_worker("w", pid=1, host="elsewhere", lane=queue.kinds["train_run"].lane)
    claimed = queue.claim("w", ["train_run"])
    assert claimed is not None
    library.set_started(runs[1].id, task_id=claimed.id)
    stop_all(desk, runs)  # as they were read before
    stop_all(desk, [library.get_run(run.id) for run in runs])
    statuses = [library.get_run(run.id).status for run in runs]
    assert statuses == [RunStatus.CANCELLED, RunStatus.STOPPING, RunStatus.CANCELLED, RunStatus.CANCELLED]


def library_of(database: Database) -> int:
    library = Library(database)
    dataset_id = library.datasets.create("Two birds").id
    add(library, dataset_id, "crow", range(100, 120))
    add(library, dataset_id, "tit", range(200, 220))
    return dataset_id
