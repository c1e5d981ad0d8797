"""A run is trained again as it was, on its dataset as it is."""

import pytest

from core.datasets.library import Library
from core.datasets.records import Review
from core.datasets.snapshots import load_snapshot
from core.errors import DatasetError, UnknownDatasetError
from core.names import MAX_NAME_CHARS
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.changes import changes_since
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.runs.retrain import begin_retraining
from core.storage.db import Database
from tests.core.datasets.library_samples import add, class_ids
from tests.core.runs.run_samples import config


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


@pytest.fixture
def run(database: Database, desk: RunDesk, library: Library) -> RunView:
    """The run “careful” on twenty crows and twenty tits."""
    dataset_id = library.datasets.create("Crows and tits").id
    add(library, dataset_id, "crow", range(100, 120))
    add(library, dataset_id, "tit", range(200, 220))
    request = RunRequest(
        dataset_id=dataset_id, config=config(NO_SNAPSHOT, label_smoothing=0.1, seed=7), recipe="quick", name="careful"
    )
    return begin_runs(database, desk, [request])[0]


def test_corrections_are_learned(database: Database, desk: RunDesk, library: Library, run: RunView) -> None:
    """The new run has everything of the old one but the photos: relabelled, unsure and new ones are as they are now."""
    dataset_id = run.dataset_id
    assert dataset_id is not None
    ids = [image.id for image in library.images.of(dataset_id)]
    library.images.move(ids[:3], class_ids(library, dataset_id)["tit"])
    library.images.set_review(ids[3:5], Review.UNSURE)
    library.images.trash(ids[5:6])
    add(library, dataset_id, "owl", range(300, 304))
    new = begin_retraining(database, desk, run)
    assert (new.name, new.parent_id, new.recipe, new.dataset_id) == ("careful, corrected", run.id, "quick", dataset_id)
    assert new.status is RunStatus.QUEUED
    assert new.config_values | {"snapshot": run.snapshot_hash} == run.config_values
    before, after = (load_snapshot(database, view.snapshot_hash) for view in (run, new))
    images, classes = library.images.of(dataset_id), library.classes.of(dataset_id)
    changes = changes_since(before, images, classes)
    assert (changes.num_relabelled, changes.num_removed, changes.num_added, changes.num_moved_split) == (3, 3, 4, 0)
    assert changes_since(after, images, classes).total == 0


def test_names_do_not_grow(database: Database, desk: RunDesk, runs: RunLibrary, run: RunView) -> None:
    """Corrected twice is a number, not a longer name, and the longest name has room for what is added."""
    first = begin_retraining(database, desk, run)
    second = begin_retraining(database, desk, first)
    third = begin_retraining(database, desk, second)
    assert [view.name for view in (first, second, third)] == [
        "careful, corrected",
        "careful, corrected 2",
        "careful, corrected 3",
    ]
    assert [view.parent_id for view in (second, third)] == [first.id, second.id]
    runs.rename(run.id, "x" * MAX_NAME_CHARS)
    longest = begin_retraining(database, desk, runs.get_run(run.id))
    assert len(longest.name) == MAX_NAME_CHARS
    assert longest.name.endswith("x, corrected")


def test_without_its_dataset(database: Database, desk: RunDesk, library: Library, run: RunView) -> None:
    """A dataset in the trash is to be restored first; nothing can be learned from one whose photos are all unsure."""
    dataset_id = run.dataset_id
    assert dataset_id is not None
    library.datasets.delete(dataset_id)
    with pytest.raises(UnknownDatasetError, match=r"“Crows and tits” was deleted\. Restore it first"):
        begin_retraining(database, desk, run)
    library.datasets.restore(dataset_id)
    library.images.set_review([image.id for image in library.images.of(dataset_id)], Review.UNSURE)
    with pytest.raises(DatasetError, match="no photos for training"):
        begin_retraining(database, desk, run)


def test_a_run_of_no_dataset(database: Database, desk: RunDesk, runs: RunLibrary, run: RunView) -> None:
    """Whose dataset is gone for good has nothing to correct; the message says what stays."""
    lost = runs.create_run(run.config, name="lost")
    with pytest.raises(UnknownDatasetError, match="the run “lost” learned from was deleted for good"):
        begin_retraining(database, desk, lost)
