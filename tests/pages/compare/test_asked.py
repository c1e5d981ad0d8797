"""What models said is kept, within bounds."""

import numpy as np
import pytest

from pages.compare import asked
from pages.compare.asked import AskedStore

YES = np.ones(2, np.float32)


def said(first: int, end: int) -> dict[str, np.ndarray]:
    return {f"photo {number}": YES for number in range(first, end)}


@pytest.fixture(autouse=True)
def room_for_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "_MAX_ANSWERS", 10)


def test_the_longest_unused_models_are_forgotten() -> None:
    """With more answers than there is room for, a model that was asked or looked at lately stays whole."""
    store = AskedStore()
    for model in "abc":
        store.add(("w", model), said(0, 3))
    store.get(("w", "a"))
    store.add(("w", "c"), said(3, 6))
    assert [len(store.get(("w", model))) for model in "abc"] == [3, 0, 6]


def test_the_oldest_photos_of_one_model_are_forgotten() -> None:
    """What was asked last is there, however much one model is asked."""
    store = AskedStore()
    for first in range(0, 40, 4):
        store.add(("w", "a"), said(first, first + 4))
    assert sorted(store.get(("w", "a"))) == sorted(said(30, 40))
