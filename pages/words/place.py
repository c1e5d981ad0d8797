"""How the computer is called on which everything stays, by who has access: not everybody sits in front of it."""

_COMPUTERS = {"alone": "this computer", "class": "this school’s computer"}
_ANY = "the computer that runs Bluetit"


def this_computer(access: str) -> str:
    """Such as "this computer".

    Args:
        access: the setting.
    """
    return _COMPUTERS.get(access, _ANY)
