"""Accounts of a real identity provider: each has a space, signing out closes it, and administrators are told apart."""

import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.settings import Settings
from core.spaces.records import SpaceKind
from core.storage.db import open_database
from core.storage.schema import Space
from tests.conftest import link_backbones
from tests.e2e.conftest import OpenTab
from tests.e2e.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, running_identity_provider
from tests.e2e.running_app import RunningApp, free_port, running_app

_SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "known to this server alone"
client_id = "{client_id}"
client_secret = "{client_secret}"
server_metadata_url = "{metadata_url}"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory,
    prepared_cache: Path,
    keras_environment: dict[str, str],
    provider: IdentityProvider,
) -> Iterator[RunningApp]:
    """An app to which accounts of the provider have access."""
    folder, port = tmp_path_factory.mktemp("accounts"), free_port()
    secrets = folder / "secrets.toml"
    secrets.write_text(
        _SECRETS.format(
            url=f"http://localhost:{port}",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            metadata_url=provider.metadata_url,
        )
    )
    assert "auth" in tomllib.loads(secrets.read_text())
    settings = Settings(
        workspace_dir=folder / "workspace",
        access="accounts",
        package_after_training=False,
        administrators=("anna@example.org",),
    )
    settings.workspace_dir.mkdir()
    link_backbones(prepared_cache, settings)
    options = ("--secrets.files", str(secrets))
    with running_app(settings, environment=keras_environment, port=port, options=options) as running:
        yield running


@pytest.fixture
def open_one(open_tab: OpenTab, app: RunningApp) -> Callable[..., Page]:
    """Opens a page of the app as a new visitor."""

    def open_page(path: str = "") -> Page:
        page = open_tab(may_fail=True)
        page.goto(f"{app.url}/{path}")
        return page

    return open_page


def sign_in(page: Page, who: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=who).click()
    expect(page.locator("#bluetit-who")).to_be_attached()


def test_an_account_has_a_space(open_one: Callable[..., Page], app: RunningApp) -> None:
    """Whoever signs in lands on the page that was asked for, and is known again by issuer and subject alone."""
    page = open_one("dataset?dataset=99")
    expect(page.get_by_text("What is it about?")).to_have_count(0)
    sign_in(page, "anna")
    expect(page).to_have_url(re.compile("/dataset"))
    expect(page.get_by_label("What is it about?")).to_be_visible()
    expect(page.locator("#bluetit-who")).to_contain_text("Anna Amsel")
    with closing(open_database(app.settings)) as database, database.read_session() as session:
        (row,) = [row for row in session.query(Space) if row.name == "Anna Amsel"]
        assert (row.kind, "anna" in row.account) == (SpaceKind.ACCOUNT, True)
        assert "example.org" not in repr(vars(row))


def test_accounts_see_nothing_of_each_other(open_one: Callable[..., Page]) -> None:
    """What one makes is in that one's space, in whichever browser."""
    anna, ben, again = open_one("dataset"), open_one("dataset"), open_one("dataset")
    sign_in(anna, "anna")
    anna.get_by_label("What is it about?").fill("Of Anna")
    anna.get_by_placeholder("blue tit, crow").fill("one, other")
    anna.get_by_role("button", name="Create").click()
    expect(anna.get_by_text("Of Anna").first).to_be_visible()
    sign_in(ben, "ben")
    expect(ben.get_by_label("What is it about?")).to_be_visible()
    expect(ben.get_by_text("Of Anna")).to_have_count(0)
    sign_in(again, "anna")
    expect(again.get_by_text("Of Anna").first).to_be_visible()


def test_signing_out(open_one: Callable[..., Page], app: RunningApp) -> None:
    """The browser is nobody's then: pages ask who one is, and routes know nobody."""
    page = open_one()
    sign_in(page, "ben")
    page.locator("#bluetit-who").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    told = page.evaluate("async () => (await fetch('bluetit/presence')).status")
    assert told == 403
    page.goto(f"{app.url}/dataset")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_ticket_is_good_once(open_one: Callable[..., Page], app: RunningApp) -> None:
    """And an invented one for nothing."""
    page = open_one()
    page.goto(f"{app.url}/bluetit/door/account?ticket=invented")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_an_administrator_deletes_an_account(open_one: Callable[..., Page]) -> None:
    """One whose address the provider has verified has a page for it; others read that it is not for them."""
    ben, anna = open_one("accounts"), open_one()
    sign_in(ben, "ben")
    expect(ben.get_by_text("This page is for administrators")).to_be_visible()
    expect(ben.get_by_role("link", name="Accounts")).to_have_count(0)
    ben.close()  # or it would be back at once, with nothing
    sign_in(anna, "anna")
    anna.get_by_role("link", name="Accounts").click()
    anna.locator("button.card").filter(has_text="Ben Buchfink").click()
    anna.get_by_text("Nobody needs any of it any more").click()
    anna.get_by_role("button", name="Delete everything").click()
    expect(anna.get_by_role("dialog")).to_be_hidden()
    expect(anna.get_by_text("Everything of an account is deleted")).to_be_visible(timeout=120_000)
    expect(anna.locator("button.card").filter(has_text="Ben Buchfink")).to_have_count(0)
