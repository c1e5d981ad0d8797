"""Which addresses a link's host has, and whether they may be contacted: never those of a private network.

A visitor may paste any address, and the server that reads it stands inside somebody's network. So the host is
resolved here, and every address it has is checked.
"""

import ipaddress
import queue
import socket
import threading
from typing import Any

from core.errors import LinkFailedError, LinkRefusedError
from core.links.address import Link
from core.links.watch import Watch
from core.settings import Settings

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Source: https://www.iana.org/assignments/ipv6-address-space: the only block of public IPv6 addresses.
_IPV6_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Source: RFC 6052: the last 32 bits are an IPv4 address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Special blocks that Python 3.11 takes for public. Sources: RFC 6890, RFC 7526, RFC 9637.
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))


def checked_addresses(link: Link, settings: Settings, watch: Watch) -> list[str]:
    """The addresses of a link's host, all of them allowed.

    Raises:
        LinkRefusedError: one of them is private, and the settings do not allow the host.
        LinkFailedError: nobody has the name, or the watch has ended.
    """
    addresses = _literal_addresses(link.host) or _resolve(link, watch)
    if not _is_allowed_private_host(link, settings) and not all(map(_is_public, addresses)):
        # The address is not shown: it would tell a stranger how the private network looks.
        raise LinkRefusedError(
            f"The link leads to {link.host_and_port}, which is not a public server but inside a private "
            f"network or this computer itself. {watch.remedy} "
            "An administrator can allow the server with the setting link_allowed_private_hosts."
        )
    return [str(address) for address in dict.fromkeys(addresses)]


def _is_allowed_private_host(link: Link, settings: Settings) -> bool:
    host = f"[{link.host}]" if ":" in link.host else link.host
    names = {link.host, host, f"{host}:{link.port}"}
    return any(entry.lower() in names for entry in settings.link_allowed_private_hosts)


def _literal_addresses(host: str) -> list[_Address]:
    """The address that a host spells out, in any spelling; empty if the host is a name."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        # The C library's rules, which connecting would follow too: 2130706433 and 0x7f.1 are 127.0.0.1.
        return [ipaddress.IPv4Address(socket.inet_aton(host))]
    except OSError:
        return []


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded_ipv4(address)
        if inner is not None:
            return _is_public(inner)
        if address not in _IPV6_GLOBAL_UNICAST:
            return False
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4 or NAT64."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _resolve(link: Link, watch: Watch) -> list[_Address]:
    """Ask DNS for the host's addresses.

    `getaddrinfo` takes no time limit, so it runs in a thread that is left behind when it is too slow; the
    system's own limit, some 30 seconds, ends that thread.
    """
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(link.host, link.port, type=socket.SOCK_STREAM))
        except Exception as exc:  # noqa: BLE001 - raised below: a thread that died would look like a slow answer
            answers.put(exc)

    threading.Thread(target=ask, name=f"resolve {link.host[:40]}", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=watch.next_wait_seconds())
            break
        except queue.Empty:
            continue  # the watch says when it is enough
    if isinstance(answer, Exception):
        if not isinstance(answer, (OSError, ValueError)):
            raise answer
        raise LinkFailedError(
            f"No server named {link.host} was found. Check the spelling of the link, and whether this "
            "computer is connected to the internet."
        ) from answer
    # A scope such as fe80::1%eth0 is no part of the address; such addresses are refused anyway.
    return [ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in answer]
