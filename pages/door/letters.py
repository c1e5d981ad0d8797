"""What the door shows, as HTML: few words, large letters, and pictures beside them.

All of it is made of forms and links, so that it works at once on any tablet, and a browser may translate it.
"""

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from pages.words.animals import picture_of
from pages.words.wording import count

FORM = "door"  # relative to the door itself
_FILES = "door/"
_MARK_BYTES = 16

# Nothing runs here, and nothing comes from elsewhere. Where forms lead is open: signing out of an account leads to the
# identity provider.
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"

_BACK_ICON, _TEACHER_ICON, _CODE_ICON = "↩️", "🧑‍🏫", "🔤"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What goes with a visitor from step to step."""

    code: str = ""  # of the class, as it was typed
    to: str = ""  # the page that was asked for, relative to the app

    def query(self, **more: str) -> str:
        """The address of the door with this and more in it."""
        named = {name: value for name, value in {"code": self.code, "to": self.to, **more}.items() if value}
        return f"{FORM}?{urlencode(named)}" if named else FORM


def code_page(way: Way, problem: str = "") -> str:
    """Where a pupil types the code of the class."""
    field = (
        '<label for="code">The class code</label>'
        '<p class="hint">Six letters. They are on the board.</p>'
        f'<input id="code" name="code" class="letters" value="{escape(way.code)}" required maxlength="20" autofocus '
        'autocomplete="off" autocapitalize="characters" autocorrect="off" spellcheck="false" translate="no" '
        'enterkeyhint="go" placeholder="······">'
    )
    return _page(
        "Come in",
        _picture("👋"),
        "<h1>Come in</h1>",
        _problem(problem),
        _form("code", way, field, _button("Go on", icon="→"), without=("code",)),
        _other_ways(
            (way.query(step="back"), _BACK_ICON, "I was here before"),
            (way.query(step="teacher"), _TEACHER_ICON, "I am the teacher"),
        ),
    )


def names_page(way: Way, names: Sequence[str], problem: str = "") -> str:
    """Where a pupil chooses a name; each page has a mark of its own, by which a press that comes twice is known."""
    mark = f'<input type="hidden" name="mark" value="{secrets.token_urlsafe(_MARK_BYTES)}">'
    buttons = "".join(
        f'<button class="name" name="name" value="{escape(name)}">'
        f'<span class="animal" aria-hidden="true">{picture_of(name)}</span>'
        f'<span translate="no">{escape(name)}</span></button>'
        for name in names
    )
    return _page(
        "Choose a name",
        "<h1>Who are you today?</h1>",
        _problem(problem),
        _form("name", way, mark, f'<div class="names">{buttons}</div>'),
        _other_ways((way.query(), "🔄", "Other names"), (way.query(step="back"), _BACK_ICON, "I was here before")),
    )


def welcome_page(way: Way, name: str, pickup: str, *, is_new: bool = True, said: str = "") -> str:
    """What a pupil reads who has a new pick-up code.

    Args:
        way: where they go on.
        name: of their space.
        pickup: the code.
        is_new: whether they have just come in.
        said: what has happened besides.
    """
    hello = f"Hello, {_name(name)}!" if is_new else "Your new code"
    return _page(
        "Hello",
        _picture(picture_of(name)),
        f"<h1>{hello}</h1>",
        f'<p class="said">{escape(said)}</p>' if said else "",
        '<div class="pickup"><p><span aria-hidden="true">✏️</span> Write this down. It is your <b>pick-up code</b>.</p>'
        f'<p class="letters" translate="no">{escape(pickup)}</p>'
        "<p>With it you get your things back on another tablet. Show it to nobody.</p></div>",
        _way_on(way, "I have written it down" if is_new else "Go on"),
    )


def back_page(way: Way, problem: str = "") -> str:
    """Where a pupil types a pick-up code."""
    field = (
        '<label for="pickup">Your pick-up code</label>'
        '<p class="hint">Ten letters. You wrote them down when you came in the first time.</p>'
        '<input id="pickup" name="pickup" class="letters long" required maxlength="30" autofocus autocomplete="off" '
        'autocapitalize="characters" autocorrect="off" spellcheck="false" translate="no" enterkeyhint="go" '
        'placeholder="····-····-··">'
    )
    return _page(
        "Welcome back",
        _picture(_BACK_ICON),
        "<h1>Welcome back</h1>",
        _problem(problem),
        _form("pickup", way, field, _button("Go on", icon="→")),
        '<p class="hint after">Lost? Your teacher can let you in again.</p>',
        _other_ways((way.query(), _CODE_ICON, "I am new here")),
    )


def teacher_page(way: Way, problem: str = "") -> str:
    """Where the teacher types the password."""
    field = (
        '<label for="password">The teacher’s password</label>'
        '<p class="hint">It was shown where the class was started.</p>'
        '<input id="password" name="password" type="password" required maxlength="60" autofocus '
        'autocomplete="current-password" enterkeyhint="go">'
    )
    return _page(
        "Teacher",
        _picture(_TEACHER_ICON),
        "<h1>Teacher</h1>",
        _problem(problem),
        _form("password", way, field, _button("Sign in", icon="→")),
        _other_ways((way.query(), _CODE_ICON, "I am a pupil")),
    )


def inside_page(way: Way, name: str, *, kind: str, others: Sequence[str] = ()) -> str:
    """What somebody sees of themselves who is in.

    Args:
        way: where they want to go on.
        name: of their space.
        kind: of the space, a `SpaceKind`.
        others: times at which other browsers came in after this one, for people.
    """
    is_pupil = kind == "pupil"
    picture = picture_of(name) if is_pupil else _TEACHER_ICON if kind == "teacher" else "🙂"
    parts = [_picture(picture), f"<h1>{_name(name)}</h1>"]
    if others:
        how = "your pick-up code" if is_pupil else "your password" if kind == "teacher" else "your account"
        parts.append(
            '<div class="alarm" role="alert"><p><span aria-hidden="true">🔔</span> '
            f"<b>Another device came in with {how}</b> at {escape(', '.join(others))}.</p>"
            "<p>Was it you? Then all is well.</p>"
            + _form("not_me", way, _button("It was not me: throw it out", look="danger"))
            + "</div>"
        )
    parts.append(_way_on(way, "Go on"))
    if is_pupil:
        parts.append(
            _row(
                "🔑",
                "Lost your pick-up code? A new one takes its place, and the old one stops working.",
                _form("renew", way, _button("New pick-up code", look="quiet")),
            )
        )
    leaving = {
        "pupil": "Not you, or done for today? You come back with your pick-up code.",
        "teacher": "This browser forgets that it is the teacher’s. The class goes on.",
    }.get(kind, "This browser forgets you. Your things stay.")
    word = "Leave" if is_pupil else "Sign out"
    parts.append(_row("🚪", leaving, _form("leave", way, _button(word, look="quiet"))))
    return _page(name, *parts)


def notice_page(picture: str, title: str, sentence: str, *links: tuple[str, str, str]) -> str:
    """A page that says one thing.

    Args:
        picture: an emoji.
        title: a few words.
        sentence: what there is to say, and what to do.
        links: where one can go: address, emoji, words.
    """
    return _page(
        title,
        _picture(picture),
        f"<h1>{escape(title)}</h1>",
        f'<p class="said">{escape(sentence)}</p>',
        _other_ways(*links),
    )


def waiting_words(seconds: float) -> str:
    """How long, in words."""
    if seconds < 90:
        return count(max(1, math.ceil(seconds)), "second")
    return count(math.ceil(seconds / 60), "minute")


def _page(title: str, *parts: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f"<title>{escape(title)} · Bluetit</title>"
        f'<link rel="icon" href="{_FILES}bluetit.svg"><link rel="stylesheet" href="{_FILES}door.css"></head>'
        f'<body><header><img src="{_FILES}bluetit_with_name.svg" alt="Bluetit"></header>'
        f"<main>{''.join(parts)}</main></body></html>"
    )


def _form(do: str, way: Way, *parts: str, without: Sequence[str] = ()) -> str:
    kept: Mapping[str, str] = {"do": do, "code": way.code, "to": way.to}
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in kept.items()
        if value and name not in without
    )
    return f'<form method="post" action="{FORM}">{hidden}{"".join(parts)}</form>'


def _button(words: str, *, icon: str = "", look: str = "primary") -> str:
    mark = f' <span aria-hidden="true">{icon}</span>' if icon else ""
    return f'<button class="{look}">{escape(words)}{mark}</button>'


def _way_on(way: Way, words: str) -> str:
    return f'<a class="primary" href="../{escape(way.to)}">{escape(words)} <span aria-hidden="true">→</span></a>'


def _other_ways(*links: tuple[str, str, str]) -> str:
    if not links:
        return ""
    shown = "".join(
        f'<a href="{escape(address)}"><span aria-hidden="true">{icon}</span> {escape(words)}</a>'
        for address, icon, words in links
    )
    return f'<nav class="others">{shown}</nav>'


def _row(icon: str, words: str, form: str) -> str:
    return f'<div class="row"><span aria-hidden="true">{icon}</span><p>{escape(words)}</p>{form}</div>'


def _picture(emoji: str) -> str:
    return f'<div class="picture" aria-hidden="true">{emoji}</div>'


def _problem(sentence: str) -> str:
    return f'<p class="problem" role="alert">{escape(sentence)}</p>' if sentence else ""


def _name(name: str) -> str:
    return f'<span translate="no">{escape(name)}</span>'
