"""Which reasons are named for a result that is no better than guessing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.config import AugmentConfig, FineTuneConfig, TrainConfig
from core.datasets.records import SnapshotImageView, SnapshotView, Split
from core.evaluation.guessing import Worth, weigh
from core.evaluation.reasons import Circumstances, ReasonKind, likely_reasons, listed
from core.photos.record import PhotoRecord
from tests.core.datasets.library_samples import photo, photo_hash

GUESSED = weigh(np.array([[10, 10], [10, 10]]))
ALWAYS_FIRST = weigh(np.array([[20, 0], [20, 0]]))
UNDECIDED = weigh(np.array([[4, 1], [1, 4]]))
LARGEST = weigh(np.array([[81, 9], [1, 9]]))
BETTER = weigh(np.array([[20, 0], [0, 20]]))

GREY = {"dark_share": 0.1, "brightness": 0.5, "colour_spread": 0.2}
BLACK = {"dark_share": 0.99, "brightness": 0.02, "colour_spread": 0.05}
WHITE = {"dark_share": 0.0, "brightness": 0.97, "colour_spread": 0.05}
BLANK = {"dark_share": 1.0, "brightness": 0.0, "colour_spread": 0.0}
FLIPPED = AugmentConfig(flip=True)
CONFIG = TrainConfig(snapshot="0" * 64, backbone="MobileNetV2")

Numbers = Mapping[str, Sequence[int]]  # class to the numbers of its photos for training
TWO: Numbers = {"left": range(20), "right": range(100, 120)}


def record(number: int, measurements: Mapping[str, Any] = GREY, size: tuple[int, int] = (640, 480)) -> PhotoRecord:
    return replace(photo(number), measurements={**measurements}, width=size[0], height=size[1])


def known(
    classes: Numbers = TWO,
    *,
    photos: Sequence[PhotoRecord] | None = None,
    config: TrainConfig = CONFIG,
    untrained: Sequence[str] = (),
    mirrored: tuple[str, ...] = (),
) -> Circumstances:
    """A run that learned from these photos."""
    images = tuple(
        SnapshotImageView(
            photo_hash=photo_hash(number),
            class_index=index,
            split=Split.TEST if name in untrained else Split.TRAIN,
        )
        for index, (name, numbers) in enumerate(classes.items())
        for number in numbers
    )
    snapshot = SnapshotView(
        hash="0" * 64, dataset_id=1, dataset_name="Arrows", class_names=tuple(classes), images=images, created_at=0.0
    )
    if photos is None:
        photos = [record(number) for numbers in classes.values() for number in numbers]
    by_hash = {each.hash: each for each in photos}
    return Circumstances(snapshot=snapshot, photos=by_hash, config=config, mirrored_classes=mirrored)


def kinds(circumstances: Circumstances, worth: Worth = GUESSED) -> list[ReasonKind]:
    return [reason.kind for reason in likely_reasons(worth, circumstances)]


def test_nothing_is_named_without_cause() -> None:
    """Ordinary photos and settings explain nothing; a result that is better needs no reason."""
    assert kinds(known()) == []
    assert kinds(known(mirrored=("left", "right"), config=replace(CONFIG, augment=FLIPPED)), BETTER) == []


def test_evidence_that_was_cut_away() -> None:
    """The share is told, and the remedy; with the whole photo it is no reason."""
    strips = [record(number, size=(900, 150)) for numbers in TWO.values() for number in numbers]
    (reason,) = likely_reasons(GUESSED, known(photos=strips))
    assert reason.kind is ReasonKind.CUT_OFF
    assert "83\N{NO-BREAK SPACE}% of each photo is cut off" in reason.text
    assert "Train again with the whole photo" in reason.text
    assert kinds(known(photos=strips, config=replace(CONFIG, fit_mode="squash"))) == []
    assert kinds(known(photos=strips, config=replace(CONFIG, image_size=(100, 600)))) == []


def test_mirror_images() -> None:
    """With mirroring on that is the reason; with it off a frozen network may be, and an adjusted one is not."""
    mirrored = ("left", "right")
    flipped = known(mirrored=mirrored, config=replace(CONFIG, augment=FLIPPED))
    (reason,) = likely_reasons(GUESSED, flipped)
    assert reason.kind is ReasonKind.MIRRORING
    assert reason.text.startswith(
        "“left” and “right” are mirror images of each other, and it was trained with mirroring on"
    )
    straight = replace(CONFIG, augment=AugmentConfig(flip=False))
    assert kinds(known(mirrored=mirrored, config=straight)) == [ReasonKind.MIRRORED]
    assert kinds(known(mirrored=mirrored, config=replace(straight, fine_tune=FineTuneConfig()))) == []
    assert kinds(known(config=replace(CONFIG, augment=FLIPPED))) == []


@pytest.mark.parametrize(
    ("measurements", "words"),
    [(BLACK, "are nearly black."), (WHITE, "are nearly white."), (BLANK, "show one flat colour and nothing else.")],
)
def test_photos_that_show_nothing(measurements: Mapping[str, Any], words: str) -> None:
    """Half of the photos explain it, fewer do not; each photo is told of once."""
    numbers = [number for of_class in TWO.values() for number in of_class]
    half = [record(number, measurements if place < 20 else GREY) for place, number in enumerate(numbers)]
    fewer = [record(number, measurements if place < 19 else GREY) for place, number in enumerate(numbers)]
    (reason,) = likely_reasons(GUESSED, known(photos=half))
    assert reason.kind is ReasonKind.PHOTOS
    assert reason.text.startswith(f"20 of its 40 photos {words}")
    assert kinds(known(photos=fewer)) == []


def test_photos_that_were_never_measured() -> None:
    """Of what an older version did not measure nothing is claimed."""
    numbers = [number for of_class in TWO.values() for number in of_class]
    assert kinds(known(photos=[record(number, {"contrast": 0.2}) for number in numbers])) == []
    assert kinds(known(photos=[])) == []


def test_the_same_photo_in_two_classes() -> None:
    """A tenth of the photos is enough to be named."""
    assert kinds(known({"a": range(20), "b": [*range(18, 40)]})) == []
    (reason,) = likely_reasons(GUESSED, known({"a": range(20), "b": [*range(10, 40)]}))
    assert reason.kind is ReasonKind.IN_TWO_CLASSES
    assert reason.text.startswith("10 of 40 photos are in two classes at once")


def test_a_class_without_training_photos() -> None:
    """It is named."""
    (reason,) = likely_reasons(
        GUESSED, known({"a": range(20), "b": range(20, 40), "c": range(40, 50)}, untrained=["c"])
    )
    assert reason.kind is ReasonKind.UNTRAINED
    assert "“c” has no photo for training" in reason.text


def test_uneven_classes_explain_a_single_answer() -> None:
    """Only where the network gives one answer to all, or is as good as that."""
    uneven = known({"a": range(90), "b": range(90, 100)})
    assert kinds(uneven, ALWAYS_FIRST) == [ReasonKind.IMBALANCE]
    assert kinds(uneven, LARGEST) == [ReasonKind.IMBALANCE]
    assert kinds(uneven) == []
    assert kinds(known({"a": range(30), "b": range(30, 40)}), ALWAYS_FIRST) == []


def test_too_few_photos_to_judge_by() -> None:
    """That is a reason of its own, and the last one: what else may be wrong comes first."""
    strips = [record(number, size=(150, 900)) for numbers in TWO.values() for number in numbers]
    assert kinds(known(), UNDECIDED) == [ReasonKind.TOO_FEW]
    assert kinds(known(photos=strips), UNDECIDED) == [ReasonKind.CUT_OFF, ReasonKind.TOO_FEW]


@pytest.mark.parametrize("worth", [GUESSED, ALWAYS_FIRST, UNDECIDED, LARGEST])
def test_more_photos_are_never_the_advice(worth: Worth) -> None:
    """More of what taught nothing teaches nothing."""
    strips = [record(number, BLACK, size=(150, 900)) for number in range(60)]
    wrong = known(
        {"a": range(50), "b": range(45, 55), "c": range(55, 60)}, photos=strips, untrained=["c"], mirrored=("a", "b")
    )
    for reason in likely_reasons(worth, wrong):
        assert "more photos" not in reason.text.lower()


def test_names_are_listed_in_quotation_marks() -> None:
    """A class may be called *right*."""
    assert listed(["right"]) == "“right”"
    assert listed(["right", "wrong"]) == "“right” and “wrong”"
    assert listed(["a", "b", "c", "d", "e"]) == "“a”, “b”, “c” and 2 more"
