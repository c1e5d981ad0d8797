"""What a person does on a page that is still being made arrives, once and in order, whatever overtakes it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.conftest import OpenTab
from tests.e2e.running_app import serving_script

APP = Path("tests", "e2e", "slow_page_app.py")
NUM_PRESSES = 10
ALL_DELETED = "Deleted: " + " ".join(map(str, range(1, NUM_PRESSES + 1)))
# What a message of the grid to the server has in it, among bytes.
EVENT = b"delete_pressed"

SendOn = Callable[[bytes], None]


# As the app is served, and as Streamlit does it unless told otherwise: a click ends the run before it at once.
@pytest.fixture(scope="module", params=["false", "true"], ids=["one run after the other", "fast reruns"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log_path = tmp_path_factory.mktemp("slow_page") / "streamlit.log"
    with serving_script(APP, log_path, "--runner.fastReruns", request.param) as served:
        yield served


@pytest.fixture
def page(open_tab: OpenTab, url: str) -> Page:
    """A tab in which nothing is open yet."""
    return open_tab(may_fail=True, is_altered=True, base_url=url)


def open_slow_page(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("Ready")).to_be_visible()


def press_delete(page: Page, number: int) -> None:
    """As fast as a hand can: select a photo, press the key."""
    page.get_by_role("option", name=f"{number}.jpg", exact=True).click()
    page.keyboard.press("Delete")


def alter_first_event(page: Page, alter: Callable[[bytes, SendOn], None]) -> list[bytes]:
    """Do something to the first message to the server that tells of a press; gives the messages that told of one."""
    seen: list[bytes] = []

    def on_socket(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def on_message(message: str | bytes) -> None:
            if isinstance(message, bytes) and EVENT in message:
                seen.append(message)
                if len(seen) == 1:
                    alter(message, server.send)
                    return
            server.send(message)

        socket.on_message(on_message)

    page.route_web_socket("**/_stcore/stream", on_socket)
    return seen


def test_ten_quick_presses_all_arrive_in_order(page: Page):
    """Each press is worked on once, though every one comes while the page is being made and other clicks interfere."""
    open_slow_page(page)
    for number in range(1, NUM_PRESSES + 1):
        press_delete(page, number)
        if number % 3 == 0:
            page.get_by_role("button", name="Something else").click()
    expect(page.get_by_text(ALL_DELETED, exact=True)).to_be_visible()
    expect(page.get_by_text("Ready")).to_be_visible()
    expect(page.get_by_role("option")).to_have_count(2)


def test_a_press_that_got_lost_is_sent_again(page: Page):
    """A message that the server never sees, and those after it, arrive in the order of the presses."""
    seen = alter_first_event(page, lambda message, send: None)
    open_slow_page(page)
    for number in (3, 1, 2):
        press_delete(page, number)
    expect(page.get_by_text("Deleted: 3 1 2", exact=True)).to_be_visible()
    assert len(seen) >= 2


def test_a_press_that_arrives_twice_counts_once(page: Page):
    """A message that the server gets twice deletes one photo; the next press deletes the next."""

    def send_twice(message: bytes, send: SendOn) -> None:
        send(message)
        send(message)

    alter_first_event(page, send_twice)
    open_slow_page(page)
    press_delete(page, 1)
    expect(page.get_by_text("Deleted: 1", exact=True)).to_be_visible()
    press_delete(page, 2)
    expect(page.get_by_text("Deleted: 1 2", exact=True)).to_be_visible()


def test_delete_in_the_large_view_works_while_the_page_is_made(page: Page):
    """The double click makes the page anew; Delete, pressed at once, deletes the photo that is shown large."""
    open_slow_page(page)
    page.get_by_role("option", name="4.jpg", exact=True).dblclick()
    page.keyboard.press("Delete")
    expect(page.get_by_text("Deleted: 4", exact=True)).to_be_visible()
    expect(page.get_by_role("dialog", name="5.jpg")).to_be_visible()


def test_quick_bursts_all_arrive(page: Page):
    """Photos taken one right after the other are all taken in, though each makes the page anew."""
    page.context.grant_permissions(["camera"])
    open_slow_page(page)
    page.get_by_role("button", name="Start camera").click()
    single = page.get_by_role("button", name="Take one photo")
    for _ in range(4):
        single.click()
    expect(page.get_by_text("Bursts: 1 1 1 1", exact=True)).to_be_visible()
