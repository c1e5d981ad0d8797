"""The pile: the class of photos that nobody has sorted yet.

Every image is in a class. Photos of which nobody has said what they show are in the one called "to sort". Whatever
comes into it is marked as unsure, so that no training learns from it or is judged by it; the mark goes when a photo
leaves for a class that means something.
"""

from core.datasets.records import Review
from core.names import name_key

PILE_NAME = "to sort"
_KEY = name_key(PILE_NAME)


def is_pile(class_name: str) -> bool:
    """Whether a class of this name holds photos that nobody has sorted yet."""
    return name_key(class_name) == _KEY


def review_in(class_name: str) -> Review | None:
    """The mark of a photo that comes into a class: unsure in the pile, else none."""
    return Review.UNSURE if is_pile(class_name) else None
