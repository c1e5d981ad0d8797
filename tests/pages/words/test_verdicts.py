"""What answers amount to, and how routes tell of them."""

import json
from dataclasses import replace

import pytest

from core.inference.batch_records import Answer, BatchChanges, Photo, PhotoOrigin
from core.inference.class_table import Prediction
from core.inference.classifier import Classification
from pages.words.answer_json import describe_answer, describe_changes, describe_verdict
from pages.words.verdicts import VerdictKind, verdict_of

FOUND = Classification(
    predictions=(
        Prediction(index=19, label="chickadee", probability=0.913),
        Prediction(index=3, label="x", probability=0),
    ),
    group="bird",
    group_probability=0.97,
    decode_milliseconds=12.06,
    network_milliseconds=5.94,
)
PHOTO = Photo(photo_id=1, name="tit.jpg", origin=PhotoOrigin.FILE)


def found_with(probability: float, **changed: object) -> Classification:
    best = replace(FOUND.predictions[0], probability=probability)
    return replace(FOUND, predictions=(best,), **changed)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (found_with(0.6), VerdictKind.SURE),
        (found_with(0.59), VerdictKind.PERHAPS),
        (found_with(0.35), VerdictKind.PERHAPS),
        (found_with(0.34), VerdictKind.UNLIKELY),
        (found_with(0.34, has_rule=True), VerdictKind.PERHAPS),
        (found_with(0.99, has_rule=True, refusal="it looks like none"), VerdictKind.REFUSED),
    ],
    ids=["sure", "perhaps", "still perhaps", "unlikely", "model with limits of its own", "refused"],
)
def test_how_much_an_answer_says(found: Classification, kind: VerdictKind):
    """By its probability, unless somebody has chosen when the model does not know."""
    assert verdict_of(found).kind is kind


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (found_with(0.2), "97 %"),
        (found_with(0.9), None),
        (found_with(0.2, group_probability=0.4), None),
        (found_with(0.2, group="object"), None),
        (found_with(0.2, group=None, group_probability=0.0), None),
    ],
    ids=["told", "a class fits", "not sure of the kind either", "no everyday kind", "no groups"],
)
def test_the_kind_of_thing_is_told_where_no_class_fits(found: Classification, told: str | None):
    """A network that does not know a blue tit may still know that it is a bird."""
    assert describe_verdict(found)["group_percent"] == told


def test_a_refusal_is_a_sentence():
    """With the reason, and what it would have guessed as its label."""
    verdict = describe_verdict(replace(FOUND, refusal="it looks like none of the photos"))
    assert (verdict["kind"], verdict["sentence"], verdict["label"]) == (
        "refused",
        "It looks like none of the photos.",
        "chickadee",
    )


def test_an_answer_in_json():
    """As the contract of the routes has it."""
    told = describe_answer(Answer(photo=PHOTO, classification=FOUND))
    assert json.loads(json.dumps(told)) == {
        "id": 1,
        "name": "tit.jpg",
        "has_picture": False,
        "error": None,
        "remarks": [],
        "milliseconds": {"reading": 12.1, "network": 5.9},
        "verdict": {"kind": "sure", "label": "chickadee", "group": "bird", "group_percent": None, "sentence": ""},
        "classes": [
            {"index": 19, "label": "chickadee", "probability": 0.913, "percent": "91 %"},
            {"index": 3, "label": "x", "probability": 0, "percent": "< 0.1 %"},
        ],
    }


def test_changes_in_json():
    """A photo that waits has neither error nor classes; which of the changed ones are told can be chosen."""
    waiting, refused = (
        Answer(photo=PHOTO, classification=None),
        Answer(photo=replace(PHOTO, photo_id=2, error="tit.jpg is no photo."), classification=None),
    )
    changes = BatchChanges(
        version=7,
        answers=(waiting, refused),
        photo_ids=(1, 2),
        is_running=True,
        seconds_left=None,
        num_waiting=1,
    )
    told = json.loads(json.dumps(describe_changes(changes)))
    assert told.pop("photos") == [
        {"id": 1, "name": "tit.jpg", "has_picture": False, "error": None},
        {"id": 2, "name": "tit.jpg", "has_picture": False, "error": "tit.jpg is no photo."},
    ]
    assert told == {"version": 7, "photo_ids": [1, 2], "is_running": True, "seconds_left": None, "num_waiting": 1}
    assert len(describe_changes(changes, answers=[refused])["photos"]) == 1
