"""Datasets to split: random ones, single photos, images of one class."""

import random
from dataclasses import replace

from core.datasets.records import ImageView, Split
from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import SplitItem

CONFIGS = (
    SplitConfig(),
    SplitConfig(train=0.8, validation=0.2, test=0.0, seed=3),
    SplitConfig(train=1 / 3, validation=1 / 3, test=1 / 3, seed=-1),
    SplitConfig(train=0.1, validation=0.1, test=0.8),
    SplitConfig(train=0.98, validation=0.01, test=0.01),
    SplitConfig(train=0.0, validation=0.5, test=0.5),
)

SEEDS = range(60)


def random_items(seed: int, *, fixed_share: float = 0.0, mixed: bool = False) -> list[SplitItem]:
    """A dataset of 1 to 8 classes, from all single photos to few large groups; `mixed` groups span classes."""
    chance = random.Random(seed)
    num_classes = chance.randint(1, 8)
    largest_group = chance.choice((1, 2, 5, 40))
    items: list[SplitItem] = []
    for class_id in range(num_classes):
        for number in range(chance.randint(1, 30)):
            for _ in range(chance.randint(1, largest_group)):
                fixed = chance.choice(list(Split)) if chance.random() < fixed_share else None
                group = number if mixed else (class_id, number)
                items.append(SplitItem(image_id=len(items) * 7 + 1, class_id=class_id, group=group, fixed=fixed))
    chance.shuffle(items)
    return items


def image(image_id: int, **changes: object) -> ImageView:
    view = ImageView(
        id=image_id,
        dataset_id=1,
        class_id=1,
        photo_hash=f"{image_id:064x}",
        name="photo.jpg",
        split=None,
        split_origin=None,
        capture_id=None,
        source_url=None,
        added_at=0.0,
        trashed_at=None,
    )
    return replace(view, **changes)


def singles(num_images: int, class_id: int = 0) -> list[SplitItem]:
    return [SplitItem(image_id=class_id * 10_000 + number, class_id=class_id) for number in range(num_images)]
