"""The table of settings is what administrators read."""

from core.settings import describe
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
