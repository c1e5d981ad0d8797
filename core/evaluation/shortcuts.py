"""Does a model look at the thing, or at something that happens to give its class away?

Two signs are looked for, in photos that the model answers rightly:

- All photos of one class are the same at some place, and those of other classes are not: a logo, a date, a coloured
  corner, the edge of a table. A model that learned from such photos need not have looked at anything else. Blanking
  alone would not find this: a network that knows the thing as well answers rightly without the mark, and still takes
  any photo with the mark for one of the class.
- The warmest region of the heat maps is at one place away from the middle, and without it the answer does not survive.

What fills the middle of the photos in the same way is no sign: there the thing itself is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.evaluation.examination import ClassShortcut

MIN_PHOTOS_PER_CLASS = 8  # fewer are alike by chance

WARM_SHARE = 0.2  # of the area: the warmest region of a heat map

# Photos are compared as thumbnails of so many colours a side. Of 48 web photos of two classes, places differ from photo
# to photo by at least 0.40 of what is usual, with only 8 photos of each class by at least 0.15; in a corner that was
# painted over with one colour, by 0.00.
_THUMBNAIL_SIDE = 28
_SAME_LOOK = 0.12
_LEAST_USUAL = 15.0  # of 255: where photos usually differ by less, being the same is nothing special
_LEAST_SAME_PLACES = 4  # of 784: smaller marks are chance, or too small to be seen by a network
# A sign only where a heat map is not cold in at least so many photos.
_LEAST_WARM_PHOTOS = 0.5

_LEAST_AT_PLACE = 0.8  # share of the photos whose warmest region is at one place
_MOST_SURVIVING = 0.5  # share of the answers that survive without it
_MIDDLE = 0.25  # from the middle of the photo, as part of its sides: there the thing itself is expected
_NUM_EXAMPLES = 6

Pixels = npt.NDArray[np.uint8]


class ShortcutPlan(Enum):
    """How many photos are looked at: in all, and of each class."""

    QUICK_HEAT = (400, 24)  # three answers a photo
    MEASURED_HEAT = (80, 8)  # fifty answers a photo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """What became of one rightly answered photo."""

    photo_hash: str
    class_index: int
    thumbnail: npt.NDArray[np.float32]  # (28, 28, 3), 0-255
    heat: npt.NDArray[np.float32]  # (28, 28), 0-1: of the class that was answered
    survives_without: bool  # whether the answer stays when the warmest region is blanked
    survives_only: bool  # ... when everything else is


def choose_photos(
    class_indices: npt.NDArray[np.int64], is_correct: npt.NDArray[np.bool_], plan: ShortcutPlan
) -> list[int]:
    """Rows of the photos that are looked at: rightly answered ones, alike many of each class.

    With so many classes that `MIN_PHOTOS_PER_CLASS` of each would be too many, those classes are looked at that the
    model knows best: a model that goes by a shortcut does well.

    Args:
        class_indices: (photos,): true classes.
        is_correct: (photos,).
        plan: how many.

    Returns:
        By class.
    """
    most_in_all, most_per_class = plan.value
    shares = {int(index): float(is_correct[class_indices == index].mean()) for index in np.unique(class_indices)}
    known = sorted((index for index in shares if shares[index] > 0), key=lambda index: (-shares[index], index))
    known = sorted(known[: most_in_all // MIN_PHOTOS_PER_CLASS])
    most = min(most_per_class, most_in_all // max(len(known), 1))
    chosen: list[int] = []
    for index in known:
        rows = np.flatnonzero((class_indices == index) & is_correct)
        # Evenly through the class: photos that follow each other are often alike.
        places = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int))
        chosen += [int(row) for row in rows[places]]
    return chosen


def try_photo(
    photo_hash: str,
    class_index: int,
    pixels: Pixels,
    *,
    heat: npt.NDArray[np.float32],
    answer: Callable[[Pixels], int],
) -> Tried:
    """Blank parts of a photo and ask again.

    Args:
        photo_hash: of the photo.
        class_index: the right answer, which the model gives to the whole photo.
        pixels: uint8 (height, width, 3), 0-255: the square that the network sees.
        heat: float32 (rows, columns), 0-1: heat map of that class.
        answer: pixels to the class that is answered.
    """
    height, width, _ = pixels.shape
    smooth = _resized(heat, (height, width))
    # Exactly so much, also where a heat map is flat.
    is_warm = np.zeros(smooth.shape, np.bool_)
    is_warm.flat[np.argsort(-smooth, axis=None, kind="stable")[: round(WARM_SHARE * smooth.size)]] = True
    small = Image.fromarray(pixels).resize((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.BOX)
    return Tried(
        photo_hash=photo_hash,
        class_index=class_index,
        thumbnail=np.asarray(small, np.float32),
        heat=_resized(heat, (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)),
        survives_without=answer(_blanked(pixels, is_warm)) == class_index,
        survives_only=answer(_blanked(pixels, ~is_warm)) == class_index,
    )


def judge_classes(tried: Sequence[Tried]) -> tuple[ClassShortcut, ...]:
    """What the photos of each class tell together.

    Args:
        tried: photos of any classes, in any order.

    Returns:
        By class.
    """
    by_class: dict[int, list[Tried]] = {}
    for photo in tried:
        by_class.setdefault(photo.class_index, []).append(photo)
    return tuple(_judge(class_index, by_class) for class_index in sorted(by_class))


def _judge(class_index: int, by_class: Mapping[int, Sequence[Tried]]) -> ClassShortcut:
    photos = by_class[class_index]
    is_warm = np.stack([_warmest(photo.heat) for photo in photos])
    mark = _same_look(photos, [photo for index, rest in by_class.items() if index != class_index for photo in rest])
    row, column = _centre_of_most(is_warm.mean(axis=0) if mark is None else mark)
    at_place = is_warm[:, row, column]
    without = float(np.mean([photo.survives_without for photo in photos]))
    place = ((row + 0.5) / _THUMBNAIL_SIDE, (column + 0.5) / _THUMBNAIL_SIDE)
    is_aside = max(abs(place[0] - 0.5), abs(place[1] - 0.5)) > _MIDDLE
    is_decisive = is_aside and float(at_place.mean()) >= _LEAST_AT_PLACE and without <= _MOST_SURVIVING
    return ClassShortcut(
        class_index=class_index,
        num_photos=len(photos),
        survives_without_warmest=without,
        survives_only_warmest=float(np.mean([photo.survives_only for photo in photos])),
        same_place=float(at_place.mean()),
        place=place,
        is_suspected=mark is not None or (is_decisive and len(photos) >= MIN_PHOTOS_PER_CLASS),
        examples=_examples(photos, at_place),
        has_same_look=mark is not None,
    )


def _same_look(photos: Sequence[Tried], others: Sequence[Tried]) -> npt.NDArray[np.bool_] | None:
    """Where all photos of a class are the same, and others are not: (28, 28); None where that is nowhere.

    Compared with what is usual at that place in other classes, and in this class elsewhere: photos of drawings on one
    white background are the same nearly everywhere, and that says nothing about one place.
    """
    if min(len(photos), len(others)) < MIN_PHOTOS_PER_CLASS:
        return None
    spread, spread_of_others = _spread(photos), _spread(others)
    usual = np.minimum(spread_of_others, np.median(spread))
    mark = (spread <= _SAME_LOOK * usual) & (usual >= _LEAST_USUAL)
    rows, columns = np.mgrid[:_THUMBNAIL_SIDE, :_THUMBNAIL_SIDE]
    from_middle = np.maximum(abs(rows + 0.5 - _THUMBNAIL_SIDE / 2), abs(columns + 0.5 - _THUMBNAIL_SIDE / 2))
    mark &= from_middle > _MIDDLE * _THUMBNAIL_SIDE
    warm_photos = np.mean([bool((photo.heat[mark] > 0).any()) for photo in photos])
    is_mark = mark.sum() >= _LEAST_SAME_PLACES and warm_photos >= _LEAST_WARM_PHOTOS
    return mark if is_mark else None


def _spread(photos: Sequence[Tried]) -> npt.NDArray[np.float32]:
    """How much photos differ at each place: (28, 28), standard deviation of the colours, 0-255."""
    variance = np.stack([photo.thumbnail for photo in photos]).var(axis=0, ddof=1).mean(axis=-1)
    return np.asarray(np.sqrt(variance), np.float32)


def _warmest(heat: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    # Where most of a photo is equally cold, the warmest region is smaller.
    return np.asarray((heat >= np.quantile(heat, 1 - WARM_SHARE)) & (heat > heat.min()), np.bool_)


def _centre_of_most(shares: npt.NDArray[Any]) -> tuple[int, int]:
    """The place with the largest share; of several the one nearest to their middle."""
    rows, columns = np.nonzero(shares == shares.max())
    away = (rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2
    nearest = int(away.argmin())
    return int(rows[nearest]), int(columns[nearest])


def _examples(photos: Sequence[Tried], at_place: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """Those first whose answer needs the warmest region and nothing else, then those that have it at the place."""
    telling = [
        (photo.survives_without, not photo.survives_only, not is_there)
        for photo, is_there in zip(photos, at_place, strict=True)
    ]
    order = sorted(range(len(photos)), key=lambda number: telling[number])
    return tuple(photos[number].photo_hash for number in order[:_NUM_EXAMPLES])


def _blanked(pixels: Pixels, is_blank: npt.NDArray[np.bool_]) -> Pixels:
    """With the photo's mean colour where it is blank: the colour alone says as little as can be."""
    blanked = pixels.copy()
    blanked[is_blank] = np.rint(pixels.mean(axis=(0, 1)))
    return blanked


def _resized(heat: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """A heat map of another size (rows, columns), without corners where its places meet."""
    image = Image.fromarray(np.asarray(heat, np.float32))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR), np.float32)
