"""How a run begins: what it learns from is decided, frozen and refused when there is nothing to learn."""

import pytest

from core.datasets.library import Library
from core.datasets.records import Review, Split
from core.datasets.snapshots import load_snapshot
from core.errors import DatasetError
from core.runs.begin import (
    NO_SNAPSHOT,
    Place,
    Prospect,
    RunRequest,
    begin_runs,
    check_can_begin,
    find_obstacle,
    find_prospect,
)
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.storage.db import Database
from tests.core.datasets.library_samples import add, photo_hash
from tests.core.runs.run_samples import config

DRAFT = config(NO_SNAPSHOT)


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


@pytest.fixture
def birds(library: Library) -> int:
    """A dataset of two classes with twenty photos each, none of them in a split."""
    dataset_id = library.datasets.create("Two birds").id
    add(library, dataset_id, "crow", range(100, 120))
    add(library, dataset_id, "tit", range(200, 220))
    return dataset_id


def prospect_of(library: Library, dataset_id: int) -> Prospect:
    images = library.images.of(dataset_id)
    return find_prospect(images, library.checks.likeness(dataset_id, {image.photo_hash for image in images}))


def splits_of(library: Library, dataset_id: int) -> dict[int, Split | None]:
    return {image.id: image.split for image in library.images.of(dataset_id)}


def request(dataset_id: int, **values: object) -> RunRequest:
    return RunRequest(dataset_id=dataset_id, config=DRAFT, **values)  # type: ignore[arg-type]


def refusal_of(library: Library, dataset_id: int) -> str:
    with pytest.raises(DatasetError) as refused:
        check_can_begin(
            library.datasets.get(dataset_id), library.classes.of(dataset_id), prospect_of(library, dataset_id)
        )
    return str(refused.value)


def test_every_photo_gets_a_split(database: Database, desk: RunDesk, library: Library, birds: int) -> None:
    """A run of a dataset that nobody has split learns from what was foretold, and the split can be undone."""
    foretold = prospect_of(library, birds)
    (run,) = begin_runs(database, desk, [request(birds, name="first", recipe="quick")])
    splits = splits_of(library, birds)
    assert splits == dict(foretold.to_assign)
    assert [foretold.num_photos(split) for split in Split] == [28, 6, 6]
    assert (run.name, run.recipe, run.dataset_id, run.status) == ("first", "quick", birds, RunStatus.QUEUED)
    frozen = load_snapshot(database, run.snapshot_hash)
    assert sorted(str(image.split) for image in frozen.images) == sorted(map(str, splits.values()))
    library.history.undo(library.history.latest(birds)[0].id)
    assert set(splits_of(library, birds).values()) == {None}


def test_splits_that_are_there_stay(database: Database, desk: RunDesk, library: Library, birds: int) -> None:
    """Photos that come after a run are split, those that it knew stay, so that two runs can be compared."""
    begin_runs(database, desk, [request(birds)])
    before = splits_of(library, birds)
    add(library, birds, "crow", range(300, 310))
    begin_runs(database, desk, [request(birds)])
    after = splits_of(library, birds)
    assert {image_id: after[image_id] for image_id in before} == before
    assert None not in after.values()


def test_a_split_dataset_is_left_alone(database: Database, desk: RunDesk, library: Library, birds: int) -> None:
    """Where every photo has its split, nothing is noted that could be undone."""
    library.images.set_split([image.id for image in library.images.of(birds)], Split.TRAIN)
    operations = library.history.latest(birds)
    (run,) = begin_runs(database, desk, [request(birds)])
    assert library.history.latest(birds) == operations
    assert {image.split for image in load_snapshot(database, run.snapshot_hash).images} == {Split.TRAIN}


