"""`core.evaluation.label_errors`: wrong labels come first, small classes are left alone, copies do not vouch."""

import numpy as np
import pytest

from core.evaluation.label_errors import MAX_SUSPECTS, NUM_FOLDS, assign_folds, find_suspects
from core.evaluation.quick_head import ClassIndices

NAMES = [f"{number:064x}" for number in range(400)]


def features_of(classes: ClassIndices) -> np.ndarray:
    """Features in which the classes are easy to tell apart."""
    noise = np.random.default_rng(0).normal(size=(len(classes), 12))
    return (np.eye(4, 12)[classes] * 8 + noise).astype(np.float32)


def suspects(features: np.ndarray, classes: ClassIndices, *, names=NAMES, pairs=()):
    return find_suspects(
        names[: len(classes)], features, classes, num_classes=4, pairs=pairs, check_cancelled=lambda: None
    )


def test_wrong_labels_come_first() -> None:
    """Planted errors lead the ranking, most are flagged and nothing else is, and their true class is suggested."""
    true = np.arange(200) % 4
    labels = true.copy()
    planted = [3, 20, 50, 85, 101, 138, 162, 177]
    labels[planted] = (true[planted] + 1) % 4
    found = suspects(features_of(true), labels)
    assert sorted(NAMES.index(suspect.photo_hash) for suspect in found[:8]) == planted
    assert sum(suspect.is_flagged for suspect in found[:8]) >= 5
    assert not any(suspect.is_flagged for suspect in found[8:])
    assert all(suspect.suggested_index == true[NAMES.index(suspect.photo_hash)] for suspect in found[:8])
    assert [suspect.quality for suspect in found] == sorted(suspect.quality for suspect in found)
    assert len(found) == MAX_SUSPECTS


def test_small_classes_are_not_doubted() -> None:
    """Four photos of a class are too few to doubt one of them, even if one of another class looks like them."""
    classes = np.array([0] * 20 + [1] * 20 + [2] * 4)
    found = suspects(features_of(classes), classes)
    assert {suspect.class_index for suspect in found} == {0, 1}
    assert suspects(features_of(classes[20:]), classes[20:]) == ()


def test_copies_do_not_vouch_for_each_other() -> None:
    """Two copies of a photo in the same wrong class are both found once they are known for copies."""
    true = np.arange(80) % 4
    features, labels = features_of(true), true.copy()
    for copies in ((8, 12), (9, 13)):
        # An unusual photo: only its copy tells anything about it.
        features[copies[1]] = features[copies[0]] = features[copies[0]] + 30 * np.eye(1, 12, 8 + copies[0] - 8)[0]
        labels[list(copies)] = 3
    pairs = [(NAMES[8], NAMES[12]), (NAMES[9], NAMES[13])]
    worst = [NAMES.index(suspect.photo_hash) for suspect in suspects(features, labels, pairs=pairs)[:4]]
    assert sorted(worst) == [8, 9, 12, 13]


def test_folds_keep_groups_together_and_share_classes_out() -> None:
    """No group is in two folds, and each fold has as many photos of each class as any other, give or take a group."""
    classes = np.repeat([0, 1, 2], [50, 25, 5])
    groups = np.arange(80) - np.arange(80) % 2  # pairs
    folds = assign_folds(classes, groups)
    assert all(len(set(folds[groups == group])) == 1 for group in groups)
    for class_index, count in ((0, 10), (1, 5), (2, 1)):
        held = np.bincount(folds[classes == class_index], minlength=NUM_FOLDS)
        assert held.min() >= count - 2
        assert held.max() <= count + 2


@pytest.mark.parametrize("twice", [True, False])
def test_a_photo_in_two_classes(twice: bool) -> None:
    """One photo under two labels is in one fold: neither label confirms itself, and one of them is doubted."""
    true = np.arange(80) % 4
    features = features_of(true)
    names = [*NAMES[:79], NAMES[0] if twice else NAMES[79]]
    features[79] = features[0]
    found = suspects(features, true, names=names)
    assert found[0].class_index == 3
    assert found[0].photo_hash == names[79]
    assert found[0].suggested_index == 0


def test_photos_that_are_all_alike_still_judge_each_other() -> None:
    """A fixed camera makes near-duplicates of all photos: the wrong labels among them come first all the same."""
    true = np.arange(80) % 4
    labels = true.copy()
    planted = [3, 20]
    labels[planted] = (true[planted] + 1) % 4
    pairs = [(NAMES[0], name) for name in NAMES[1:80]]
    worst = suspects(features_of(true), labels, pairs=pairs)[:2]
    assert sorted(NAMES.index(suspect.photo_hash) for suspect in worst) == planted
