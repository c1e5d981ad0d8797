"""Addresses that hold a picture themselves, such as `data:image/png;base64,iVBORw0...`: nothing is fetched.

Source: RFC 2397; RFC 4648, sections 4 and 5.
"""

import base64
import binascii
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import LinkFailedError, LinkRefusedError

_SCHEME = "data:"
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/_=%-]+")
# What stands around an address that was copied out of a page's source.
_WRAPPING = re.compile(r"^(?:url\(|src=|href=)?[\"']?\s*(data:.*?)\s*[\"']?\)?;?$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFile:
    """What an address holds."""

    media_type: str  # such as image/png; empty if the address does not say
    data: bytes  # at least one


def is_data_address(text: str) -> bool:
    """Whether an address holds a file itself."""
    return unwrapped(text).lower().startswith(_SCHEME)


def unwrapped(text: str) -> str:
    """An address without the quotes, `url(...)` or `src=` that it was copied with."""
    found = _WRAPPING.match(text.strip())
    return found[1] if found else text.strip()


def read_data_address(text: str, max_bytes: int) -> HeldFile:
    """The file that an address holds.

    Raises:
        LinkRefusedError: it is cut off, or no base64 text.
        LinkFailedError: the file has more than `max_bytes`.
    """
    head, comma, content = unwrapped(text)[len(_SCHEME) :].partition(",")
    words = [word.strip().lower() for word in head.split(";")]
    if len(content) > 2 * max_bytes + 1_000:
        raise _too_large(max_bytes)
    data = _from_base64(content) if "base64" in words else urllib.parse.unquote_to_bytes(content)
    if not comma or not data:
        raise _broken()
    if len(data) > max_bytes:
        raise _too_large(max_bytes)
    return HeldFile(media_type=words[0] if "/" in words[0] else "", data=data)


def _from_base64(content: str) -> bytes:
    # Mail programs break the lines, browsers encode the plus sign, and some programs leave the end's = out.
    letters = re.sub(r"\s", "", urllib.parse.unquote(content)).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _broken() from exc


def _broken() -> LinkRefusedError:
    return LinkRefusedError(
        "The address holds the picture itself (data:…), but it is incomplete or was changed. Copy the whole address "
        "again, or save the picture and upload it."
    )


def _too_large(max_bytes: int) -> LinkFailedError:
    return LinkFailedError(
        f"The address holds a picture of more than {max_bytes / 1e6:,.1f} MB, the most that is read. Save a smaller "
        "copy of the picture and upload that."
    )


def split_addresses(text: str) -> tuple[str, ...]:
    """The addresses in a text, one per line; lines of base64 that follow an address with a picture belong to it."""
    return tuple(_joined(line.strip() for line in text.splitlines()))


def _joined(lines: Iterator[str]) -> Iterator[str]:
    address = ""
    for line in lines:
        if address and is_data_address(address) and _BASE64_LINE.fullmatch(line):
            address += line
            continue
        if address:
            yield address
        address = line
    if address:
        yield address
