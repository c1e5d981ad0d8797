"""What the board tells of a pupil."""

from dataclasses import replace

from core.spaces.overview import ClassNow, PupilNow, Waiting
from core.spaces.records import SpaceKind, SpaceView
from pages.words.class_told import ModelsNow, tell_class

NOTHING = ModelsNow(num_runs=0, active="", best="", interval="")


def pupil(space_id: int = 2, *, is_here: bool = True, **doing: str) -> PupilNow:
    space = SpaceView(
        id=space_id,
        kind=SpaceKind.PUPIL,
        name=f"Pupil {space_id}",
        classroom_id=1,
        created_at=1.0,
        seen_at=2.0,
        doing=doing,
    )
    return PupilNow(space=space, is_here=is_here, num_photos=1, photo_bytes=2_000_000, run_bytes=0)


def tell(*pupils: PupilNow, models: ModelsNow = NOTHING, queue: tuple[Waiting, ...] = ()) -> dict:
    now = ClassNow(pupils=pupils, teacher=None, queue=queue, num_bytes=3_000_000)
    return tell_class(now, {each.space.id: models for each in pupils}, {2: "will be deleted on 3 December"})


def test_what_somebody_does() -> None:
    """The training that is under way before the page; whoever is not here is away."""
    assert tell(pupil(page="Dataset", what="Birds"))["spaces"][0]["doing"] == "Dataset · Birds"
    assert tell(pupil())["spaces"][0]["doing"] == "here"
    assert tell(pupil(is_here=False, page="Dataset"))["spaces"][0]["doing"] == "away"
    trains = replace(NOTHING, num_runs=1, active="trains · 40 %")
    assert tell(pupil(is_here=False, page="Dataset"), models=trains)["spaces"][0]["doing"] == "trains · 40 %"


def test_an_empty_class_and_a_full_one() -> None:
    """How many are here, what is stored, and who will be deleted."""
    assert tell()["heading"] == "Nobody has come in yet"
    assert "the page for the projector" in tell()["hint"]
    told = tell(pupil(2), pupil(3, is_here=False))
    assert told["hint"] == ""
    assert (told["heading"], told["storage"]) == ("1 of 2 pupils here", "3 MB stored")
    assert [each["due"] for each in told["spaces"]] == ["will be deleted on 3 December", ""]
    assert told["spaces"][0]["has"] == "1 photo"


def test_a_long_queue() -> None:
    """The first dozen one by one, the others counted by what they are."""
    queue = tuple(Waiting(title="Train", owner=f"Pupil {number}", is_running=number == 0) for number in range(30))
    told = tell(queue=queue)["queue"]
    assert told[0] == {"text": "Train", "owner": "Pupil 0", "is_running": True}
    assert told[-1]["text"] == "and 18 more: Train"
    assert len(told) == 13
