"""What is put behind transparent pictures, so that what they show can be seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image, ImageFilter


class Ground(StrEnum):
    """The colour behind what is transparent, in the order of preference."""

    WHITE = "white"
    DARK = "dark"
    GREY = "grey"


# Dark, but so light that a pale sign on it does not count as a black picture.
GROUND_COLOURS = {Ground.WHITE: (255, 255, 255), Ground.DARK: (40, 40, 40), Ground.GREY: (128, 128, 128)}
# A pixel whose grey is closer than this to the ground, of 255, cannot be told from it.
_LEAST_CONTRAST = 48
# Pixels with more alpha than this, of 255, belong to what is shown; fewer than the first are as good as none.
_INVISIBLE_BELOW = 8
_VISIBLE_FROM = 128
# A picture is hidden if that share of its outline is.
_HIDDEN_SHARE = 0.5
# Outlines are looked at in a copy of this longest side.
_SURVEYED_SIDE_PX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundSurvey:
    """On which grounds a transparent picture could not be seen."""

    hidden_on: frozenset[Ground]


def is_blank(alpha: Image.Image) -> bool:
    """Whether nothing can be seen of a picture, whatever is behind it; `alpha`: mode L."""
    _, highest = alpha.getextrema()
    return isinstance(highest, int) and highest < _INVISIBLE_BELOW


def is_opaque(alpha: Image.Image) -> bool:
    """Whether nothing of a picture is transparent; `alpha`: mode L."""
    return alpha.getextrema()[0] == 255


def survey_ground(photo: Image.Image) -> GroundSurvey:
    """Look along the outline of what a picture shows.

    Args:
        photo: mode RGBA.
    """
    if max(photo.size) > _SURVEYED_SIDE_PX:
        scale = _SURVEYED_SIDE_PX / max(photo.size)
        size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
        photo = photo.resize(size, Image.Resampling.NEAREST)
    alpha = photo.getchannel("A")
    grey = np.asarray(photo.convert("RGB").convert("L"), dtype=np.int16)
    opacity = np.asarray(alpha)
    # The frame of the picture is no outline: what touches it goes on.
    has_transparent_neighbour = np.asarray(alpha.filter(ImageFilter.MinFilter(5))) < _VISIBLE_FROM
    outline = grey[(opacity >= _VISIBLE_FROM) & has_transparent_neighbour]
    if outline.size == 0:
        # Nothing but shades: all that can be seen counts.
        outline = grey[opacity >= _INVISIBLE_BELOW]
    hidden = (ground for ground in Ground if _hidden_share(outline, ground) > _HIDDEN_SHARE)
    return GroundSurvey(hidden_on=frozenset(hidden) if outline.size else frozenset())


def _hidden_share(greys: np.ndarray[tuple[int, ...], np.dtype[np.int16]], ground: Ground) -> float:
    return float(np.mean(np.abs(greys - GROUND_COLOURS[ground][0]) < _LEAST_CONTRAST))


def choose_ground(surveys: Sequence[GroundSurvey]) -> Ground:
    """The ground on which the fewest pictures cannot be seen; white where that makes no difference."""
    return min(Ground, key=lambda ground: num_hidden(surveys, ground))


def num_hidden(surveys: Iterable[GroundSurvey], ground: Ground) -> int:
    """How many pictures cannot be seen on a ground."""
    return sum(ground in survey.hidden_on for survey in surveys)


def put_on_ground(photo: Image.Image, ground: Ground) -> Image.Image:
    """A picture of mode RGBA on a ground, as RGB."""
    canvas = Image.new("RGB", photo.size, GROUND_COLOURS[ground])
    canvas.paste(photo, mask=photo.getchannel("A"))
    return canvas
