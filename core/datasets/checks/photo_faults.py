"""What may be wrong with one photo, by what was measured of it.

The limits were measured on 994 photos of the web (alien-vs-predator and 100 of ImageNet) and on spoilt copies of 398.
"""

from core.datasets.checks.kinds import FindingKind
from core.photos.record import PhotoRecord

# Sharpness divided by the square of the contrast: a photo in fog is not blurred. The least of the 994 photos was 3,532.
# Below the limit: 98 % of those blurred by 0.8 % of their longest side (8 pixels of 1,024), all of those blurred by
# 1.2 %, 22 % of those by 0.4 %, which few people notice; of photos blurred to one side only (by 3 %) 37 %.
BLURRED_BELOW = 2_500.0
# Part of the photo that looks black. One of the photos reaches it, though many show monsters at night (the median of
# those is 0.31); of photos dimmed to 15 % of their light 57 % do, of those dimmed to 8 % all.
DARK_SHARE_FROM = 0.95
# Mean brightness, 0-1. The brightest of the photos, a drawing on white, has 0.904; of ImageNet's photos with five times
# their light 48 % are above. What is between cannot be told from an object on a white ground.
BRIGHT_FROM = 0.92
# Standard deviation of red, green and blue, 0-0.5: the least of the photos was 0.051; of those dimmed to 15 % 0.008.
FLAT_BELOW = 0.02
# Shortest side of the original, px. Shrunk to it, 73 % of ImageNet's photos are still taken for the same thing (at 64:
# 52 %; at 160: 90 %).
TINY_BELOW_PX = 96
# Longest side over shortest: of a wider photo a network that looks at the middle sees less than a third. Two of the 994
# photos are like that; 99 % stay below 2.5.
EXTREME_ASPECT_FROM = 3.0


def faults_of(photo: PhotoRecord) -> list[FindingKind]:
    """What is wrong with a photo: one thing at most with its light or sharpness, and what is wrong with its shape."""
    light = _kind_of_light(photo)
    return [*([] if light is None else [light]), *_kinds_of_shape(photo)]


def _kind_of_light(photo: PhotoRecord) -> FindingKind | None:
    """The one thing that is wrong with a photo's light or sharpness: a black photo is not called blurred too."""
    measured = photo.measurements
    if measured["dark_share"] >= DARK_SHARE_FROM:
        return FindingKind.DARK
    if measured["brightness"] >= BRIGHT_FROM:
        return FindingKind.BRIGHT
    if measured["colour_spread"] < FLAT_BELOW:
        return FindingKind.FLAT
    if measured["sharpness"] < BLURRED_BELOW * measured["contrast"] ** 2:
        return FindingKind.BLURRED
    return None


def is_flat(photo: PhotoRecord) -> bool:
    """Whether a photo shows next to nothing, so that it resembles every other such photo."""
    return bool(photo.measurements["colour_spread"] < FLAT_BELOW)


def _kinds_of_shape(photo: PhotoRecord) -> list[FindingKind]:
    shortest, longest = sorted((photo.original_width, photo.original_height))
    kinds = []
    if shortest < TINY_BELOW_PX:
        kinds.append(FindingKind.TINY)
    if longest >= EXTREME_ASPECT_FROM * shortest:
        kinds.append(FindingKind.EXTREME_ASPECT)
    return kinds
