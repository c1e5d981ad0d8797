"""Photos that a component took with the camera, on their way from the browser."""

import base64
import binascii
from typing import Any

_JPEG_START = b"\xff\xd8\xff"


def parse_frame(text: Any) -> bytes | None:
    """A JPEG file that a browser sent in base64; None where it is none.

    The browser writes the text, so it may be anything. Whether the JPEG can be decoded shows when it is read.
    """
    if not isinstance(text, str):
        return None
    try:
        frame = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return frame if frame.startswith(_JPEG_START) else None
