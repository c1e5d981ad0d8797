"""The table of settings is what administrators read."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import Settings, describe
from tests.conftest import PROJECT_DIR


def test_every_setting_is_documented():
    """`docs/settings.md` has a line with variable, default, unit and explanation of each setting, and no other."""
    lines = (PROJECT_DIR / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    documented = [line for line in lines if line.startswith("| `BLUETIT_")]
    expected = [
        f"| `{row.variable}` | {f'`{row.default}`' if row.default else 'empty'} | {row.unit} | {row.explanation} |"
        for row in describe()
    ]
    assert documented == expected


@pytest.mark.parametrize("workers", ["local", "auto", "ray://head:10001"])
def test_where_networks_are_trained(workers: str, tmp_path: Path) -> None:
    """Here, in the cluster of this computer, or in one with an address."""
    assert Settings(workspace_dir=tmp_path, workers=workers).workers == workers


@pytest.mark.parametrize("workers", ["", "ray", "ray://", "ray://head", "ray://head:", "http://head:1", "ray://a b:1"])
def test_where_nothing_is_trained(workers: str, tmp_path: Path) -> None:
    """What is none of these is refused when the server starts, with an example."""
    with pytest.raises(SettingsError, match="ray://head:10001"):
        Settings(workspace_dir=tmp_path, workers=workers)
