"""What happens when a camera sees a class, as browsers are told it."""

from collections.abc import Callable
from typing import Any

from core.actions.records import Actions


def tell_actions(actions: Actions, url_of: Callable[[str], str]) -> dict[str, Any]:
    """By the name of the class, which is what answers call it, with the addresses of pictures and sounds.

    Args:
        actions: of the model.
        url_of: address of a file of a reaction, by its name.
    """
    return {
        "by_label": {
            name: {
                "picture": action.picture and url_of(action.picture),
                "sound": action.sound and url_of(action.sound),
                "words": action.words,
                "colour": action.colour,
            }
            for name, action in actions.by_class.items()
        },
        "language": actions.language,
    }
