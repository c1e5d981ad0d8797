"""What kind of sound a file is, by its bytes alone: nobody's word on a type is taken."""

from core.errors import ActionError

MAX_SOUND_BYTES = 2_000_000  # twenty seconds as a plain WAV in one channel, two minutes as MP3

# Source: MPEG-1 audio, ISO 11172-3, section 2.4.2.3: kilobits a second of layer III by index; 0: not a fixed rate.
_MP3_KILOBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG-1
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2.5
}
_MP3_HERTZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MP3_SAMPLES = {3: 144, 2: 72, 0: 72}  # of a frame, divided by eight
_LAYER_3 = 1
_ID3_HEAD_BYTES = 10
# PCM, floating point, and either of them with more said about it. Source: RFC 2361
_WAV_FORMATS = (1, 3, 0xFFFE)
_OGG_CODECS = (b"\x01vorbis", b"OpusHead")


def sound_suffix(data: bytes) -> str:
    """The ending for the name of a sound's file: ".wav", ".mp3" or ".ogg".

    Raises:
        ActionError: it is larger than `MAX_SOUND_BYTES`, or no such sound.
    """
    if len(data) > MAX_SOUND_BYTES:
        raise ActionError(
            f"The sound has {len(data) / 1e6:.1f} MB; at most {MAX_SOUND_BYTES / 1e6:.0f} MB are possible. Cut it to a "
            "few seconds, or save it as MP3."
        )
    for suffix, is_one in ((".wav", _is_wav), (".ogg", _is_ogg), (".mp3", _is_mp3)):
        if is_one(data):
            return suffix
    raise ActionError(
        "This file is no sound that browsers play. Save it as MP3, as WAV without compression, or as Ogg, and choose "
        "that."
    )


def _is_wav(data: bytes) -> bool:
    """Whether it is a RIFF file with a format that browsers know, and samples."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return False
    place, is_known = 12, False
    while place + 8 <= len(data):
        kind, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if kind == b"fmt " and length >= 16:
            is_known = int.from_bytes(data[place + 8 : place + 10], "little") in _WAV_FORMATS
            is_known = is_known and int.from_bytes(data[place + 10 : place + 12], "little") in (1, 2)
        if kind == b"data":
            return is_known and place + 8 < len(data)
        place += 8 + length + length % 2
    return False


def _is_ogg(data: bytes) -> bool:
    """Whether the first page holds the head of Vorbis or Opus. Source: RFC 3533, section 6"""
    if data[:5] != b"OggS\0" or len(data) < 28:
        return False
    first = 27 + data[26]
    return any(data[first:].startswith(codec) for codec in _OGG_CODECS)


def _is_mp3(data: bytes) -> bool:
    """Whether two frames of layer III follow each other, behind a tag or at once."""
    place = 0
    if data[:3] == b"ID3" and len(data) > _ID3_HEAD_BYTES:
        seven_bits = data[6:10]
        place = _ID3_HEAD_BYTES + sum((byte & 0x7F) << 7 * (3 - number) for number, byte in enumerate(seven_bits))
    length = _frame_length(data, place)
    return length > 0 and _frame_length(data, place + length) > 0


def _frame_length(data: bytes, place: int) -> int:
    """Bytes of the frame that begins there; 0: none does."""
    head = data[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, hertz = head[2] >> 4, head[2] >> 2 & 3
    if version not in _MP3_HERTZ or layer != _LAYER_3 or rate in (0, 15) or hertz == 3:
        return 0
    padding = head[2] >> 1 & 1
    return _MP3_SAMPLES[version] * _MP3_KILOBITS[version][rate] * 1000 // _MP3_HERTZ[version][hertz] + padding
