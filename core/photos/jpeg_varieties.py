"""Varieties of JPEG that no common decoder reads.

Source: ITU-T T.81, tables B.1 and B.2.
"""

_UNREAD_FRAMES = {
    0xC3: "lossless JPEG",
    0xC5: "hierarchical JPEG",
    0xC6: "hierarchical JPEG",
    0xC7: "hierarchical JPEG",
    0xC9: "JPEG with arithmetic coding",
    0xCA: "JPEG with arithmetic coding",
    0xCB: "JPEG with arithmetic coding",
    0xCD: "hierarchical JPEG",
    0xCE: "hierarchical JPEG",
    0xCF: "hierarchical JPEG",
    0xF7: "JPEG-LS",
}
_FRAMES = frozenset((*_UNREAD_FRAMES, 0xC0, 0xC1, 0xC2))


def unread_variety(data: bytes) -> str | None:
    """The variety of a JPEG that no common decoder reads; None of all others, and of broken files."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAMES:
            bits = data[position + 4]
            return _UNREAD_FRAMES.get(marker) or (f"JPEG with {bits} bits" if bits in (12, 16) else None)
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None
