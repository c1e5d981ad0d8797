"""`core.evaluation.examining`: a closer look at models of painted photos, and what stands in its way."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.backbones.artefacts import load_artefact
from core.backbones.catalog import Backbone
from core.datasets.records import SnapshotView, Split
from core.datasets.snapshots import load_snapshot
from core.errors import RunStateError, TaskCancelledError, UnknownRunError
from core.evaluation.examination import Examination, read_examination
from core.evaluation.examining import run_examine_task
from core.features.cache import FeatureCache
from core.inference.reference import read_reference
from core.inference.trained_model import read_model_record
from core.jobs.queue import TaskQueue
from core.photos.store import PhotoStore
from core.runs.decision import Decision, read_decision, write_decision
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.model_record import model_feature_key
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS
from tests.conftest import link_backbones
from tests.core.evaluation.finished_runs import Labelled, begun_examination, finished_run
from tests.core.training.training_samples import COLOURS, paint

NUM_PHOTOS = {Split.TRAIN: 8, Split.VALIDATION: 3, Split.TEST: 2}  # of each class


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path) -> Settings:
    """A workspace of the module's own, in which the default backbone is prepared."""
    made = Settings(workspace_dir=tmp_path_factory.mktemp("examining"))
    link_backbones(prepared_cache, made)
    return made


@pytest.fixture(scope="module")
def run_id(settings: Settings) -> int:
    """A finished run on photos of three colours."""
    photos = [
        Labelled(data=paint(name, 100 * place + number), class_name=name, split=split)
        for name in COLOURS
        for place, (split, count) in enumerate(NUM_PHOTOS.items())
        for number in range(count)
    ]
    return finished_run(settings, "Colours", photos)[0]


@pytest.fixture
def folder(settings: Settings, run_id: int) -> RunFolder:
    """Its folder, as if nobody had looked at it."""
    found = RunFolder(settings, run_id)
    for path in (found.examination_path, found.reference_path, found.decision_path):
        path.unlink(missing_ok=True)
    return found


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings)) as database:
        yield database


@pytest.fixture
def snapshot(database: Database, run_id: int) -> SnapshotView:
    return load_snapshot(database, RunLibrary(database).get_run(run_id).config.snapshot)


def examine(settings: Settings, run_id: int) -> None:
    with begun_examination(settings, run_id) as context:
        run_examine_task(context)


def read(folder: RunFolder) -> Examination:
    found = read_examination(folder)
    assert found is not None
    return found


def hashes_of(snapshot: SnapshotView, *splits: Split) -> set[str]:
    return {image.photo_hash for image in snapshot.images if image.split in splits}


def test_everything_is_found_out(settings: Settings, run_id: int, folder: RunFolder, snapshot: SnapshotView) -> None:
    """Each photo that was kept back has its nearest training photos, of its own colour; the rest is there too."""
    examine(settings, run_id)
    found = read(folder)
    class_of = {image.photo_hash: image.class_index for image in snapshot.images}
    kept_back = hashes_of(snapshot, Split.VALIDATION, Split.TEST)
    train = hashes_of(snapshot, Split.TRAIN)
    assert found.fingerprint == read_model_record(folder).fingerprint
    assert set(found.neighbours) == set(found.distances) == kept_back
    for photo, neighbours in found.neighbours.items():
        away = [neighbour.distance for neighbour in neighbours]
        assert (len(away), away) == (5, sorted(away))
        assert away[0] == found.distances[photo]
        assert {neighbour.photo_hash for neighbour in neighbours} <= train
        assert {neighbour.class_index for neighbour in neighbours} == {class_of[photo]}
    assert {suspect.photo_hash for suspect in found.suspects} == train
    assert [point.num_photos for point in found.learning_curve] == [6, 12, 18, 24]
    assert [(shortcut.class_index, shortcut.num_photos) for shortcut in found.shortcuts] == [(0, 2), (1, 2), (2, 2)]
    assert not any(shortcut.is_suspected for shortcut in found.shortcuts)
    assert found.skipped == ()
    reference = read_reference(folder)
    assert reference is not None
    assert set(reference.hashes) == train
    assert read_decision(folder) == Decision(temperature=found.temperature)


def test_nothing_is_computed_twice(settings: Settings, run_id: int, folder: RunFolder, snapshot: SnapshotView) -> None:
    """What training has cached is enough: the training photos are not even opened."""
    store = PhotoStore(settings.photos_path, settings.cache_path)
    gone = {store.path(photo, ".png"): photo for photo in hashes_of(snapshot, Split.TRAIN)}
    contents = {path: path.read_bytes() for path in gone}
    try:
        for path in gone:
            path.unlink()
        examine(settings, run_id)
    finally:
        for path, content in contents.items():
            path.write_bytes(content)
    assert read(folder).skipped == ()


