"""What pupils type or scan to come to the class, and what is worth knowing about the network."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.hosting.addresses import NetworkAddress, Reach

_HTTPS_PORT = 443
_NO_NETWORK = (
    "This computer is in no network: only it can open the class. Join the Wi-Fi of the room; the address appears here."
)
_SELF_GIVEN = (
    "The network gave this computer no address, so others hardly find it. Join the Wi-Fi of the room again, or ask who "
    "looks after the network."
)
_ONLY_SIX = "This network has long addresses only (IPv6): let pupils scan the code instead of typing."
_VPN = "A VPN is on. If pupils cannot open the address, switch the VPN off."


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The way to a class that is held on this computer."""

    typed: str  # what pupils type, such as "192.168.1.5:8501"; the server sends them on to HTTPS
    link: str  # the same as a whole address, such as "https://192.168.1.5:8501"
    others: tuple[str, ...]  # what may be typed instead, likeliest first
    notes: tuple[str, ...]  # sentences about the network
    has_warning: bool  # whether browsers warn of the certificate

    def sentences(self) -> list[str]:
        """What is worth knowing besides the way itself, for the teacher."""
        others = [f"If that does not open on a device: {', or '.join(self.others)}."] if self.others else []
        return [*others, *self.notes]

    def link_with_code(self, code: str) -> str:
        """What the QR code says: nothing is left to be typed.

        Args:
            code: of the class.
        """
        return f"{self.link}/?code={code}"


def invite(
    addresses: Sequence[NetworkAddress], port: int, *, name: str | None = None, needs_port: bool = True
) -> Invitation:
    """The way to the class.

    Args:
        addresses: of this computer, the likeliest first.
        port: that the server listens on.
        needs_port: whether it has to be typed; else the server is also where browsers look by themselves.
        name: of this computer, where a certificate of the school's own is for it; None: the certificate is our own.
    """
    reachable = [each for each in addresses if each.reach in (Reach.LOCAL, Reach.VPN)]
    typable = [each for each in reachable if each.address.version == 4] or reachable
    hosts = [each.host for each in typable or addresses] or ["localhost"]
    if name is not None:
        hosts = [name]
    suffix = "" if port == _HTTPS_PORT else f":{port}"
    typed = [f"{host}{suffix if needs_port else ''}" for host in hosts]
    return Invitation(
        typed=typed[0],
        link=f"https://{hosts[0]}{suffix}",
        others=tuple(typed[1:]),
        notes=tuple(_notes(addresses, typable)),
        has_warning=name is None,
    )


def _notes(addresses: Sequence[NetworkAddress], typable: Sequence[NetworkAddress]) -> list[str]:
    if not typable:
        is_self_given = any(each.reach is Reach.SELF_GIVEN for each in addresses)
        return [_SELF_GIVEN if is_self_given else _NO_NETWORK]
    notes = []
    if all(each.address.version == 6 for each in typable):
        notes.append(_ONLY_SIX)
    if any(each.reach is Reach.VPN for each in addresses):
        notes.append(_VPN)
    return notes
