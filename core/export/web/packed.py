"""Bytes as text inside an HTML page, at 1.18 characters a byte where Base64 has 1.33.

Each character holds seven bits. The four code points that HTML does not leave as they are in a script (NUL, which
becomes another character; line feed and carriage return, which programs turn into each other; "<", which may end it)
are written 128 higher, so that the seven lower bits of every character are the data. In UTF-8 those take two bytes.
"""

import numpy as np
import numpy.typing as npt

_CHANGED_BY_HTML = (0x00, 0x0A, 0x0D, 0x3C)
# Seven bytes are eight characters; so many times seven are worked on at once, in 40 MB of memory.
_CHUNK_BYTES = 7 * 100_000


def pack(data: bytes) -> str:
    """Text of code points 1-127 and 128 higher ones, from which `unpack` makes the bytes again."""
    codes = np.concatenate([np.zeros(0, np.uint8), *map(_codes, _chunks(data))])[: -(-8 * len(data) // 7)]
    codes[np.isin(codes, _CHANGED_BY_HTML)] |= 0x80
    return codes.tobytes().decode("latin-1")


def unpack(text: str) -> bytes:
    """What was packed, as the page does it in JavaScript."""
    codes = np.frombuffer(text.encode("latin-1"), np.uint8)
    bits = np.unpackbits(codes[:, np.newaxis], axis=1)[:, 1:].ravel()  # the eighth, which HTML asked for, is no data
    return np.packbits(bits[: bits.size // 8 * 8]).tobytes()


def _chunks(data: bytes) -> list[bytes]:
    return [data[start : start + _CHUNK_BYTES] for start in range(0, len(data), _CHUNK_BYTES)]


def _codes(chunk: bytes) -> npt.NDArray[np.uint8]:
    """Seven bits each, most significant first; the last of them filled up with zeros."""
    bits = np.unpackbits(np.frombuffer(chunk, np.uint8))
    sevens = np.concatenate([bits, np.zeros(-bits.size % 7, np.uint8)]).reshape(-1, 7)
    return np.right_shift(np.packbits(sevens, axis=1).ravel(), 1, dtype=np.uint8)