def test_photos_that_are_gone(settings: Settings, run_id: int, folder: RunFolder, snapshot: SnapshotView) -> None:
    """A photo whose file is lost and whose features are not cached is left out, and that is said."""
    moved = replace(settings, cache_dir=settings.workspace_dir / "other cache")
    link_backbones(settings.cache_path, moved)
    lost = min(hashes_of(snapshot, Split.TEST))
    path = PhotoStore(settings.photos_path, settings.cache_path).path(lost, ".png")
    content = path.read_bytes()
    path.unlink()
    try:
        examine(moved, run_id)
    finally:
        path.write_bytes(content)
    found = read(folder)
    assert found.skipped == ("1 of the 39 photos were deleted or cannot be read; they are left out.",)
    assert lost not in found.distances
    assert len(found.distances) == 14
    key = model_feature_key(read_model_record(folder))
    assert FeatureCache(moved).missing(*key, hashes_of(snapshot, *Split)) == [lost]


def test_what_somebody_has_decided_stays(settings: Settings, run_id: int, folder: RunFolder) -> None:
    """A decision that is there is not replaced."""
    chosen = Decision(temperature=1.5, min_probability=0.7, max_distance=0.4)
    write_decision(folder, chosen)
    examine(settings, run_id)
    assert read_decision(folder) == chosen


def test_a_look_can_be_stopped(settings: Settings, run_id: int, folder: RunFolder, database: Database) -> None:
    """Somebody who asks for it is heard; nothing is written."""
    with begun_examination(settings, run_id) as context:
        TaskQueue(database, TASK_KINDS).request_cancel(context.task_id)
        with pytest.raises(TaskCancelledError):
            run_examine_task(context)
    assert not any(path.exists() for path in (folder.examination_path, folder.reference_path, folder.decision_path))


def test_nothing_kept_back(settings: Settings) -> None:
    """Without photos to judge by, and with a class of four, what cannot be found out is said, and the rest is."""
    counts = dict(zip(COLOURS, (8, 8, 4), strict=True))
    photos = [
        Labelled(data=paint(name, number), class_name=name, split=Split.TRAIN)
        for name, count in counts.items()
        for number in range(count)
    ]
    run_id, _ = finished_run(settings, "Nothing kept back", photos)
    examine(settings, run_id)
    found = read(RunFolder(settings, run_id))
    assert (found.distances, found.learning_curve, found.shortcuts, found.temperature) == ({}, (), (), 1)
    assert len(found.suspects) == 16
    assert [text.split(",")[0] for text in found.skipped] == [
        "Fewer than 5 training photos",
        "Whether more photos would help cannot be estimated: that needs 4 training photos per class",
        "Without validation photos nobody knows how sure the model should be.",
    ]


def test_a_network_of_its_own(settings: Settings, lite0: Backbone) -> None:
    """A model without a backbone below has features of its own name, and its heat maps are measured."""
    photos = [Labelled(data=paint(name, 0), class_name=name, split=Split.TRAIN) for name in COLOURS]
    photos.append(Labelled(data=paint("red", 200), class_name="red", split=Split.TEST))
    own_id, hashes = finished_run(settings, "Own", photos)
    folder = RunFolder(settings, own_id)
    shutil.copy(load_artefact(lite0, settings).model_path, folder.litert_path)
    folder.head_path.unlink()
    names = tuple(f"class {number}" for number in range(1000))
    record = replace(read_model_record(folder), artefact=None, class_names=names)
    folder.write_json(folder.model_record_path, record.to_json())
    folder.write_json(folder.report_path, {"class_names": list(names)})
    answers = {"hashes": np.array([hashes[3]]), "classes": np.array([2]), "probabilities": np.eye(1, 1000, 2)}
    np.savez(
        folder.predictions_path,
        **{f"{split}_{name}": values[: split is Split.TEST] for split in Split for name, values in answers.items()},
    )
    examine(settings, own_id)
    assert set(read(folder).distances) == {hashes[3]}
    assert [shortcut.num_photos for shortcut in read(folder).shortcuts] == [1]
    assert FeatureCache(settings).missing("Own", "crop 1", hashes.values()) == []


def test_runs_that_cannot_be_looked_at(settings: Settings, run_id: int, database: Database) -> None:
    """One that is not done is refused in plain words, and so is a number that no run has."""
    runs = RunLibrary(database)
    waiting = runs.create_run(runs.get_run(run_id).config, name="waiting").id
    with pytest.raises(RunStateError, match="only one that is done can be looked at closer"):
        examine(settings, waiting)
    with pytest.raises(UnknownRunError, match="4711"):
        examine(settings, 4711)
