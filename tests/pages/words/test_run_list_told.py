"""What the list of runs tells: a line for each, with its curve, and the way to a race above the first of its runs."""

from typing import Any

from core.runs.records import RunStatus, RunView
from pages.words.run_list_told import sparkline, tell_runs

NBSP = "\N{NO-BREAK SPACE}"


def run(run_id: int, **values: Any) -> RunView:
    nothing = dict.fromkeys(RunView.__dataclass_fields__)
    known = {"config_values": {}, "id": run_id, "name": f"Run {run_id}", "dataset_id": 3, "status": RunStatus.RUNNING}
    return RunView(**{**nothing, **known, **values})


def tell(*views: RunView, **others: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"accuracies": {}, "cautions": {}, "datasets": {}}
    return tell_runs(views, **{**nothing, "now": 0.0, **others})


def test_how_a_run_stands_for_how_long_and_on_what() -> None:
    """The dataset is told where the name does not tell it."""
    views = [run(1, started_at=100.0), run(2, name="Crows · Quick"), run(3, status=RunStatus.FAILED)]
    told = tell(*views, now=112.0, datasets={3: "Crows"})["runs"]
    assert [line["text"] for line in told] == ["training · 12 s · Crows", "training", "failed · Crows"]
    assert [line["icon"] for line in told] == ["play_circle", "play_circle", "error"]


def test_a_warning_goes_with_its_run() -> None:
    """Others have none."""
    assert [line["caution"] for line in tell(run(1), run(2), cautions={2: "≈ guessing"})["runs"]] == ["", "≈ guessing"]


def test_the_way_to_a_race() -> None:
    """It stands once, with the first run of each race, and counts all of them."""
    told = tell(run(1, race="b"), run(2), run(3, race="a"), run(4, race="b"))
    assert told["heading"] == "4 runs"
    races = [line["race"] for line in told["runs"]]
    assert races == [
        {"mark": "b", "text": "Race of 2 networks"},
        None,
        {"mark": "a", "text": "Race of 1 network"},
        None,
    ]


def test_the_way_to_a_sweep() -> None:
    """Runs that were begun together and differ in one setting alone are told by that setting."""
    views = [run(number, race="a", config_values={"seed": number, "backbone": "any"}) for number in (1, 2, 3)]
    assert tell(*views)["runs"][0]["race"] == {"mark": "a", "text": "3 values: seed"}


def test_sparklines() -> None:
    """A line needs two epochs; its description says where it began and ended."""
    assert sparkline([0.5]) == {"label": "", "shape": ""}
    line = sparkline([0.5, 0.75, 0.9])
    assert line["label"] == f"validation accuracy from 50{NBSP}% to 90{NBSP}%"
    assert line["shape"].count("% ") >= 6
    assert len(sparkline([0.1 + 0.0001 * number for number in range(5_000)])["shape"]) < 4_000
