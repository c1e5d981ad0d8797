"""Who is signed in with an account, and whether that is an administrator: pages differ for them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import BluetitError, NotLetInError
from core.services import Services
from core.settings import Settings
from core.spaces.records import SpaceView
from pages.server.services import get_services, whole_services

_MAX_NAME_CHARS = 80
_NAMELESS = "Account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom an identity provider has told of."""

    key: str  # issuer and subject, which together are one person for ever
    name: str  # for people
    email: str | None  # None: none that the provider has verified


def account_of(user: Mapping[str, Any]) -> Account | None:
    """The account that is signed in; None: none is.

    Args:
        user: claims of an ID token, as `st.user` has them.
            Source: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
    """
    issuer, subject = user.get("iss"), user.get("sub")
    if not user.get("is_logged_in") or not isinstance(issuer, str) or not isinstance(subject, str):
        return None
    email = user.get("email")
    is_verified = user.get("email_verified") in (True, "true")
    names = (user.get(claim) for claim in ("name", "preferred_username", "email"))
    name = next((each for each in names if isinstance(each, str) and each.strip()), _NAMELESS)
    return Account(
        key=json.dumps([issuer, subject]),
        name=name.strip()[:_MAX_NAME_CHARS],
        email=email.casefold() if isinstance(email, str) and is_verified else None,
    )


def signed_in() -> Account | None:
    """The account of the visitor of the page that is being made; None: nobody is signed in."""
    return account_of(st.user.to_dict())


def is_administrator(account: Account | None, settings: Settings) -> bool:
    """Whether somebody may see how much everybody stores, and delete it."""
    if account is None or account.email is None:
        return False
    return account.email in {address.casefold() for address in settings.administrators}


def is_for_accounts() -> bool:
    """Whether people sign in with accounts here."""
    try:
        return whole_services().settings.access == "accounts"
    except BluetitError:
        return False  # the page itself says why


def is_visitor_administrator() -> bool:
    """Whether the visitor of the page that is being made is an administrator who is let in."""
    try:
        space_of_administrator(get_services())
    except BluetitError:
        return False
    return True


def space_of_administrator(services: Services) -> SpaceView:
    """The administrator's own space.

    Args:
        services: of the visitor of the page that is being made.

    Raises:
        NotLetInError: whoever asks is no administrator, or not signed in any more.
    """
    account = signed_in() if services.settings.access == "accounts" else None
    if account is not None and is_administrator(account, services.settings):
        space = services.spaces.find_by_account(account.key)
        if space is not None and space.id == services.space_id:
            return space
    raise NotLetInError("This page is for administrators. Whoever runs this Bluetit names them.")
