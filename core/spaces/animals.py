"""The names under which pupils come in: friendly, and of nobody."""

import random
from collections.abc import Collection

_MANNERS = (
    *("Amber", "Bold", "Brave", "Bright", "Calm", "Clever", "Cosy", "Curious", "Eager", "Gentle", "Golden", "Happy"),
    *("Jolly", "Keen", "Kind", "Lively", "Lucky", "Merry", "Nimble", "Patient", "Proud", "Quick", "Quiet", "Silver"),
    *("Steady", "Sunny", "Swift", "Tidy", "Warm", "Wise"),
)
_ANIMALS = (
    *("Badger", "Beaver", "Bee", "Bison", "Crane", "Deer", "Dolphin", "Falcon", "Ferret", "Finch", "Fox", "Gecko"),
    *("Hare", "Hedgehog", "Heron", "Jackdaw", "Kestrel", "Lynx", "Marten", "Mole", "Moth", "Newt", "Otter", "Owl"),
    *("Panda", "Puffin", "Rabbit", "Raven", "Robin", "Seal", "Stork", "Swan", "Tiger", "Toad", "Wren", "Zebra"),
)
_TRIES = 200
_NUMBERS = range(2, 1000)


def offer_names(taken: Collection[str], number: int) -> list[str]:
    """Different names that nobody has yet, such as "Quiet Otter".

    Args:
        taken: names that are not offered.
        number: how many are wanted.
    """
    offered: dict[str, None] = {}
    chooser = random.SystemRandom()
    for attempt in range(_TRIES):
        name = f"{chooser.choice(_MANNERS)} {chooser.choice(_ANIMALS)}"
        if attempt >= _TRIES // 2:  # more than a thousand are taken
            name = f"{name} {chooser.choice(_NUMBERS)}"
        if name not in taken:
            offered[name] = None
        if len(offered) == number:
            break
    return list(offered)


def is_animal_name(text: str) -> bool:
    """Whether a name is one of those that are offered: nobody comes in under one of their own, or a rude one."""
    manner, _, rest = text.partition(" ")
    animal, _, number = rest.partition(" ")
    is_number = number.isascii() and number.isdecimal() and str(int(number)) == number and int(number) in _NUMBERS
    return manner in _MANNERS and animal in _ANIMALS and (is_number or rest == animal)
