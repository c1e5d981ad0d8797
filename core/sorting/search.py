"""Search by example and by class: the photos that are most like those that a person wants."""

from collections.abc import Sequence

import numpy as np

from core.datasets.records import ImageView
from core.errors import DatasetError
from core.features.key import FeatureKey
from core.features.relevance import relevance
from core.features.table import FeatureTable
from core.sorting.records import Found, Search

# Photos of the class that stand for it where no examples were chosen, evenly chosen among all.
_MAX_OF_CLASS = 500


def find_alike(
    images: Sequence[ImageView], search: Search, table: FeatureTable, key: FeatureKey, *, limit: int
) -> Found:
    """The photos of a dataset that fit a search best.

    Args:
        images: all of the dataset that are not in the trash.
        search: what is looked for.
        table: of features.
        key: of the network by whose features photos are compared.
        limit: how many at most.

    Raises:
        DatasetError: nothing says what is looked for: no example, and no photo in the class that was looked at.
    """
    features, is_known = table.get(images[0].dataset_id if images else 0, key, [image.photo_hash for image in images])
    row_of = np.cumsum(is_known) - 1
    place_of = {image.id: place for place, image in enumerate(images)}

    def rows(image_ids: Sequence[int]) -> list[int]:
        places = [place_of[image_id] for image_id in image_ids if image_id in place_of]
        return [int(row_of[place]) for place in places if is_known[place]]

    of_class = [image.id for image in images if image.class_id == search.into]
    wanted = rows([*(search.examples or _evenly(of_class)), *search.wanted])
    if not wanted:
        raise DatasetError(
            "Nothing says yet what to look for. Choose some photos as examples, or put some into the class; they must "
            "have been looked at."
        )
    decided = {*search.examples, *search.wanted, *search.unwanted, *search.passed}
    places = [
        place
        for place, image in enumerate(images)
        if image.id not in decided and image.class_id != search.into and search.among in (None, image.class_id)
    ]
    known = [place for place in places if is_known[place]]
    candidates = features[row_of[known]]
    scores = relevance(candidates, features[wanted], features[rows(search.unwanted)])
    best = np.argsort(-scores, kind="stable")[:limit]
    return Found(
        images=tuple(images[known[place]] for place in best),
        num_left=len(known),
        num_unknown=len(places) - len(known),
    )


def _evenly(image_ids: Sequence[int]) -> list[int]:
    chosen = np.unique(np.linspace(0, max(0, len(image_ids) - 1), min(len(image_ids), _MAX_OF_CLASS)).astype(np.int64))
    return [image_ids[place] for place in chosen]
