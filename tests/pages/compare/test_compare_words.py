"""What the compare page says, without a page: verdicts, differences of settings, ready-made comparisons, the table."""

from dataclasses import replace

import numpy as np
import pytest

from core.config import FineTuneConfig, TrainConfig
from core.evaluation.answers import Answers
from core.evaluation.comparison import Comparison, Contender, Exclusion
from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome, Score
from pages.compare.differences import find_differences
from pages.compare.entrants import Entrant
from pages.compare.figures import advise
from pages.compare.ready_made import find_ready_made
from pages.compare.speed import Speeds
from pages.compare.table import columns_of
from pages.compare.words import difference_text, exclusion_texts, luck_text, verdict
from tests.core.inference.model_runs import outcome

SNAPSHOT, OTHER_SNAPSHOT = "0" * 64, "1" * 64


def comparison(both: int, only_first: int, only_second: int, neither: int) -> Comparison:
    return Comparison(
        photos=(),
        counts=(both, only_first, only_second, neither),
        num_decided=0,
        excluded={},
        classes_of_first_only=(),
        classes_of_second_only=(),
    )


@pytest.mark.parametrize(
    ("counts", "ending", "chance"),
    [
        ((180, 4, 9, 7), "that could be luck**.", "about 27 of 100"),
        ((180, 1, 12, 7), "that is hardly luck**.", "fewer than 1 of 100"),
        ((180, 1, 9, 10), "that is hardly luck**.", "about 2 of 100"),
        ((180, 3, 3, 14), "that could be luck**.", "nearly every one of 100"),
        ((190, 0, 0, 10), "nothing tells them apart**.", "nothing to test"),
    ],
)
def test_verdicts(counts: tuple[int, int, int, int], ending: str, chance: str):
    """Luck is told from what is hardly luck at 5 %; p is said as a share of repetitions."""
    found = comparison(*counts)
    assert verdict(found, "A", "*B*").endswith(ending)
    assert chance in luck_text(found)


def test_a_verdict_names_both_counts():
    """Who is right where the other is wrong; names are shown letter by letter."""
    said = verdict(comparison(180, 4, 9, 7), "*A*", "B")
    assert said.startswith(
        r"**B** is right on 9 photos that **\*A\*** gets wrong, **\*A\*** on 4 that **B** gets wrong"
    )
    assert "**2.5 points more often**" in difference_text(comparison(180, 4, 9, 7), "B")
    assert "**1 point less often**" in difference_text(comparison(90, 3, 2, 5), "B")
    assert "**equally often**" in difference_text(comparison(90, 3, 3, 4), "B")
    assert difference_text(comparison(0, 0, 0, 0), "B") == ""


def test_what_is_left_out_is_counted():
    """Each reason with its number."""
    texts = exclusion_texts({Exclusion.LEARNED: 2, Exclusion.ONLY_SECOND: 1}, "A", "B")
    assert texts == ["2 photos that one of them learned from, or both", "1 photo that only B was asked about"]


# --- settings --------------------------------------------------------------------------------------------


def test_only_settings_that_differ_are_told():
    """In plain words; what a run without fine-tuning does not have is a dash; a config of another version is said."""
    config = TrainConfig(snapshot=SNAPSHOT, backbone="EfficientNetLite0", image_size=(224, 224))
    tuned = replace(config, image_size=None, fine_tune=FineTuneConfig(first_layer=100), seed=3)
    found = {each.title: each.values for each in find_differences([config, tuned], ["birds", "birds"])}
    assert found["fine-tuning"] == ("none: the new layers only", "from layer 100")
    assert found["fine-tuning optimizer"] == ("–", "RMSprop")
    assert found["seed"] == ("0", "3")
    assert not {"network", "photos", "image size", "epochs"} & set(found)
    assert find_differences([config, config], ["a", "a"]) == []
    unreadable = find_differences([config, None], ["a", "b"])
    assert unreadable[0].values == ("EfficientNet-Lite0", "not readable: made by another version")
    hub = replace(config, backbone="hub:/somewhere/some_vector/")
    scratch = replace(config, backbone="scratch")
    values = find_differences([hub, scratch, replace(config, backbone="Gone")], ["a"] * 3)[0].values
    assert values == ("TensorFlow Hub: some_vector", "from scratch", "Gone")


# --- ready-made comparisons ------------------------------------------------------------------------------


