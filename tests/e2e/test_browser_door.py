"""Real browsers come into a class: by its code and by a scan, twice, wrongly, and out again."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from core.settings import Settings
from core.spaces.classroom import ClassroomDesk
from core.spaces.registry import SpaceRegistry
from core.storage.db import Database, open_database
from tests.conftest import link_backbones
from tests.e2e.conftest import OpenTab
from tests.e2e.running_app import RunningApp, running_app

PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True, kw_only=True)
class HeldClass:
    """A class on a running server, as its teacher knows it."""

    app: RunningApp
    desk: ClassroomDesk
    spaces: SpaceRegistry
    database: Database
    id: int
    code: str
    password: str

    def enter(self, page: Page, name_number: int = 0) -> str:
        """Come in by the code, up to the page with the pick-up code, and give that."""
        page.goto(self.app.url)
        page.get_by_label("The class code").fill(self.code.lower())
        page.get_by_role("button", name="Go on").click()
        page.locator("button.name").nth(name_number).click()
        return page.locator(".pickup .letters").inner_text()

    def go_on(self, page: Page) -> None:
        """From there into the app."""
        page.get_by_role("link", name="I have written it down").click()
        expect(page.locator("#bluetit-who")).to_be_attached()


@pytest.fixture(scope="module")
def held(
    tmp_path_factory: pytest.TempPathFactory, prepared_cache: object, keras_environment: dict[str, str]
) -> Iterator[HeldClass]:
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("class"), access="class", package_after_training=False)
    link_backbones(prepared_cache, settings)  # type: ignore[arg-type]
    with closing(open_database(settings)) as database:
        desk = ClassroomDesk(database)
        classroom, password = desk.hold()
        with running_app(settings, environment=keras_environment) as app:
            yield HeldClass(
                app=app,
                desk=desk,
                spaces=SpaceRegistry(database),
                database=database,
                id=classroom.id,
                code=classroom.code,
                password=password,
            )


@pytest.fixture
def open_door(open_tab: OpenTab) -> Callable[..., Page]:
    """Tabs that may be refused something: the door answers some forms with 403 and 429."""
    return lambda **options: open_tab(may_fail=True, **options)


def name_of(page: Page) -> str:
    """Who a page says that its visitor is."""
    return page.locator("#bluetit-who .bluetit-who-name").text_content() or ""


def test_a_pupil_comes_in_by_the_code(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """Whatever page was asked for opens afterwards; before, nothing of the app is there."""
    page = open_door()
    page.goto(f"{held.app.url}/train")
    expect(page).to_have_url(re.compile("/bluetit/door"))
    expect(page.get_by_test_id("stApp")).to_have_count(0)
    page.get_by_label("The class code").fill(held.code)
    page.get_by_role("button", name="Go on").click()
    name = page.locator("button.name").first.inner_text().splitlines()[-1]
    page.locator("button.name").first.click()
    expect(page.get_by_role("heading")).to_have_text(f"Hello, {name}!")
    held.go_on(page)
    expect(page).to_have_url(re.compile("/train"))
    assert name_of(page) == name


def test_a_scan_leads_to_the_names(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """On a phone, with one tap less; other names can be had."""
    page = open_door(viewport=PHONE)
    page.goto(f"{held.app.url}/bluetit/door?code={held.code}")
    names = page.locator("button.name").all_inner_texts()
    assert len(names) == 3
    page.get_by_role("link", name="Other names").click()
    assert page.locator("button.name").all_inner_texts() != names
    page.locator("button.name").last.click()
    held.go_on(page)


def test_two_browsers_never_share_a_space(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """What one pupil makes is nowhere on another's pages, and its address leads to nothing."""
    first, second = open_door(), open_door()
    for page in (first, second):
        held.enter(page)
        held.go_on(page)
    assert name_of(first) != name_of(second)
    first.goto(f"{held.app.url}/dataset")
    first.get_by_label("What is it about?").fill("Secret garden")
    first.get_by_placeholder("blue tit, crow").fill("rose, thorn")
    first.get_by_role("button", name="Create").click()
    expect(first.get_by_text("Secret garden").first).to_be_visible()
    expect(first).to_have_url(re.compile(r"dataset=\d+"))
    second.goto(first.url)
    expect(second.get_by_text("What is it about?")).to_be_visible()
    expect(second.get_by_text("Secret garden")).to_have_count(0)


