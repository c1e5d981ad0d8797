"""Who an account is by its claims, and who is an administrator."""

from typing import Any

import pytest

from core.settings import Settings
from pages.server.account_role import Account, account_of, is_administrator

ANNA = {
    "is_logged_in": True,
    "iss": "https://school.example",
    "sub": "4711",
    "name": "Anna Amsel",
    "email": "Anna@School.example",
    "email_verified": True,
}


def account(**changes: Any) -> Account | None:
    return account_of({**ANNA, **changes})


def test_issuer_and_subject_make_an_account() -> None:
    """The same subject of another provider is somebody else; name and address may change."""
    anna, renamed, other = account(), account(name="Anna Meise", email="a@b.example"), account(iss="https://b.example")
    assert anna is not None
    assert renamed is not None
    assert other is not None
    assert anna.key == renamed.key != other.key
    assert (anna.name, renamed.name) == ("Anna Amsel", "Anna Meise")


@pytest.mark.parametrize("changes", [{"is_logged_in": False}, {"sub": None}, {"iss": None}, {"sub": 7}])
def test_claims_that_make_none(changes: dict[str, Any]) -> None:
    """Whoever is not signed in, or by a provider that does not say as whom."""
    assert account(**changes) is None


@pytest.mark.parametrize(
    ("claims", "is_one"),
    [
        ({}, True),
        ({"email": "anna@school.EXAMPLE"}, True),
        ({"email": "ben@school.example"}, False),
        ({"email_verified": False}, False),
        ({"email_verified": None}, False),
        ({"email": None}, False),
    ],
)
def test_administrators(settings: Settings, claims: dict[str, Any], is_one: bool) -> None:
    """By an address that the provider has verified: others can be typed by anybody into their profile."""
    named = Settings(workspace_dir=settings.workspace_dir, administrators=("anna@school.example",))
    assert is_administrator(account(**claims), named) is is_one
    assert not is_administrator(None, named)
