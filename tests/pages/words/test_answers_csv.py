"""The table of answers that a person takes away."""

import csv
import io

import pytest

from core.inference.batch_records import Answer, Photo, PhotoOrigin
from core.inference.class_table import Prediction
from core.inference.classifier import Classification
from pages.words.answers_csv import to_csv


def make_answer(name: str, *labels: str, wnid: str | None = None, refusal: str | None = None) -> Answer:
    """An answer with these classes, of 0.9, 0.45, 0.3 and so on; those with a WordNet id have a group as well."""
    found = Classification(
        predictions=tuple(
            Prediction(index=index, label=label, wnid=wnid, probability=0.9 / (index + 1))
            for index, label in enumerate(labels)
        ),
        group="dog" if wnid else None,
        group_probability=0.95 if wnid else 0.0,
        decode_milliseconds=1.5,
        network_milliseconds=2.5,
        has_rule=refusal is not None,
        refusal=refusal,
    )
    return Answer(photo=Photo(photo_id=1, name=name, origin=PhotoOrigin.FILE), classification=found)


def make_refused(name: str, error: str | None) -> Answer:
    return Answer(photo=Photo(photo_id=2, name=name, origin=PhotoOrigin.FILE, error=error), classification=None)


def rows_of(*answers: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(answers, "Mine"))))


def test_every_photo_has_a_row_and_every_row_every_column():
    """Labels, ids, groups, probabilities and errors are where the header says; a photo that waits says so."""
    rows = rows_of(
        make_answer("b.jpg", "German shepherd", "malinois", wnid="n02106662"),
        make_refused("c.jpg", "c.jpg is a text file"),
        make_refused("d.jpg", None),
    )
    assert [row["file"] for row in rows] == ["b.jpg", "c.jpg", "d.jpg"]
    assert (rows[0]["class_1"], rows[0]["wnid_1"], rows[0]["group"]) == ("German shepherd", "n02106662", "dog")
    assert float(rows[0]["probability_1"]) == pytest.approx(0.9)
    assert (rows[0]["decode_ms"], rows[0]["network_ms"]) == ("1.5", "2.5")
    assert [row["error"] for row in rows] == ["", "c.jpg is a text file", "not classified"]
    assert all(row["network"] == "Mine" for row in rows)
    assert all(None not in row and None not in row.values() for row in rows)


def test_a_persons_own_classes_have_neither_ids_nor_groups():
    """There are as many columns as there are classes."""
    (row,) = rows_of(make_answer("a.jpg", "cat", "dog"))
    assert list(row) == [
        *("file", "network", "class_1", "probability_1", "class_2", "probability_2"),
        *("decode_ms", "network_ms", "not_known_because", "error"),
    ]


def test_what_is_not_known_is_told_with_the_reason():
    """It stands beside what the model would have guessed."""
    (row,) = rows_of(make_answer("a.jpg", "alien", refusal="it looks like none of the photos"))
    assert (row["class_1"], row["not_known_because"], row["error"]) == ("alien", "it looks like none of the photos", "")


def test_no_name_becomes_a_formula():
    """A spreadsheet must not run what somebody called a photo or a class."""
    (row,) = rows_of(make_answer("=HYPERLINK(1).jpg", "=cat"))
    assert (row["file"], row["class_1"]) == ("'=HYPERLINK(1).jpg", "'=cat")
