"""A run that nobody named is called after its network."""

import pytest

from core.config import HUB_PREFIX, SCRATCH
from core.datasets.names import MAX_NAME_CHARS, clean_name
from core.runs.names import default_name
from tests.core.runs.run_samples import config


@pytest.mark.parametrize(
    ("backbone", "name"),
    [
        ("MobileNetV2", "MobileNetV2"),
        (SCRATCH, "From scratch"),
        (f"{HUB_PREFIX}https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector/4", "mobilenet_v2"),
        (
            f"{HUB_PREFIX}https://tfhub.dev/google/inception_v3/feature_vector/5?tf-hub-format=compressed",
            "inception_v3",
        ),
        (f"{HUB_PREFIX}google/mobilenet-v2/tensorFlow2/100-224-feature-vector/2", "mobilenet-v2"),
        (f"{HUB_PREFIX}/srv/weights/mobilenet_v2_feature_vector/", "mobilenet_v2_feature_vector"),
        (f"{HUB_PREFIX}C:\\networks\\my  network", "my network"),
        (f"{HUB_PREFIX}/\u200b/", "Hub network"),
        (f"{HUB_PREFIX}{'n' * 300}", "n" * MAX_NAME_CHARS),
    ],
)
def test_default_names(backbone: str, name: str) -> None:
    """The name tells which network it is, and is always one that a run can have."""
    assert default_name(config("0" * 64, backbone)) == name
    assert clean_name(name, "run") == name
