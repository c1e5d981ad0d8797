"""What the terminal shows of a class: the way to it, the code, and the teacher's password."""

import io
import textwrap

import click
import segno
from PIL import Image, ImageDraw, ImageFont

from core.hosting.invitation import Invitation

_WIDTH = 78
_INDENT = "  "
_LETTER_PX = 11
_LETTER_GAP = "  "  # as blocks
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}

_WHAT_TO_PRESS = (
    "Their browser warns, because this computer vouches for itself. What to press is on the page for the projector: "
    "Chrome and Edge: Advanced, then Proceed or Continue. Firefox: Advanced, then Accept the Risk. Safari: Show "
    "Details, then visit this website."
)


def banner(invitation: Invitation, code: str, password: str | None, *, start_url: str, has_blocks: bool) -> str:
    """All that a teacher needs to begin, as lines for a terminal.

    Args:
        invitation: the way to the class.
        code: of the class.
        password: of the teacher; None where it was shown before.
        start_url: of the page for the projector, for this computer.
        has_blocks: whether the terminal can show half blocks.
    """
    parts = [
        _framed([f"The class is open:  {invitation.typed}", f"                    {invitation.link}"], has_blocks),
        *([_qr_code(invitation.link_with_code(code))] if has_blocks else []),
        f"{_INDENT}The code of the class:  {code}",
        *([textwrap.indent(large_letters(code), _INDENT)] if has_blocks else []),
    ]
    if password is not None:
        parts.append(f"{_INDENT}Your password as teacher:  {password}\n{_INDENT}Write it down: it is shown this once.")
    parts += [_folded(sentence) for sentence in invitation.sentences()]
    if invitation.has_warning:
        parts.append(_folded(_WHAT_TO_PRESS))
    parts.append(
        f"{_INDENT}The page for the projector:  {start_url}\n{_INDENT}Ctrl-C stops the class; nothing is lost by that."
    )
    return "\n" + "\n\n".join(parts) + "\n"


def large_letters(text: str) -> str:
    """A word in large letters of half blocks, ten characters to a letter."""
    font = ImageFont.load_default(size=_LETTER_PX)
    _, top, _, bottom = (round(each) for each in font.getbbox(text))
    letters = [_letter(each, font, top, bottom) for each in text]
    return "\n".join(_LETTER_GAP.join(parts).rstrip() for parts in zip(*letters, strict=True))


def _letter(letter: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, top: int, bottom: int) -> list[str]:
    left, _, right, _ = (round(each) for each in font.getbbox(letter))
    picture = Image.new("1", (right - left, bottom - top + (bottom - top) % 2))
    ImageDraw.Draw(picture).text((-left, -top), letter, fill=1, font=font)
    return [
        "".join(
            _BLOCKS[bool(picture.getpixel((x, y))), bool(picture.getpixel((x, y + 1)))] for x in range(picture.width)
        )
        for y in range(0, picture.height, 2)
    ]


def _qr_code(text: str) -> str:
    written = io.StringIO()
    segno.make_qr(text, error="l").terminal(written, border=2, compact=True)
    # White on black whatever the terminal's colours are: cameras look for dark squares on light ground.
    lines = [click.style(line, fg="bright_white", bg="black") for line in written.getvalue().splitlines()]
    return textwrap.indent("\n".join(lines), _INDENT)


def _framed(lines: list[str], has_blocks: bool) -> str:
    width = max(map(len, lines))
    edge, side, corners = ("─", "│", "┌┐└┘") if has_blocks else ("-", "|", "++++")
    return "\n".join(
        [
            f"{_INDENT}{corners[0]}{edge * (width + 4)}{corners[1]}",
            *(f"{_INDENT}{side}  {line:{width}}  {side}" for line in lines),
            f"{_INDENT}{corners[2]}{edge * (width + 4)}{corners[3]}",
        ]
    )


def _folded(sentence: str) -> str:
    return textwrap.fill(sentence, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
