"""What may be wrong with one photo, by what was measured of it: one row for each check.

The limits were measured on 994 photos of the web (alien-vs-predator and 100 of ImageNet) and on spoilt copies of 398.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.datasets.checks.findings import RemedyKind
from core.datasets.checks.kinds import FindingKind
from core.datasets.checks.words import WORDS, Words
from core.photos.measurements import MEASUREMENTS_VERSION
from core.photos.record import PhotoRecord

# Grows with every change to what is found by anything else than the rows below, so that datasets are checked again.
SEARCH_VERSION = 1

# Part of a photo that looks black. One of the photos reaches it, though many show monsters at night (the median of
# those is 0.31); of photos dimmed to 15 % of their light 57 % do, of those dimmed to 8 % all.
DARK_SHARE_FROM = 0.95
# Mean brightness, 0-1. The brightest of the photos, a drawing on white, has 0.904; of ImageNet's photos with five times
# their light 48 % are above. What is between cannot be told from an object on a white ground.
BRIGHT_FROM = 0.92
# Standard deviation of red, green and blue, 0-0.5: the least of the photos was 0.051; of those dimmed to 15 % 0.008.
FLAT_BELOW = 0.02
# Sharpness divided by the square of the contrast: a photo in fog is not blurred. The least of the 994 photos was 3,532.
# Below the limit: 98 % of those blurred by 0.8 % of their longest side (8 pixels of 1,024), all of those blurred by
# 1.2 %, 22 % of those by 0.4 %, which few people notice; of photos blurred to one side only (by 3 %) 37 %.
BLURRED_BELOW = 2_500.0
# Shortest side of the original, px. Shrunk to it, 73 % of ImageNet's photos are still taken for the same thing (at 64:
# 52 %; at 160: 90 %).
TINY_BELOW_PX = 96
# Longest side over shortest: of a wider photo a network that looks at the middle sees less than a third. Two of the 994
# photos are like that; 99 % stay below 2.5.
EXTREME_ASPECT_FROM = 3.0

_HOW_THEY_ARE = "But most photos here are like that"


Measure = Callable[[PhotoRecord], float | None]  # None: an older version has measured the photo, and did not know this


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoCheck:
    """One thing that may be wrong with a photo."""

    kind: str  # under which findings are kept and dismissed; never another one for the same check
    measure: Measure
    from_limit: float | None = None  # it is wrong from this value on, or
    below_limit: float | None = None  # below this one
    unless: tuple[str, ...] = ()  # kinds that say it already: a black photo is not called blurred too
    words: Words
    remedy: RemedyKind | None = RemedyKind.TRASH_IMAGES  # what one click does about the photos; None: nothing
    # What is wrong when most photos of a class or of the dataset are like that, in the words of "… are nearly black".
    # Empty: such a dataset can be learned from.
    concern: str = ""

    def applies_to(self, photo: PhotoRecord) -> bool:
        """Whether this is wrong with a photo, whatever else is."""
        value = self.measure(photo)
        if value is None:
            return False
        is_above = self.from_limit is not None and value >= self.from_limit
        return is_above or (self.below_limit is not None and value < self.below_limit)


def measured(name: str) -> Measure:
    """What `core.photos.measurements` found under this name."""
    return lambda photo: photo.measurements.get(name)


def _relative_sharpness(photo: PhotoRecord) -> float | None:
    """Sharpness divided by the square of the contrast; a photo without any contrast is not called blurred."""
    sharpness, contrast = measured("sharpness")(photo), measured("contrast")(photo)
    if sharpness is None or contrast is None:
        return None
    return sharpness / contrast**2 if contrast else float("inf")


def _shortest_side(photo: PhotoRecord) -> float:
    return min(photo.original_width, photo.original_height)


def _aspect(photo: PhotoRecord) -> float:
    return max(photo.original_width, photo.original_height) / _shortest_side(photo)


# In the order in which they are shown.
PHOTO_CHECKS: tuple[PhotoCheck, ...] = (
    PhotoCheck(
        kind=FindingKind.BLURRED,
        measure=_relative_sharpness,
        below_limit=BLURRED_BELOW,
        unless=(FindingKind.DARK, FindingKind.BRIGHT, FindingKind.FLAT),
        words=Words(
            title="Blurred",
            why="Details by which things are told apart are lost. Keep them only if you will ask about blurred photos "
            "too.",
            usual=f"{_HOW_THEY_ARE}: then it is how these photos are, as through a microscope or in scans and drawings "
            "without fine detail, and the network learns from what there is.",
            looked_for="blurred",
        ),
    ),
    PhotoCheck(
        kind=FindingKind.DARK,
        measure=measured("dark_share"),
        from_limit=DARK_SHARE_FROM,
        words=Words(
            title="Very dark",
            why="Nearly everything in them is black, so there is little to learn from.",
            usual=f"{_HOW_THEY_ARE}: then it is how these photos are, as under a microscope, in X-rays or of the night "
            "sky. If they should be brighter, their range of greys was perhaps read wrongly: look at the report of "
            "their import.",
            looked_for="dark",
        ),
        concern="are nearly black",
    ),
    PhotoCheck(
        kind=FindingKind.BRIGHT,
        measure=measured("brightness"),
        from_limit=BRIGHT_FROM,
        unless=(FindingKind.DARK,),
        words=Words(
            title="Very bright",
            why="Nearly everything in them is white, so there is little to learn from.",
            usual=f"{_HOW_THEY_ARE}: then it is how these photos are, as drawings, icons and scans on white, and the "
            "network learns from what is on them.",
            looked_for="bright",
        ),
        concern="are nearly white",
    ),
    PhotoCheck(
        kind=FindingKind.FLAT,
        measure=measured("colour_spread"),
        below_limit=FLAT_BELOW,
        unless=(FindingKind.DARK, FindingKind.BRIGHT),
        words=Words(
            title="One flat colour",
            why="They show nothing. A class with such photos is recognised by its empty photos.",
            usual=f"{_HOW_THEY_ARE}. If there should be more to see, they were perhaps read wrongly, such as white "
            "drawings on a transparent ground: look at the report of their import.",
            looked_for="one-coloured",
        ),
        concern="show one flat colour and nothing else",
    ),
    PhotoCheck(
        kind=FindingKind.TINY,
        measure=_shortest_side,
        below_limit=TINY_BELOW_PX,
        words=Words(
            title="Tiny",
            why=f"Less than {TINY_BELOW_PX} pixels on the shorter side: enlarged to what the network looks at, they "
            "are soft and are often taken for something else.",
            usual=f"{_HOW_THEY_ARE}: then it is how these photos are, and the network can learn from them what there "
            "is to see. Ask about photos of the same size.",
            looked_for="tiny",
        ),
    ),
    PhotoCheck(
        kind=FindingKind.EXTREME_ASPECT,
        measure=_aspect,
        from_limit=EXTREME_ASPECT_FROM,
        words=Words(
            title="Very long and narrow",
            why="The network looks at a square. It sees less than a third of such a photo, or all of it very small.",
            usual=f"{_HOW_THEY_ARE}: then it is how these photos are, as spectrograms and receipts. When you train, "
            "choose to show the network the whole photo.",
            looked_for="narrow",
        ),
    ),
)


def faults_of(photo: PhotoRecord) -> list[str]:
    """Kinds of what is wrong with a photo, in their order."""
    applying = {check.kind: check.unless for check in PHOTO_CHECKS if check.applies_to(photo)}
    return [kind for kind, unless in applying.items() if applying.keys().isdisjoint(unless)]


def is_flat(photo: PhotoRecord) -> bool:
    """Whether a photo shows next to nothing, so that it resembles every other such photo."""
    spread = measured("colour_spread")(photo)
    return spread is not None and spread < FLAT_BELOW


def photo_checks() -> Sequence[PhotoCheck]:
    """All rows."""
    return PHOTO_CHECKS


def concerns() -> Sequence[PhotoCheck]:
    """The checks that tell of most photos being alike; one flat colour first: a black photo is that, too."""
    return [check for check in reversed(PHOTO_CHECKS) if check.concern]


def words_of(kind: str) -> Words:
    """What is said about a kind of finding; plain words for one that only another version knows."""
    of_photos = {check.kind: check.words for check in PHOTO_CHECKS}
    return of_photos.get(kind) or WORDS.get(kind) or Words()


def checks_version() -> str:
    """Hexadecimal digest of all that is looked for: what another version has checked is checked again."""
    rows = [[check.kind, check.from_limit, check.below_limit, *check.unless] for check in PHOTO_CHECKS]
    return hashlib.sha256(json.dumps([SEARCH_VERSION, MEASUREMENTS_VERSION, rows]).encode()).hexdigest()[:16]