def run(number: int, backbone: str, *, is_tuned: bool = False, **values: object) -> RunView:
    config = {"snapshot": SNAPSHOT, "backbone": backbone, "fine_tune": {"first_layer": 3} if is_tuned else None}
    known = {
        **dict.fromkeys(RunView.__dataclass_fields__),
        "id": number,
        "name": f"run {number}",
        "snapshot_hash": SNAPSHOT,
        "config_values": config,
        "status": RunStatus.DONE,
        "outcome": outcome().to_json(),
    }
    return RunView(**{**known, **values})


def test_ready_made_comparisons_need_runs_on_one_snapshot():
    """The newest that fit; failed runs and other photos do not count; what is missing is named."""
    runs = [
        run(9, "EfficientNetLite0", snapshot_hash=OTHER_SNAPSHOT, is_tuned=True),
        run(8, "scratch", status=RunStatus.FAILED),
        run(7, "MobileNetV3Small"),
        run(6, "MobileNetV2", is_tuned=True),
        run(5, "EfficientNetLite0"),
        run(4, "EfficientNetLite2"),
    ]
    fine_tuning, transfer, networks = find_ready_made(runs)
    assert fine_tuning.run_ids == ()
    assert "“Careful”" in fine_tuning.missing
    assert "“From scratch”" in transfer.missing
    assert networks.run_ids == (6, 5)
    assert "MobileNet (recipe" in networks.missing
    assert "MobileNetV2 (recipe" not in networks.missing
    fine_tuning, transfer, _ = find_ready_made([*runs, run(3, "EfficientNetLite2", is_tuned=True), run(2, "scratch")])
    assert fine_tuning.run_ids == (4, 3)
    assert transfer.run_ids == (7, 2)


# --- the table -------------------------------------------------------------------------------------------


def entrant(number: int, *, correct: int | None, num_bytes: int, seconds: float = 8.0) -> Entrant:
    score = None
    if correct is not None:
        score = Score(num_photos=50, num_correct=correct, accuracy=correct / 50, low=0.5, high=0.99).to_json()
    told: Outcome = outcome(test=score, validation=None, model_bytes=num_bytes, seconds={"total": seconds})
    view = run(number, "EfficientNetLite0", outcome=told.to_json())
    return Entrant(key=f"run:{number}", title=view.name, run=view, model_bytes=num_bytes)


def test_the_best_of_each_column_is_marked():
    """Ties are marked alike, also where only digits differ that nobody sees; one value alone is no best."""
    entrants = [
        entrant(1, correct=48, num_bytes=13_400_000),
        entrant(2, correct=48, num_bytes=13_000_000, seconds=9.0),
        entrant(3, correct=None, num_bytes=30_000_000),
    ]
    speeds = Speeds(milliseconds={"run:1": 7.0}, is_measured=False)
    columns = {column.title: column for column in columns_of(entrants, speeds)}
    best = {title: [column.is_best(row) for row in range(3)] for title, column in columns.items()}
    assert best["Right"] == [False, False, False]
    assert columns["Right"].texts[2] == "–"
    assert best["Size"] == [True, True, False]
    assert best["Training"] == [True, False, True]
    assert best["Trained parameters"] == [False, False, False]
    assert columns["Time per photo, when trained"].texts == ["7.0 ms", "–", "–"]


def test_a_cheaper_model_that_may_be_as_good_is_named():
    """What it saves is said; one that is shown to be worse is never advised."""
    hashes = tuple(map(str, range(40)))
    truth = np.zeros(40, np.int64)

    def rival(number: int, num_correct: int, num_bytes: int) -> Entrant:
        said = np.where(np.arange(40)[:, None] < num_correct, [[0.9, 0.1]], [[0.1, 0.9]]).astype(np.float32)
        nothing = Answers(hashes=(), class_indices=truth[:0], probabilities=said[:0])
        answers = Answers(hashes=hashes, class_indices=truth, probabilities=said)
        model = Contender(class_names=("a", "b"), unseen=answers, validation=nothing, learned_from=frozenset())
        return replace(entrant(number, correct=48, num_bytes=num_bytes), contender=model, stamp=("advice", number))

    order = [rival(1, 40, 90_000_000), rival(2, 38, 88_000_000), rival(3, 37, 10_000_000), rival(4, 20, 1_000_000)]
    speeds = Speeds(milliseconds={"run:1": 30.0, "run:3": 10.0, "run:4": 1.0}, is_measured=True)
    advice = advise(order, speeds)
    assert "**run 1** is right on 2 photos that **run 2** gets wrong" in advice
    assert "**run 3** is not shown to be worse, and 3.0 times faster and smaller (10 MB against 90 MB)." in advice
    assert "run 4" not in advice
