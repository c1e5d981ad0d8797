"""Two real browsers that are let into a space each, on a server for a class: neither ever sees the other's things."""

from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect

from core.datasets.library import Library
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import open_database
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.conftest import link_backbones
from tests.core.projects.project_samples import new_image
from tests.e2e.conftest import OpenTab, StartApp

NAMES = ("Otter birds 11b2", "Heron birds 7f3a")


def fill(settings: Settings) -> list[tuple[str, int, str]]:
    """Two spaces with a dataset each: the browser's secret, the dataset, and the hash of a photo that only it has."""
    made = []
    with closing(open_database(settings)) as database:
        spaces = SpaceRegistry(database)
        for number, name in enumerate(NAMES):
            space, secret = spaces.create(SpaceKind.PUPIL, name), new_secret()
            spaces.let_in(secret, space.id)
            library = Library(database.of_space(space.id))
            dataset_id = library.datasets.create(name).id
            images = [new_image(settings, 10 * number + each, f"{name} class") for each in range(3)]
            library.images.add(dataset_id, images)
            made.append((secret, dataset_id, images[0].photo.hash))
    return made


def visit(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.get_by_role("link", name="Dataset", exact=True).first).to_be_visible()
    return page


def test_two_browsers_of_a_class(open_tab: OpenTab, start_app: StartApp, tmp_path: Path, prepared_cache: Path) -> None:
    """Each sees its own dataset and photos; at the other's number in the address, or its photo's, is nothing."""
    settings = Settings(workspace_dir=tmp_path / "class", access="class")
    settings.workspace_dir.mkdir()
    link_backbones(prepared_cache, settings)
    made = fill(settings)
    app = start_app(settings)
    tabs = [open_tab(may_fail=True) for _ in made]
    for tab, (secret, _, _) in zip(tabs, made, strict=True):
        tab.context.add_cookies([{"name": COOKIE_NAME, "value": secret, "url": app.url}])
    for number, tab in enumerate(tabs):
        (_, own_id, own_hash), (_, other_id, other_hash) = made[number], made[1 - number]
        visit(tab, f"{app.url}/dataset?dataset={own_id}")
        expect(tab.get_by_text(f"{NAMES[number]} class").first).to_be_visible()
        assert NAMES[1 - number] not in tab.content()
        visit(tab, f"{app.url}/dataset?dataset={other_id}")
        expect(tab.get_by_text("No dataset has the number").first).to_be_visible()
        assert NAMES[1 - number] not in tab.content()
        photo = f"{app.url}/bluetit/photos/{{}}/256.jpg"
        assert tab.request.get(photo.format(own_hash)).status == 200
        answers = [tab.request.get(photo.format(each)) for each in (other_hash, "0" * 64)]
        assert [(each.status, each.text()) for each in answers] == [(404, "There is no such photo.")] * 2
        visit(tab, f"{app.url}/train?dataset={other_id}")
        assert NAMES[1 - number] not in tab.content()
