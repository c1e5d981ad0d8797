"""A last layer solved to the end: what scikit-learn finds, told in epochs, stopped and taken up again."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.config import LBFGS, HeadConfig, PhaseConfig
from core.errors import ConfigError
from core.training.heads import build_head
from core.training.inputs import FeatureInputs, class_weights, make_targets
from core.training.phase import Phase
from core.training.solving import solve, solve_phase
from core.training.stopping import begin_phase
from tests.core.training.test_phases import NUM_CLASSES, NUM_FEATURES, Listener, phase


def photos(num_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of sixty photos; the first class has most."""
    chance = np.random.default_rng(seed)
    labels = np.sort(chance.integers(0, num_classes, 60) * chance.integers(0, 2, 60))
    labels[-num_classes:] = np.arange(num_classes)
    centres = chance.normal(size=(num_classes, NUM_FEATURES))
    return (centres[labels] + chance.normal(0, 0.8, (60, NUM_FEATURES))).astype(np.float32), labels


def solved(num_epochs: int = 20, **options: object) -> Phase:
    made = phase(**options)  # type: ignore[arg-type]
    return replace(made, config=PhaseConfig(optimizer=LBFGS, num_epochs=num_epochs))


def head(one_unit: bool = False, **options: object):
    config = HeadConfig(dropout=0, one_unit_for_two_classes=one_unit, **options)  # type: ignore[arg-type]
    return build_head(config, NUM_FEATURES, 2 if one_unit else NUM_CLASSES, seed=2)


@pytest.mark.parametrize(
    ("num_classes", "one_unit", "strength"),
    [(3, False, 1.0), (2, True, 1.0), (2, False, 2.0)],
    ids=["three classes", "one unit", "two units"],
)
@pytest.mark.parametrize("is_weighed", [False, True], ids=["plain", "weighed"])
def test_it_finds_what_scikit_learn_finds(num_classes: int, one_unit: bool, strength: float, is_weighed: bool):
    """The same loss and penalty lead to the same layer; two units share what one has."""
    features, labels = photos(num_classes)
    targets = make_targets(labels, num_classes, has_one_unit=one_unit)
    weights = class_weights(labels, num_classes) if is_weighed else np.ones(len(labels), np.float32)
    kernel, bias = solve(features, targets, weights, max_steps=500)
    theirs = LogisticRegression(C=strength, max_iter=1000, tol=1e-6, class_weight="balanced" if is_weighed else None)
    scores = theirs.fit(features, labels).decision_function(features)
    ours = features @ kernel + bias
    if num_classes == 2:
        ours = ours[:, 0] if one_unit else ours[:, 1] - ours[:, 0]
    else:
        ours, scores = ours - ours.mean(axis=1, keepdims=True), scores - scores.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, scores, atol=0.02)


def test_a_photo_counts_once_however_many_views_it_has():
    """Three equal views of each photo lead to the same layer as the photo alone."""
    made = solved()
    once = replace(made, train=replace(made.train, values=made.train.values[:, :1]))
    thrice = replace(made, train=replace(made.train, values=np.repeat(made.train.values[:, :1], 3, axis=1)))
    kernels = []
    for each in (once, thrice):
        model = head()
        solve_phase(model, each, begin=begin_phase(1.0), recorder=Listener())
        kernels.append(model.get_weights()[0])
    np.testing.assert_allclose(kernels[0], kernels[1], atol=0.01)


def test_epochs_are_told_and_the_last_is_the_best():
    """The loss falls far below guessing, what is left in the network is what was told last, and no batch is told."""
    listener, model = Listener(), head()
    end = solve_phase(model, solved(), begin=begin_phase(1.0), recorder=listener)
    losses = [result.loss for result in listener.results]
    assert len(losses) >= 2
    assert max(losses) < np.log(NUM_CLASSES) / 2
    assert listener.batches == []
    assert [result.epoch for result in listener.results] == list(range(1, len(losses) + 1))
    assert end.stopping.best_epoch == end.last_epoch == len(losses)
    assert (end.stopping.best_value, end.is_stopped) == (listener.results[-1].validation_loss, False)
    for value, kept in zip(model.get_weights(), listener.checkpoints[-1].best_weights, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_it_stops_when_asked_and_is_taken_up_again():
    """A stop keeps what was reached; taken up again it comes to the same end and tells nothing twice."""
    stopped = Listener(stop_after_epoch=1)
    end = solve_phase(head(), solved(), begin=begin_phase(1.0), recorder=stopped)
    assert (end.is_stopped, end.last_epoch, len(stopped.results)) == (True, 1, 1)
    whole, again, first, second = Listener(), Listener(), head(), head()
    solve_phase(first, solved(), begin=begin_phase(1.0), recorder=whole)
    solve_phase(second, solved(), begin=begin_phase(1.0), recorder=again, resumed=stopped.checkpoints[0])
    assert [result.epoch for result in again.results] == [result.epoch for result in whole.results][1:]
    for value, expected in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_what_has_no_end_is_refused():
    """Further layers, and features that change in every epoch, are not solved, and the message says what is."""
    with pytest.raises(ConfigError, match="one last layer"):
        solve_phase(head(hidden_units=(4,)), solved(), begin=begin_phase(1.0), recorder=Listener())
    changing = replace(solved(), train=FeatureInputs(source=None, photos=()))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="features that stay"):
        solve_phase(head(), changing, begin=begin_phase(1.0), recorder=Listener())
