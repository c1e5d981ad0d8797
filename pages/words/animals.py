"""A picture for each of the names under which pupils come in, for those who read slowly, or in another language."""

# Where an animal has no picture of its own that tablets of 2020 know, one of its kin stands for it.
_PICTURES = {
    **{"Badger": "🦡", "Bee": "🐝", "Deer": "🦌", "Dolphin": "🐬", "Falcon": "🦅", "Finch": "🐦", "Fox": "🦊"},
    **{"Gecko": "🦎", "Hare": "🐇", "Hedgehog": "🦔", "Kestrel": "🦅", "Lynx": "🐱", "Moth": "🦋", "Newt": "🦎"},
    **{"Otter": "🦦", "Owl": "🦉", "Panda": "🐼", "Puffin": "🐧", "Rabbit": "🐰", "Robin": "🐦", "Swan": "🦢"},
    **{"Tiger": "🐯", "Toad": "🐸", "Wren": "🐦", "Zebra": "🦓", "Mole": "🐭", "Stork": "🦩", "Crane": "🦩"},
    **{"Heron": "🦩", "Jackdaw": "🐦", "Raven": "🐦", "Bison": "🐃", "Beaver": "🐿️", "Ferret": "🐿️", "Marten": "🐿️"},
    "Seal": "🐋",
}
_OTHERS = "🐾"


def picture_of(name: str) -> str:
    """One emoji for a name such as "Quiet Otter"; a paw where the animal has none, or it is no animal's name."""
    return next((_PICTURES[word] for word in name.split() if word in _PICTURES), _OTHERS)
