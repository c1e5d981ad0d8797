"""What a file that is no photo seems to be, and what to do about it."""

import codecs

from core.errors import NotAnImageError
from core.photos.formats import READABLE_FORMATS

_TO_JPEG = "Open it in a picture program and save it as JPEG."
_SCREENSHOT = "Take a screenshot of the picture in it and use that."
_UNPACK = "Unpack it and use the photos inside."
# (offset, magic, what it is, what to do): what people most often have at hand instead of a photo.
_FOREIGN = (
    (0, b"%PDF", "a PDF document", _SCREENSHOT),
    (0, b"%!PS", "a PostScript drawing", "Export it as PNG from the program that made it."),
    (0, b"\xd0\xcf\x11\xe0", "an Office document", _SCREENSHOT),
    (0, b"\x1aE\xdf\xa3", "a video", "Pause the video, take a screenshot and use that."),
    (0, b"OggS", "a sound or video", "A single picture is needed."),
    (0, b"ID3", "a sound file", "A picture is needed."),
    (8, b"AVI ", "a video", "Pause the video, take a screenshot and use that."),
    (8, b"WAVE", "a sound file", "A picture is needed."),
    (0, b"\x1f\x8b", "a packed file (gzip)", _UNPACK),
    (0, b"Rar!", "an archive (RAR)", _UNPACK),
    (0, b"7z\xbc\xaf", "an archive (7-Zip)", _UNPACK),
    (0, b"8BPS", "a Photoshop file", _TO_JPEG),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture", _TO_JPEG),
    (0, b"\xff\x0a", "a JPEG XL picture", _TO_JPEG),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", _TO_JPEG),
    (0, b"\0\0\x01\0", "an icon", _TO_JPEG),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file", _TO_JPEG),
    (0, b"IIU\0", "a camera's raw file", _TO_JPEG),
    (0, b"IIRO", "a camera's raw file", _TO_JPEG),
    (4, b"ftypcrx ", "a camera's raw file", _TO_JPEG),
    (4, b"ftyp", "a video", "Pause the video, take a screenshot and use that."),
    (4, b"moov", "a video", "Pause the video, take a screenshot and use that."),
    (0, b"\x7fELF", "a program", "A picture is needed."),
    (0, b"MZ", "a program", "A picture is needed."),
)


def not_a_photo(data: bytes, name: str) -> NotAnImageError:
    """The error that says what a file is instead of a photo, and what to do."""
    what, remedy = _what_it_is(data)
    return NotAnImageError(f"{name!r} is {what}, not a photo. {remedy} These formats are read: {READABLE_FORMATS}.")


def _what_it_is(data: bytes) -> tuple[str, str]:
    """What a file that is no photo seems to be, and what to do about it."""
    head = data[:4096]
    if head.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in head or b"mimetypeapplication/vnd." in head:
            return "an Office document", _SCREENSHOT
        return "a ZIP archive", _UNPACK
    for offset, magic, what, remedy in _FOREIGN:
        if head.startswith(magic, offset):
            return what, remedy
    text = head.lower()
    if text.lstrip().startswith((b"<!doctype html", b"<html")):
        return "a web page", "Right-click the photo on that page, save the picture and use that."
    if b"<svg" in text:
        return "an SVG drawing", "SVG drawings are not photos: export it as PNG and use that."
    if _is_text(head):
        return "a text file", "A picture is needed."
    return "a file of unknown kind", _TO_JPEG


def _is_text(head: bytes) -> bool:
    try:
        # Incremental: the head may end in the middle of a character.
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
