"""Values and calls as Python source, in the form that `ruff format` would give them."""

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


def call(target: str, arguments: Sequence[str], *, indent: int = 4, end: str = "") -> str:
    """A call in one line where it fits, else with a line for each argument.

    Args:
        target: what stands in front of the parenthesis, an assignment included.
        arguments: in their order.
        indent: spaces in front.
        end: what stands behind, such as the comma of a list's element.
    """
    space = " " * indent
    line = f"{space}{target}({', '.join(arguments)}){end}"
    if len(line) <= _MAX_LINE_CHARS:
        return line
    lines = [f"{space}{target}(", *(f"{space}    {argument}," for argument in arguments), f"{space}){end}"]
    return "\n".join(lines)


def _escaped(char: str, quote: str) -> str:
    if char in "'\"":
        return f"\\{char}" if char == quote else char
    return repr(char)[1:-1]  # backslashes, control characters, and what cannot be seen or stored
