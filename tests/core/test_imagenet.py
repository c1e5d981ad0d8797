"""The 1,000 ImageNet classes."""

import pytest

from core import imagenet


def test_the_thousand_classes_are_in_order_and_every_label_is_unique():
    """Index, wnid and label identify a class; crane and maillot do not appear twice."""
    classes = imagenet.classes()
    assert [candidate.index for candidate in classes] == list(range(1000))
    assert len({candidate.wnid for candidate in classes}) == 1000
    assert len({candidate.label.casefold() for candidate in classes}) == 1000


@pytest.mark.parametrize(
    ("index", "wnid", "label", "group"),
    [
        (0, "n01440764", "tench", "fish"),
        (19, "n01592084", "chickadee", "bird"),
        (134, "n02012849", "crane (bird)", "bird"),
        (235, "n02106662", "German shepherd", "dog"),
        (517, "n03126707", "crane (machine)", "object"),
        (638, "n03710637", "maillot (swimsuit)", "object"),
        (639, "n03710721", "maillot (tank suit)", "object"),
        (999, "n15075141", "toilet tissue", "object"),
    ],
)
def test_known_classes(index: int, wnid: str, label: str, group: str):
    """Well-known classes have the index of keras.applications, a readable label and the right group."""
    assert imagenet.classes()[index] == imagenet.ImageNetClass(index, wnid, label, group)


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("chickadee", "chickadee"),
        ("Chickadees", "chickadee"),
        ("german shepherd", "German shepherd"),
        ("shepherd  GERMAN", "German shepherd"),
        ("poodle", "standard poodle"),
        ("crane", "crane (bird)"),
    ],
)
def test_search_finds_a_class_by_its_words(query: str, label: str):
    """Case, order, spaces and a plural do not matter."""
    assert label in {match.label for match in imagenet.search_classes(query).matches}


def test_search_says_no_to_blue_tit():
    """The blue tit is not among the classes, and a bluetick or a bullet train is no help to anyone."""
    answer = imagenet.search_classes("blue tit")
    assert (answer.matches, answer.group_matches, answer.nearest) == ((), (), ())


def test_search_offers_names_with_the_same_noun():
    """It knows no desert fox, but it knows foxes."""
    assert "red fox" in {near.label for near in imagenet.search_classes("desert fox").nearest}


def test_search_for_a_short_word_does_not_match_the_beginning_of_a_longer_one():
    """A cat is not a catamaran."""
    labels = {match.label for match in imagenet.search_classes("cat").matches}
    assert "tiger cat" in labels
    assert "catamaran" not in labels


def test_search_for_a_group_lists_all_of_it():
    """There are 118 dogs."""
    assert len(imagenet.search_classes("dogs").group_matches) == 118


def test_search_suggests_names_spelled_alike():
    """A typing error still leads to the class."""
    assert "chickadee" in {near.label for near in imagenet.search_classes("chikadee").nearest}


@pytest.mark.parametrize("query", ["", "   ", "!?", "🐦"])
def test_search_for_nothing_finds_nothing(query: str):
    """A query without a word is answered by nothing, not by everything."""
    answer = imagenet.search_classes(query)
    assert (answer.matches, answer.group_matches, answer.nearest) == ((), (), ())
