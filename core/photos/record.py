"""What is known of a stored photo."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """A stored photo; `core.photos.store` holds its bytes."""

    hash: str  # SHA-256 of the stored file, 64 hexadecimal digits
    suffix: str  # of the stored file: ".jpg" or ".png"
    width: int  # pixels, as stored
    height: int
    original_width: int  # pixels, as it arrived, turned upright
    original_height: int
    num_bytes: int
    measurements: dict[str, Any]  # as `core.photos.measurements` writes them
