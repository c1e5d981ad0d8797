"""`core.evaluation.twins`: what was found out about one model counts for every run that has it."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from core.datasets.records import Split
from core.errors import DatasetError
from core.evaluation.examination import read_examination
from core.evaluation.examining import run_examine_task
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import open_database
from tests.conftest import link_backbones
from tests.core.evaluation.finished_runs import Labelled, begun_examination, copied_run, finished_run
from tests.core.training.training_samples import COLOURS, paint

NUM_PHOTOS = {Split.TRAIN: 6, Split.VALIDATION: 2}  # of each class


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path) -> tuple[Settings, int]:
    """A run that was looked at; its photos are gone since, so that nobody can look once more."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("twins"))
    link_backbones(prepared_cache, settings)
    photos = [
        Labelled(data=paint(name, 100 * place + number), class_name=name, split=split)
        for name in COLOURS
        for place, (split, count) in enumerate(NUM_PHOTOS.items())
        for number in range(count)
    ]
    run_id, _ = finished_run(settings, "Colours", photos)
    examine(settings, run_id)
    shutil.rmtree(settings.photos_path)
    for folder in settings.cache_path.iterdir():
        if folder.name != "backbones":
            shutil.rmtree(folder)
    return settings, run_id


def examine(settings: Settings, run_id: int) -> None:
    with begun_examination(settings, run_id) as context:
        run_examine_task(context)


def run_id_of(folder: RunFolder) -> int:
    return int(folder.path.name)


def test_a_model_that_was_looked_at_is_not_looked_at_again(looked_at: tuple[Settings, int]) -> None:
    """All that was found out is there, to the byte, though no photo can be opened any more."""
    settings, run_id = looked_at
    first, copy = RunFolder(settings, run_id), copied_run(settings, run_id, "copy")
    examine(settings, run_id_of(copy))
    assert read_examination(copy) is not None
    for name in ("examination.json", "reference.npz", "decision.json"):
        assert (copy.path / name).read_bytes() == (first.path / name).read_bytes()


def test_the_first_look_is_found_behind_a_sweep(looked_at: tuple[Settings, int]) -> None:
    """However many runs learned from the same photos since, and were looked at, the one with the same model counts."""
    settings, run_id = looked_at
    with closing(open_database(settings)) as database:
        runs = RunLibrary(database)
        view = runs.get_run(run_id)
        for number in range(50):
            other = runs.create_run(view.config, name=f"value {number}", dataset_id=view.dataset_id).id
            runs.set_finished(other, {})
            runs.note_examined(other, f"digest {number}")
    copy = copied_run(settings, run_id, "late copy")
    examine(settings, run_id_of(copy))
    assert read_examination(copy) is not None


def test_another_model_is_looked_at(looked_at: tuple[Settings, int]) -> None:
    """One that said something else to the same photos has nothing of the first."""
    settings, run_id = looked_at
    other = copied_run(settings, run_id, "another")
    record = other.read_json(other.model_record_path)
    other.write_json(other.model_record_path, record | {"fingerprint": "another"})
    with pytest.raises(DatasetError, match="None of the photos"):
        examine(settings, run_id_of(other))


def test_what_came_with_a_project_counts_for_nobody_else(looked_at: tuple[Settings, int]) -> None:
    """Only looks that were taken here are passed on: a file from elsewhere may say anything."""
    settings, run_id = looked_at
    imported, copy = (copied_run(settings, run_id, name) for name in ("imported", "of another pupil"))
    first = RunFolder(settings, run_id)
    said = first.read_json(first.examination_path)
    imported.write_json(imported.examination_path, said | {"temperature": 7.0})
    shutil.copyfile(first.reference_path, imported.reference_path)
    examine(settings, run_id_of(copy))
    found = read_examination(copy)
    assert found is not None
    assert found.temperature == said["temperature"] != 7.0
