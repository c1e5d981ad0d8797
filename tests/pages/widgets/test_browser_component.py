"""Events of components, as the page gets them; browser tests lose and repeat them on the way."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets.browser_component import Event, EventInbox

SENDER = "0123456789abcdef" * 2
OTHER = "f" * 32


def message(*numbers: int, sender: str = SENDER) -> dict[str, Any]:
    events = [{"number": number, "name": "pressed", "payload": number} for number in numbers]
    return {"sender": sender, "events": events}


def taken(inbox: EventInbox, sent: Any) -> list[Any]:
    return [event.payload for event in inbox.take_events(sent)]


def test_each_event_is_taken_once_and_in_order():
    """Repeated messages give what is new in them; the last number is what the browser is told."""
    inbox = EventInbox()
    assert inbox.take_events(message(1)) == [Event(name="pressed", payload=1)]
    assert taken(inbox, message(1)) == []
    assert taken(inbox, message(3, 1, 2)) == [2, 3]
    assert taken(inbox, message(2, 3)) == []
    assert inbox.acknowledged() == {SENDER: 3}


def test_a_page_that_is_loaded_anew_begins_anew():
    """Another sender counts from one, and what the first still repeats is known."""
    inbox = EventInbox()
    assert taken(inbox, message(1, 2)) == [1, 2]
    assert taken(inbox, message(1, sender=OTHER)) == [1]
    assert taken(inbox, message(2)) == []


def _page_with_a_late_event() -> None:
    import streamlit as st

    from pages.widgets.browser_component import _receive

    st.button("Press", on_click=_receive, args=("a component that is not there any more", {}))


def test_an_event_of_a_component_that_is_gone_does_no_harm():
    """The page that it was on has been made anew without it while the event was on its way."""
    app = AppTest.from_function(_page_with_a_late_event).run()
    app.button[0].click().run()
    assert not app.exception


def test_senders_of_long_ago_are_forgotten():
    """However often the page is loaded, what is remembered stays small."""
    inbox = EventInbox()
    for number in range(100):
        inbox.take_events(message(1, sender=f"{number:032x}"))
    assert len(inbox.acknowledged()) == 10
    assert taken(inbox, message(1, sender=f"{99:032x}")) == []


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        5,
        [],
        {},
        {"sender": SENDER},
        {"sender": SENDER, "events": {}},
        {"sender": SENDER, "events": [None, 3, {}, {"number": "1", "name": "x"}, {"number": True, "name": "x"}]},
        {"sender": SENDER, "events": [{"number": 1, "name": 5}]},
        {"sender": "x", "events": [{"number": 1, "name": "x"}]},
        {"sender": SENDER + "\n", "events": [{"number": 1, "name": "x"}]},
        {"sender": 7, "events": [{"number": 1, "name": "x"}]},
    ],
)
def test_what_is_no_event_is_nothing(hostile: Any):
    """Whatever a browser sends, the page gets events or nothing."""
    assert EventInbox().take_events(hostile) == []
