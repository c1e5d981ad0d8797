"""`core.links.data_address`: a picture inside of an address is read, and nothing is fetched."""

import base64

import pytest

from core.errors import LinkFailedError, LinkRefusedError
from core.links.data_address import is_data_address, read_data_address, split_addresses
from core.links.photo import fetch_photo
from core.settings import Settings

PICTURE = bytes(range(256)) * 3
TEXT = base64.b64encode(PICTURE).decode()


@pytest.mark.parametrize(
    "address",
    [
        f"data:image/png;base64,{TEXT}",
        f"DATA:image/PNG;charset=utf-8;BASE64,{TEXT}",
        f"data:;base64,{TEXT}",
        f"  data:image/png;base64,{TEXT.rstrip('=')}\n",
        "data:image/png;base64," + TEXT.replace("+", "-").replace("/", "_"),
        "data:image/png;base64," + TEXT.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        "data:image/png;base64," + "\r\n".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76)),
        f'url("data:image/png;base64,{TEXT}");',
        f"src='data:image/png;base64,{TEXT}'",
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PICTURE),
    ],
    ids=["plain", "capitals", "no type", "no padding", "url alphabet", "percent", "lines", "css", "html", "no base64"],
)
def test_the_picture_is_read(address):
    """However the address was written and copied, the bytes are the same."""
    assert is_data_address(address)
    assert read_data_address(address, 10_000).data == PICTURE


@pytest.mark.parametrize(
    "address",
    ["data:image/png;base64,", "data:image/png;base64", "data:,", f"data:;base64,{TEXT[:5]}", "data:;base64,ä!"],
)
def test_broken_addresses_are_refused(address):
    """An address without a whole picture in it says so, and what to do."""
    with pytest.raises(LinkRefusedError, match="Copy the whole address"):
        read_data_address(address, 10_000)


def test_the_limit_of_bytes_holds():
    """A picture of one byte too many is refused before it is taken apart."""
    assert read_data_address(f"data:;base64,{TEXT}", len(PICTURE)).data == PICTURE
    with pytest.raises(LinkFailedError, match="Save a smaller copy"):
        read_data_address(f"data:;base64,{TEXT}", len(PICTURE) - 1)
    with pytest.raises(LinkFailedError, match="Save a smaller copy"):
        read_data_address("data:;base64," + "A" * 100_000, 100)


def test_a_link_may_hold_its_photo():
    """Reading a link with a photo in it gives the photo and a name, and no address that would have to be stored."""
    photo = fetch_photo(f"data:image/webp;base64,{TEXT}", Settings())
    assert (photo.name, photo.data, photo.url) == ("pasted picture.webp", PICTURE, "")


def test_addresses_are_told_apart_by_lines():
    """One per line; lines of base64 belong to the address above them, anything else does not."""
    text = (
        "https://example.org/a.jpg\n\ndata:image/png;base64,AAAA\nBBBB\nCC==\n https://example.org/b \nexample.org/c\n"
    )
    assert split_addresses(text) == (
        "https://example.org/a.jpg",
        "data:image/png;base64,AAAABBBBCC==",
        "https://example.org/b",
        "example.org/c",
    )
    assert split_addresses(" \n ") == ()
