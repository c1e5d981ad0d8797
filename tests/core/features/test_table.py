"""`core.features.table`: features are read once, kept while there is room, and found by their photos."""

import numpy as np
import pytest

from core.features.cache import FeatureCache
from core.features.key import FeatureKey
from core.features.table import FeatureTable
from core.settings import Settings

KEY = FeatureKey("f00d", "crop")
HASHES = [f"{number:064x}" for number in range(4)]


def put(settings: Settings, numbers: range, scale: float = 1.0) -> None:
    """Keep features of photos whose first number is that of the photo."""
    values = {HASHES[number]: scale * np.array([number, 1, 0.5], np.float32) for number in numbers}
    FeatureCache(settings).put(*KEY, values)


def test_features_come_in_the_order_asked_for(settings: Settings) -> None:
    """Photos without features are told and left out; a photo that is named twice is there twice."""
    put(settings, range(3))
    features, is_known = FeatureTable(settings).get(1, KEY, [HASHES[2], HASHES[3], HASHES[0], HASHES[2]])
    assert features[:, 0].tolist() == [2, 0, 2]
    assert is_known.tolist() == [True, False, True, True]


def test_what_is_computed_later_is_found(settings: Settings) -> None:
    """Photos that were not there the first time are read the next time; the others are not read again."""
    table = FeatureTable(settings)
    put(settings, range(2))
    assert table.get(1, KEY, HASHES)[1].tolist() == [True, True, False, False]
    FeatureCache(settings).forget(HASHES[:2])
    put(settings, range(2, 4))
    features, is_known = table.get(1, KEY, HASHES)
    assert is_known.all()
    assert features[:, 0].tolist() == [0, 1, 2, 3]


def test_without_any_features(settings: Settings) -> None:
    """Nothing is known, and nothing fails."""
    features, is_known = FeatureTable(settings).get(1, KEY, HASHES)
    assert len(features) == 0
    assert not is_known.any()


@pytest.mark.parametrize(("scale", "kind"), [(1.0, np.float16), (1e6, np.float32)])
def test_large_numbers_stay_what_they_are(settings: Settings, scale: float, kind: type) -> None:
    """Half precision saves memory where it can hold the numbers."""
    put(settings, range(3), scale)
    features, _ = FeatureTable(settings).get(1, KEY, HASHES[:3])
    assert features.dtype == kind
    assert features[:, 0] == pytest.approx(scale * np.arange(3))


def test_what_was_asked_for_longest_ago_is_let_go(settings: Settings) -> None:
    """With room for one collection, the other is read again."""
    table = FeatureTable(settings, max_bytes=20)
    put(settings, range(2))
    table.get("first", KEY, HASHES[:2])
    table.get("second", KEY, HASHES[:2])
    FeatureCache(settings).forget(HASHES[:2])
    assert table.get("second", KEY, HASHES[:2])[1].all()
    assert not table.get("first", KEY, HASHES[:2])[1].any()
