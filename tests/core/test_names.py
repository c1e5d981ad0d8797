"""Names keep what people typed, lose what nobody sees, and are the same when they look the same."""

import random
import unicodedata

import pytest

from core.errors import NameRefusedError
from core.names import MAX_LABEL_CHARS, MAX_NAME_CHARS, clean_label, clean_name, first_free, name_key


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        pytest.param("blue tit", "blue tit", id="plain"),
        pytest.param("  blue \t\n tit ", "blue tit", id="spaces"),
        pytest.param("blue\u00a0\u3000tit", "blue tit", id="wide and no-break spaces"),
        pytest.param("cats/dogs", "cats/dogs", id="slash"),
        pytest.param("../etc", "../etc", id="looks like a path"),
        pytest.param("🐦", "🐦", id="emoji"),
        pytest.param("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧", id="joined emoji"),
        pytest.param("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f", id="flag"),
        pytest.param("ציפור", "ציפור", id="right to left"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="Persian with a joiner"),
        pytest.param("e\u0301tourneau", "\u00e9tourneau", id="composed"),
        pytest.param("e\u200b\u0301", "\u00e9", id="composed across nothing"),
        pytest.param("crow\u202egnp.exe", "crowgnp.exe", id="reversing override"),
        pytest.param("\u2067crow\u2069\u200f", "crow", id="isolates and marks"),
        pytest.param("cr\x00o\x1bw", "crow", id="control characters"),
        pytest.param("cr\u200bo\ufeffw", "crow", id="zero width"),
        pytest.param("fot\udce9", "fot\ufffd", id="half a character"),
        pytest.param("x" * MAX_NAME_CHARS, "x" * MAX_NAME_CHARS, id="longest"),
    ],
)
def test_a_name_is_cleaned(typed: str, kept: str) -> None:
    """Everything visible stays, in one form; cleaning again changes nothing; any database can store it."""
    assert clean_name(typed, "class") == kept
    assert clean_name(kept, "class") == kept
    kept.encode()


@pytest.mark.parametrize("typed", ["", "  \n", "\u202e\u200b", "\x00", "\u200d", "\ufe0f"])
def test_an_empty_name_is_refused(typed: str) -> None:
    """A name of which nothing can be seen is refused, and the message says what to do."""
    with pytest.raises(NameRefusedError, match=r"The class has no name\. Type at least one letter"):
        clean_name(typed, "class")


def test_a_long_name_is_refused() -> None:
    """A name of 300 characters is refused with its length and the limit, without repeating all of it."""
    with pytest.raises(
        NameRefusedError, match=r"dataset that begins with “xxxxx.* has 300 characters; at most 100"
    ) as info:
        clean_name("x" * 300, "dataset")
    assert len(str(info.value)) < 200


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("Crow", "cROW", id="case"),
        pytest.param("Straße", "STRASSE", id="sharp s"),
        pytest.param("crow", "ｃｒｏｗ", id="width"),
        pytest.param("blue tit", "blue  tit", id="spaces"),
        pytest.param("\u00e9", "e\u0301", id="composition"),
        pytest.param("crow", "cr\u200dow", id="joiner"),
        pytest.param("❤", "❤\ufe0f", id="emoji style"),
        pytest.param("ﬁnch", "finch", id="ligature"),
    ],
)
def test_names_that_look_the_same_are_the_same(first: str, second: str) -> None:
    """Case, width, spaces and invisible characters do not make another name."""
    assert name_key(clean_name(first, "class")) == name_key(clean_name(second, "class"))


@pytest.mark.parametrize(("first", "second"), [("crow", "crows"), ("a b", "ab"), ("e", "é"), ("🐦", "🐧")])
def test_names_that_look_different_are_different(first: str, second: str) -> None:
    """Letters, accents, emoji and the presence of a space make another name."""
    assert name_key(first) != name_key(second)


def test_any_text_becomes_a_stable_name_or_is_refused() -> None:
    """Random text of every script: cleaning is idempotent, the key too, and both can be encoded."""
    rng = random.Random(3)
    for _ in range(2000):
        text = "".join(
            chr(rng.choice((rng.randrange(0x300), rng.randrange(0x110000)))) for _ in range(rng.randrange(12))
        )
        try:
            name = clean_name(text, "class")
        except NameRefusedError:
            continue
        assert clean_name(name, "class") == name
        assert unicodedata.is_normalized("NFC", name)
        assert 0 < len(name) <= MAX_NAME_CHARS
        assert name_key(name_key(name)) == name_key(name)
        (name + name_key(name) + clean_label(text)).encode()


def test_labels_are_never_refused() -> None:
    """A file's name loses what a page or database cannot take, keeps its spaces, and is cut when endless."""
    assert clean_label("my  photo (1)\x00\u202e.jpg") == "my  photo (1).jpg"
    assert clean_label("") == ""
    assert len(clean_label("x" * 10_000)) == MAX_LABEL_CHARS


def test_the_first_free_name() -> None:
    """The name itself when it is free, else the first number that makes it so, never longer than allowed."""
    taken = {"birds", "birds 2"}
    assert first_free("Fish", taken.__contains__) == "Fish"
    assert first_free("Birds", taken.__contains__) == "Birds 3"
    longest = "y" * MAX_NAME_CHARS
    assert first_free(longest, {longest}.__contains__) == "y" * (MAX_NAME_CHARS - 2) + " 2"
