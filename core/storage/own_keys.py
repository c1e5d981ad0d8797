"""Names of folders for what arrives: nobody guesses them, and of one space they are good for nothing in another.

Whoever has seen such a name somewhere must not be able to take what lies there.
"""

import hashlib
import secrets

from core.storage.schema import HOME_SPACE_ID

_RANDOM_DIGITS, _CHECK_DIGITS = 24, 8
# Versions without spaces took UUIDs of version 4, which have a 4 in this place; keys of now have another digit there.
_MARK_PLACE, _MARK_OF_BEFORE = 12, "4"


def new_key(space_id: int | None) -> str:
    """32 hexadecimal digits that no other folder has.

    Args:
        space_id: whose it is to be; None: home's.
    """
    digits = _MARK_OF_BEFORE * _RANDOM_DIGITS
    while digits[_MARK_PLACE] == _MARK_OF_BEFORE:
        digits = secrets.token_hex(_RANDOM_DIGITS // 2)
    return digits + _check_digits(digits, HOME_SPACE_ID if space_id is None else space_id)


def is_own_key(key: str, space_id: int | None) -> bool:
    """Whether a space may name a folder; None: all of them may be named.

    Args:
        key: 32 hexadecimal digits.
        space_id: who names it. Home may name those, too, that versions without spaces have made.
    """
    if space_id is None or (space_id == HOME_SPACE_ID and key[_MARK_PLACE] == _MARK_OF_BEFORE):
        return True
    return key[_RANDOM_DIGITS:] == _check_digits(key[:_RANDOM_DIGITS], space_id)


def _check_digits(digits: str, space_id: int) -> str:
    return hashlib.sha256(f"{space_id}/{digits}".encode()).hexdigest()[:_CHECK_DIGITS]
