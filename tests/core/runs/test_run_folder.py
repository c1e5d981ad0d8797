"""The files of a run appear whole or not at all, and go with it."""

from pathlib import Path

import pytest

from core.errors import RunFileError, StorageError
from core.runs.decision import Decision, read_decision
from core.runs.folder import RunFolder, runs_path
from core.settings import Settings


@pytest.fixture
def folder(settings: Settings) -> RunFolder:
    return RunFolder(settings, 7)


def test_where_the_files_are(folder: RunFolder, settings: Settings) -> None:
    """Every file has its place in the run's own folder, and no two share one."""
    names = [name for name in dir(RunFolder) if name.endswith("_path")]
    paths = {getattr(folder, name) for name in names}
    assert {path.name for path in paths} == {
        *("config.json", "snapshot.json", "environment.json", "labels.txt", "log.txt", "checkpoints"),
        *("model.json", "trained.npz", "predictions.npz", "events.json"),
        *("head.npz", "model.keras", "model.tflite", "report.json", "package.json"),
        *("examination.json", "reference.npz", "decision.json", "actions.json", "page.json", "exports"),
    }
    assert len(paths) == len(names)
    assert {path.parent for path in paths} == {settings.workspace_dir / "runs" / "7"}
    assert not folder.path.exists()


def test_making_and_deleting(folder: RunFolder, settings: Settings) -> None:
    """Making it twice keeps what is there; deleting leaves nothing, and doing so twice is no failure."""
    folder.create()
    (folder.checkpoints_path / "epoch.npz").write_bytes(b"weights")
    folder.create()
    assert (folder.checkpoints_path / "epoch.npz").read_bytes() == b"weights"
    RunFolder(settings, 8).create()
    folder.delete()
    folder.delete()
    assert [path.name for path in runs_path(settings).iterdir()] == ["8"]


def test_folder_of_a_stranger(folder: RunFolder, settings: Settings) -> None:
    """A folder that was there before the run gets another name and loses nothing."""
    assert folder.set_aside() is None
    folder.create()
    folder.write_json(folder.report_path, {"accuracy": 0.9})
    aside = folder.set_aside()
    assert aside is not None
    assert (aside / "report.json").is_file()
    assert list(runs_path(settings).iterdir()) == [aside]


def test_json_both_ways(folder: RunFolder) -> None:
    """What is written is read again, in any script; what JSON does not know is null; no draft is left."""
    folder.write_json(folder.config_path, {"name": "ציפור", "loss": float("nan"), "sides": (1, 2)})
    assert folder.read_json(folder.config_path) == {"name": "ציפור", "loss": None, "sides": [1, 2]}
    folder.write_json(folder.config_path, [])
    assert folder.read_json(folder.config_path) == []
    assert [path.name for path in folder.path.iterdir()] == ["config.json"]


def test_failed_write_keeps_the_old_file(folder: RunFolder) -> None:
    """Values that are no JSON change nothing."""
    folder.write_json(folder.report_path, {"accuracy": 0.9})
    with pytest.raises(TypeError):
        folder.write_json(folder.report_path, {"accuracy": object()})
    assert folder.read_json(folder.report_path) == {"accuracy": 0.9}


@pytest.mark.parametrize("content", [b"", b'{"accuracy": 0.', b"\xff\xfe"])
def test_damaged_file(folder: RunFolder, content: bytes) -> None:
    """A file that is missing or damaged is named, with the run and what to do."""
    with pytest.raises(RunFileError, match=r"report\.json of run 7 is missing .* Train again"):
        folder.read_json(folder.report_path)
    folder.create()
    folder.report_path.write_bytes(content)
    with pytest.raises(RunFileError, match=r"report\.json of run 7 .* is damaged: .* Train again"):
        folder.read_json(folder.report_path)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A workspace where nothing can be written gives a StorageError, not one of Python's."""
    (tmp_path / "file").write_bytes(b"")
    folder = RunFolder(Settings(workspace_dir=tmp_path / "file"), 1)
    with pytest.raises(StorageError):
        folder.create()
    with pytest.raises(StorageError):
        folder.write_json(folder.config_path, {})


def test_a_record_that_cannot_be_read_names_the_file(folder: RunFolder) -> None:
    """What a newer version wrote is told with the file, the run and what to do."""
    folder.write_json(folder.decision_path, {"temperature": 1.5, "charm": 3})
    with pytest.raises(RunFileError, match=r"decision\.json of run 7 cannot be read: Decision has no charm.*install"):
        read_decision(folder)
    folder.write_json(folder.decision_path, {"temperature": 1.5})
    assert read_decision(folder) == Decision(temperature=1.5)