def test_unsure_photos_are_left_out(database: Database, desk: RunDesk, library: Library, birds: int) -> None:
    """They are counted, get no split and are not learned from; with too few others left, the refusal names them."""
    images = library.images.of(birds)
    library.images.set_review([image.id for image in images[:5]], Review.UNSURE)
    prospect = prospect_of(library, birds)
    assert (prospect.num_unsure, sum(map(prospect.num_photos, Split)), len(prospect.to_assign)) == (5, 35, 35)
    (run,) = begin_runs(database, desk, [request(birds)])
    assert len(load_snapshot(database, run.snapshot_hash).images) == 35
    assert list(splits_of(library, birds).values())[:5] == [None] * 5
    library.images.set_review([image.id for image in images[:20]], Review.UNSURE)
    assert "Only the class “tit”" in (refusal := refusal_of(library, birds))
    assert refusal.endswith("marked as unsure do not count.")
    library.images.set_review([image.id for image in images], Review.UNSURE)
    assert "no photos for training: all are marked as unsure" in refusal_of(library, birds)


def test_near_duplicates_across_the_split_are_counted(library: Library, birds: int) -> None:
    """A photo held out that looks like one for training is a leak; new photos follow their twins and leak nothing."""
    first, second = (image.id for image in library.images.of(birds)[:2])
    library.checks.save_pairs({tuple(sorted((photo_hash(100), photo_hash(101)))): 0.99})
    assert prospect_of(library, birds).num_leaks == 0
    library.images.set_split([first], Split.TRAIN)
    library.images.set_split([second], Split.TEST)
    assert prospect_of(library, birds).num_leaks == 1


def test_one_snapshot_for_all_runs_of_a_race(database: Database, desk: RunDesk, birds: int) -> None:
    """Runs that are begun together learn from the same photos and carry their mark."""
    begun = begin_runs(database, desk, [request(birds, race="r1"), request(birds, race="r1")])
    assert len({run.snapshot_hash for run in begun}) == 1
    assert {run.race for run in begun} == {"r1"}
    assert len({run.name for run in begun}) == 2


def test_nothing_to_learn_from(library: Library, birds: int) -> None:
    """No photos at all, none for training, and a single class are refused in plain words."""
    empty = library.datasets.create("Empty", ["crow", "tit"]).id
    assert "has no photos for training" in refusal_of(library, empty)
    single = library.datasets.create("Single").id
    add(library, single, "crow", range(5))
    assert refusal_of(library, single).startswith("Only the class “crow” of the dataset “Single” has photos")
    library.images.set_split([image.id for image in library.images.of(birds)], Split.TEST)
    assert "has no photos for training" in refusal_of(library, birds)


def test_a_class_that_could_only_be_wrong_is_refused(library: Library, birds: int) -> None:
    """A class with photos to be judged by and none to learn from is named, with the way out."""
    images = library.images.of(birds)
    library.images.set_split([image.id for image in images[:20]], Split.TRAIN)
    library.images.set_split([image.id for image in images[20:]], Split.VALIDATION)
    add(library, birds, "jay", range(300, 330))
    dataset, classes = library.datasets.get(birds), library.classes.of(birds)
    obstacle = find_obstacle(dataset, classes, prospect_of(library, birds))
    assert obstacle is not None
    assert (obstacle.short, obstacle.place) == ("“tit” without photos for training", Place.SPLIT)
    assert "every answer to them would be wrong" in obstacle.text
    library.images.set_review([image.id for image in images[20:]], Review.UNSURE)
    assert find_obstacle(dataset, classes, prospect_of(library, birds)) is None  # it is left out as a whole


def test_a_refused_run_leaves_nothing_behind(
    database: Database, desk: RunDesk, runs: RunLibrary, library: Library, birds: int
) -> None:
    """When one dataset of several cannot be trained on, no run is begun and its photos are not split."""
    single = library.datasets.create("Single").id
    add(library, single, "crow", range(5))
    with pytest.raises(DatasetError, match="nothing to tell it from"):
        begin_runs(database, desk, [request(birds), request(single)])
    assert runs.list_runs() == []
    assert set(splits_of(library, single).values()) == {None}
