"""The page of administrators: what accounts store, by numbers alone, and its deletion; nobody else has it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import SpaceError
from core.runs.desk import TRAIN_KIND
from core.services import Services
from core.settings import Settings
from core.spaces.deleting.desk import DELETE_KIND
from core.spaces.overview import read_accounts
from core.spaces.records import SpaceKind
from core.task_kinds import TASK_KINDS
from pages.server import account_role
from pages.server.account_role import Account
from pages.server.services import whole_services
from pages.words.accounts_told import tell_accounts
from tests.core.spaces.class_samples import collect, learn, perform, places_of

OpenApp = Callable[..., AppTest]

ANNA, BEN = "a" * 43, "b" * 43  # secrets of two browsers
PEOPLE = {
    ANNA: Account(key="anna", name="Anna Amsel", email="anna@school.example"),
    BEN: Account(key="ben", name="Ben Buchfink", email="ben@school.example"),
}

pytestmark = pytest.mark.usefixtures("no_workers")


@pytest.fixture
def services(open_app: OpenApp, settings: Settings) -> Iterator[Services]:
    """Two accounts, the second of which has photos and a model; the first is an administrator's."""
    open_app(replace(settings, access="accounts", administrators=("anna@school.example",), max_space_photos=14))
    services = whole_services()
    for secret, account in PEOPLE.items():
        space = services.spaces.create(SpaceKind.ACCOUNT, account.name, account=account.key)
        services.spaces.let_in(secret, space.id)
    learn(own := services.of_space(space.id), collect(own, range(12), name="Secret birds"), name="Secret model")
    return services


@pytest.fixture
def open_page(open_app: OpenApp, services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AppTest]:
    """Opens the page in a browser; the identity provider's part is played: tests/e2e/test_browser_accounts.py."""

    def open_one(secret: str) -> AppTest:
        monkeypatch.setattr(account_role, "signed_in", lambda: PEOPLE[secret])
        monkeypatch.setattr("pages.door.sign_in.signed_in", lambda: PEOPLE[secret])
        app = open_app(services.settings, secret=secret)
        app.switch_page("pages/accounts/page.py").run()
        assert not app.exception, app.exception
        return app

    return open_one


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.info, *app.error, *app.caption))


def test_only_administrators_have_the_page(open_page: Callable[[str], AppTest]) -> None:
    """Whoever else types its address reads that it is not for them, and nothing of others."""
    told = texts(open_page(BEN))
    assert "for administrators" in told
    assert "Who takes most of the disk" not in told
    assert "Who takes most of the disk" in texts(open_page(ANNA))


def test_what_is_told_of_accounts(services: Services) -> None:
    """Numbers, what is nearly full and the last visit, and no name of anything that is theirs."""
    services.queue.of_space(services.spaces.of_accounts()[0].id).submit(TRAIN_KIND, {"run_id": 0}, key="one")
    told = tell_accounts(read_accounts(services.database, services.settings, TASK_KINDS), services.settings)
    ben, anna = told["spaces"]
    assert told["heading"] == "2 accounts, 2 here"
    assert (ben["name"], ben["has"], ben["doing"]) == ("Ben Buchfink", "12 photos · 1 run", "here now")
    assert ben["due"] == "nearly full: 12 of 14 photos"
    assert (anna["has"], anna["storage"], anna["due"]) == ("0 photos · 0 runs", "", "")
    assert [each["owner"] for each in told["queue"] if each["owner"]] == ["Anna Amsel"]
    assert "ecret" not in repr(told)


def test_everything_of_an_account_is_deleted(open_page: Callable[[str], AppTest], services: Services) -> None:
    """After a question, with a receipt; its browser is out, and whoever signs in again begins with nothing."""
    (_, ben) = services.spaces.of_accounts()
    app = open_page(ANNA)
    app.session_state["accounts.opened"] = ben.id
    app.run()
    assert "12 of 14" in texts(app)
    assert app.button(key="accounts.delete").disabled
    app.checkbox(key="accounts.sure").check().run()
    app.button(key="accounts.delete").click().run()
    assert not app.exception, app.exception
    assert services.spaces.find_by_secret(BEN) is None
    assert services.spaces.find_by_account("ben") is None
    with pytest.raises(SpaceError, match="being deleted already"):
        services.deletions.request_accounts([ben.id])
    with pytest.raises(SpaceError, match="Only what accounts have"):
        services.deletions.request_accounts([services.spaces.home().id])
    perform(services, DELETE_KIND)
    told = texts(app.run())
    assert "Everything of an account is deleted**: 12 photos, 1 model of 1 account" in told
    assert "| accounts, with their names" in told
    assert places_of(services.settings, [b"Ben Buchfink", b"IMG secret 3.jpg"]) == []


def test_who_is_no_administrator_any_more_deletes_nothing(
    open_page: Callable[[str], AppTest], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the page is open still: it is asked at the press."""
    (_, ben) = services.spaces.of_accounts()
    app = open_page(ANNA)
    app.session_state["accounts.opened"] = ben.id
    app.run()
    app.checkbox(key="accounts.sure").check().run()
    monkeypatch.setattr(account_role, "signed_in", lambda: replace(PEOPLE[ANNA], email=None))
    app.button(key="accounts.delete").click().run()
    assert "for administrators" in texts(app)
    assert services.spaces.find_by_secret(BEN) is not None
