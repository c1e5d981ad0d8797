"""How a run begins: photos get their splits, the dataset is frozen, and the run goes to the desk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from core.config import TrainConfig
from core.datasets.library import Library
from core.datasets.records import ClassView, DatasetView, ImageView, Likeness, Split
from core.datasets.snapshots import take_snapshot
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import groups_of, items_of
from core.datasets.split.leaks import count_leaks
from core.datasets.split.splitting import split_items
from core.errors import DatasetError
from core.runs.desk import RunDesk
from core.runs.records import RunView
from core.storage.db import Database

# In place of the snapshot's hash in a config whose dataset has not been frozen yet.
NO_SNAPSHOT = "0" * 64
MIN_CLASSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a run would learn from if it began now."""

    class_counts: Mapping[int, Mapping[Split, int]]  # class id to photos in each split, once every photo has one
    to_assign: Mapping[int, Split]  # image id to split, for those that have none yet
    num_leaks: int  # validation and test photos that look nearly like one for training
    num_unsure: int = 0  # photos that are left out, because nobody is sure of their class

    def num_photos(self, split: Split) -> int:
        """Photos of all classes in a split."""
        return sum(counts[split] for counts in self.class_counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A training that somebody wants."""

    dataset_id: int
    config: TrainConfig  # its snapshot does not count: a new one is taken
    recipe: str | None = None  # that the config was made from
    name: str | None = None  # None: one is found
    parent_id: int | None = None  # the run that it goes on from, or of which it is a changed copy
    race: str | None = None  # mark that the runs of one race, or of one sweep, have in common
    detail: str = ""  # what tells it from the others of its sweep, for its name


def find_prospect(images: Sequence[ImageView], likeness: Likeness) -> Prospect:
    """What a run would learn from: photos without a split are given one, all others stay where they are.

    Photos marked as unsure are left out.

    Args:
        images: of a dataset, without its trash.
        likeness: how alike their photos are, and which groups somebody has said are fine.
    """
    if not images:
        return Prospect(class_counts={}, to_assign={}, num_leaks=0)
    config = SplitConfig()
    # A second run must not move photos that the first one learned from, so that the two can be compared.
    present = {image.id: image.split for image in images}
    groups = groups_of(images, likeness, config.neighbours)
    items = [replace(item, fixed=present[item.image_id]) for item in items_of(images, groups, config)]
    result = split_items(items, config)
    # Photos that follow each other are no near-twins: a split that parts them does not leak.
    twins = items_of(images, groups_of(images, likeness), config)
    return Prospect(
        class_counts=result.class_counts,
        to_assign=result.to_assign,
        num_leaks=count_leaks(twins, result.assignment),
        num_unsure=len(images) - len(items),
    )


class Place(StrEnum):
    """Where people can mend what is wrong with a dataset."""

    COLLECT = "collect"  # photos are added
    PHOTOS = "photos"
    CHECK = "check"  # what was found to be wrong
    SPLIT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a run would be sure to come to nothing."""

    short: str  # a few words, to follow "Cannot train:"; plain text
    text: str  # for people, with the remedy; plain text
    place: Place | None = None  # where it can be mended; None: in the form itself


def find_obstacle(dataset: DatasetView, classes: Sequence[ClassView], prospect: Prospect) -> Obstacle | None:
    """What keeps a dataset from being learned: no photos, no second class, or a class with nothing to learn from.

    Args:
        dataset: of which a run is wanted.
        classes: all of it, without its trash.
        prospect: what the run would learn from.
    """
    unsure = " Photos marked as unsure do not count." if prospect.num_unsure else ""
    if not prospect.class_counts:
        return _nothing_there(dataset, prospect)
    names = {view.id: view.name for view in classes}
    trained = [names[class_id] for class_id, counts in prospect.class_counts.items() if counts[Split.TRAIN]]
    untrained = [names[class_id] for class_id, counts in prospect.class_counts.items() if not counts[Split.TRAIN]]
    if not trained:
        return Obstacle(
            short="no photos for training",
            text=f"The dataset “{dataset.name}” has no photos for training. Add photos to at least {MIN_CLASSES} "
            f"classes, or put some into the train split.{unsure}",
            place=Place.SPLIT,
        )
    if len(trained) < MIN_CLASSES:
        return Obstacle(
            short=f"only one class has photos{' for training' if untrained else ''}",
            text=f"Only the class “{trained[0]}” of the dataset “{dataset.name}” has photos for training, and there "
            "is nothing to tell it from. Add photos to another class, or put some of another class into the train "
            f"split.{unsure}",
            place=Place.SPLIT if untrained else Place.COLLECT,
        )
    if untrained:
        others = f" and {len(untrained) - 1:,} more" if len(untrained) > 1 else ""
        return Obstacle(
            short=f"“{untrained[0]}”{others} without photos for training",
            text=f"The class “{untrained[0]}”{others} of the dataset “{dataset.name}” has photos to be judged by and "
            "none to learn from, so that every answer to them would be wrong. Put some of them into the train split, "
            f"or take the class out.{unsure}",
            place=Place.SPLIT,
        )
    return None


def _nothing_there(dataset: DatasetView, prospect: Prospect) -> Obstacle:
    if prospect.num_unsure:
        return Obstacle(
            short="all photos are marked as unsure",
            text=f"The dataset “{dataset.name}” has no photos for training: all are marked as unsure, and nothing is "
            "learned from those. Clear the marks of some, or add others.",
            place=Place.PHOTOS,
        )
    return Obstacle(
        short="no photos",
        text=f"The dataset “{dataset.name}” has no photos for training. Add photos to at least {MIN_CLASSES} classes.",
        place=Place.COLLECT,
    )


def check_can_begin(dataset: DatasetView, classes: Sequence[ClassView], prospect: Prospect) -> None:
    """Refuse what nothing could be learned from.

    Raises:
        DatasetError: there is an obstacle.
    """
    obstacle = find_obstacle(dataset, classes, prospect)
    if obstacle is not None:
        raise DatasetError(obstacle.text)


def begin_runs(database: Database, desk: RunDesk, requests: Sequence[RunRequest]) -> list[RunView]:
    """Split what has no split, freeze each dataset and have the runs trained.

    All runs of one dataset have the same snapshot, whatever happens to the dataset meanwhile.

    Args:
        database: holds datasets and runs.
        desk: takes the runs.
        requests: at least one; nothing is begun when the dataset of one of them cannot be trained on.

    Raises:
        DatasetError: nothing could be learned from a dataset.
        UnknownDatasetError: no such dataset, or it is in the trash.
        NameRefusedError: a run cannot have the name, or another one has it.
        UnknownRunError: no such parent.
        StorageError: the folder of a run cannot be made.
        LimitReachedError: the space has no room for all of the runs, or has trained enough for this hour.
    """
    desk.refuse_without_room(len(requests))
    snapshots = {dataset_id: _freeze(database, dataset_id) for dataset_id in {each.dataset_id for each in requests}}
    return [
        desk.submit(
            replace(request.config, snapshot=snapshots[request.dataset_id]),
            name=request.name,
            recipe=request.recipe,
            dataset_id=request.dataset_id,
            parent_id=request.parent_id,
            race=request.race,
            detail=request.detail,
        )
        for request in requests
    ]


def _freeze(database: Database, dataset_id: int) -> str:
    library = Library(database)
    dataset = library.datasets.get(dataset_id)
    images = library.images.of(dataset_id)
    prospect = find_prospect(images, library.checks.likeness(dataset_id, {image.photo_hash for image in images}))
    check_can_begin(dataset, library.classes.of(dataset_id), prospect)
    if prospect.to_assign:
        library.images.assign_splits(dataset_id, prospect.to_assign)  # which can be undone, as any change of a dataset
    return take_snapshot(database, dataset_id).hash
