"""A real network is asked about stored photos, and timed."""

from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.asking import ask
from core.evaluation.latency import measure_latencies
from core.inference.classifier import Classifier
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from tests.core.inference.model_samples import SAMPLES


def test_answers_to_stored_photos(classifier: Classifier, settings: Settings):
    """They are those that the network gives one by one; a photo whose file is gone is left out."""
    store = PhotoStore(settings.photos_path, settings.cache_path)
    photos = [encode_photo(data, "sample") for data in SAMPLES[:2]]
    for photo in photos:
        store.put(photo)
    records = [photo.record for photo in photos]
    seen: list[int] = []
    said = ask(classifier, [*records, replace(records[0], hash="0" * 64)], store, num_threads=2, on_photo=seen.append)
    assert seen == [1, 2, 3]
    assert set(said) == {record.hash for record in records}
    for photo in photos:
        alone = classifier.answer(classifier.square(photo.data, "sample")).probabilities
        assert np.allclose(said[photo.record.hash], alone, atol=1e-4)


def test_models_are_timed_in_turn(classifier: Classifier):
    """Each model has a median between its quartiles; every round is told; no round is refused."""
    rounds: list[int] = []
    latencies = measure_latencies([classifier, classifier], num_rounds=3, on_round=rounds.append)
    assert rounds == [1, 2, 3]
    assert len(latencies) == 2
    assert all(0 < each.low <= each.median <= each.high for each in latencies)
    assert measure_latencies([], num_rounds=1) == ()
    with pytest.raises(ValueError, match="0 rounds"):
        measure_latencies([classifier], num_rounds=0)
