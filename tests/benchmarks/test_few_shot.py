"""`benchmarks.few_shot`: draws, solvers, what a solver is worth, and where cells run, on numbers made by hand."""

import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchmarks.few_shot import read_folders, worth
from benchmarks.few_shot_cells import Cell, Material, Seen, by_lbfgs, by_prototypes, draw, run_cells
from core.errors import ClusterError
from core.settings import Settings

LABELS = np.repeat([0, 1, 2], 20)
BASELINE = {5: 80.0, 10: 84.0, 20: 90.0, 50: 89.0}


def test_each_class_gives_so_many_photos_and_other_seeds_others():
    """A draw has equally many photos of each class, none twice, and depends on nothing but its seed."""
    chosen = draw(LABELS, 5, seed=1)
    assert np.bincount(LABELS[chosen]).tolist() == [5, 5, 5]
    assert len(set(chosen.tolist())) == 15
    np.testing.assert_array_equal(chosen, draw(LABELS, 5, seed=1))
    assert set(chosen.tolist()) != set(draw(LABELS, 5, seed=2).tolist())


@pytest.mark.parametrize("solve", [by_lbfgs, by_prototypes])
@pytest.mark.parametrize("num_classes", [2, 3])
def test_solvers_tell_directions_apart(solve, num_classes: int):
    """Classes that lie in different directions are told apart, two as well as three."""
    rng = np.random.default_rng(0)
    labels = LABELS[num_classes > LABELS]
    features = (np.eye(8)[labels] * 5 + rng.uniform(0, 1, (len(labels), 8))).astype(np.float32)
    answer = solve(features[::2], labels[::2], 0)
    np.testing.assert_array_equal(answer(features[1::2]).argmax(axis=1), labels[1::2])


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(80.0, 5.0), (82.0, 7.1), (84.0, 10.0), (87.0, 14.1), (79.9, None), (90.1, None)],
    ids=["its least", "between", "a figure of its own", "further up", "below", "beyond"],
)
def test_a_solver_is_worth_the_photos_that_the_baseline_would_need(accuracy: float, expected: float | None):
    """Between its own figures the baseline is thought to grow with the logarithm of the photos; beyond nobody knows."""
    assert worth(accuracy, BASELINE) == expected


def test_a_folder_that_cannot_judge_is_refused(tmp_path: Path):
    """Without train/, photos that judge, or two classes nothing is measured, and the message names what is missing."""
    with pytest.raises(SystemExit, match="needs a folder train/"):
        read_folders(tmp_path)
    for folder in ("train/a", "test/a"):
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(SystemExit, match="at least two classes"):
        read_folders(tmp_path)
    (tmp_path / "train" / "b").mkdir()
    (tmp_path / "train" / "b" / "1.jpg").write_bytes(b"photo")
    class_names, train, judging = read_folders(tmp_path)
    assert (class_names, train.labels.tolist(), len(judging.paths)) == (("a", "b"), [1], 0)


@pytest.fixture
def material() -> Material:
    """Features of two networks that tell three classes apart more often than not."""
    rng = np.random.default_rng(1)

    def features() -> np.ndarray:
        return (np.eye(8)[LABELS] + rng.uniform(0, 1.5, (len(LABELS), 8))).astype(np.float32)

    seen = {name: Seen(train=features(), judging=features()) for name in ("one", "other")}
    return Material(seen=seen, train_labels=LABELS, judging_labels=LABELS)


def test_cells_have_the_same_figures_on_all_nodes_of_a_cluster(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Cells of every solver, to the last digit, in the order in which they were asked for."""
    from ray.cluster_utils import Cluster

    # Tests of pages leave their script there, which a process that is begun would run.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    cells = [Cell("one", "adam", 5, 0)]  # a single one, for it takes longest
    cells += [Cell(*each) for each in itertools.product(material.seen, ("lbfgs", "prototypes"), (5,), range(2))]
    here = run_cells(cells, material, Settings(workspace_dir=tmp_path))
    assert len(set(here)) > 3
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    size = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=size)
    try:
        cluster.add_node(**size)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        assert run_cells(cells, material, Settings(workspace_dir=tmp_path, workers="auto")) == here
    finally:
        cluster.shutdown()


def test_a_cluster_that_nobody_reaches_is_told(material: Material, tmp_path: Path):
    """Nothing is computed here in its place."""
    settings = Settings(workspace_dir=tmp_path, workers="ray://127.0.0.1:1")
    with pytest.raises(ClusterError, match="Nobody answers"):
        run_cells([Cell("one", "prototypes", 5, 0)], material, settings)
