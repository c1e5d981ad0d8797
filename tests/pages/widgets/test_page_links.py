"""Ways from one page to another."""

from tests.conftest import PROJECT_DIR


def test_no_button_changes_the_page():
    """The server would change it while timers of the old page still tick, and the new page would stay empty."""
    files = sorted((PROJECT_DIR / "pages").rglob("*.py"))
    assert files
    assert not [path.name for path in files if "switch_page(" in path.read_text(encoding="utf-8")]
