"""Where servers of tests and benchmarks may run."""

import os
from collections.abc import Sequence
from typing import Protocol


class Host(Protocol):
    """Where a server may run."""

    @property
    def address(self) -> str:
        """By which it is reached."""
        ...

    def command(self, words: Sequence[str | os.PathLike[str]]) -> list[str | os.PathLike[str]]:
        """What starts a process there."""
        ...
