"""`core.features.relevance`: what is like the wanted and unlike the unwanted photos comes first."""

import numpy as np

from core.features.relevance import UNWANTED_WEIGHT, relevance

CHANCE = np.random.default_rng(0)
SHARED = 5 * CHANCE.random(64)  # what all photos have in common


def of_kind(kind: int, number: int) -> np.ndarray:
    centre = np.random.default_rng(100 + kind).normal(size=64)
    return SHARED + centre + 0.3 * CHANCE.normal(size=(number, 64))


def test_the_like_come_before_the_unlike() -> None:
    """Whatever all photos have in common, and however long their features are."""
    features = np.concatenate([of_kind(0, 20), 3 * of_kind(1, 40)])
    scores = relevance(features.astype(np.float16), features[:3], features[:0])
    assert scores[:20].min() > scores[20:].max()
    assert np.abs(scores).max() <= 1 + 1e-5


def test_a_no_pushes_its_like_back() -> None:
    """Of two kinds that are equally like the examples, the one that was refused comes after the other."""
    first, second = of_kind(1, 30), of_kind(2, 30)
    features = np.concatenate([first, second, of_kind(3, 30)])
    wanted = np.concatenate([first[:2], second[:2]])
    before = relevance(features, wanted, features[:0])
    after = relevance(features, wanted, first[2:6])
    assert (after - before)[:30].mean() < (after - before)[30:60].mean()
    assert after[30:60].mean() > after[:30].mean()


def test_a_score_is_the_cosine_from_the_middle() -> None:
    """As the definition says it, written out; a photo without features is one like any other."""
    features = np.concatenate([CHANCE.random((50, 16)), np.zeros((1, 16))]).astype(np.float32)
    directions = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    centred = directions - directions.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    query = centred[:3].mean(axis=0) - UNWANTED_WEIGHT * centred[3:5].mean(axis=0)
    expected = centred @ query / np.linalg.norm(query)
    np.testing.assert_allclose(relevance(features, features[:3], features[3:5]), expected, atol=1e-5)


def test_many_photos_are_scored_as_few_are() -> None:
    """The borders of chunks change nothing."""
    features = CHANCE.random((9_000, 8))
    scores = relevance(features, features[:2], features[2:3])
    order = CHANCE.permutation(len(features))
    np.testing.assert_allclose(relevance(features[order], features[:2], features[2:3]), scores[order], atol=1e-5)


def test_no_photos_have_no_scores() -> None:
    """Nothing is left to look through."""
    assert relevance(np.zeros((0, 8)), np.ones((1, 8)), np.zeros((0, 8))).shape == (0,)
