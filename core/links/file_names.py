"""Names for files that came from links, safe as the name of a file."""

import email.message
import re
import unicodedata
import urllib.parse

from core.links.answer import Answer, media_type
from core.links.data_address import HeldFile

MAX_NAME_CHARS = 100

SUFFIX_BY_TYPE = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
}


def held_name(held: HeldFile) -> str:
    """A name for a file that an address held."""
    return "pasted picture" + SUFFIX_BY_TYPE.get(held.media_type, "")


def file_name(answer: Answer) -> str:
    """A name for the file from the server's proposal or the address, safe as a file's name."""
    path = answer.link.target.partition("?")[0]
    proposals = (_proposed_name(answer.headers), urllib.parse.unquote(path.rpartition("/")[2]))
    name = next(filter(None, map(_clean_name, proposals)), "photo")
    if "." not in name:
        name += SUFFIX_BY_TYPE.get(media_type(answer.headers), "")
    stem, dot, suffix = name.rpartition(".")
    # A long name keeps its suffix.
    if len(name) > MAX_NAME_CHARS and dot and len(suffix) <= 5:
        return stem[: MAX_NAME_CHARS - len(suffix) - 1] + dot + suffix
    return name[:MAX_NAME_CHARS]


def _proposed_name(headers: dict[str, str]) -> str:
    message = email.message.Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    try:
        return message.get_filename("")
    except (ValueError, TypeError, LookupError):
        # The header may name any of Python's codecs, and some of them cannot decode it.
        return ""


def _clean_name(name: str) -> str:
    """The last part of a path, without characters that are invisible or that file systems refuse."""
    last = re.split(r"[/\\]", name)[-1]
    # Categories C: control, format (right-to-left tricks), surrogates, unassigned
    visible = "".join(char for char in last if unicodedata.category(char)[0] != "C" and char not in '<>:"|?*')
    return " ".join(visible.split()).strip(". ")
