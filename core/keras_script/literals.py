"""Values as Python source, in the form that `ruff format` would give them."""

import re
from collections.abc import Sequence

_MAX_LINE_CHARS = 120


def string_literal(text: str) -> str:
    """Any text in quotes, whatever is in it: `ast.literal_eval` gives it back."""
    # The formatter takes double quotes unless single ones need fewer backslashes.
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(char, quote) for char in text) + quote


def number_literal(value: float) -> str:
    """The shortest way to write a number: 0.001, 1e-5."""
    return re.sub(r"e-0*(\d)", r"e-\1", repr(value))


def assignment(name: str, texts: Sequence[str]) -> str:
    """`name = [...]`, in one line where that is short, else a line for each text."""
    literals = [string_literal(text) for text in texts]
    line = f"{name} = [{', '.join(literals)}]"
    # How wide letters beyond ASCII are is a science of its own; with a line for each, nobody needs to know.
    if line.isascii() and len(line) <= _MAX_LINE_CHARS:
        return line
    return "\n".join([f"{name} = [", *(f"    {literal}," for literal in literals), "]"])


def _escaped(char: str, quote: str) -> str:
    if char in "'\"":
        return f"\\{char}" if char == quote else char
    return repr(char)[1:-1]  # backslashes, control characters, and what cannot be seen or stored
