"""How much of the photos a network never sees, because of how they become the rectangle that it looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.config import FitModeName
from core.photos.fit import fit_box

# Share of a photo, 0-1. A photo of a camera (3:2) loses a third to a square, which the networks are used to; a strip
# twice as wide as high loses half.
CUT_FROM = 0.5
# Below this share of the photos, 0-1, and where no class consists mostly of such photos, it is not worth a word.
WORTH_A_WORD_FROM = 0.1
# From this share on it is how these photos are: the whole photo is what suits them.
MOSTLY_FROM = 0.5
_SAME_WITHIN = 0.05  # shares, 0-1, that are told as one figure

PhotoSize = tuple[int, int]  # width, height, px


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """Photos of which half or more is cut off."""

    num_photos: int  # that were looked at
    num_cut: int  # of these
    typical: float  # share that is cut off of such a photo, 0-1: the median
    least: float  # of any such photo
    most: float
    classes: tuple[str, ...] = ()  # whose photos mostly are such, in the order given; empty: all of them, or none

    @property
    def is_mostly(self) -> bool:
        """Whether that is how these photos are, rather than a few odd ones among them."""
        return self.num_cut >= MOSTLY_FROM * self.num_photos

    def describe(self) -> str:
        """The figures in a sentence without its stop, such as "83 % of each photo is cut off"."""
        percent = f"{100 * self.typical:.0f}\N{NO-BREAK SPACE}%"
        is_same = self.most - self.least <= _SAME_WITHIN
        if self.num_cut == self.num_photos:
            return f"{percent} of each photo is cut off" if is_same else f"{percent} of a typical photo is cut off"
        which = f"{self.num_cut:,} of {self.num_photos:,} photos"
        if self.classes:
            which += f", mostly of {' and '.join(f'“{name}”' for name in self.classes[:2])}"
            which += " and others" if len(self.classes) > 2 else ""
        about = "" if is_same else "about "
        return f"{about}{percent} is cut off {which}"


def cut_share(photo_size: PhotoSize, image_size: tuple[int, int], fit_mode: FitModeName) -> float:
    """The share of a photo's area that a network never sees, 0-1.

    Args:
        photo_size: width and height of the photo, at least 1.
        image_size: height and width of what the network looks at; only their ratio counts.
        fit_mode: how the one becomes the other; all but *crop* lose nothing.

    Raises:
        ConfigError: a size is below 1.
    """
    if fit_mode != "crop":
        return 0.0
    width, height = photo_size
    left, top, right, bottom = fit_box((height, width), image_size, crop_fraction=1.0)
    return max(0.0, 1.0 - (right - left) * (bottom - top) / (width * height))


def find_cut_off(
    sizes: Mapping[str, Sequence[PhotoSize]], fit_mode: FitModeName, image_size: tuple[int, int] = (1, 1)
) -> CutOff | None:
    """What is cut off the photos of a dataset; None where that is not worth a word.

    Args:
        sizes: of the photos of each class, by its name.
        fit_mode: how a photo becomes what the network looks at.
        image_size: height and width of that.
    """
    shares = {
        name: sorted(cut_share(size, image_size, fit_mode) for size in of_class) for name, of_class in sizes.items()
    }
    cut = {name: [share for share in of_class if share >= CUT_FROM] for name, of_class in shares.items()}
    every = sorted(share for of_class in cut.values() for share in of_class)
    num_photos = sum(map(len, shares.values()))
    mostly = tuple(name for name, found in cut.items() if found and len(found) >= MOSTLY_FROM * len(shares[name]))
    if not every or (len(every) < WORTH_A_WORD_FROM * num_photos and not mostly):
        return None
    return CutOff(
        num_photos=num_photos,
        num_cut=len(every),
        typical=every[len(every) // 2],
        least=every[0],
        most=every[-1],
        classes=mostly if len(mostly) < len([name for name, of_class in shares.items() if of_class]) else (),
    )
