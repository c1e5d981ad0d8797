"""Pictures of 16 bits of which a library keeps the upper eight: read, unless next to nothing is left of them."""

import numpy as np
from PIL import Image

from core.errors import UnsupportedImageError
from core.photos.tones import LEAST_COVERAGE


def check_not_cut_dark(image: Image.Image, name: str, label: str) -> None:
    """Refuse a picture whose values were so small that the eight bits that are left show it nearly black.

    Values of 10, 12 or 14 bits in 16, as cameras of microscopes write them, are such; nothing brings their greys back.

    Args:
        image: what is left, of a mode with 8 bits a sample.
        name: what error messages call the file.
        label: its format.

    Raises:
        UnsupportedImageError: nothing is brighter than a quarter of the scale.
    """
    colours = np.asarray(image.convert("RGB"))
    if colours.max(initial=0) < LEAST_COVERAGE * 256:
        raise UnsupportedImageError(
            f"{name!r} is a {label} picture of 16 bits, of which the upper 8 are read here, and its values are so "
            "small that it would come out nearly black. Save it as PNG or TIFF with 16 bits and use that."
        )
