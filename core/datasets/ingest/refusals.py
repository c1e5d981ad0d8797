"""Files that an import refuses, with the reasons."""

from dataclasses import dataclass, field

# As many refused files are listed by name; all are counted.
MAX_LISTED_REFUSALS = 2_000


@dataclass(slots=True)
class Refusals:
    """The refused files: the first of them by name, all of them counted."""

    listed: list[tuple[str, str]] = field(default_factory=list)
    num: int = 0

    def add(self, name: str, reason: str) -> None:
        """Count a file, and note it while there is room for its name."""
        self.num += 1
        if len(self.listed) < MAX_LISTED_REFUSALS:
            self.listed.append((name, reason))
