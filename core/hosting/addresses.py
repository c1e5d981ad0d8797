"""Under which addresses other devices in the room may reach this computer, the likeliest first."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import psutil

# Addresses that nobody has (RFC 5737, RFC 3849): asking by which way one would get there sends nothing.
_ANYWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_PORT = 9

_VPN = re.compile(
    r"tun|tap|wg|ppp|ipsec|utun|zt|tailscale|nordlynx|proton|mullvad|openvpn|wireguard|anyconnect|fortinet|vpn", re.I
)
_OF_PROGRAMS = re.compile(  # between this computer and the virtual machines and containers that it runs
    r"docker|br-|veth|virbr|vmnet|vboxnet|virtualbox|vmware|vethernet|hyper-v|lxc|lxd|podman|cni|cali|wsl|bridge|"
    r"awdl|llw|anpi",
    re.I,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(IntEnum):
    """How likely it is that other devices in the room get to an address, the likeliest first."""

    LOCAL = 0
    VPN = 1
    PROGRAMS = 2
    SELF_GIVEN = 3  # made up by this computer, because the network gave it none


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAddress:
    """An address of this computer."""

    address: Address
    interface: str  # as the operating system calls it
    reach: Reach
    is_way_out: bool  # whether this computer reaches others by it

    @property
    def host(self) -> str:
        """As it stands in a web address: IPv6 in brackets."""
        return f"[{self.address}]" if self.address.version == 6 else str(self.address)


def find_addresses() -> list[NetworkAddress]:
    """The addresses of this computer but those that only itself can reach, the likeliest first."""
    stats = psutil.net_if_stats()
    by_interface = {
        name: [each.address for each in entries if each.family in _ANYWHERE]
        for name, entries in psutil.net_if_addrs().items()
        if name not in stats or stats[name].isup
    }
    return sort_addresses(by_interface, filter(None, map(_way_out, _ANYWHERE)))


def sort_addresses(by_interface: Mapping[str, Iterable[str]], ways_out: Iterable[str]) -> list[NetworkAddress]:
    """The addresses that others may reach, the likeliest first: in the local network, by which this computer goes out
    itself, short ones that can be typed.

    Args:
        by_interface: addresses as the operating system writes them, by the name of the interface.
        ways_out: from which this computer would reach others.
    """
    out = {_read(text) for text in ways_out}
    found = [
        NetworkAddress(address=address, interface=name, reach=_reach(name, address), is_way_out=address in out)
        for name, texts in by_interface.items()
        for address in map(_read, texts)
        if not _is_of_nobody_else(address)
    ]
    return sorted(
        found, key=lambda each: (each.reach, not each.is_way_out, each.address.version, not each.address.is_private)
    )


def host_names() -> list[str]:
    """Names under which this computer may be known in the local network."""
    name = socket.gethostname().strip().rstrip(".").lower()
    short = name.split(".")[0]
    return [each for each in dict.fromkeys((name, short, f"{short}.local")) if re.fullmatch(r"[a-z0-9.-]{1,63}", each)]


def _read(text: str) -> Address:
    return ipaddress.ip_address(text.split("%")[0])  # without the interface's name


def _is_of_nobody_else(address: Address) -> bool:
    is_link_local_six = address.version == 6 and address.is_link_local  # which browsers cannot open
    return address.is_loopback or address.is_unspecified or address.is_multicast or is_link_local_six


def _reach(interface: str, address: Address) -> Reach:
    if address.is_link_local:
        return Reach.SELF_GIVEN
    if _OF_PROGRAMS.match(interface):
        return Reach.PROGRAMS
    return Reach.VPN if _VPN.match(interface) else Reach.LOCAL


def _way_out(family: socket.AddressFamily) -> str | None:
    """The address from which this computer would reach others; None: it cannot."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ANYWHERE[family], _PORT))
            return str(probe.getsockname()[0])
    except OSError:
        return None
