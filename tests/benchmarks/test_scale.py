"""The benchmark of the cluster: what it has trained, and how it reckons."""

from dataclasses import replace

import pytest

from benchmarks.scale.measuring import Measured, figures
from benchmarks.scale.runs import race_configs


def test_a_race_is_of_six_different_kinds() -> None:
    """Each with a config of its own."""
    configs = [config for _, config in race_configs().values()]
    assert len(configs) == len(set(configs)) == 6


def test_what_is_ideal() -> None:
    """Two nodes halve the time where there are two cores; four do no more there. Models must be the same everywhere."""
    one = Measured(seconds=100.0, overheads=(0.1, 0.3), models={"a": "x"})
    two = Measured(seconds=62.5, overheads=(0.2,), models={"a": "x"})
    told = figures({1: one, 2: two, 4: two}, one, num_cores=2, lost=0)
    assert told["makespan_share"] == [1.0, 0.8, 0.8]
    assert told["overhead_ms"] == [pytest.approx(200.0), 200.0, 200.0]
    assert (told["same_models"], told["lost"], told["nodes"]) == (1, 0, [1, 2, 4])
    assert figures({1: one, 2: two}, replace(one, models={"a": "y"}), num_cores=2, lost=0)["same_models"] == 0
