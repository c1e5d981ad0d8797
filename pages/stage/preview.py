"""How a kiosk looks, and what happens at a class, while it is being set up."""

from collections.abc import Mapping
from typing import Any

from core.actions.scripts import action_program
from pages.widgets.browser_component import load_component, show_component

_kiosk = load_component("kiosk_preview", styles=["screen_preview"])
_reaction = load_component("reaction_preview", styles=["screen_preview"], scripts=[action_program()])


def kiosk_preview(page: str, *, key: str) -> None:
    """The kiosk itself, in a frame; its camera waits for a touch there.

    Args:
        page: address of the kiosk, relative to the page.
        key: of the widget.
    """
    show_component(_kiosk, key=key, data={"url": f"{page}?preview"})


def reaction_preview(action: Mapping[str, Any], *, class_name: str, language: str, key: str) -> None:
    """What happens at a class, on a small screen, whenever somebody presses its button.

    Args:
        action: as `tell_actions` tells it.
        class_name: at which it happens.
        language: in which words are said.
        key: of the widget.
    """
    show_component(_reaction, key=key, data={"action": dict(action), "class_name": class_name, "language": language})
