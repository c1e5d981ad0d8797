"""Plain networks answer in a person's classes where the names say which ImageNet classes are meant."""

import numpy as np
import pytest

from core import imagenet
from core.evaluation.imagenet_baseline import baseline_answers, map_classes


def labels(name: str, *others: str) -> set[str]:
    (found, *_) = map_classes((name, *others)).indices
    return {imagenet.classes()[index].label for index in found}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Goldfish", {"goldfish"}),
        ("foxes of the sea", set()),
        ("fox", {"red fox", "kit fox", "Arctic fox", "grey fox"}),
        ("cats", {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}),
        ("tiger", {"tiger"}),
        ("alien", set()),
        ("object", set()),
        ("123", set()),
        ("!", set()),
    ],
)
def test_names_and_what_they_mean(name: str, expected: set[str]):
    """An everyday group, the very name of a class, the noun at its end, or nothing."""
    assert labels(name) == expected


def test_the_narrower_class_keeps_its_own():
    """Beside golden retrievers "dog" means all others; two names of the same thing leave nothing to tell apart."""
    assert len(labels("dog", "golden retriever")) == 117
    assert labels("golden retriever", "dog") == {"golden retriever"}
    assert map_classes(("dog", "dogs")).unmapped == ("dog", "dogs")


def test_sums_are_shared_out():
    """Probabilities of all classes that are meant are added up, and add up to 1 together."""
    found = map_classes(("cat", "goldfish"))
    assert found.is_complete
    said = np.zeros((2, imagenet.NUM_CLASSES), np.float32)
    said[0, list(found.indices[0])] = 0.06  # five of them
    said[0, list(found.indices[1])] = 0.1
    assert found.probabilities(said) == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.5]]))
    answers = baseline_answers(found, {"a": said[0]}, {"a": 1, "unreadable": 0})
    assert (answers.hashes, answers.is_correct.tolist()) == (("a",), [False])
    assert len(baseline_answers(found, {}, {"a": 1})) == 0


def test_classes_that_do_not_map():
    """They are named, and nobody gets answers all the same."""
    found = map_classes(("cat", "alien"))
    assert (found.unmapped, found.is_complete) == (("alien",), False)
    with pytest.raises(ValueError, match="no class for alien"):
        found.probabilities(np.zeros(imagenet.NUM_CLASSES, np.float32))
    assert not map_classes(()).is_complete