def test_a_second_device_is_noticed_and_thrown_out(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """The pick-up code lets it in; the first says so within seconds, and can undo it."""
    first, second = open_door(), open_door()
    pickup = held.enter(first)
    held.go_on(first)
    second.goto(held.app.url)
    second.get_by_role("link", name="I was here before").click()
    second.get_by_label("Your pick-up code").fill(pickup.lower())
    second.get_by_role("button", name="Go on").click()
    expect(second.locator("#bluetit-who")).to_be_attached()
    assert name_of(second) == name_of(first)
    notice = first.locator("#bluetit-newcomer")
    expect(notice).to_contain_text("Another device came in at")
    expect(second.locator("#bluetit-newcomer")).to_have_count(0)
    notice.get_by_role("link", name="No").click()
    first.get_by_role("button", name="It was not me").click()
    assert first.locator(".pickup .letters").inner_text() != pickup
    expect(second).to_have_url(re.compile("/bluetit/door"))
    expect(second.get_by_role("alert")).to_contain_text("Your place is not here any more")


def test_a_device_of_ones_own_is_said_once(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """Whoever says that it was theirs is not asked again."""
    first, second = open_door(), open_door()
    pickup = held.enter(first)
    held.go_on(first)
    second.goto(f"{held.app.url}/bluetit/door?step=back")
    second.get_by_label("Your pick-up code").fill(pickup)
    second.get_by_role("button", name="Go on").click()
    first.locator("#bluetit-newcomer").get_by_role("button", name="Yes, me").click()
    expect(first.locator("#bluetit-newcomer")).to_have_count(0)
    first.reload()
    expect(first.locator("#bluetit-who")).to_be_attached()
    expect(first.locator("#bluetit-newcomer")).to_have_count(0)


def test_wrong_codes_are_locked_out(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """A sentence says what to look at, then how long to wait; those who are in stay."""
    inside, outside = open_door(), open_door()
    held.enter(inside)
    held.go_on(inside)
    outside.goto(f"{held.app.url}/bluetit/door?step=back")
    for _ in range(6):
        outside.get_by_label("Your pick-up code").fill("ABCDEFGHJK")
        outside.get_by_role("button", name="Go on").click()
        outside.wait_for_load_state()
    expect(outside.get_by_role("alert")).to_contain_text(re.compile(r"You can try again in \d seconds?"))
    inside.reload()
    expect(inside.locator("#bluetit-who")).to_be_attached()


def test_a_pause_holds_pupils_up_and_nobody_else(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """Seconds after the teacher has pressed, the line of text is all there is, after a reload, too."""
    pupil, teacher = open_door(), open_door()
    held.enter(pupil)
    held.go_on(pupil)
    teacher.goto(f"{held.app.url}/bluetit/door?step=teacher")
    teacher.get_by_label("password").fill(held.password)
    teacher.get_by_role("button", name="Sign in").click()
    expect(teacher.locator("#bluetit-who")).to_be_attached()
    held.desk.set_paused(held.id, "Eyes to me <b>please</b>")
    try:
        paused = pupil.locator("#bluetit-paused")
        expect(paused).to_be_visible(timeout=5_000)
        expect(paused).to_contain_text("Eyes to me <b>please</b>")
        for _ in range(3):
            pupil.keyboard.press("Escape")
        expect(paused).to_be_visible()
        pupil.reload()
        expect(paused).to_be_visible()
        expect(teacher.locator("#bluetit-paused")).to_have_count(0)
    finally:
        held.desk.set_paused(held.id, None)
    expect(paused).to_have_count(0)


def test_what_was_typed_is_there_after_a_pause(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """Nothing is lost by looking up, and nothing typed meanwhile gets in."""
    page = open_door()
    held.enter(page)
    held.go_on(page)
    page.goto(f"{held.app.url}/dataset")
    field = page.get_by_label("What is it about?")
    field.fill("Half a se")
    held.desk.set_paused(held.id, "Eyes to me")
    try:
        expect(page.locator("#bluetit-paused")).to_be_visible()
        page.keyboard.type("xyz")
    finally:
        held.desk.set_paused(held.id, None)
    expect(page.locator("#bluetit-paused")).to_have_count(0)
    expect(field).to_have_value("Half a se")


def test_a_closed_class(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """The page says so, and whoever is in goes on."""
    inside, outside = open_door(), open_door()
    held.enter(inside)
    held.go_on(inside)
    held.desk.set_open(held.id, is_open=False)
    try:
        outside.goto(held.app.url)
        expect(outside.get_by_role("heading")).to_have_text("Closed")
        inside.goto(f"{held.app.url}/dataset")
        expect(inside.get_by_label("What is it about?")).to_be_visible()
    finally:
        held.desk.set_open(held.id, is_open=True)


def test_leaving_and_coming_back(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """For a tablet that the next pupil gets: it leads to the door then, and another name is another space."""
    page = open_door()
    held.enter(page)
    held.go_on(page)
    before = name_of(page)
    page.locator("#bluetit-who").click()
    expect(page.get_by_role("heading")).to_have_text(before)
    page.get_by_role("button", name="Leave").click()
    page.get_by_role("link", name="Come in again").click()
    page.get_by_label("The class code").fill(held.code)
    page.get_by_role("button", name="Go on").click()
    page.locator("button.name").first.click()
    held.go_on(page)
    assert name_of(page) != before


def test_a_browser_without_a_name_reaches_no_session(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """Not even a WebSocket that asks for it directly."""
    page = open_door()
    page.goto(f"{held.app.url}/_stcore/health")  # the door itself lets no script connect to anything
    outcome = page.evaluate(
        """url => new Promise((resolve) => {
            const socket = new WebSocket(url, ["streamlit"]);
            socket.onopen = () => resolve("open");
            socket.onclose = socket.onerror = () => resolve("refused");
        })""",
        held.app.url.replace("http", "ws") + "/_stcore/stream",
    )
    assert outcome == "refused"


def test_who_i_am_hides_nothing(held: HeldClass, open_door: Callable[..., Page]) -> None:
    """At every width, in the light and the dark theme: it is in sight, beside the pages' links and the menu."""
    page = open_door()
    held.enter(page)
    held.go_on(page)
    expect(page.get_by_test_id("stTopNavLink").first).to_be_visible()
    for width in (390, 700, 820, 900, 1000, 1100, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(400)  # the bar folds what has no room
        mine = page.locator("#bluetit-who").bounding_box()
        assert mine is not None
        assert 0 <= mine["x"] <= width - mine["width"]
        others = [*page.get_by_test_id("stTopNavLink").all(), page.get_by_test_id("stMainMenu")]
        boxes = [box for each in others if each.is_visible() and (box := each.bounding_box())]
        assert [
            box for box in boxes if box["x"] < mine["x"] + mine["width"] and mine["x"] < box["x"] + box["width"]
        ] == []
    page.emulate_media(color_scheme="dark")
    for _ in range(2):
        expect(page.locator("#bluetit-who")).to_have_css("background-color", "rgb(18, 48, 77)")
        page.reload()
