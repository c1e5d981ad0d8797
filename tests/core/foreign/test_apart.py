"""What a process can do that reads a stranger's file: nothing but read it, for a while."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ForeignModelError, TaskCancelledError
from core.foreign.watched import ApartLimits, run_apart

NAUGHTY = "tests.core.foreign.naughty"
LIMITS = ApartLimits(memory_bytes=1_000_000_000, file_bytes=50_000_000, seconds=60.0)


def test_it_reaches_nothing_and_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No network, no programs, no pickles, no files but in its folder, no variables of the server."""
    monkeypatch.setenv("BLUETIT_DATABASE_URL", "postgresql://anna:secret@db/bluetit")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    folder = tmp_path / "own"
    folder.mkdir()
    told = run_apart(NAUGHTY, folder, "x", limits=LIMITS)
    assert set(told["attempts"].values()) == {"forbidden"}
    assert not {name for name in told["variables"] if name.startswith(("BLUETIT_", "KAGGLE_"))}
    assert (folder / "own").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("wish", "limits", "said"),
    [
        ("sleep", replace(LIMITS, seconds=2.0), "was not read within 2 s"),
        ("fill", replace(LIMITS, memory_bytes=300_000_000), "needs more than 0.3 GB of memory"),
        ("crash", LIMITS, "made the process end that was to read it"),
        ("chatter", LIMITS, "made the process end that was to read it"),
        ("refuse", LIMITS, "cannot be read."),
    ],
)
def test_however_it_ends_there_is_a_sentence(tmp_path: Path, wish: str, limits: ApartLimits, said: str):
    """And nothing of the process is left; what it says itself is cut, and cannot turn the text around it."""
    (tmp_path / "wish").write_text(wish)
    with pytest.raises(ForeignModelError) as caught:
        run_apart(NAUGHTY, tmp_path, "x", limits=limits)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 1_000
    assert "\u202e" not in str(caught.value)


def test_what_its_parent_raises_ends_it(tmp_path: Path):
    """Somebody asked for the task to stop."""

    def stop() -> None:
        raise TaskCancelledError

    (tmp_path / "wish").write_text("sleep")
    with pytest.raises(TaskCancelledError):
        run_apart(NAUGHTY, tmp_path, "x", limits=LIMITS, on_wait=stop)
