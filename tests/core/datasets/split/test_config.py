"""`core.datasets.split.config`: what can be asked of a split."""

import pytest

from core.datasets.split.config import SplitConfig
from core.errors import ConfigError
from tests.core.datasets.split.split_samples import CONFIGS


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train": 0.5}, "add up to 0.8"),
        ({"train": -0.1, "validation": 1.0, "test": 0.1}, "share for train is -0.1"),
        ({"train": float("nan")}, "share for train is nan"),
        ({"test": "0.15"}, "test is '0.15'"),
        ({"test": True}, "test is True"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"keep_imported": 1}, "keep imported is 1"),
        ({"shuffle": True}, "has no shuffle"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(values: dict[str, object], message: str):
    """The message names the value and what was expected."""
    with pytest.raises(ConfigError, match=message):
        SplitConfig.from_json(values)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_survives_json(config: SplitConfig):
    """What is written is read back equal."""
    assert SplitConfig.from_json(config.to_json()) == config
