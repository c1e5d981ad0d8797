"""One look at the database, as for a page that is being made: what its parts have read is not read again.

Parts of a page know nothing of each other and ask for the same things, each with a transaction of its own. Within the
block of `one_look` the first answer holds for all, until the block ends or its thread writes: a page shows one state.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_CHANGEABLE = (list, dict, set)

_seen: ContextVar[dict[Any, Any] | None] = ContextVar("seen", default=None)  # what was read, by method and arguments


@contextmanager
def one_look() -> Iterator[None]:
    """A block in which nothing is read twice; of others, in other threads, nothing is remembered."""
    token = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(token)


def look_again() -> None:
    """Forget what was read, because it may be different now."""
    seen = _seen.get()
    if seen is not None:
        seen.clear()


def read_once(ask: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A method that only reads, and whose answer within `one_look` holds for all who ask the same of the same object.

    Its arguments can be hashed. Each who asks has a list, or a dictionary, of their own, of the same views.
    """

    @wraps(ask)
    def asking(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        seen = _seen.get()
        if seen is None:
            return ask(*args, **kwargs)
        key = (ask, args, tuple(sorted(kwargs.items())))
        if key not in seen:
            seen[key] = ask(*args, **kwargs)
        answer: Result = seen[key]
        return copy(answer) if isinstance(answer, _CHANGEABLE) else answer

    return asking
