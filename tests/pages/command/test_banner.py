"""What the terminal shows of a class."""

import click
import pytest

from core.hosting.addresses import sort_addresses
from core.hosting.invitation import Invitation, invite
from pages.command.banner import banner, large_letters

ROOM = invite(sort_addresses({"wlan0": ["192.168.1.5"]}, ["192.168.1.5"]), 8501)
START = "http://localhost:8501/bluetit/class-start"


def shown(invitation: Invitation, password: str | None, *, has_blocks: bool = True) -> str:
    return banner(invitation, "KQXWMB", password, start_url=START, has_blocks=has_blocks)


def test_a_teacher_sees_all_that_is_needed():
    """Address, code, password, what to press, the page for the projector, how to stop."""
    text = shown(ROOM, "KXWM-PQRA-ZTHE")
    for part in ("192.168.1.5:8501", "https://192.168.1.5:8501", "KQXWMB", "KXWM-PQRA-ZTHE", "Write it down", START):
        assert part in text
    assert "Advanced" in text
    assert "Ctrl-C" in text
    assert max(map(len, click.unstyle(text).splitlines())) <= 80


def test_the_password_is_shown_once():
    """The same lines come again when the address changes."""
    assert "password" not in shown(ROOM, None)


def test_a_school_certificate_needs_no_words_about_warnings():
    """No browser warns."""
    assert "Advanced" not in shown(invite([], 443, name="bluetit.school.example"), "P")


def test_the_qr_code_is_dark_on_light_whatever_the_terminal():
    """Cameras look for dark squares; terminals are dark or light."""
    coded = [line for line in shown(ROOM, "P").splitlines() if "\033" in line]
    assert len(coded) >= 15
    assert all("\033[97m\033[40m" in line for line in coded)


def test_a_terminal_without_blocks_gets_letters_alone():
    """Old consoles of Windows fail at signs that they do not have."""
    text = shown(ROOM, "P", has_blocks=False)
    assert text.encode("cp1252")
    assert "KQXWMB" in text


@pytest.mark.parametrize("code", ["WWWWWW", "JJJJJJ", "ABCDEF"])
def test_large_letters_fit_a_terminal(code: str):
    """Six of the widest stand in 80 columns, and are as high as one can read from afar."""
    lines = large_letters(code).splitlines()
    assert max(map(len, lines)) <= 78
    assert 4 <= len(lines) <= 8
