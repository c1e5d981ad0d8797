"""Under which addresses others may reach this computer."""

from core.hosting.addresses import Reach, find_addresses, host_names, sort_addresses


def shown(by_interface: dict[str, list[str]], *ways_out: str) -> list[str]:
    """As they stand in a web address, in order."""
    return [each.host for each in sort_addresses(by_interface, ways_out)]


def test_the_way_out_comes_first():
    """Of several networks, the one by which this computer goes out itself is likely the room's."""
    by_interface = {"eth0": ["10.0.0.7"], "wlan0": ["192.168.1.5", "2a02:8109::5"]}
    assert shown(by_interface, "192.168.1.5") == ["192.168.1.5", "10.0.0.7", "[2a02:8109::5]"]


def test_short_addresses_come_before_long_ones():
    """They are typed by thirty children, even where the way out is a long one."""
    assert shown({"wlan0": ["2a02:8109::5", "192.168.1.5"]}, "192.168.1.5", "2a02:8109::5") == [
        "192.168.1.5",
        "[2a02:8109::5]",
    ]


def test_vpns_and_virtual_machines_come_last():
    """A VPN takes the way out over; the room is reached by the other interface all the same."""
    by_interface = {"docker0": ["172.17.0.1"], "tun0": ["10.8.0.6"], "wlp3s0": ["192.168.1.5"]}
    found = sort_addresses(by_interface, ["10.8.0.6"])
    assert [each.reach for each in found] == [Reach.LOCAL, Reach.VPN, Reach.PROGRAMS]
    assert str(found[0].address) == "192.168.1.5"


def test_what_nobody_else_can_open_is_left_out():
    """This computer's own addresses, and those that need the name of an interface."""
    by_interface = {"lo": ["127.0.0.1", "::1"], "eth0": ["fe80::1%eth0", "0.0.0.0", "192.168.1.5"]}
    assert shown(by_interface) == ["192.168.1.5"]


def test_a_computer_that_got_no_address_is_known_by_the_one_it_made_up():
    """Systems give themselves one when no network does."""
    (found,) = sort_addresses({"Wi-Fi": ["169.254.12.9"]}, [])
    assert found.reach is Reach.SELF_GIVEN


def test_this_computer_is_looked_at():
    """Whatever it has, none of it is for itself alone, and its names can stand in a certificate."""
    assert not [each for each in find_addresses() if each.address.is_loopback]
    assert all(name.isascii() and " " not in name for name in host_names())
