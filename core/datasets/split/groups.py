"""Which photos a split keeps together: those of one burst, near-duplicates, renderings, the same photo twice."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.datasets.checks.together import Neighbours, find_kinship
from core.datasets.records import ImageView, Likeness, Review, Split, SplitOrigin
from core.datasets.split.config import SplitConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitItem:
    """What the split needs to know of an image."""

    image_id: int
    class_id: int
    group: Hashable | None = None  # images with equal groups stay together; None: it belongs to no other
    fixed: Split | None = None  # where it stays whatever the fractions say


def items_of(images: Iterable[ImageView], groups: Mapping[int, Hashable], config: SplitConfig) -> list[SplitItem]:
    """What to give to `split_items` for images of a dataset; those marked as unsure are left out.

    Args:
        images: those to split, without the trash.
        groups: image id to group, as `groups_of` finds them.
        config: says whether imported splits and those by hand stay.
    """
    kept = {SplitOrigin.IMPORTED: config.keep_imported, SplitOrigin.PERSON: config.keep_by_hand}
    return [
        SplitItem(
            image_id=image.id,
            class_id=image.class_id,
            group=groups.get(image.id),
            fixed=image.split if image.split_origin is not None and kept.get(image.split_origin, False) else None,
        )
        for image in images
        if image.review is not Review.UNSURE
    ]


def groups_of(
    images: Sequence[ImageView], likeness: Likeness, neighbours: Neighbours = Neighbours.NEVER
) -> dict[int, int]:
    """Which images belong together, as `core.datasets.checks.together` finds it.

    Args:
        images: the images of a dataset, all those out of the trash.
        likeness: how alike their photos are, and which groups are fine; photos of other datasets do no harm.
        neighbours: whether photos that follow each other stay together too: that is for making a split, and no leak
            where a split was made otherwise.

    Returns:
        Image id to group, for every image; the group is its smallest image id.
    """
    images = sorted(images, key=lambda image: image.id)
    groups = {image.id: image.id for image in images}
    for group in find_kinship(images, likeness, neighbours).groups:
        for position in group:
            groups[images[position].id] = images[group[0]].id
    return groups


def gather(items: Iterable[SplitItem]) -> Collection[list[SplitItem]]:
    """The groups, an image without one being a group of its own; each sorted, in the order of their first images."""
    groups: defaultdict[Hashable, list[SplitItem]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.image_id):
        groups[("image", item.image_id) if item.group is None else ("group", item.group)].append(item)
    return groups.values()
