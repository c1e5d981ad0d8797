"""How large a file and a photo may be that are read."""

from dataclasses import dataclass

from core.errors import ConfigError, ImageTooLargeError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What `decode_image` refuses to read."""

    max_bytes: int = 50_000_000  # bytes of the file
    max_pixels: int = 100_000_000  # pixels, width times height, as the file's header says

    def __post_init__(self) -> None:
        for name, value in (("max_bytes", self.max_bytes), ("max_pixels", self.max_pixels)):
            if value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1.")


DEFAULT_LIMITS = ImageLimits()


def check_pixels(size: tuple[int, int], name: str, limits: ImageLimits) -> None:
    """Refuse a photo of a size (width, height) that has too many pixels.

    Raises:
        ImageTooLargeError: more than `limits` allows.
    """
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageTooLargeError(
            f"{name!r} is {width} × {height} pixels ({width * height / 1e6:,.0f} megapixels); photos of at "
            f"most {limits.max_pixels / 1e6:,.3g} megapixels are read. Save a smaller copy and use that."
        )


def megabytes(num_bytes: int) -> str:
    """A number of bytes for people."""
    return f"{num_bytes / 1e6:,.1f} MB"
