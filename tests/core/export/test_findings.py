"""What packaging found out, as it is kept and told."""

from dataclasses import replace

import pytest

from core.errors import RunFileError
from core.export.findings import (
    FileFinding,
    describe_findings,
    read_findings,
    warnings_of,
    write_findings,
)
from core.runs.folder import RunFolder
from core.settings import Settings

SAME = FileFinding(difference=0.0, same_top1=True, num_compared=200, num_bytes=10)
FOUND = {"keras": SAME, "litert": replace(SAME, difference=2e-6)}


@pytest.fixture
def folder(settings: Settings) -> RunFolder:
    made = RunFolder(settings, 1)
    made.create()
    return made


def test_findings_are_told_in_points():
    """No difference is said as such; a difference is told in points, and so is another best answer."""
    assert describe_findings(FOUND) == (
        "Saved, reloaded and asked again: no difference. LiteRT beside Keras on 200 photos: the same best answer, "
        "probabilities differ by at most 0.0002 points."
    )
    assert "not always" in describe_findings({"litert": replace(SAME, same_top1=False)})
    assert describe_findings({}) == "The files were made."


@pytest.mark.parametrize(
    ("found", "num_warnings"),
    [
        (FOUND["litert"], 0),
        (replace(SAME, difference=2e-3), 1),
        (replace(SAME, same_top1=False), 1),
        (replace(SAME, difference=float("nan")), 1),
    ],
    ids=["close", "far", "other class", "no number"],
)
def test_a_file_that_answers_otherwise_is_warned_of(found: FileFinding, num_warnings: int):
    """More than its format promises, another class, or nothing that could be compared."""
    assert len(warnings_of({"litert": found})) == num_warnings


def test_findings_are_found_again(folder: RunFolder):
    """What was written is read; before, there is nothing."""
    assert read_findings(folder) == {}
    write_findings(folder, FOUND, seconds=2.5)
    assert read_findings(folder) == FOUND


def test_findings_of_earlier_versions_are_read(folder: RunFolder):
    """A model that was packaged before there was a table of formats keeps what was found."""
    earlier = {
        "reload_difference": 0.0,
        "litert_difference": 2e-6,
        "same_top1": True,
        "num_compared": 200,
        "keras_bytes": 10,
        "litert_bytes": 10,
        "seconds": 2.5,
        "warning": None,
    }
    folder.write_json(folder.package_path, earlier)
    assert read_findings(folder) == FOUND


@pytest.mark.parametrize("content", [[], {"files": 3}, {"files": {"keras": {"difference": 1.0}}}, {"seconds": 1.0}])
def test_damaged_findings_are_told(folder: RunFolder, content: object):
    """Whatever else the file holds, the error says what to do."""
    folder.write_json(folder.package_path, content)
    with pytest.raises(RunFileError, match="Make the files again"):
        read_findings(folder)
