"""The address that a phone can open: as this browser has it, or by the network that the computer is in."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit, urlunsplit

import psutil
import streamlit as st

from pages.server.phone_routes import PHONE_PAGE

_ALL_INTERFACES = ("", "0.0.0.0", "::")
# Nothing is sent there: the system only says by which of its addresses it would. Source: RFC 5737, for documentation.
_SOMEWHERE = ("192.0.2.1", 9)

_LOCAL_ONLY = (
    "No phone can reach this Bluetit, for it listens to this computer only. Start it for the class with "
    "`.venv/bin/bluetit class`, or have a web server in front of it (see docs/deployment.md)."
)
_NO_NETWORK = (
    "This computer is in no network just now, so no phone can reach it. Join the Wi-Fi, then reload this page."
)
_UNKNOWN = "This browser does not say at which address it opened the page. Reload the page."


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneAddress:
    """Where a phone finds its page, without a link's token; or why it cannot."""

    url: str | None
    problem: str | None = None  # for people, as Markdown, where there is no address

    @property
    def lends_camera(self) -> bool:
        """Whether phones show the camera in a page at that address, which they do with HTTPS alone."""
        return self.url is not None and self.url.startswith("https:")

    def with_token(self, token: str) -> str:
        """The whole address; what stands behind the "#" is sent to no server."""
        return f"{self.url}#{token}"


def phone_address() -> PhoneAddress:
    """That of the page for phones, for whoever sees the page that is being made."""
    listens_at = str(st.get_option("server.address") or "")
    return find_phone_address(st.context.url, listens_at=listens_at, machine=machine_addresses())


def find_phone_address(page_url: str | None, *, listens_at: str, machine: Sequence[str]) -> PhoneAddress:
    """The same from what there is to know.

    Args:
        page_url: of a page of the app, as the browser has it: behind other servers only the browser knows it.
        listens_at: the address at which this server listens; empty for all that the computer has.
        machine: the computer's own addresses in its networks, the likeliest first.
    """
    if page_url is None:
        return PhoneAddress(url=None, problem=_UNKNOWN)
    parts = urlsplit(urljoin(page_url.rstrip("/"), PHONE_PAGE))
    if not is_local(parts.hostname or ""):
        return PhoneAddress(url=urlunsplit(parts))
    if listens_at in _ALL_INTERFACES:
        hosts = list(machine)
    elif is_local(listens_at):
        return PhoneAddress(url=None, problem=_LOCAL_ONLY)
    else:
        hosts = [listens_at]
    if not hosts:
        return PhoneAddress(url=None, problem=_NO_NETWORK)
    host = f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]
    port = "" if parts.port is None else f":{parts.port}"
    return PhoneAddress(url=urlunsplit(parts._replace(netloc=host + port)))


def is_local(host: str) -> bool:
    """Whether a host is the very computer that asks."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def machine_addresses() -> list[str]:
    """The IPv4 addresses of this computer in its networks: the one by which it goes out first."""
    found = [
        each.address
        for name, addresses in psutil.net_if_addrs().items()
        if (facts := psutil.net_if_stats().get(name)) is not None and facts.isup
        for each in addresses
        if each.family == socket.AF_INET and not _is_of_no_network(each.address)
    ]
    outward = _outward_address()
    return sorted(found, key=lambda address: address != outward)


def _outward_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE)
        except OSError:
            return None  # there is no way out: a network of its own, without internet
        address: str = probe.getsockname()[0]
        return address


def _is_of_no_network(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified
