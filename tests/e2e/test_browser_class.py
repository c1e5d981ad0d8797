"""A lesson in real browsers: a teacher and two pupils, from the first photo to the receipt of the deletion."""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.datasets.library import Library
from core.phones.links import PhoneLinks
from core.settings import Settings
from core.spaces.classroom import ClassroomDesk
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.byte_scan import WINDOW_BYTES
from core.storage.db import open_database
from core.storage.schema import Space
from tests.core.spaces.class_samples import picture, places_of
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenTab, StartApp
from tests.e2e.dataset_page import WORKER_TIMEOUT_MILLISECONDS, DatasetPage
from tests.e2e.phone_page import PhonePage
from tests.e2e.running_app import RunningApp
from tests.e2e.workspace import GivenImage, fill_dataset

TEACHER, OTTER, HERON = "t" * 43, "o" * 43, "h" * 43
NAMES = {OTTER: "Quiet Otter", HERON: "Brave Heron"}


@pytest.fixture
def lesson(prepared_settings: Settings, start_app: StartApp) -> RunningApp:
    """A class into which a teacher and two pupils have been let; the teacher has a dataset."""
    settings = replace(prepared_settings, access="class", package_after_training=False)
    with closing(open_database(settings)) as database:
        desk = ClassroomDesk(database)
        classroom, password = desk.hold()
        teacher = desk.enter_as_teacher(classroom.id, password, TEACHER)
        for secret, name in NAMES.items():
            desk.enter(classroom.id, name, secret)
        desk.enter(classroom.id, "Swift Fox", "f" * 43)
        fish = [GivenImage(name=f"{number}.jpg", content=picture(900 + number), class_name="fish") for number in (1, 2)]
        fill_dataset(settings, database.of_space(teacher.id), "Fish", fish)
    return start_app(settings)


def visit(open_tab: OpenTab, lesson: RunningApp, secret: str, address: str) -> Page:
    page = open_tab(may_fail=True)  # who is let out is refused what the page still asks for
    page.context.add_cookies([{"name": "bluetit_visitor", "value": secret, "url": lesson.url}])
    page.goto(f"{lesson.url}/{address}")
    return page


def pieces(contents: Sequence[bytes]) -> list[bytes]:
    """Pieces of the pixels of JPEGs, all over each file."""
    found = []
    for content in contents:
        begin = content.index(b"\xff\xda") + 16
        found += [content[at : at + WINDOW_BYTES] for at in range(begin, len(content) - WINDOW_BYTES, 61)]
    return found


def collect(page: Page, lesson: RunningApp, name: str, photos: dict[str, bytes]) -> None:
    dataset = DatasetPage(ClassifyPage(page, lesson.url))
    dataset.visit()
    dataset.create(name, ["crow", "blue tit"])
    dataset.choose_tab("Photos")
    dataset.upload(
        *({"name": file_name, "mimeType": "image/jpeg", "buffer": content} for file_name, content in photos.items())
    )
    dataset.expect_added(f"{len(photos)} photos added")


def phone_address(settings: Settings, secret: str) -> str:
    """What a code says by which a phone comes into the first class of somebody's birds."""
    with closing(open_database(settings)) as database:
        space = SpaceRegistry(database).find_by_secret(secret)
        assert space is not None
        own = database.of_space(space.id)
        dataset = Library(own).datasets.find("My birds")
        assert dataset is not None
        links = PhoneLinks(settings, own)
        return f"#{links.token_of(links.open(Library(own).classes.of(dataset.id)[0].id).id)}"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).locator("visible=true").click()


def test_a_lesson(lesson: RunningApp, open_tab: OpenTab) -> None:
    """Photos, a pause, something handed out, a look, and in the end nothing of the pupils is left but the receipt."""
    settings = lesson.settings
    board = visit(open_tab, lesson, TEACHER, "class")

    # Somebody came in by mistake
    fox = board.locator("button.card").filter(has_text="Swift Fox")
    fox.click()
    board.get_by_role("dialog").get_by_text("Delete everything of Swift Fox").click()
    press(board, "Remove from the class")
    expect(board.get_by_role("dialog")).to_be_hidden()
    expect(fox).to_have_count(0)

    # Photos
    photos = {
        secret: {f"secret-{name.split()[1]}-{number}.jpg": picture(10 * place + number) for number in range(3)}
        for place, (secret, name) in enumerate(NAMES.items(), 1)
    }
    pupils = {secret: visit(open_tab, lesson, secret, "dataset") for secret in NAMES}
    collect(pupils[OTTER], lesson, "My birds", photos[OTTER])
    collect(pupils[HERON], lesson, "My birds", photos[HERON])
    # The board has heard of it without being made anew.
    card = board.locator("button.card").filter(has_text="Quiet Otter")
    expect(card).to_contain_text("3 photos")
    expect(board.get_by_text("2 of 2 pupils here")).to_be_visible()

    expect(board.get_by_text("Everything of a pupil is deleted")).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
    press(board, "Put away")

    # Eyes to me
    phone = PhonePage.scan(open_tab, lesson, phone_address(settings, OTTER), may_fail=True)
    phone.start_camera()
    press(board, "Pause")
    press(board, "Pause everybody")
    for page in pupils.values():
        expect(page.locator("#bluetit-paused")).to_contain_text("Eyes to me")
    expect(phone.page.get_by_role("dialog")).to_contain_text("Eyes to me")
    phone.page.keyboard.press("Escape")
    phone.page.mouse.click(195, 780)
    expect(phone.page.get_by_role("dialog")).to_be_visible()
    expect(phone.photos).to_have_count(0)
    press(board, "Go on")
    expect(phone.page.get_by_role("dialog")).to_be_hidden()
    phone.tap()
    phone.expect_line("1 photo has arrived")
    phone.take_back_newest()
    expect(phone.photos).to_have_count(0)
    for page in pupils.values():
        expect(page.locator("#bluetit-paused")).to_have_count(0)

    # Something for everybody
    press(board, "Hand out")
    board.get_by_role("combobox", name=re.compile("Dataset")).click()
    board.get_by_role("option", name="Fish").click()
    board.get_by_test_id("stPopoverBody").get_by_role("button", name="Hand out").click()
    expect(board.get_by_text("2 pupils have it")).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
    board.keyboard.press("Escape")
    expect(card).to_contain_text("5 photos")

    # A look at one of them, who sees that
    card.click()
    board.get_by_role("dialog").get_by_role("button", name="Look at the results").click()
    expect(board.get_by_text("they see that you are looking")).to_be_visible()
    expect(pupils[OTTER].get_by_text("Your teacher is looking at your results.")).to_be_visible()
    expect(pupils[HERON].get_by_text("Your teacher is looking at your results.")).to_be_hidden()
    press(board, "Back to the class")
    expect(pupils[OTTER].get_by_text("Your teacher is looking at your results.")).to_be_hidden()

    # The end
    stored = [path.read_bytes() for path in settings.photos_path.rglob("*.jpg")]
    sought = pieces([content for each in photos.values() for content in each.values()])
    sought += [name.encode() for each in photos.values() for name in each]
    sought += [b"My birds", *map(str.encode, NAMES.values())]
    assert any(sought[0] in content for content in stored)
    assert places_of(settings, sought)
    press(board, "End the class")
    board.get_by_text("Nobody needs any of it any more").click()
    press(board, "Delete everything")
    expect(board.get_by_text("Everything of the class is deleted")).to_be_visible(timeout=WORKER_TIMEOUT_MILLISECONDS)
    with board.expect_download() as download:
        press(board, "Receipt to print")
    receipt = download.value.path().read_text(encoding="utf-8")
    assert "| different photos | 9 (" in receipt  # that of the phone, too, which was taken back
    assert "2 photos of these were in datasets or models of somebody else" in receipt
    assert not any(word in receipt for word in (*NAMES.values(), "secret", "My birds"))
    for page in pupils.values():
        expect(page.get_by_text("My birds")).to_have_count(0)
    assert places_of(settings, sought) == []
    assert left_in(settings) == [(SpaceKind.HOME, "Home"), (SpaceKind.TEACHER, "Teacher")]


def left_in(settings: Settings) -> list[tuple[str, str]]:
    """The spaces that are left."""
    with closing(open_database(settings)) as database, database.read_session() as session:
        return [(space.kind, space.name) for space in session.scalars(select(Space).order_by(Space.id))]
