"""What a file that is no photo seems to be, and what to do about it."""

import codecs

from core.errors import NotAnImageError
from core.photos.formats import readable_formats

_TO_JPEG = "Open it in a picture program and save it as JPEG."
_EXPORT = "Export it as PNG or JPEG from the program that made it."
_TO_PICTURES = "Export its pictures as PNG or TIFF files, one each."
_SCREENSHOT = "Take a screenshot of the picture in it and use that."
_VIDEO = "Take a picture of it and use that; the camera tab of the page Classify answers a whole video."
_UNPACK = "Unpack it and use the photos inside."
# (offset, magic, what it is, what to do): what people most often have at hand instead of a photo, and whatever other
# pictures there are.
_FOREIGN = (
    (0, b"%PDF", "a PDF document", _SCREENSHOT),
    (0, b"%!PS", "a PostScript drawing", _EXPORT),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript drawing (EPS)", _EXPORT),
    (0, b"\xd0\xcf\x11\xe0", "an Office document", _SCREENSHOT),
    (0, b"\x1aE\xdf\xa3", "a video", _VIDEO),
    (0, b"OggS", "a sound or video", "A single picture is needed."),
    (0, b"FLV\x01", "a video", _VIDEO),
    (0, b"\0\0\x01\xba", "a video", _VIDEO),
    (0, b"\0\0\x01\xb3", "a video", _VIDEO),
    (0, b"0&\xb2u\x8ef\xcf\x11", "a video", _VIDEO),
    (0, b"ID3", "a sound file", "A picture is needed."),
    (0, b"fLaC", "a sound file", "A picture is needed."),
    (8, b"AVI ", "a video", _VIDEO),
    (8, b"WAVE", "a sound file", "A picture is needed."),
    (8, b"ACON", "an animated cursor", _EXPORT),
    (0, b"\x1f\x8b", "a packed file (gzip)", _UNPACK),
    (0, b"BZh", "a packed file (bzip2)", _UNPACK),
    (0, b"\xfd7zXZ\0", "a packed file (xz)", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a packed file (Zstandard)", _UNPACK),
    (0, b"Rar!", "an archive (RAR)", _UNPACK),
    (0, b"7z\xbc\xaf", "an archive (7-Zip)", _UNPACK),
    (0, b"8BPS", "a Photoshop file", _TO_JPEG),
    (0, b"8BPB", "a Photoshop file", _TO_JPEG),
    (0, b"gimp xcf", "a GIMP file", _EXPORT),
    (0, b"icns", "a Mac's icon", _EXPORT),
    (0, b"DDS ", "a texture (DDS)", _TO_JPEG),
    (0, b"\x01\xda", "an SGI picture", _TO_JPEG),
    (0, b"\x59\xa6\x6a\x95", "a Sun raster picture", _TO_JPEG),
    (0, b"qoif", "a QOI picture", _TO_JPEG),
    (0, b"FLIF", "a FLIF picture", _TO_JPEG),
    (0, b"BPG\xfb", "a BPG picture", _TO_JPEG),
    (0, b"II\xbc\x01", "a JPEG XR picture", _TO_JPEG),
    (0, b"AT&TFORM", "a DjVu document", _SCREENSHOT),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows drawing (WMF)", _EXPORT),
    (40, b" EMF", "a Windows drawing (EMF)", _EXPORT),
    (4, b"\x11\xaf", "an animation (FLI)", _TO_JPEG),
    (4, b"\x12\xaf", "an animation (FLC)", _TO_JPEG),
    (0, b"\xb1\x68\xde\x3a", "a packed scan (DCX)", _TO_JPEG),
    (0, b"v/1\x01", "an OpenEXR picture", _TO_JPEG),
    (0, b"#?RADIANCE", "a Radiance picture (HDR)", _TO_JPEG),
    (0, b"SIMPLE  =", "a FITS picture", _TO_PICTURES),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", _TO_PICTURES),
    (0, b"CDF\x01", "a NetCDF file", _TO_PICTURES),
    (0, b"CDF\x02", "a NetCDF file", _TO_PICTURES),
    (0, b"NRRD", "an NRRD picture", _TO_PICTURES),
    (0, b"\x93NUMPY", "a NumPy array", _TO_PICTURES),
    (0, b"MATLAB 5.0", "a MATLAB file", _TO_PICTURES),
    (344, b"n+1\0", "a NIfTI picture", _TO_PICTURES),
    (0, b"ZISRAWFILE", "a microscope's file (Zeiss CZI)", _TO_PICTURES),
    (0, b"\xda\xce\xbe\x0a", "a microscope's file (Nikon ND2)", _TO_PICTURES),
    (0, b"\x70\0\0\0", "a microscope's file (Leica LIF)", _TO_PICTURES),
    (0, b"BLP1", "a texture (BLP)", _TO_JPEG),
    (0, b"BLP2", "a texture (BLP)", _TO_JPEG),
    (0, b"VTF\0", "a texture (VTF)", _TO_JPEG),
    (0, b"\xabKTX ", "a texture (KTX)", _TO_JPEG),
    (0, b"/* XPM */", "an XPM icon", _TO_JPEG),
    (0, b"bplist00", "a Mac's settings file", "A picture is needed."),
    (0, b"SQLite format 3\0", "a database", "A picture is needed."),
    (4, b"ftyp", "a video", _VIDEO),
    (4, b"moov", "a video", _VIDEO),
    (4, b"mdat", "a video", _VIDEO),
    (0, b"\x7fELF", "a program", "A picture is needed."),
    (0, b"MZ", "a program", "A picture is needed."),
)


def not_a_photo(data: bytes, name: str) -> NotAnImageError:
    """The error that says what a file is instead of a photo, and what to do."""
    what, remedy = _what_it_is(data)
    return NotAnImageError(
        f"{name!r} is {what}, not a photo that can be read. {remedy} These formats are read: {readable_formats()}."
    )


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
    if text.startswith(b"version https://git-lfs"):
        return "a placeholder of Git LFS", "The photo itself was never fetched: run git lfs pull, or download it."
    if text.lstrip().startswith((b"<!doctype html", b"<html")):
        return "a web page", "Right-click the photo on that page, save the picture and use that."
    if b"<svg" in text:
        return "an SVG drawing", "SVG drawings are not photos: export it as PNG and use that."
    if text.startswith(b"#define") and b"_width" in text:
        return "an XBM icon", _TO_JPEG
    if _is_text(head):
        return "a text file", "A picture is needed."
    return "a file of unknown kind", _TO_JPEG


def _is_text(head: bytes) -> bool:
    try:
        # Incremental: the head may end in the middle of a character.
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
