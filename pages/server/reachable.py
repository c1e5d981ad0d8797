"""The address that other devices can open: as this browser has it, or by the network that the computer is in."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit, urlunsplit

import streamlit as st

from core.hosting.addresses import find_addresses
from pages.server.invited import INVITATION_BOARD

_ALL_INTERFACES = ("", "0.0.0.0", "::")

_LOCAL_ONLY = (
    "No other device can reach this Bluetit, for it listens to this computer only. Start it for the class with "
    "`.venv/bin/bluetit class`, or have a web server in front of it (see docs/deployment.md)."
)
_NO_NETWORK = (
    "This computer is in no network just now, so no other device can reach it. Join the Wi-Fi, then reload this page."
)
_UNKNOWN = "This browser does not say at which address it opened the page. Reload the page."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachableAddress:
    """Where another device finds a page; or why it cannot."""

    url: str | None
    problem: str | None = None  # for people, as Markdown, where there is no address

    @property
    def lends_camera(self) -> bool:
        """Whether phones show the camera in a page at that address, which they do with HTTPS alone."""
        return self.url is not None and self.url.startswith("https:")

    def with_token(self, token: str) -> str:
        """The whole address; what stands behind the "#" is sent to no server."""
        return f"{self.url}#{token}"


def reachable_address(page: str) -> ReachableAddress:
    """That of a page, for whoever sees the page that is being made.

    Args:
        page: its address relative to the pages of the app, such as "bluetit/phone".
    """
    invitation, page_url = INVITATION_BOARD.current(), st.context.url
    if invitation is not None and page_url is not None and is_local(urlsplit(page_url).hostname or ""):
        return ReachableAddress(url=f"{invitation.link}/{page}")
    listens_at = str(st.get_option("server.address") or "")
    machine = [each.host for each in find_addresses()]
    return find_reachable_address(page, page_url, listens_at=listens_at, machine=machine)


def find_reachable_address(
    page: str, page_url: str | None, *, listens_at: str, machine: Sequence[str]
) -> ReachableAddress:
    """The same from what there is to know.

    Args:
        page: its address relative to the pages of the app.
        page_url: of a page of the app, as the browser has it: behind other servers only the browser knows it.
        listens_at: the address at which this server listens; empty for all that the computer has.
        machine: the computer's own addresses in its networks as they stand in web addresses, the likeliest first.
    """
    if page_url is None:
        return ReachableAddress(url=None, problem=_UNKNOWN)
    parts = urlsplit(urljoin(page_url.rstrip("/"), page))
    if not is_local(parts.hostname or ""):
        return ReachableAddress(url=urlunsplit(parts))
    if listens_at in _ALL_INTERFACES:
        hosts = list(machine)
    elif is_local(listens_at):
        return ReachableAddress(url=None, problem=_LOCAL_ONLY)
    else:
        hosts = [f"[{listens_at}]" if ":" in listens_at else listens_at]
    if not hosts:
        return ReachableAddress(url=None, problem=_NO_NETWORK)
    port = "" if parts.port is None else f":{parts.port}"
    return ReachableAddress(url=urlunsplit(parts._replace(netloc=hosts[0] + port)))


def is_local(host: str) -> bool:
    """Whether a host is the very computer that asks."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
