"""Names of datasets and classes: what a person may type, how it is kept, and when two names are the same."""

import unicodedata
from collections.abc import Callable, Iterable

from core.errors import NameRefusedError

MAX_NAME_CHARS = 100
MAX_LABEL_CHARS = 255  # what file systems allow for a file's name

# Unlike other format characters these belong to words and emoji: joiners, and the letters inside flags.
_JOINERS = "\u200c\u200d"
_FLAG_LETTERS = range(0xE0020, 0xE0080)
# Signs of Arabic and Syriac numbers are visible, yet Unicode counts them among the format characters.
_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)
_REPLACEMENT = "\ufffd"


def clean_name(text: str, what: str) -> str:
    """A name as it is kept: composed letters, single spaces, nothing invisible.

    Args:
        text: what the person typed, or a folder's name.
        what: what gets the name, for the message, such as "class".

    Raises:
        NameRefusedError: nothing visible is left, or the name is too long.
    """
    name = _collapse_spaces(unicodedata.normalize("NFC", _drop_invisible(text, is_space_kept=True)))
    if not name_key(name):
        raise NameRefusedError(f"The {what} has no name. Type at least one letter, digit or symbol.")
    if len(name) > MAX_NAME_CHARS:
        raise NameRefusedError(
            f"The name of the {what} that begins with “{name[:20]}…” has {len(name)} characters; "
            f"at most {MAX_NAME_CHARS} are possible. Choose a shorter one."
        )
    return name


def name_key(name: str) -> str:
    """The name as it is compared: case, width, spaces and invisible characters do not count."""
    visible = "".join(
        char
        for char in _drop_invisible(name, is_space_kept=True)
        if char not in _JOINERS and ord(char) not in _VARIATION_SELECTORS
    )
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return _collapse_spaces(unicodedata.normalize("NFKC", folded))


def clean_label(text: str) -> str:
    """A file's name or another label as it is kept: any database takes it, and it cannot turn the text around it.

    Labels are never refused: invisible characters are dropped and the rest is cut to `MAX_LABEL_CHARS`.
    """
    return clean_text(text)[:MAX_LABEL_CHARS]


def clean_text(text: str) -> str:
    """Text of any length from outside without the characters that a database or a page cannot take."""
    return _drop_invisible(text, is_space_kept=False)


def clean_names(texts: Iterable[str], what: str) -> list[str]:
    """Names that are to stand beside each other, as they are kept.

    Raises:
        NameRefusedError: something cannot have one of the names, or two of them are the same.
    """
    names: dict[str, str] = {}
    for text in texts:
        name = clean_name(text, what)
        if name_key(name) in names:
            raise NameRefusedError(
                f"The {what} “{name}” is listed twice; capitals and spaces do not count. Leave out one, or give it "
                "another name."
            )
        names[name_key(name)] = name
    return list(names.values())


def first_free(name: str, is_taken: Callable[[str], bool]) -> str:
    """The name itself, or with the first number that makes it free: "birds", "birds 2", "birds 3".

    Args:
        name: a clean name.
        is_taken: whether a name with this key exists already.
    """
    candidate, number = name, 1
    while is_taken(name_key(candidate)):
        number += 1
        ending = f" {number}"
        candidate = name[: MAX_NAME_CHARS - len(ending)].rstrip() + ending
    return candidate


def _drop_invisible(text: str, *, is_space_kept: bool) -> str:
    """Drop control and format characters; tabs and line breaks too, unless they are to count as spaces."""
    return "".join(
        _REPLACEMENT if unicodedata.category(char) == "Cs" else char  # half a character: no database takes it
        for char in text
        if _is_visible(char) or (is_space_kept and char.isspace())
    )


def _is_visible(char: str) -> bool:
    match unicodedata.category(char):
        case "Cc" | "Zl" | "Zp":
            return False
        case "Cf":  # among them those that reverse the order of the letters after them
            return char in _JOINERS or char in _VISIBLE_FORMATS or ord(char) in _FLAG_LETTERS
        case _:
            return True


def _collapse_spaces(text: str) -> str:
    return " ".join(text.split())
