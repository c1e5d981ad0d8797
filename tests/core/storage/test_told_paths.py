"""Sentences for guests name files and no folders."""

from pathlib import Path

import pytest

from core.settings import Settings
from core.storage.files import no_space_error
from core.storage.told_paths import SOME_FOLDER, without_folders, without_log

WORKSPACE = Path("/srv/Ana Maria/blue tits")
SETTINGS = Settings(workspace_dir=WORKSPACE, import_dirs=("/mnt/school photos",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The file /srv/Ana Maria/blue tits/runs/7/model.tflite is damaged.", "The file model.tflite is damaged."),
        (
            "It is missing in /srv/Ana Maria/blue tits/runs/7. Train again.",
            f"It is missing in {SOME_FOLDER}. Train again.",
        ),
        ("There is no 'x' in /mnt/school photos.", f"There is no 'x' in {SOME_FOLDER}."),
        ("/home/pupil/a.jpg is none", "a.jpg is none"),
        ('File "/usr/lib/python3/json/decoder.py", line 3', 'File "decoder.py", line 3'),
        ("Put it into C:\\Users\\Ana\\hub, please.", f"Put it into {SOME_FOLDER}, please."),
        ("~/.bluetit/logs/worker.txt", "worker.txt"),
    ],
)
def test_folders_go(text: str, told: str) -> None:
    """Folders with spaces in their names too, where they are known."""
    assert without_folders(text, SETTINGS) == told


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/photos/one.jpg did not answer.",
        "12 of 30 photos, 3/4 of them sharp; choose yes/no.",
        "The class “cats/dogs” is empty.",
        "A photo may have 50 MB.",
    ],
)
def test_what_is_no_path_stays(text: str) -> None:
    """Addresses of the web, shares, alternatives."""
    assert without_folders(text, SETTINGS) == text


def test_a_full_disk() -> None:
    """The sentence keeps what is wrong and loses where."""
    told = without_folders(str(no_space_error(WORKSPACE / "incoming")), SETTINGS)
    assert told.startswith(f"The disk that holds {SOME_FOLDER} is full. Free some space")
    assert "Ana" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "The worker stopped; it can be continued. The details are in worker-a1.log.",
            "The worker stopped; it can be continued.",
        ),
        (
            "An unexpected error stopped the task; the details are in worker-a1.log.",
            "An unexpected error stopped the task.",
        ),
        ("The details matter.", "The details matter."),
    ],
)
def test_logs(text: str, told: str) -> None:
    """Nobody is sent to a file that they cannot read."""
    assert without_log(text) == told
