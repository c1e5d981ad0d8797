"""Netpbm: PBM, PGM, PPM, PAM and PFM, with samples of up to 16 bits.

Source: https://netpbm.sourceforge.net/doc/, one page per format.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.photos.limits import check_pixels
from core.photos.picture import OpenedPhoto, PhotoFile, Picture
from core.photos.tones import ToneTags, opacity, spread

_MAGIC = re.compile(rb"P[1-7Ff][ \t\r\n#]")
# One number or word of a header, after white space and comments.
_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")
_NUM_CHANNELS = {"P1": 1, "P2": 1, "P3": 3, "P4": 1, "P5": 1, "P6": 3, "PF": 3, "Pf": 1}
_MAX_HEADER_BYTES = 4_096
# What cannot stand among samples, which have at most five digits.
_NO_SAMPLES = re.compile(rb"[^\d\s]|\d{6}")
_KINDS = {"P1": "PBM", "P4": "PBM", "P2": "PGM", "P5": "PGM", "P3": "PPM", "P6": "PPM", "P7": "PAM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    kind: str  # P1 to P7, PF, Pf
    size: tuple[int, int]  # width, height
    num_channels: int
    largest: int  # sample value that is white
    scale: float  # of PFM: negative where the least significant byte comes first
    start: int  # byte at which the samples begin


def is_netpbm(data: bytes) -> bool:
    """Whether a file begins like one; its dimensions must follow, for P and a digit also begin texts."""
    if _MAGIC.match(data) is None:
        return False
    return data.startswith(b"P7") or re.match(rb"(?:\s|#[^\n\r]*[\n\r])*\d+\s", data[2:_MAX_HEADER_BYTES]) is not None


def kind_of(data: bytes) -> str:
    """PPM, PGM, PBM, PAM or PFM."""
    return _KINDS.get(data[:2].decode("ascii"), "PFM")


def open_netpbm(file: PhotoFile) -> OpenedPhoto:
    """Read the header."""
    header = _read_header(file.data)
    check_pixels(header.size, file.name, file.limits)
    return OpenedPhoto(size=header.size, file_size=header.size, load=lambda: _load(file.data, header))


def _read_header(data: bytes) -> _Header:
    kind = data[:2].decode("ascii")
    if kind == "P7":
        return _read_pam_header(data)
    numbers: list[bytes] = []
    position = 2
    for _ in range(2 if kind in ("P1", "P4") else 3):
        found = _TOKEN.match(data, position, position + _MAX_HEADER_BYTES)
        if found is None:
            raise ValueError("incomplete header")
        numbers.append(found[1])
        position = found.end()
    width, height = int(numbers[0]), int(numbers[1])
    scale = float(numbers[2]) if kind in ("PF", "Pf") else 1.0
    largest = 1 if len(numbers) == 2 or kind in ("PF", "Pf") else int(numbers[2])
    return _checked(
        _Header(
            kind=kind,
            size=(width, height),
            num_channels=_NUM_CHANNELS[kind],
            largest=largest,
            scale=scale,
            start=position + 1,  # a single white space
        )
    )


def _read_pam_header(data: bytes) -> _Header:
    end = data.find(b"ENDHDR", 0, _MAX_HEADER_BYTES)
    line_end = data.find(b"\n", end)
    if end < 0 or line_end < 0:
        raise ValueError("incomplete header")
    said: dict[bytes, bytes] = {}
    for line in data[2:end].split(b"\n"):
        words = line.split(None, 1)
        if len(words) == 2 and not line.startswith(b"#"):
            said[words[0]] = words[1]
    size = int(said.get(b"WIDTH", b"0")), int(said.get(b"HEIGHT", b"0"))
    num_channels = int(said.get(b"DEPTH", b"0"))
    if num_channels not in (1, 2, 3, 4):
        raise ValueError("unsupported depth")
    largest = int(said.get(b"MAXVAL", b"0"))
    return _checked(
        _Header(kind="P7", size=size, num_channels=num_channels, largest=largest, scale=1.0, start=line_end + 1)
    )


def _checked(header: _Header) -> _Header:
    if min(header.size) < 1 or not 1 <= header.largest <= 65_535 or not np.isfinite(header.scale) or not header.scale:
        raise ValueError("impossible header")
    return header


def _load(data: bytes, header: _Header) -> Picture:
    samples = _samples(data, header)
    if header.kind in ("PF", "Pf"):
        # The bottom row comes first.
        return Picture(values=_without_single_band(samples[::-1]), is_plain=False)
    if header.kind in ("P1", "P4"):
        return Picture(image=Image.fromarray(((1 - samples[..., 0]) * 255).astype(np.uint8)), is_plain=False)
    alpha = None
    if header.num_channels in (2, 4):
        alpha = opacity(samples[..., -1], header.largest)
        samples = samples[..., :-1]
    values = _without_single_band(samples)
    if header.largest > 255:
        bits = header.largest.bit_length()
        tags = ToneTags(low=0.0, high=float(header.largest)) if header.largest < 65_535 else ToneTags()
        if header.largest == 2**bits - 1 and bits < 16:
            tags = ToneTags(bits=bits)
        return Picture(values=values, alpha=alpha, tags=tags, is_plain=False)
    bytes_of_it = values if header.largest == 255 else spread(values, header.largest)
    image = Image.fromarray(np.ascontiguousarray(bytes_of_it.astype(np.uint8)))
    if alpha is not None:
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(alpha))
    return Picture(image=image, is_plain=False)


def _without_single_band(samples: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def _samples(data: bytes, header: _Header) -> NDArray[Any]:
    """All samples, (height, width, channels)."""
    width, height = header.size
    shape = (height, width, header.num_channels)
    num = width * height * header.num_channels
    if header.kind == "P4":
        row_bytes = (width + 7) // 8
        packed = _exactly(np.frombuffer(data, np.uint8, offset=min(header.start, len(data))), row_bytes * height)
        return np.unpackbits(packed.reshape(height, row_bytes), axis=1)[:, :width].reshape(shape)
    if header.kind == "P1":
        # The digits need no white space between them.
        digits = re.sub(rb"#[^\n\r]*|\s", b"", data[header.start - 1 :])
        values = _exactly(np.frombuffer(digits, np.uint8), num) - np.uint8(48)
        if values.max() > 1:
            raise ValueError("neither 0 nor 1")
        return values.reshape(shape)
    if header.kind in ("P2", "P3"):
        text = re.sub(rb"#[^\n\r]*", b"", data[header.start - 1 :])
        if _NO_SAMPLES.search(text) is not None:
            raise ValueError("something else than numbers")
        numbers = _exactly(np.fromstring(text, np.int32, sep=" "), num)
        return numbers.clip(0, header.largest).astype(np.uint16).reshape(shape)
    if header.kind in ("PF", "Pf"):
        kind: str = "<f4" if header.scale < 0 else ">f4"
    else:
        kind = ">u2" if header.largest > 255 else "u1"
    dtype = np.dtype(kind)
    rest = data[header.start : header.start + num * dtype.itemsize]
    if len(rest) < num * dtype.itemsize:
        raise EOFError("too few samples")
    return np.frombuffer(rest, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _exactly(values: NDArray[Any], num: int) -> NDArray[Any]:
    if values.size < num:
        raise EOFError("too few samples")
    return values[:num]
