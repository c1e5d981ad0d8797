"""What kind of sound a file is, is found in its bytes."""

import pytest

from core.actions.sounds import MAX_SOUND_BYTES, sound_suffix
from core.errors import ActionError
from tests.core.actions.sounds import mp3, ogg, wav

FLOAT_WAV = wav()[:20] + b"\x03\0" + wav()[22:]


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (wav(), ".wav"),
        (FLOAT_WAV, ".wav"),
        (mp3(), ".mp3"),
        (mp3(tag_bytes=300), ".mp3"),
        (ogg(), ".ogg"),
        (ogg(b"\x01vorbis"), ".ogg"),
    ],
)
def test_sounds_that_browsers_play(data: bytes, suffix: str) -> None:
    """By their content."""
    assert sound_suffix(data) == suffix


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        wav()[:40],  # no samples
        wav()[:20] + b"\x55\0" + wav()[22:],  # MP3 in a WAV
        wav()[:22] + b"\x09\0" + wav()[24:],  # nine channels
        mp3()[:417],  # a single frame: two bytes like its first are in many files
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + mp3(),  # a tag that is longer than the file
        ogg(b"\x80theora"),  # a film
        b"<html><script>alert(1)</script>",
        b"\xff\xd8\xff\xe0 photo",
        b"\x89PNG\r\n\x1a\n" + mp3(),
    ],
)
def test_what_is_no_such_sound(data: bytes) -> None:
    """A sentence says what can be chosen."""
    with pytest.raises(ActionError, match="Save it as MP3"):
        sound_suffix(data)


def test_a_sound_that_is_too_large() -> None:
    """How large it is, and how large it may be."""
    with pytest.raises(ActionError, match=r"has 2\.0 MB; at most 2 MB"):
        sound_suffix(wav(num_samples=MAX_SOUND_BYTES))
