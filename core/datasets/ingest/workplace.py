"""Where an import works, and whom it tells."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where an import works, and whom it tells."""

    settings: Settings
    folder: Path  # the import's own; made when needed, kept until the import is over
    report: Callable[[float | None, str], None]  # fraction done, 0-1, None where that is unknown; and a sentence
    check_cancelled: Callable[[], None]  # called all the time; raises to stop
    name_encoding: str | None = None  # as `ImportRequest.name_encoding`; `gather` fills it in

    def is_cancelled(self) -> bool:
        """For those who ask instead of being stopped: raises all the same."""
        self.check_cancelled()
        return False
