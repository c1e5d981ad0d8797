"""From the bytes of a photo to the square that a network sees: the same for answers, features and training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from PIL import Image

from core.photos.decode import decode_photo
from core.photos.fit import DEFAULT_CROP_FRACTION, FitMode, fit, fit_box, shortest_side_for
from core.photos.limits import ImageLimits
from core.photos.remarks import PhotoFacts
from core.photos.rendering import Rendering
from core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SquareMaker:
    """How a network's photos become squares."""

    image_size: tuple[int, int]  # height and width in pixels
    fit_mode: FitMode
    crop_fraction: float  # part of the central square that `crop` keeps, 0-1
    limits: ImageLimits
    # How wide values and transparency are shown; None: as fits each photo alone.
    rendering: Rendering | None = None

    @classmethod
    def of(
        cls,
        image_size: tuple[int, int],
        fit_mode: str,
        settings: Settings,
        *,
        crop_fraction: float = DEFAULT_CROP_FRACTION,
        rendering: Rendering | None = None,
    ) -> Self:
        """With the limits of the settings."""
        limits = ImageLimits(max_bytes=settings.max_photo_bytes, max_pixels=settings.max_photo_pixels)
        return cls(
            image_size=image_size,
            fit_mode=FitMode(fit_mode),
            crop_fraction=crop_fraction,
            limits=limits,
            rendering=rendering,
        )

    def square(
        self, data: bytes, name: str, *, change: Callable[[Image.Image], Image.Image] | None = None
    ) -> Image.Image:
        """The square of a photo: RGB, of `image_size`.

        Args:
            data: the photo's file.
            name: its name, for error messages.
            change: what is done to the decoded photo before it becomes a square, such as an augmentation.

        Raises:
            ImageError: the photo cannot be used.
        """
        return self.square_and_facts(data, name, change=change)[0]

    def square_and_facts(
        self, data: bytes, name: str, *, change: Callable[[Image.Image], Image.Image] | None = None
    ) -> tuple[Image.Image, PhotoFacts]:
        """The square of a photo as `square` makes it, and what was found in its file."""
        photo = decode_photo(
            data, name, limits=self.limits, shortest_side_px=self.shortest_side_px, rendering=self.rendering
        )
        return self.fit(photo.image if change is None else change(photo.image)), photo.facts

    @property
    def shortest_side_px(self) -> int:
        """What a photo's shortest side needs; more pixels change nothing that the network sees."""
        return shortest_side_for(self.image_size, self.fit_mode, crop_fraction=self.crop_fraction)

    def fit(self, image: Image.Image) -> Image.Image:
        """The square of a photo that has been decoded."""
        return fit(image, self.image_size, self.fit_mode, crop_fraction=self.crop_fraction)

    def seen_part(self, photo_size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Where in a photo its square lies.

        Args:
            photo_size: width and height.

        Returns:
            Left, top, right and bottom as shares of the photo's sides; below 0 and above 1 where the square has bars.
        """
        if self.fit_mode is FitMode.SQUASH:
            return 0.0, 0.0, 1.0, 1.0
        width, height = photo_size
        if self.fit_mode is FitMode.CROP:
            left, top, right, bottom = fit_box((height, width), self.image_size, crop_fraction=self.crop_fraction)
            return left / width, top / height, right / width, bottom / height
        rows, columns = self.image_size
        scale = min(columns / width, rows / height)
        across, down = columns / scale / width, rows / scale / height
        return (1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2
