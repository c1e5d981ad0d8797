"""What pupils type or scan."""

import pytest

from core.hosting.addresses import sort_addresses
from core.hosting.invitation import invite

ROOM = sort_addresses({"wlan0": ["192.168.1.5", "2a02:8109::5"]}, ["192.168.1.5"])


def test_pupils_type_the_address_alone():
    """What is shown needs no https:// in front; what is scanned has everything."""
    invitation = invite(ROOM, 8501)
    assert invitation.typed == "192.168.1.5:8501"
    assert invitation.link_with_code("KQXWMB") == "https://192.168.1.5:8501/?code=KQXWMB"
    assert invitation.sentences() == []
    assert invitation.has_warning


def test_where_browsers_look_by_themselves_no_port_is_typed():
    """The link that is scanned leads to HTTPS all the same."""
    invitation = invite(ROOM, 8501, needs_port=False)
    assert (invitation.typed, invitation.link) == ("192.168.1.5", "https://192.168.1.5:8501")


def test_a_school_certificate_is_for_a_name():
    """The name is typed, and no browser warns."""
    invitation = invite(ROOM, 443, name="bluetit.school.example")
    assert (invitation.typed, invitation.link) == ("bluetit.school.example", "https://bluetit.school.example")
    assert not invitation.has_warning


@pytest.mark.parametrize(
    ("by_interface", "typed", "sentence"),
    [
        ({}, "localhost:8501", "in no network"),
        ({"docker0": ["172.17.0.1"]}, "172.17.0.1:8501", "in no network"),
        ({"Wi-Fi": ["169.254.12.9"]}, "169.254.12.9:8501", "gave this computer no address"),
        ({"wlan0": ["2a02:8109::5"]}, "[2a02:8109::5]:8501", "scan the code"),
        ({"wlan0": ["192.168.1.5"], "utun3": ["10.8.0.6"]}, "192.168.1.5:8501", "VPN is on"),
        ({"wlan0": ["192.168.1.5"], "eth0": ["10.0.0.7"]}, "192.168.1.5:8501", "10.0.0.7:8501"),
    ],
    ids=["no network", "programs only", "self-given", "long only", "vpn", "several"],
)
def test_what_is_worth_knowing_is_a_sentence(by_interface: dict[str, list[str]], typed: str, sentence: str):
    """Each kind of network has an address to show, and its own sentence."""
    invitation = invite(sort_addresses(by_interface, ["192.168.1.5"]), 8501)
    assert invitation.typed == typed
    assert sentence in " ".join(invitation.sentences())
