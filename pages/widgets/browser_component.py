"""How Bluetit's own browser components are loaded and what they have in common.

What a component reports is one of two kinds. A *state*, such as what is selected, counts as it is now: Streamlit sends
it along with every request, so a report that is overtaken arrives with the next. An *event*, such as a press of the
Delete key, is to happen once: Streamlit forgets one that is overtaken before the page has looked at it. So events carry
numbers, the page acknowledges in the component's data what it has taken, and the component sends again what was not
acknowledged (`Outbox` in `pages/assets/component.js`).
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from pages.widgets.errors import guarded

_ASSETS = Path(__file__).parent.parent / "assets"

EventHandler = Callable[[Any], object]

_SENDER = re.compile(r"[0-9a-f]{32}")
# A component has a new sender whenever the browser loads the page anew; only the latest can have sent something.
_MAX_SENDERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a person did in a component."""

    name: str
    payload: Any  # the browser writes it, so it may be anything


class EventInbox:
    """What one component has sent to one visitor's session; takes each event once, in order, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_numbers: dict[str, int] = {}  # by sender, the latest sender last

    def take_events(self, message: Any) -> list[Event]:
        """The events of a message that have not been taken before; none where it is no message of a component.

        Args:
            message: what the browser sent, which may be anything.
        """
        sender = message.get("sender") if isinstance(message, Mapping) else None
        if not isinstance(sender, str) or not _SENDER.fullmatch(sender) or not isinstance(message.get("events"), list):
            return []
        entries = {entry["number"]: entry for entry in message["events"] if _is_event(entry)}
        with self._lock:
            last = self._last_numbers.pop(sender, 0)
            new = sorted(number for number in entries if number > last)
            self._last_numbers[sender] = new[-1] if new else last
            for forgotten in list(self._last_numbers)[:-_MAX_SENDERS]:
                del self._last_numbers[forgotten]
        return [Event(name=entries[number]["name"], payload=entries[number].get("payload")) for number in new]

    def acknowledged(self) -> dict[str, int]:
        """The number of the last event taken, by sender."""
        with self._lock:
            return dict(self._last_numbers)


def load_component(
    name: str,
    *,
    parts: Sequence[str] = (),
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    isolate_styles: bool = True,
) -> ComponentRenderer:
    """Register the component that `pages/assets/<name>.html`, `.css` and `.js` make up.

    Args:
        parts: names of further scripts there that come before its own, each of which sees what those before it declare.
        styles: names of style sheets there that several share; its own comes after them.
        scripts: texts of scripts from elsewhere that come before all of them.
        isolate_styles: keep the page's styles out of the component and the other way round.
    """
    own = [_read(f"{script}.js") for script in ("component", *parts, name)]
    return st.components.v2.component(
        f"bluetit_{name}",
        html=_read(f"{name}.html"),
        css="\n".join(_read(f"{style}.css") for style in (*styles, name)),
        js="\n".join([*scripts, *own]),
        isolate_styles=isolate_styles,
    )


def show_component(
    component: ComponentRenderer,
    *,
    key: str,
    data: Mapping[str, Any],
    states: Sequence[str] = (),
    on_event: Mapping[str, EventHandler] | None = None,
) -> Any:
    """Show a component, and take in what it sends, each event once and in order, whatever overtakes it.

    Args:
        component: from `load_component`.
        key: of the widget, the same in every run.
        data: for the browser.
        states: names of what the browser reports as it is now.
        on_event: what to do when the person has done something, by the event's name; called with its payload before
            the page is made. A `BluetitError` is shown in the run that follows.

    Returns:
        What the browser reports, by the name of the state.
    """
    inbox = _inbox(key)
    handlers = on_event or {}
    return component(
        key=key,
        data={**data, "key": key, "acknowledged": inbox.acknowledged()},
        **{f"on_{name}_change": guarded(ignore) for name in states},
        on_events_change=guarded(lambda: _receive(key, handlers)),
    )


def watched_data(told: Mapping[str, Any], *parts: str, url: str | None) -> dict[str, Any]:
    """Data of a component that the browser keeps up to date by itself (`Watch` in `pages/assets/component.js`).

    Args:
        told: what there is to show now, with its tag; see `pages.words.telling`.
        parts: of what is told, those that the component shows.
        url: from where the browser hears of what comes next; None where nothing will.
    """
    return {"feed": {"url": url, "tag": told["tag"]}, "told": {part: told[part] for part in parts if part in told}}


def _receive(key: str, handlers: Mapping[str, EventHandler]) -> None:
    reported = st.session_state.get(key)
    if reported is None:
        return  # the page does without the component by now; whoever is there again sends what was not acknowledged
    events = _inbox(key).take_events(reported.get("events"))
    with ExitStack() as handling:  # goes on with the others if one of them meets a bug: none comes a second time
        for event in reversed(events):
            if event.name in handlers:
                handling.callback(guarded(handlers[event.name]), event.payload)


def _inbox(key: str) -> EventInbox:
    """Of the session rather than of the widget, whose state goes with its page."""
    inbox: EventInbox = st.session_state.setdefault(f"{key}.inbox", EventInbox())
    return inbox


def _is_event(entry: Any) -> bool:
    return isinstance(entry, Mapping) and type(entry.get("number")) is int and isinstance(entry.get("name"), str)


def parse_selection(payload: Any, *, generation: int, shown: Sequence[int]) -> tuple[int, ...]:
    """The ids that a component reports as selected, in the order in which they are shown.

    The browser writes the payload, so it may be anything; what is not a selection of this generation counts as none.

    Args:
        generation: the number that the page has given the component; a report with another one is out of date.
        shown: ids that can be selected at all.
    """
    if not isinstance(payload, dict) or payload.get("generation") != generation:
        return ()
    reported = payload.get("ids")
    if not isinstance(reported, list):
        return ()
    ids = {image_id for image_id in reported if type(image_id) is int}
    return tuple(image_id for image_id in shown if image_id in ids)


def ignore() -> None:
    """Does nothing: with a callback for it, Streamlit knows a value of a component even before the first report."""


def _read(file_name: str) -> str:
    return (_ASSETS / file_name).read_text(encoding="utf-8")
