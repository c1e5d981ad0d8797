"""What a page shows, as far as a client has to know it: kept from Streamlit's messages as a browser keeps it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element

# The route of answers, as its component has it in its data (see docs/routes.md).
_ANSWERS = re.compile(r"bluetit/answers/[^/]+/[^/]+")
_PICTURE_SIDE_PX = 320  # as cards show them on most screens


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A route that a component on the page keeps asking, and what the page knew when it was made."""

    address: str
    tag: str = ""  # of what is known of a training; empty: the route tells of answers
    state: str = ""  # of a training: when it changes, the page is made anew; empty: that is not this one's matter
    component_id: str = ""  # Streamlit's
    fragment_id: str = ""  # of the part of the page in which the component is


def photo_addresses(answers_address: str, told: dict[str, Any]) -> list[str]:
    """Where the pictures are of the photos that a route has told of.

    Args:
        answers_address: of the route.
        told: its answer.
    """
    batch = answers_address.rsplit("/", 1)[0]
    return [
        f"{batch}/photos/{photo['id']}.jpg?side={_PICTURE_SIDE_PX}" for photo in told["photos"] if photo["has_picture"]
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An element at its place, with the run that put it there."""

    element: Element
    fragment_id: str  # of the part of the page that runs by itself; empty elsewhere
    run: int


class Shown:
    """The elements of one tab, by their place in the page."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[int, ...], Piece] = {}
        self._run = 0
        self._fragment_ids: tuple[str, ...] = ()  # of the run under way; none: of the whole page

    def begin(self, fragment_ids: tuple[str, ...]) -> None:
        """A run of the page, or of parts of it, begins."""
        self._run += 1
        self._fragment_ids = fragment_ids

    def take(self, place: tuple[int, ...], delta: Delta) -> Element | None:
        """Put in what a message brings; the element, where it is one."""
        if delta.WhichOneof("type") != "new_element":
            self._pieces.pop(place, None)  # a container stands there now
            return None
        self._pieces[place] = Piece(element=delta.new_element, fragment_id=delta.fragment_id, run=self._run)
        return delta.new_element

    def finish(self) -> None:
        """The run is complete: what it has not put in again is gone."""
        for place, piece in list(self._pieces.items()):
            is_part = not self._fragment_ids or piece.fragment_id in self._fragment_ids
            if is_part and piece.run != self._run:
                del self._pieces[place]

    def pieces(self, kind: str) -> Iterator[Piece]:
        """The elements of a kind, such as "button"."""
        return (piece for piece in self._pieces.values() if piece.element.WhichOneof("type") == kind)

    def feeds(self) -> dict[str, Feed]:
        """The routes that the components on the page keep asking, by their addresses."""
        feeds = [
            replace(feed, component_id=piece.element.bidi_component.id, fragment_id=piece.fragment_id)
            for piece in self.pieces("bidi_component")
            if (feed := feed_of(component_data(piece.element))) is not None
        ]
        # Of components that ask the same, those that know the state have the page made anew.
        return {feed.address: feed for feed in sorted(feeds, key=lambda feed: feed.state)}


def feed_of(data: dict[str, Any]) -> Feed | None:
    """What a component with these data keeps asking; None where it asks nothing."""
    if isinstance(data.get("feed"), dict) and data["feed"].get("url"):
        feed, told = data["feed"], data.get("told", {})
        return Feed(address=feed["url"], tag=feed["tag"], state=told.get("state", ""))
    if isinstance(data.get("url"), str) and _ANSWERS.fullmatch(data["url"]):
        return Feed(address=data["url"])
    return None


def error_text(element: Element) -> str | None:
    """What an element says went wrong; None where it says nothing of the kind."""
    kind = element.WhichOneof("type")
    if kind == "exception":
        return f"{element.exception.type}: {element.exception.message}"
    if kind == "alert" and element.alert.format == Alert.ERROR:
        return str(element.alert.body)
    return None


def picture_addresses(element: Element) -> list[str]:
    """Addresses of the pictures that a browser fetches for an element."""
    if element.WhichOneof("type") == "imgs":
        return [image.url for image in element.imgs.imgs]
    if element.WhichOneof("type") == "bidi_component":
        data = component_data(element)
        if data.get("photos_url") and isinstance(data.get("photos"), list):
            return [f"{data['photos_url']}/{photo[1]}/256.jpg" for photo in data["photos"]]
    return []


def component_data(element: Element) -> dict[str, Any]:
    """The data of one of our components; nothing where it is none."""
    text = element.bidi_component.json
    data = json.loads(text) if text else None
    return data if isinstance(data, dict) else {}
