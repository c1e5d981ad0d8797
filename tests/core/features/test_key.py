"""`core.features.key`: whose features a model starts from."""

import pytest

from core.features.key import FeatureKey, feature_key
from core.runs.model_record import model_feature_key
from tests.core.inference.model_samples import own_record


@pytest.mark.parametrize(
    ("artefact", "fingerprint"),
    [("EfficientNetLite0-0123abcd", "0123abcd"), ("hub-4567abcd", "4567abcd"), (None, "f00d")],
    ids=["head on a backbone", "head on a Hub module", "network of its own"],
)
def test_features_are_named_as_training_names_them(artefact: str | None, fingerprint: str) -> None:
    """A head starts from its backbone's features, cut as training cuts them; every other model from its own."""
    record = own_record(artefact=artefact)
    assert model_feature_key(record) == feature_key(fingerprint, "crop", 1.0) == FeatureKey(fingerprint, "crop 1")
