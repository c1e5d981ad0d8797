"""What a run has told: read in parts, and what follows from it about what is still to come."""

import math

from core.config import FineTuneConfig, PhaseConfig, TrainConfig
from core.runs.history import RunHistory
from core.runs.records import RunEventKind, RunEventView
from core.runs.story import BatchStory, EpochStory, NoteStory, PhaseName, PhaseStory, PhotosStory

CONFIG = TrainConfig(
    snapshot="0" * 64,
    backbone="EfficientNetLite0",
    head_phase=PhaseConfig(num_epochs=10),
    fine_tune=FineTuneConfig(first_layer=90, phase=PhaseConfig(num_epochs=5)),
)
EMPTY = RunHistory(run_id=1, num_rewinds=0)

Payload = PhaseStory | BatchStory | EpochStory | PhotosStory | NoteStory
_KINDS: dict[type, RunEventKind] = {
    PhaseStory: "phase",
    BatchStory: "batch",
    EpochStory: "epoch",
    PhotosStory: "photos",
    NoteStory: "note",
}


def told(*payloads: Payload, after: RunHistory = EMPTY) -> RunHistory:
    """The history of a run that tells these things, one after the other."""
    events = [
        RunEventView(
            run_id=1,
            sequence=after.sequence + number,
            kind=_KINDS[type(payload)],
            payload=payload.to_json(),
            created_at=0.0,
        )
        for number, payload in enumerate(payloads, start=1)
    ]
    return after.with_events(events)


def epoch(number: int, *, best: int | None = None, phase: str = PhaseName.HEAD) -> EpochStory:
    return EpochStory(
        epoch=number,
        phase=phase,
        loss=1 / number,
        accuracy=0.5,
        validation_loss=2 / number,
        validation_accuracy=0.4,
        learning_rate=1e-3,
        seconds=1.0,
        photos_per_second=100.0,
        best_epoch=number if best is None else best,
    )


def phase(name: PhaseName, first_epoch: int | None = None, num_epochs: int | None = None) -> PhaseStory:
    return PhaseStory(phase=name, first_epoch=first_epoch, num_epochs=num_epochs)


def planned(history: RunHistory, *, is_active: bool) -> tuple[int, int | None]:
    """Epochs in all, and those before fine-tuning."""
    return history.num_planned(CONFIG, is_active=is_active), history.fine_tuning_from(CONFIG, is_active=is_active)


def test_reading_in_parts_is_reading_at_once() -> None:
    """Whoever looks often knows the same as who looks once."""
    story = [phase(PhaseName.FEATURES), phase(PhaseName.HEAD, 1, 10), BatchStory(at=0.5, loss=1.0, accuracy=0.5)]
    story += [epoch(1), NoteStory(text="slow"), PhotosStory(epoch=1, photos=[])]
    in_parts = EMPTY
    for payload in story:
        in_parts = told(payload, after=in_parts)
    assert in_parts == told(*story)
    assert in_parts.sequence == len(story)


def test_a_loss_that_is_no_number_leaves_a_gap() -> None:
    """What JSON could not hold is drawn as nothing."""
    history = told(BatchStory(at=0.5, loss=None, accuracy=None))
    ((_, loss),) = history.batches
    assert math.isnan(loss)


def test_what_is_planned_before_anything_is_known() -> None:
    """At first all epochs of the config may come, fine-tuning after the last of the head."""
    assert planned(EMPTY, is_active=True) == (15, 10)


def test_a_head_phase_that_stops_early_brings_fine_tuning_forward() -> None:
    """Epochs that will not come any more do not count."""
    history = told(phase(PhaseName.HEAD, 1, 10), epoch(1), epoch(2), phase(PhaseName.FINE_TUNE, 3, 5), epoch(3))
    assert planned(history, is_active=True) == (7, 2)


def test_a_run_that_has_ended_plans_nothing() -> None:
    """A stopped run ends with its last epoch, and has no line where fine-tuning would have begun."""
    history = told(phase(PhaseName.HEAD, 1, 10), epoch(1), epoch(2, best=1))
    assert planned(history, is_active=False) == (2, None)


def test_the_time_left() -> None:
    """What the last epochs took counts, estimates only for what has not begun; nothing is known without any."""
    expected = {PhaseName.FEATURES: 20.0, PhaseName.HEAD: 5.0, PhaseName.FINE_TUNE: 60.0, PhaseName.EVALUATION: 1.0}
    assert EMPTY.seconds_left(expected, 0.0) is None
    features = told(phase(PhaseName.FEATURES))
    assert features.seconds_left({}, 0.0) is None
    assert features.seconds_left(expected, 15.0) == 5 + 66
    assert features.seconds_left(expected, 40.0) == 4 + 66  # slower than expected, and not over yet
    head = told(phase(PhaseName.HEAD, 1, 10), after=features)
    assert head.seconds_left(expected, 2.0) == 3 + 61
    assert told(epoch(1), epoch(2), after=head).seconds_left(expected, 2.0) == 8 + 61
    tuned = told(epoch(1), phase(PhaseName.FINE_TUNE, 2, 5), epoch(2), after=head)
    assert tuned.seconds_left(expected, 2.0) == 4 + 1


def test_speed_and_best_epoch_are_the_latest() -> None:
    """What is shown beside the bar comes from what was told last."""
    history = told(epoch(1), epoch(2, best=1), BatchStory(at=2.5, loss=1.0, accuracy=0.5, photos_per_second=250.0))
    assert history.photos_per_second == 250.0
    assert history.best_epoch == epoch(1)
    assert EMPTY.photos_per_second is None
    assert EMPTY.best_epoch is None
