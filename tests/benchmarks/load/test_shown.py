"""What a client of the load test knows of a page: as a browser would."""

import json
from typing import Any

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element

from benchmarks.load.shown import Feed, Shown, component_data, error_text, feed_of, photo_addresses, picture_addresses

ANSWERS = "bluetit/answers/abc/0123"


def text(body: str, fragment_id: str = "") -> Delta:
    delta = Delta(fragment_id=fragment_id)
    delta.new_element.text.body = body
    return delta


def component(data: dict[str, Any]) -> Delta:
    delta = Delta()
    delta.new_element.bidi_component.json = json.dumps(data)
    return delta


def bodies(shown: Shown) -> list[str]:
    return [piece.element.text.body for piece in shown.pieces("text")]


def test_what_a_run_of_the_page_does_not_show_again_is_gone():
    """A run of a part takes away that part's elements only."""
    shown = Shown()
    shown.begin(())
    shown.take((0, 0), text("title"))
    shown.take((0, 1), text("old", fragment_id="moving"))
    shown.take((0, 2), text("older", fragment_id="moving"))
    shown.finish()
    shown.begin(("moving",))
    shown.take((0, 1), text("new", fragment_id="moving"))
    assert bodies(shown) == ["title", "new", "older"]
    shown.finish()
    assert bodies(shown) == ["title", "new"]
    shown.begin(())
    shown.finish()
    assert bodies(shown) == []


def test_a_container_takes_the_place_of_an_element():
    """What stood there is not on the page any more."""
    shown = Shown()
    shown.begin(())
    shown.take((0, 0), text("spinner"))
    block = Delta()
    block.add_block.allow_empty = True
    shown.take((0, 0), block)
    assert bodies(shown) == []


def test_components_that_ask_are_known_by_their_addresses():
    """The state of a training is taken from the component that has it."""
    shown = Shown()
    shown.begin(())
    run = {"url": "bluetit/runs/1/progress", "tag": "t"}
    for place, data in enumerate(
        [
            {"feed": run, "told": {"state": "running"}},
            {"feed": run, "told": {"chart": None}},
            {"feed": {"url": None, "tag": "t"}, "told": {}},
            {"url": ANSWERS},
            {"url": "https://example.org"},
        ]
    ):
        shown.take((0, place), component(data))
    assert shown.feeds() == {
        "bluetit/runs/1/progress": Feed(address="bluetit/runs/1/progress", tag="t", state="running"),
        ANSWERS: Feed(address=ANSWERS),
    }
    assert feed_of({}) is None


def test_pictures_are_those_that_a_browser_fetches():
    """Of a grid, of Streamlit's images, and of the photos that the route of answers tells of."""
    grid = component({"photos_url": "bluetit/photos", "photos": [[1, "ab", "tit.jpg", "", ""]]}).new_element
    assert picture_addresses(grid) == ["bluetit/photos/ab/256.jpg"]
    image = Element()
    image.imgs.imgs.add(url="/media/x.jpg")
    assert picture_addresses(image) == ["/media/x.jpg"]
    told = {"photos": [{"id": 1, "has_picture": True}, {"id": 2, "has_picture": False}]}
    assert photo_addresses(ANSWERS, told) == ["bluetit/answers/abc/photos/1.jpg?side=320"]


def test_what_a_page_shows_in_red_is_an_error():
    """A warning is none."""
    element = Element()
    element.alert.body, element.alert.format = "broken", Alert.ERROR
    assert error_text(element) == "broken"
    element.alert.format = Alert.WARNING
    assert error_text(element) is None
    failed = Element()
    failed.exception.type, failed.exception.message = "ValueError", "why"
    assert error_text(failed) == "ValueError: why"
    assert component_data(failed) == {}
