"""Names of folders for what arrives: nobody guesses them, and of one space they are good for nothing in another.

Whoever has seen such a name somewhere must not be able to take what lies there.
"""

import re
import uuid

from core.storage.files import TEMPORARY_PREFIX
from core.storage.schema import HOME_SPACE_ID

# The number of a space in front; versions before spaces wrote none.
_KEY = re.compile(r"(?:([1-9][0-9]{0,17})-)?[0-9a-f]{32}")
# What stands before a key in the name of a folder: it is being written, or an import has fetched what is in it.
_BEFORE_KEY = re.compile(rf"^(?:{re.escape(TEMPORARY_PREFIX)}[0-9a-f]+-)?(?:import-)?")


def new_key(space_id: int | None) -> str:
    """A name for something that arrives in a space, which nobody can guess; None: in that of home."""
    return f"{HOME_SPACE_ID if space_id is None else space_id}-{uuid.uuid4().hex}"


def owner_of_key(key: str) -> int | None:
    """The space in which something has arrived; None: the text is no key.

    Args:
        key: of `new_key`, or from before spaces, when all was of home.
    """
    found = _KEY.fullmatch(key)
    return None if found is None else int(found[1] or HOME_SPACE_ID)


def is_own_key(key: str, space_id: int | None) -> bool:
    """Whether something has arrived in a space, and not in another whose name for it somebody got hold of.

    Args:
        key: of `new_key`, or from before spaces, when all was of home; any other text is nobody's.
        space_id: who asks; None: somebody who reaches everything.
    """
    owner = owner_of_key(key)
    return owner is not None and space_id in (None, owner)


def owner_of_arrival(name: str) -> int | None:
    """The space of what lies below `incoming`: what has arrived, is arriving, or was fetched by an import.

    Args:
        name: of the file or folder, such as "17-<32 digits>" or "import-17-<32 digits>".

    Returns:
        The number of the space; None: it is no such name.
    """
    return owner_of_key(_BEFORE_KEY.sub("", name, count=1))
