"""`core.evaluation.quick_head`: ridge regression, whichever way it is computed."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from core.evaluation.quick_head import fitted_scores


@pytest.mark.parametrize("num_photos", [30, 300], ids=["fewer photos than features", "more photos than features"])
def test_scores_are_those_of_scikit_learn(num_photos: int) -> None:
    """Both ways of solving give what scikit-learn's ridge regression gives on features of mean square length 1."""
    chance = np.random.default_rng(3)
    features = chance.normal(2, 3, (num_photos, 64)).astype(np.float32)
    others = chance.normal(2, 3, (20, 64)).astype(np.float32)
    classes = np.arange(num_photos) % 4
    scale = np.sqrt(np.mean(np.sum((features - features.mean(axis=0)) ** 2, axis=1)))
    expected = Ridge(alpha=3.0).fit(features / scale, np.eye(4)[classes]).predict(others / scale)
    assert fitted_scores(features, classes, others, num_classes=4) == pytest.approx(expected, abs=1e-4)


def test_photos_that_are_all_alike() -> None:
    """Features that tell nothing give each class its share."""
    features = np.ones((4, 3), np.float32)
    scores = fitted_scores(features, np.array([0, 0, 0, 1]), features[:1], num_classes=3)
    assert scores[0] == pytest.approx([0.75, 0.25, 0])
