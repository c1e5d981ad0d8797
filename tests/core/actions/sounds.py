"""Sounds to try: a tone as WAV, and the beginnings of others."""

import io
import math
import wave


def wav(pitch: int = 3, num_samples: int = 800) -> bytes:
    """A tone of a tenth of a second; another one for each pitch."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(128 + round(100 * math.sin(place * (1 + pitch) / 50)) for place in range(num_samples)))
    return target.getvalue()


def mp3(*, tag_bytes: int = 0) -> bytes:
    """Two frames of silence of MPEG-1 layer III at 128 kilobits and 44.1 kHz, perhaps behind a tag."""
    tag = b"ID3\x04\0\0" + bytes([0, 0, tag_bytes >> 7 & 127, tag_bytes & 127]) + bytes(tag_bytes) if tag_bytes else b""
    frame = b"\xff\xfb\x90\x00" + bytes(413)  # 417 in all: 144 * 128,000 / 44,100
    return tag + 2 * frame


def ogg(codec: bytes = b"OpusHead") -> bytes:
    """The first page of a stream."""
    return b"OggS\0\x02" + bytes(20) + b"\x01\x13" + codec + bytes(11)
