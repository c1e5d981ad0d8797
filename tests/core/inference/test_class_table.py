"""The classes that networks answer with."""

import numpy as np
import pytest

from core.inference.class_table import ClassTable, imagenet_table

BIRDS = ClassTable(labels=("blue tit", "**crow**", "magpie"))


def test_the_likeliest_class_comes_first():
    """Predictions are sorted by probability, and equal ones keep the order of the outputs."""
    probabilities = np.zeros(1000, np.float32)
    probabilities[[7, 3, 500]] = [0.2, 0.5, 0.2]
    predictions = imagenet_table().top(probabilities, 3)
    assert [prediction.index for prediction in predictions] == [3, 7, 500]
    assert predictions[0].probability == pytest.approx(0.5)


def test_a_prediction_names_its_class():
    """ImageNet's classes have a WordNet id; a person's own have the name they gave, letter by letter."""
    known = imagenet_table().top(np.eye(1000, dtype=np.float32)[235], 1)[0]
    assert (known.label, known.wnid) == ("German shepherd", "n02106662")
    own = BIRDS.top(np.array([0.1, 0.7, 0.2], np.float32), 1)[0]
    assert (own.label, own.wnid) == ("**crow**", None)


def test_fewer_classes_than_asked_for_are_all_there():
    """Three classes give three predictions, not five."""
    assert [found.index for found in BIRDS.top(np.array([0.1, 0.7, 0.2], np.float32), 5)] == [1, 2, 0]


def test_group_probabilities_add_up_to_the_whole():
    """Every class counts in exactly one group."""
    probabilities = np.random.default_rng(0).dirichlet(np.ones(1000)).astype(np.float32)
    assert sum(imagenet_table().group_probabilities(probabilities).values()) == pytest.approx(1, abs=1e-5)


def test_group_probabilities_tell_a_bird_from_its_species():
    """Two birds that share the probability make the group bird certain."""
    probabilities = np.zeros(1000, np.float32)
    probabilities[[19, 134]] = 0.5
    assert next(iter(imagenet_table().group_probabilities(probabilities).items())) == ("bird", pytest.approx(1.0))


def test_equally_likely_groups_keep_the_order_of_the_classes():
    """So that the same photo has the same group every time, likeliest first."""
    table = ClassTable(labels=("tit", "cat", "crow", "dog"), groups=("bird", "cat", "bird", "dog"))
    found = table.group_probabilities(np.array([0.25, 0.125, 0.0, 0.625], np.float32))
    assert list(found.items()) == [("dog", 0.625), ("bird", 0.25), ("cat", 0.125)]
    equal = table.group_probabilities(np.array([0.0, 0.25, 0.25, 0.25], np.float32))
    assert list(equal) == ["bird", "cat", "dog"]


def test_classes_of_a_person_have_no_groups():
    """Nobody said what kind of thing they are."""
    assert BIRDS.group_probabilities(np.array([0.1, 0.7, 0.2], np.float32)) == {}
