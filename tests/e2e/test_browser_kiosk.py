"""A kiosk in a real browser: it answers, reacts, begins anew, and finds its camera and its server again."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Page, expect

from core.actions.desk import ActionDesk
from core.inference.classifier import Classifier
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.kiosks import KioskDesk, KioskSetup, KioskSource
from core.storage.db import open_database
from core.storage.schema import HOME_SPACE_ID
from pages.server.kiosk_routes import kiosk_address
from tests.core.actions.sounds import wav
from tests.core.inference.model_runs import NAMES, Models
from tests.e2e.camera_scenes import give_camera, plug_in, put_before_camera, said, take_away, unplug
from tests.e2e.classify_page import PAGE_TIMEOUT_SECONDS
from tests.e2e.conftest import OpenTab
from tests.e2e.photos import sample
from tests.e2e.running_app import RunningApp
from tests.waiting import wait_until

CAT, COFFEE = NAMES[:2]
PORTRAIT = {"width": 390, "height": 844}
# What is read at three metres, as a share of the screen's shorter side.
LEAST_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Screens:
    """What is put up in the shared app."""

    run_id: int
    camera: str  # address of the one with a camera
    photos: str


@pytest.fixture(scope="module")
def screens(app: RunningApp, app_settings: Settings, default_classifier: Classifier) -> Iterator[Screens]:
    run_id = Models(app_settings, default_classifier).add("Kitchen")
    with closing(open_database(app_settings)) as database:
        own = database.of_space(HOME_SPACE_ID)
        runs = RunLibrary(own)
        reactions = ActionDesk(own, runs, app_settings)
        reactions.put_picture(run_id, CAT, sample("Rocket").read_bytes())
        reactions.put_sound(run_id, CAT, wav())
        action = reactions.of_run(run_id).by_class[CAT]
        reactions.choose(run_id, CAT, replace(action, words="Meow!", colour="#ff8800"))
        reactions.speak_in(run_id, "en-GB")
        kiosks = KioskDesk(own, runs)
        camera = kiosks.put_up(f"model:{run_id}", KioskSetup(idle_seconds=5), run_id=run_id)
        photos = kiosks.put_up("EfficientNetLite0", KioskSetup(idle_seconds=30).looking_at(KioskSource.SAMPLES))
        yield Screens(
            run_id=run_id,
            camera=f"{app.url}/{kiosk_address(camera.token)}",
            photos=f"{app.url}/{kiosk_address(photos.token)}",
        )
        kiosks.take_down(photos.network)


def state(page: Page, *names: str) -> None:
    """Wait until the screen is in one of these states."""
    wait_until(lambda: page.evaluate("document.body.dataset.state") in names, PAGE_TIMEOUT_SECONDS)


def test_it_answers_with_the_browsers_own_camera(screens: Screens, open_tab: OpenTab) -> None:
    """Chromium's, whose picture moves all the time: answers come again and again, and nothing asks for typing."""
    page = open_tab(may_fail=True)  # a busy server may leave a picture out
    page.goto(screens.camera)
    wait_until(lambda: page.evaluate("window.kiosk.counts.answers") > 10, PAGE_TIMEOUT_SECONDS)
    expect(page.locator(".said")).not_to_be_empty()
    assert page.locator("input, textarea, select, a:visible").count() == 0
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_visitor_comes_and_goes(screens: Screens, open_tab: OpenTab) -> None:
    """The screen names what is shown, letter by letter and large, reacts after a second, is touched, and begins anew;
    without its camera and without the server it says so, and goes on by itself when they are back."""
    page = open_tab(may_fail=True, is_altered=True)
    give_camera(page)
    page.goto(screens.camera)
    state(page, "attract")
    expect(page.get_by_role("button", name="Touch for sound")).to_be_visible()
    put_before_camera(page, sample("Cat"))
    expect(page.locator(".said")).to_have_text(CAT)
    reaction = page.locator(".reaction")
    expect(reaction).to_be_visible()
    expect(reaction).to_contain_text("Meow!")
    wait_until(lambda: page.evaluate("document.querySelector('.reaction img').naturalWidth") > 0, PAGE_TIMEOUT_SECONDS)
    for selector in (".said", ".title", ".share"):
        size = page.evaluate(f"parseFloat(getComputedStyle(document.querySelector('{selector}')).fontSize)")
        assert size >= LEAST_SHARE * page.evaluate("Math.min(innerWidth, innerHeight)"), selector
    assert said(page)[0] == ["Meow!", "en-GB"]
    reaction.click()
    expect(reaction).to_be_hidden()
    put_before_camera(page, sample("Coffee"))
    expect(page.locator(".said")).to_have_text(COFFEE)

    take_away(page)
    state(page, "attract")
    unplug(page)
    state(page, "lost")
    expect(page.locator(".said")).to_have_text("I can’t see anything!")
    plug_in(page)
    state(page, "attract", "watch")

    page.route("**/bluetit/kiosk/*/*", lambda route: route.abort())
    put_before_camera(page, sample("Cat"))
    state(page, "offline")
    expect(page.locator(".said")).to_have_text("One moment …")
    page.unroute_all()
    expect(page.locator(".said")).to_have_text(CAT)
    assert page.evaluate("window.kiosk.counts.reconnections") == 1


def test_photos_are_touched_where_there_is_no_camera(screens: Screens, open_tab: OpenTab) -> None:
    """On a screen that stands upright: one follows the other until somebody chooses; nothing is wider than it."""
    page = open_tab(may_fail=True, viewport=PORTRAIT)
    page.goto(screens.photos)
    expect(page.locator("body[data-mood=named]")).to_have_count(1)
    page.locator("body").click(position={"x": 200, "y": 60})
    expect(page.locator(".photos button")).to_have_count(5)
    expect(page.locator(".said")).to_have_text("Touch a photo!")
    page.get_by_role("button", name="Photo 2").click()
    expect(page.locator(".said")).to_have_text("espresso")
    assert page.evaluate("document.documentElement.scrollWidth") <= PORTRAIT["width"]


def test_a_kiosk_that_is_none_says_so(app: RunningApp, open_tab: OpenTab) -> None:
    """And asks for no camera."""
    page = open_tab(may_fail=True)
    page.goto(f"{app.url}/?kiosk={'0' * 32}")
    expect(page.locator(".said")).to_have_text("The show is over.")
    expect(page.locator(".detail")).to_contain_text("not here any more")


def test_the_live_camera_reacts_too(screens: Screens, app: RunningApp, open_tab: OpenTab) -> None:
    """On the Classify page, over its picture; a switch turns that off."""
    page = open_tab(may_fail=True, is_altered=True)
    give_camera(page)
    page.goto(f"{app.url}/?model={screens.run_id}")
    page.get_by_role("tab", name="Camera").click()
    page.get_by_role("button", name="Start camera").click()
    put_before_camera(page, sample("Cat"))
    expect(page.locator(".reaction")).to_contain_text("Meow!")
    page.locator(".reaction").click()
    expect(page.locator(".reaction")).to_be_hidden()
    expect(page.get_by_role("switch", name="Reactions to its classes")).to_be_checked()
    expect(page.get_by_role("button", name="Sound is on")).to_be_visible()
